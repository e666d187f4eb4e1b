"""Leaves out of the locked wheels what no function reads: most of botocore is data of services we never call.

What stays is found, not listed: the services are those that functions/tavus_callbacks/aws/clients.py names,
the one module that makes clients. Every partition of AWS stays, for without it a region would get another
one's endpoint in silence, and they cost 0.2 ms. Tests make every call from a trimmed artifact and compare its
endpoints with the whole botocore's. Standard library alone, as artifact.py.
"""
# ruff: noqa: INP001  # artifact.py beside it is a script, and a script imports what lies beside it

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

# Data of botocore that stands beside the services.
_ENDPOINTS = "endpoints.json"
# What a service's newest version has and no client reads: samples for generated documentation.
_SAMPLES = "examples-1.json"
_MODEL = "service-2.json"
# Other packages' files that no function imports or serves.
UNREAD = (
    "annotated_types/test_cases.py",
    "aws_lambda_powertools/event_handler/middlewares/schema_validation.py",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css",
    "botocore/crt/auth.py",
    "botocore/stub.py",
    "dateutil/rrule.py",
    "dateutil/tz/win.py",
    "dateutil/zoneinfo/*.tar.gz",
    "pydantic/color.py",
    "pydantic/mypy.py",
    "urllib3/contrib/socks.py",
    "urllib3/contrib/pyopenssl.py",
    "urllib3/http2/connection.py",
)
# Packages that no function imports; each leaves a word behind for whoever is the first to need it.
# Powertools' batch imports its parser where pydantic was imported before: the order of imports, which ruff
# keeps, puts Powertools first, and each handler is loaded from a trimmed artifact by a test.
UNUSED = (
    "aws_lambda_powertools/metrics/provider/datadog",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/metadata",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "boto3",
    "cffi",
    "cryptography/x509",
    "pycparser",
    "pydantic/experimental",
    "pydantic/v1",
    "s3transfer",
    "urllib3/contrib/emscripten",
)
HINT = "The build (infra/build/trim.py) leaves out what no function uses; TRIM=0 sam build leaves all in."
_NO_PACKAGE = "raise ImportError('{package} is not here. {hint}')\n"
# Every client imports botocore's generator of documentation, for 7 ms; the words it would need are gone.
_DOCSTRINGS = """class ClientMethodDocstring(str):
    def __new__(cls, *_, **__):
        return super().__new__(cls, {hint!r})


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
"""
_NO_SERVICE = f"\nUnknownServiceError.fmt += '. {HINT}'\n"


def words_of(clients: Path) -> frozenset[str]:
    """Return the quoted words of `clients`, the one module that makes clients; some of them name services."""
    return frozenset(re.findall(r'"([a-z0-9-]+)"', clients.read_text(encoding="utf-8")))


def trim(directory: Path, words: frozenset[str]) -> None:
    """Trim the packages of a folder to the services that `words` name; what is missed then says why."""
    for path in [path for pattern in UNREAD for path in directory.glob(pattern)]:
        remove(path)
    for package in [package for package in UNUSED if (directory / package).exists()]:
        _replace(directory / package, package.replace("/", "."))
    if (directory / "botocore").exists():
        _trim_botocore(directory / "botocore", words)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)  # it may have gone with its folder


def _replace(folder: Path, package: str) -> None:
    remove(folder)
    folder.mkdir()
    why = _NO_PACKAGE.format(package=package, hint=HINT)
    (folder / "__init__.py").write_text(why, encoding="utf-8")


def _trim_botocore(botocore: Path, services: frozenset[str]) -> None:
    for service in [path for path in (botocore / "data").iterdir() if path.is_dir()]:
        if service.name in services:
            _trim_service(service)
        else:
            remove(service)
    _trim_docs(botocore / "docs")
    endpoints = botocore / "data" / _ENDPOINTS
    _write(endpoints, _endpoints_of(services, json.loads(endpoints.read_bytes())))
    with (botocore / "exceptions.py").open("a", encoding="utf-8") as exceptions:
        exceptions.write(_NO_SERVICE)


def _trim_docs(docs: Path) -> None:
    """Keep what other modules import: names of hidden parameters, and something to be a docstring."""
    for path in list(docs.iterdir()):
        if path.name != "utils.py":
            remove(path)
    (docs / "__init__.py").touch()
    (docs / "docstring.py").write_text(_DOCSTRINGS.format(hint=HINT), encoding="utf-8")


def _trim_service(service: Path) -> None:
    """Keep the newest version of a service, as plain JSON: a zip packs it, and it loads sooner than .gz."""
    *older, newest = sorted(service.iterdir())
    for path in (*older, newest / _SAMPLES):
        remove(path)
    for path in list(newest.iterdir()):
        packed = path.suffix == ".gz"
        content = json.loads(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
        remove(path)
        plain = path.with_suffix("") if packed else path
        _write(plain, _slim(content) if plain.name == _MODEL else content)


def _slim(model: dict[str, Any]) -> dict[str, Any]:
    """Leave the words out of a service's model, but for parameters of the client: botocore reads theirs."""
    return {
        name: member if name == "clientContextParams" else _without_words(member)
        for name, member in model.items()
    }


def _without_words(value: Any) -> Any:
    """Leave out documentation; a member that is called so is an object, not a string."""
    if isinstance(value, dict):
        return {
            name: _without_words(member)
            for name, member in value.items()
            if not (name == "documentation" and isinstance(member, str))
        }
    return [_without_words(item) for item in value] if isinstance(value, list) else value


def _endpoints_of(services: frozenset[str], endpoints: dict[str, Any]) -> dict[str, Any]:
    partitions = [
        {
            **partition,
            "services": {name: of for name, of in partition["services"].items() if name in services},
        }
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
