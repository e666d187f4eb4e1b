"""Lists that grow while somebody reads them, and lists of several kinds."""

from datetime import UTC, datetime, timedelta

import pytest
from projecting import post_scenario, project_all, row_of, summaries

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.keys import shard
from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.summaries.summary import shards
from tavus_callbacks_cli.simulator import scenario as simulator

NOW = datetime.now(UTC).replace(microsecond=0)


def join(api, *numbers):
    """Keep the beginning of conversations, later ones of greater numbers, and sum them up."""
    for number in numbers:
        at = NOW + timedelta(minutes=number)
        body = {"conversation_id": f"c{number}", "event_type": "system.replica_joined", "timestamp": iso(at)}
        api.post(body, at=at)
    project_all(api)


def ids(page):
    """Return the ids of a page."""
    return [one["conversation_id"] for one in page]


def test_what_comes_while_somebody_reads_changes_no_later_page(api):
    """The newest stand first, so that new ones come before what was given."""
    join(api, 0, 1, 2, 3)
    first = api.get("/conversations", "limit=2").value
    join(api, 4, 5)

    second = api.get("/conversations", f"limit=2&cursor={first['cursor']}").value

    assert (["c3", "c2"], ["c1", "c0"]) == (ids(first["conversations"]), ids(second["conversations"]))


def test_every_kind_of_resource_has_a_list_and_a_view(api):
    """Documents, lip syncs and the like are listed and read as videos are."""
    ids = simulator.fresh_ids()
    kinds = [kind for kind in LISTS if kind != "conversation"]
    for kind in kinds:
        post_scenario(api, kind, now=NOW, ids=ids)
    project_all(api)

    for kind in kinds:
        id_, name = ids[f"{kind}_id"], LISTS[kind]
        [entry] = api.get(f"/{name}").value[name]
        view = api.get(f"/{name}/{id_}").value
        assert (kind, id_, view["status"]) == (entry["kind"], entry["id"], entry["status"])
        assert (kind, id_) == (view["kind"], view["id"])
        assert [] == api.get(f"/{name}", "status=deleted").value[name]
        assert 404 == api.get(f"/{name}/nobody").status


def test_videos_and_replicas_are_lists_of_their_own(api):
    """State by state, and never in the list of conversations."""
    names = ("video", "video-failed", "replica", "replica-failed", "conversation")
    made = {name: post_scenario(api, name, now=NOW, ids=simulator.fresh_ids()) for name in names}
    project_all(api)

    for kind in ("video", "replica"):
        failed = api.get(f"/{kind}s", "status=error").value[f"{kind}s"]
        assert [made[f"{kind}-failed"][f"{kind}_id"]] == [one["id"] for one in failed]
        everything = api.get(f"/{kind}s").value[f"{kind}s"]
        assert {made[name][f"{kind}_id"] for name in (kind, f"{kind}-failed")} == {
            one["id"] for one in everything
        }
    assert 1 == len(api.get("/conversations").value["conversations"])


def fill(api, numbers):
    """Keep summaries of conversations, without their events."""
    join(api, 0)
    made = summaries(api)["conversation", "c0"]
    table = api.environment["EVENTS_TABLE"]
    for begin in range(numbers.start, numbers.stop, 25):
        items = [numbered(made, number) for number in range(begin, begin + 25)]
        requests = [{"PutRequest": {"Item": row_of(item)}} for item in items]
        clients.dynamodb().batch_write_item(RequestItems={table: requests})


def numbered(made, number):
    """Copy a summary for another conversation."""
    pk, place = f"conversation#n{number}", f"{iso(NOW + timedelta(seconds=number))}#{number:032}"
    return {
        **made,
        "pk": pk,
        "subject": f"n{number}",
        "listed": place,
        "listing_shard": shard(shards("conversation"), pk),
    }


def cost(api):
    """Return what a page of 50 asks for and how many keys and items it is given."""
    given = []

    def note(parsed, model, **_):
        responses = parsed.get("Responses", {}).values()
        given.append((model.name, len(parsed.get("Items", ())) + sum(map(len, responses))))

    events = clients.dynamodb().meta.events
    events.register("after-call.dynamodb", note)
    try:
        assert 50 == len(api.get("/conversations", "limit=50").value["conversations"])
    finally:
        events.unregister("after-call.dynamodb", note)
    return sorted(given)


@pytest.mark.slow
def test_a_page_of_many_costs_what_a_page_of_few_costs(api):
    """A share of the page is read from each shard, however many conversations there are."""
    api.get("/conversations")
    fill(api, range(500))
    few = cost(api)
    fill(api, range(500, 1500))
    many = cost(api)

    assert [("BatchGetItem", 50), *[("Query", 23)] * 8] == few == many
