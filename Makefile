# Everything a person types here; `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements/dev.txt pyproject.toml

.PHONY: help setup bench run test test-all coverage fuzz chaos drill soak check format lock openapi schema bench-read
.PHONY: bench-commands prove clean arm64 screenshots dist
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: .venv/.ready ## install tavus-callbacks and its tools into .venv; immediate when nothing changed

.venv/.ready: $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tavus-callbacks needs Python 3.11 or newer. Install it, then run make PYTHON=python3.13."; exit 1; }
	@echo "Installing 500 MB of Python packages into .venv. The first time takes a minute."
	@test -x $(BIN)/python || infra/checks/dots "Creating .venv" $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > .venv/uv.txt
	@infra/checks/dots "Installing uv" \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@infra/checks/dots "Installing the packages of requirements/dev.txt" \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@infra/checks/dots "Installing tavus-callbacks" \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

bench: setup ## measure against baselines and write docs/performance.md
	@infra/checks/venv sam
	@PYTHONPATH=infra $(BIN)/python -m bench $(ARGS)

run: setup ## run the whole stack on this machine; ARGS="--port 9000 --fresh" passes options on
	@exec $(BIN)/tavus-callbacks local $(ARGS)

test: setup ## run the tests that need PyPI only
	@infra/checks/test

test-all: setup ## run all tests, with those that are slow or need more than PyPI
	@infra/checks/test-all

coverage: setup ## measure which branches of functions/ the tests reach, with more examples than in test
	@infra/checks/coverage

fuzz: setup ## send 20,000 generated requests and bodies of 5.9 MB; FUZZ_SEED=2 makes others
	@FUZZ_REQUESTS=20000 $(BIN)/pytest -p no:xdist -s --timeout 1800 -m "not more" tests/security/test_fuzz.py \
	  tests/security/test_shapes.py

chaos: setup ## kill receivers for two minutes, and run 250 random schedules of faults
	@CHAOS_SECONDS=120 $(BIN)/pytest -p no:xdist -s --timeout 1800 tests/faults/test_killed.py
	@FAULT_SCHEDULES=200 $(BIN)/pytest -p no:xdist --timeout 1800 --hypothesis-show-statistics \
	  tests/faults/test_schedules.py

drill: setup ## lose a tenth of the callbacks of 1,000 conversations, and fetch them from Tavus's stand-in
	@LOST_CONVERSATIONS=1000 $(BIN)/pytest -p no:xdist --timeout 3600 tests/integration/test_lost_callbacks.py

soak: setup ## send mixed load for ten minutes; measure losses, rate and memory
	@SOAK_SECONDS=600 $(BIN)/pytest -p no:xdist -s --timeout 1800 tests/faults/test_soak.py

screenshots: setup ## take the pictures of the console and of `show` in docs/screenshots
	@infra/checks/browser
	@$(BIN)/python infra/checks/screenshots.py

arm64: setup ## import every handler with an emulated arm64 Python, as Lambda runs it (Debian only)
	@infra/checks/arm64

check: setup ## check style, types, template, workflow and docs
	@infra/checks/check

format: setup ## apply the fixes of ruff
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: setup ## update requirements/*.txt from requirements/*.in
	@for name in dev lambda lambda-signing sam checkov browser bench dist analyse; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header \
	    --generate-hashes requirements/$$name.in --output-file requirements/$$name.txt; done
	@# The lowest versions that pyproject.toml allows.
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --generate-hashes \
	  --resolution lowest-direct --extra local pyproject.toml --output-file requirements/lowest.txt
	@# LocalStack's own pins have no solution for Python 3.14.
	@$(BIN)/uv pip compile --quiet --python-version 3.13 --no-emit-index-url --no-header --generate-hashes \
	  requirements/localstack.in --output-file requirements/localstack.txt

openapi: setup ## write the description of the API from the code
	@AWS_DEFAULT_REGION=us-east-1 $(BIN)/python -m tavus_callbacks_cli.openapi > .openapi.json && \
	  mv .openapi.json functions/tavus_callbacks/openapi.json

schema: setup ## write the JSON Schema of pushes from the code
	@$(BIN)/python -m tavus_callbacks_cli.openapi.pushes_schema > .pushes.json && mv .pushes.json docs/pushes.schema.json

bench-read: setup ## measure what reading costs: CPU time, calls of AWS, instructions
	@PYTHONPATH=infra $(BIN)/python -m bench.read

bench-commands: setup ## measure how long each command takes to answer; the machine should be idle
	@PYTHONPATH=infra $(BIN)/python -m bench.commands

prove: setup ## deploy a temporary stack, test it and delete it; ARGS=--local needs no AWS account
	@PYTHONPATH=infra $(BIN)/python -m prove $(ARGS)

dist: setup ## build wheel and sdist in dist/, check them, and run what they install
	@infra/checks/dist

clean: ## delete what the targets made, except .local (the data of `make run`)
	@rm -rf .venv .venv-analyse .venv-checkov .venv-dist .venv-localstack .venv-sam .arm64 .aws-sam dist \
	  .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis tests/*/node_modules
