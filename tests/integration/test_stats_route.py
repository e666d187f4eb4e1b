"""`GET /stats`: the sums of the command `stats`, up to a limit that the answer names."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from projecting import project_all

from tavus_callbacks.api import stats
from tavus_callbacks.api.models import Stats
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.summaries import sums

NOW = datetime.now(UTC).replace(microsecond=0)
COUNT = 7
# Two forms of one tag.
JOSE, JOSE_DECOMPOSED = quote("Jos\u00e9"), quote("Jose\u0301")


@pytest.fixture(scope="module")
def stored(module_api):
    """Store a conversation on each of seven days, c0 the newest, and one of 40 days ago."""
    shop = module_api.create_token("shop")
    for number in (*range(COUNT), 40):
        at = NOW - timedelta(days=number)
        members = {"conversation_id": f"c{number}", "timestamp": iso(at)}
        joined = {"event_type": "system.replica_joined", "timestamp": iso(at - timedelta(minutes=number))}
        turns = [
            {"role": "user", "content": "Hello there.", "seconds_from_start": 0, "duration": 1},
            {"role": "assistant", "content": "Hi.", "seconds_from_start": 1 + number / 2, "duration": 1},
        ]
        ended = {"event_type": "system.shutdown", "properties": {"shutdown_reason": "max_call_duration"}}
        spoken = {"event_type": "application.transcription_ready", "properties": {"transcript": turns}}
        query = f"user={JOSE if number % 2 else 'b'}{'&simulated=true' * (number == 3)}"
        token = shop if number == 2 else module_api.token
        for body in (joined, ended, spoken) if number != 5 else (joined, ended):
            module_api.post(members | body, at=at, query=query, token=token)
    assert [] == project_all(module_api)
    return module_api


def get(api, query=""):
    """Return an answer, which fits its model."""
    answer = api.get("/stats", query).value
    Stats.model_validate(answer)
    return answer


def counts(answer):
    """Return the conversations of each group."""
    return {group["group"]: group["conversations"] for group in answer["groups"]}


def test_the_sums_are_those_of_the_lists_rows(stored):
    """In total and by day, over the last 30 days."""
    rows = stored.get("/conversations", f"since={iso(NOW - timedelta(days=30))}").value["conversations"]

    answer = get(stored)

    assert COUNT == len(rows)
    assert {
        **sums.statistics(rows, sums.by_day),
        "by": "day",
        "limit_reached": False,
        "looked_until": None,
    } == answer
    assert (12, 6, 1) == tuple(
        answer["total"][name] for name in ("user_words", "replica_turns", "missing_transcript")
    )


def test_histograms_count_each_matching_conversation_once(stored, monkeypatch):
    """Wherever the pages of the reading end; c0 to c6 last 0 to 6 minutes, and c5 has no transcript."""
    for size in (1, 2, 200):
        monkeypatch.setattr(stats, "_PAGE", size)

        answer = get(stored, "label=test")

        assert [1, 0, 1, 2, 2, 0, 0, 0, 0, 0, 0] == answer["durations"]["counts"]
        assert [1, 0, 1, 0, 0, 1, 1, 1, 0, 0] == answer["responses"]["counts"]


def test_the_model_has_the_members_of_the_sums():
    """OpenAPI describes what the domain sums up."""
    assert list(sums.sums([])) == list(Stats.model_fields["total"].annotation.model_fields)


CASES = {
    "by=tag:user": {"Jos\u00e9": 3, "b": 4},
    f"by=tag:user&tag=user:{JOSE_DECOMPOSED}": {"Jos\u00e9": 3},
    "by=label": {"shop": 1, "test": 6},
    "by=label&label=shop": {"shop": 1},
    "by=end-reason&simulated=true": {"max_call_duration": 1},
    "by=end-reason&simulated=false": {"max_call_duration": 6},
    f"by=label&since={iso(NOW - timedelta(days=50))}&until={iso(NOW - timedelta(days=5))}": {"test": 2},
    "by=label&label=nobody": {},
}


def test_groups_and_filters_are_those_of_the_command(stored):
    """Groups are by day, label, end reason or tag; filters are those of lists."""
    for query, expected in CASES.items():
        assert expected == counts(get(stored, query)), query


def test_a_reached_limit_is_reported(stored, monkeypatch):
    """`limit` counts the conversations that are looked at, whatever the filters leave of them."""
    monkeypatch.setattr(stats, "_PAGE", 2)
    days = [(NOW - timedelta(days=number)).date().isoformat() for number in range(COUNT)]

    for limit in (1, COUNT - 1, COUNT, COUNT + 1):
        answer = get(stored, f"limit={limit}")
        is_reached = limit < COUNT
        assert set(days[:limit]) == set(counts(answer))
        assert is_reached == answer["limit_reached"]
        assert (iso(NOW - timedelta(days=limit - 1)) if is_reached else None) == answer["looked_until"]
    rare = get(stored, "limit=2&label=shop")
    assert {} == counts(rare)
    assert (True, iso(NOW - timedelta(days=1))) == (rare["limit_reached"], rare["looked_until"])


WRONG = ("by=week", "by=tag:", "limit=0", f"limit={stats.MOST + 1}", "since=x", "tag=x")


def test_a_wrong_parameter_is_refused_in_words(stored):
    """The answer is 400 and names the parameter and its values."""
    for query in WRONG:
        answer = stored.get("/stats", query)
        assert (400, True) == (answer.status, query.partition("=")[0] in answer.value["detail"]), query
