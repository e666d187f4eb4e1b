"""Parameters of lists: the rows of given ids, and simulated data."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from projecting import project_all

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import Tombstones

NOW = datetime.now(UTC)


def plant(api, *subjects, query="", **members):
    """Store an event of each subject, the first one first."""
    for subject in subjects:
        plant.minutes += 1
        body = {"event_type": "system.shutdown", "conversation_id": subject, **members}
        api.post(body, at=NOW - timedelta(hours=1) + timedelta(minutes=plant.minutes), query=query)


plant.minutes = 0


def ids(api, query, path="/conversations"):
    """Return the ids in a list, over all pages."""
    names, cursor = [], ""
    while cursor is not None:
        page = api.get(path, f"{query}&cursor={cursor}").value
        cursor = page.pop("cursor")
        del page["looked_until"]
        [rows] = page.values()
        names += [row.get("conversation_id") or row.get("id") or row["subject"] for row in rows]
    return names


def test_ids_give_rows_in_their_order(api):
    """`ids` leaves out what is unknown, erased or no id; an id counts once, and may contain a comma."""
    odd = "a,b%c"
    plant(api, "c1", "c2", odd, "gone")
    project_all(api)
    tombstones = Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    tombstones.add("conversation", "gone", at=NOW, lifetime=None)
    asked = ["c2", odd, "c2", "nobody", "gone", "", " c1", "x" * 201, "c1"]

    answer = api.get("/conversations", "ids=" + quote(",".join(map(quote, asked)))).value

    assert ["c2", odd, "c1"] == [row["conversation_id"] for row in answer.pop("conversations")]
    assert {"cursor": None, "looked_until": None} == answer
    assert ["c1", "c2"] == [
        row["conversation_id"] for row in api.get("/conversations", "ids=c1,c2").value["conversations"]
    ]


def test_simulated_data_is_left_out_or_alone(api):
    """`simulated` divides a list of any kind in two; without it, both parts come."""
    plant(api, "c1")
    plant(api, "c2", query="simulated=true")
    plant(api, None, event_type=None, video_id="v1", status="ready", query="simulated=true")
    plant(api, None, event_type=None, video_id="v2", status="ready")
    project_all(api)
    parts = ("simulated=true", "simulated=false", "")

    assert [["c2"], ["c1"], ["c2", "c1"]] == [ids(api, part) for part in parts]
    assert [["v1"], ["v2"], ["v2", "v1"]] == [ids(api, part, "/videos") for part in parts]
    assert [["c2", "v1"], ["c1", "v2"], ["c2", "c1", "v2", "v1"]] == [
        ids(api, part, "/subjects") for part in parts
    ]
