"""Lists that grow while somebody reads them, and lists of several kinds."""

from datetime import UTC, datetime, timedelta

from projecting import post_scenario, project_all

from tavus_callbacks.domain.timestamps import iso
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
