"""The event stream for tests in one process: stored events, given to `project`."""

import base64
import json
from contextlib import contextmanager

from inprocess import CONTEXT

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.subject_events import events_in, subject_rows
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.summaries.summary import facts_from, pack_facts, unpack_facts
from tavus_callbacks.handlers import project
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_callbacks_cli.targets.store import Store


def records(api):
    """Return the stream records of every stored event, as Lambda gets them."""
    rows = [row for row in api._scan("EVENTS_TABLE") if row["type"]["S"] in ("event", "variant")]
    return [_record(row, number) for number, row in enumerate(rows)]


def _record(row, number):
    image = json.loads(json.dumps(row, default=lambda raw: base64.b64encode(raw).decode()))
    stream = {"NewImage": image, "SequenceNumber": str(number)}
    return {"eventID": str(number), "eventName": "INSERT", "dynamodb": stream}


def project_all(api, *, order=None):
    """Give `project` every record, or those in `order`; return those that failed."""
    batch = records(api) if order is None else order
    return project.handler({"Records": batch}, CONTEXT)["batchItemFailures"]


def summaries(api):
    """Return the summaries by kind and subject."""
    return {(item["kind"], item["subject"]): item for item in api.items() if item["type"] == "summary"}


def store(api):
    """Return what `reindex` works on."""
    bodies = Bodies(api.environment["BODIES_BUCKET"])
    return Store(clients.dynamodb(), api.environment["EVENTS_TABLE"], bodies)


def post_scenario(api, name, *, now, ids=None, query=""):
    """Post the callbacks of a scenario and return its ids."""
    ids = ids or simulator.fresh_ids()
    url = f"https://example.com/callbacks/{api.token}"
    for callback in simulator.render(simulator.load(name), callback_url=url, now=now, ids=ids):
        assert callback.expect.status_code == api.post(callback.body, query=query).status
    return ids


def row_of(item):
    """Return the wire form of an item."""
    return write_item(item)


@contextmanager
def calls(client):
    """Give the list of requests that a client gets from now on: (operation, parameters)."""
    seen = []

    def note(params, model, **_):
        seen.append((model.name, params))

    client.meta.events.register("provide-client-params.*", note)
    try:
        yield seen
    finally:
        client.meta.events.unregister("provide-client-params.*", note)


@contextmanager
def once_before(client, operation, act):
    """Do something just before the first request of an operation."""
    name, done = f"before-call.{client.meta.service_model.service_name}.{operation}", []

    def hook(**_):
        if not done:
            done.append(True)
            act()

    client.meta.events.register(name, hook)
    try:
        yield done
    finally:
        client.meta.events.unregister(name, hook)


def facts_of(api, kind, subject):
    """Return the facts that the fold gathers from the stored events, as a summary has them."""
    stack = store(api)
    items = subject_rows(Table(stack.client, stack.table), kind, subject)
    return unpack_facts(pack_facts(facts_from(kind, events_in(items, stack.bodies))))


def remove_summaries(api):
    """Delete every summary."""
    remove_rows(api, [item for item in api.items() if item["type"] == "summary"])


def remove_rows(api, items):
    """Delete items of the events table."""
    for item in items:
        key = row_of({"pk": item["pk"], "sk": item["sk"]})
        clients.dynamodb().delete_item(TableName=api.environment["EVENTS_TABLE"], Key=key)
