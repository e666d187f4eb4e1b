"""The summary is the same in whatever order, and however often, `project` gets the events."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from projecting import facts_of, post_scenario, project_all, records, remove_summaries, summaries

from tavus_callbacks.domain.summaries.summary import unpack_facts

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def told(module_api):
    """Store some scenarios and return the stream records of each."""
    names = ("conversation", "drift", "objectives", "video")
    by_scenario = {}
    for name in names:
        before = {record["dynamodb"]["NewImage"]["sk"]["S"] for record in records(module_api)}
        post_scenario(module_api, name, now=NOW)
        everything = records(module_api)
        by_scenario[name] = [
            record for record in everything if record["dynamodb"]["NewImage"]["sk"]["S"] not in before
        ]
    return module_api, by_scenario


@hypothesis_settings(max_examples=8)
@given(data=st.data())
def test_order_and_repetition_change_no_summary(told, data):
    """`project` writes the same facts in any order and with any repetition."""
    api, by_scenario = told
    records_of_one = by_scenario[data.draw(st.sampled_from(sorted(by_scenario)), "scenario")]
    repeated = data.draw(st.lists(st.sampled_from(records_of_one), max_size=4), "repeated")
    order = data.draw(st.permutations([*records_of_one, *repeated]), "order")
    remove_summaries(api)

    assert [] == project_all(api, order=order)

    for subject, item in summaries(api).items():
        assert json.loads(facts_of(api, *subject)) == json.loads(unpack_facts(item["facts"]))
