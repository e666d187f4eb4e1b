"""The modules that a cold start of `receive` loads: a list that may shrink, and grows only by a decision."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKES_CLIENTS = re.compile(r"import boto3|from boto3|create_client\(")
# Top-level packages beyond the standard library, and what of Powertools. A new line is a slower cold start:
# measure it (`make bench`) and import what is rare where it is used.
PACKAGES = {
    "annotated_types",
    "aws_lambda_powertools",
    "botocore",
    "dateutil",
    "jmespath",
    "pydantic",
    "pydantic_core",
    "six",
    "tavus_callbacks",
    "typing_extensions",
    "typing_inspection",
    "urllib3",
}
OURS = {
    "aws",
    "aws.clients",
    "aws.errors",
    "aws.items",
    "aws.retries",
    "aws.stores",
    "aws.stores.bodies",
    "aws.stores.keys",
    "aws.stores.events",
    "aws.stores.tokens",
    "aws.stores.tombstones",
    "aws.table",
    "domain",
    "domain.callbacks",
    "domain.callbacks.event",
    "domain.callbacks.families",
    "domain.callbacks.intake",
    "domain.callbacks.models",
    "domain.callbacks.models.base",
    "domain.callbacks.models.usual",
    "domain.callbacks.redaction",
    "domain.callbacks.validation",
    "domain.common",
    "domain.common.compression",
    "domain.common.digests",
    "domain.common.errors",
    "domain.common.issues",
    "domain.common.json_text",
    "domain.common.metrics",
    "domain.common.tags",
    "domain.common.timestamps",
    "domain.common.token",
    "handlers",
    "handlers.receive",
    "logic",
    "logic.keep_callback",
    "runtime",
    "runtime.http",
    "runtime.log",
    "runtime.settings",
    "runtime.wiring",
}
# botocore takes certifi's certificates where certifi is installed, which in Lambda it is not.
HERE = {"__main__", "certifi"}
# Modules altogether, the standard library's too; they differ a little between Python's versions.
MOST_MODULES = 500


def loaded(statement):
    """Return the modules that a fresh Python has loaded after a statement, in Lambda's environment or not."""
    show = f"{statement}; import sys; print(*sys.modules, sep='\\n')"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(site_folders())}
    command = [sys.executable, "-S", "-c", show]
    done = subprocess.run(  # noqa: S603 - our own words
        command, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def site_folders():
    """Return where packages are, without the .pth files that load what no Lambda has."""
    return [str(ROOT / "functions"), *(path for path in sys.path if path.endswith("site-packages"))]


def test_receive_loads_what_is_listed_and_nothing_else():
    """No package, and no module of ours, comes to the cold start unnoticed."""
    modules = loaded("import tavus_callbacks.handlers.receive")

    top = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - HERE
    ours = {name.removeprefix("tavus_callbacks.") for name in modules if name.startswith("tavus_callbacks.")}
    assert PACKAGES == {name for name in top if not name.startswith("_")}
    assert OURS == ours
    assert MOST_MODULES > len(modules)


def test_receive_leaves_what_is_rare_for_later():
    """Neither boto3 and its transfer manager nor quarantine, spill, resolver or batch are loaded."""
    modules = loaded("import tavus_callbacks.handlers.receive")

    rare = ("boto3", "s3transfer", "stores.quarantine", "aws.spill", "event_handler", "utilities.batch")
    assert not [name for name in modules if any(part in name for part in rare)]


def test_only_the_module_of_clients_makes_clients():
    """The build finds the services in use there, so that a client made elsewhere would miss its data."""
    sources = {path: path.read_text() for path in (ROOT / "functions").rglob("*.py")}

    makers = {path.name for path, text in sources.items() if MAKES_CLIENTS.search(text)}
    assert {"clients.py"} == makers
