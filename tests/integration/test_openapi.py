"""The description of the API: valid, of this code, complete, and true of what is posted and answered."""

import json
import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from projecting import project_all

from tavus_callbacks.domain.callbacks.families import FAMILIES
from tavus_callbacks.domain.callbacks.validation import conversation_models
from tavus_callbacks_cli.openapi.document import document, text
from tavus_callbacks_cli.simulator import scenario as simulator

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
# Names in a path stand for one another.
NAMES = re.compile(r"\{\w+\+?\}")


@pytest.fixture(scope="module")
def described():
    """Return the description."""
    return document()


@pytest.fixture(scope="module")
def validator(described):
    """Return a name for each fault of a value against a schema."""

    def faults(value, schema):
        whole = {**schema, "components": described["components"]}
        checked = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        return [error.message for error in checked.iter_errors(value)]

    return faults


def test_it_is_valid(described):
    """OpenAPI 3.1, by its own rules."""
    assert "3.1.0" == described["openapi"]
    validate(described)


def test_what_is_kept_is_of_this_code():
    """`make openapi` was run after the last change, and writes the same each time."""
    kept = files("tavus_callbacks").joinpath("openapi.json").read_text(encoding="utf-8")

    assert text() == text() == kept


def test_every_route_is_described_and_no_other(described, api):
    """The template's routes are the description's."""
    deployed = {(route.method.lower(), NAMES.sub("{}", route.path)) for route in api.routes}
    methods = {"get", "post"}
    paths = described["paths"].items()

    assert deployed == {
        (method, NAMES.sub("{}", path)) for path, found in paths for method in found.keys() & methods
    }


def test_every_event_type_and_family_has_a_schema(described):
    """By its own name, and each can be posted."""
    schemas = described["components"]["schemas"]
    names = {*conversation_models(), *(family.name for family in FAMILIES)}

    assert set() == names - set(schemas)
    assert set(conversation_models()) == set(schemas["conversation"]["discriminator"]["mapping"])


@pytest.mark.parametrize("name", simulator.names())
def test_what_tavus_sends_fits_the_schema_of_its_type(described, validator, name):
    """Each body that is kept fits the schema of its event type or family."""
    ids = simulator.fresh_ids()
    for one in simulator.render(simulator.load(name), callback_url="https://x.invalid", now=NOW, ids=ids):
        if one.expect.status_code == 200 and name != "drift":
            body = json.loads(one.body)
            assert [] == validator(body, {"$ref": f"#/components/schemas/{schema_of(described, body)}"})


def schema_of(described, body):
    """Return the name of the schema that a body should fit."""
    event_type = str(body.get("event_type"))
    if event_type in described["components"]["schemas"]:
        return event_type
    for family in FAMILIES:
        if family.matches(body):
            return family.name if family.name != "conversation" else "conversation.unknown"
    raise AssertionError(event_type)


@pytest.mark.slow
def test_what_is_answered_is_what_is_described(api, described, validator):
    """Every route, with everything that scenarios make: each answer fits its schema."""
    ids = simulator.fresh_ids()
    answers = [
        (api.post(one.body), "/callbacks/{token}", "post")
        for name in simulator.names()
        for one in simulator.render(
            simulator.load(name), callback_url="https://x.invalid", now=datetime.now(UTC), ids=ids
        )
    ]
    project_all(api)
    event = api.pull()[0]["event_id"]
    known = {**ids, "event_id": event, "token": api.token, "recording_id": "nothing", "rest": "webhook"}
    known |= {"quarantine_id": "nothing", "alarm": "nothing"}
    for path, operations in described["paths"].items():
        if "get" in operations:
            filled = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)
            token = api.quarantine_token if path.startswith("/quarantine") else None
            answers.append((api.get(filled, token=token), path, "get"))
    answers.append((api.get("/conversations", "limit=x"), "/conversations", "get"))
    answers.append((api.get("/videos", token="no"), "/videos", "get"))

    for reply, path, method in answers:
        assert [] == faults(described, validator, reply, described["paths"][path][method])
    assert {200, 400, 401, 404, 422} == {reply.status for reply, _, _ in answers}


def faults(described, validator, reply, operation):
    """Return what of an answer its description does not say."""
    response = operation["responses"][str(reply.status)]
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media = reply.headers["content-type"].partition(";")[0]
    return validator(reply.value, response["content"][media]["schema"])


def test_it_is_served_to_anybody(api):
    """Without a token, and it may be kept for an hour."""
    answer = api.get("/openapi.json", token="")

    assert (200, "public, max-age=3600") == (answer.status, answer.headers["cache-control"])
    assert document() == answer.value


@pytest.mark.parametrize("path", ["/openapi.json/", "/openapi%2Ejson/../events", "/events"])
def test_nothing_else_is(api, path):
    """Only this path and the runbooks require no token."""
    assert api.get(path, token="").status in (401, 404)


def test_a_page_is_described_with_its_filters(described):
    """A route reads the parameters that its description names."""
    parameters = {one["name"]: one for one in described["paths"]["/conversations"]["get"]["parameters"]}

    filters = {"tag", "label", "status", "missing", "replica", "simulated", "since", "until", "ids"}
    assert {*filters, "limit", "cursor"} == set(parameters)
    assert ["active", "ended", "presumed_ended"] == parameters["status"]["schema"]["enum"]
