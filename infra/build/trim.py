"""Leaves out of the locked wheels what no function reads: most of botocore is data of services we never call.

The services that stay are those in functions/tavus_callbacks/aws/clients.py, the only module that creates
clients. Every partition of AWS stays: without it, a region would silently get the endpoint of another one,
and all partitions cost only 0.2 ms. Tests make every call from a trimmed package and compare its endpoints
with those of the whole botocore. Like artifact.py, this needs only the standard library.
"""
# ruff: noqa: INP001  # artifact.py beside it is a script, and a script imports what lies beside it

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

# Botocore's data besides the services.
_ENDPOINTS = "endpoints.json"
# No client reads the samples for generated documentation.
_SAMPLES = "examples-1.json"
_MODEL = "service-2.json"
# Files of other packages that no function imports or serves.
UNREAD = (
    "annotated_types/test_cases.py",
    "aws_lambda_powertools/event_handler/middlewares/openapi_validation.py",
    "aws_lambda_powertools/event_handler/middlewares/schema_validation.py",
    "aws_lambda_powertools/event_handler/openapi/dependant.py",
    "aws_lambda_powertools/event_handler/openapi/params.py",
    "aws_lambda_powertools/event_handler/openapi/schema_generator.py",
    "aws_lambda_powertools/utilities/data_classes/api_gateway_authorizer_event.py",
    "aws_lambda_powertools/utilities/data_classes/cognito_user_pool_event.py",
    "aws_lambda_powertools/utilities/data_classes/s3_object_event.py",
    "botocore/crt/auth.py",
    "botocore/stub.py",
    "cryptography/fernet.py",
    "cryptography/hazmat/primitives/serialization/pkcs*.py",
    "dateutil/rrule.py",
    "dateutil/tz/win.py",
    "dateutil/zoneinfo/*.tar.gz",
    "pydantic/color.py",
    "pydantic/mypy.py",
    "pydantic/networks.py",
    "urllib3/contrib/socks.py",
    "urllib3/contrib/pyopenssl.py",
    "urllib3/http2/connection.py",
)
# Packages that no function imports. Each is replaced by an error that says so. Powertools' batch imports its
# parser if pydantic was imported before. Ruff's order of imports puts Powertools first, and a test loads each
# handler from a trimmed package.
UNUSED = (
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
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
    "cryptography/hazmat/asn1",
    "cryptography/hazmat/primitives/twofactor",
    "cryptography/x509",
    "pycparser",
    "pydantic/deprecated",
    "pydantic/experimental",
    "pydantic/v1",
    "s3transfer",
    "urllib3/contrib/emscripten",
)
HINT = "The build (infra/build/trim.py) leaves out what no function uses; TRIM=0 sam build leaves all in."
_NO_PACKAGE = "raise ImportError('{package} is not here. {hint}')\n"
# Every client imports botocore's generator of documentation, which takes 7 ms; its texts are gone.
_DOCSTRINGS = """class ClientMethodDocstring(str):
    def __new__(cls, *_, **__):
        return super().__new__(cls, {hint!r})


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
"""
_NO_SERVICE = f"\nUnknownServiceError.fmt += '. {HINT}'\n"


def words_of(clients: Path) -> frozenset[str]:
    """Return the quoted words of `clients`, the module that creates clients; some of them name services."""
    return frozenset(re.findall(r'"([a-z0-9-]+)"', clients.read_text(encoding="utf-8")))


def trim(directory: Path, words: frozenset[str]) -> None:
    """Trim the packages of a folder to the services that `words` name; what is gone raises a clear error."""
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
        path.unlink(missing_ok=True)  # its folder may be removed already


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
    """Keep what other modules import: names of hidden parameters, and a substitute for docstrings."""
    for path in list(docs.iterdir()):
        if path.name != "utils.py":
            remove(path)
    (docs / "__init__.py").touch()
    (docs / "docstring.py").write_text(_DOCSTRINGS.format(hint=HINT), encoding="utf-8")


def _trim_service(service: Path) -> None:
    """Keep the newest version of a service as plain JSON: the zip compresses it, and it loads faster."""
    *older, newest = sorted(service.iterdir())
    for path in (*older, newest / _SAMPLES):
        remove(path)
    for path in list(newest.iterdir()):
        is_gzip = path.suffix == ".gz"
        content = json.loads(gzip.decompress(path.read_bytes()) if is_gzip else path.read_bytes())
        remove(path)
        plain = path.with_suffix("") if is_gzip else path
        _write(plain, _without_documentation(content) if plain.name == _MODEL else content)


def _without_documentation(model: dict[str, Any]) -> dict[str, Any]:
    """Remove the documentation from a service's model; botocore reads that of client parameters."""
    return {
        name: member if name == "clientContextParams" else _strip(member) for name, member in model.items()
    }


def _strip(value: Any) -> Any:
    """Remove documentation, which is a string; a member with that name is an object."""
    if isinstance(value, dict):
        return {
            name: _strip(member)
            for name, member in value.items()
            if not (name == "documentation" and isinstance(member, str))
        }
    return [_strip(item) for item in value] if isinstance(value, list) else value


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
