"""Subtitles fit the simulated recording: the clock in its frames shows when each cue begins."""

import re

import httpx
import pytest

from clock import clock_at
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_callbacks_cli.simulator.recording import await_link
from tavus_callbacks_cli.simulator.scenario import Scenario
from tavus_callbacks_cli.simulator.send import send_scenario
from tavus_callbacks_cli.targets.api_client import ApiClient, http_client

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# The last part of the key in the scenario, 7.5 s after joining, which is 210 s ago.
START = "{epoch_milliseconds-202.5}"
# Seconds from joining, by how the scenario's turn begins.
TURNS = {"Hi! Two nights": 12.45, "Lovely.": 20.629, "Perfect": 44.4}
CUE = re.compile(r"^(?:(\d+):)?(\d+):(\d+\.\d+) --> .*\n(?:<v [^>]*>)?(.*)$", re.MULTILINE)


def simulate(stack: RunningStack, start: str) -> str:
    """Simulate a recording whose key ends in a text, and return its conversation."""
    scenario = simulator.load("recording").model_dump_json().replace(START, start)
    sent = Scenario.model_validate_json(scenario)
    outcomes = list(send_scenario(sent, stack.callback_url, real_time=False, stack=stack, lost_types=()))
    assert all(outcome.is_expected for outcome in outcomes)
    return str(outcomes[0].answer["subject"])


@pytest.mark.parametrize(("start", "after_joining"), [(START, 7.5), ("{epoch_milliseconds-212}", -2.0)])
def test_a_cue_begins_when_the_clock_of_the_recording_says_so(
    local_stack: RunningStack, start: str, after_joining: float
) -> None:
    """Only here do a real video, its link and its subtitles meet: three turns agree within 0.3 s."""
    conversation_id = simulate(local_stack, start)
    with http_client(local_stack.api_url, local_stack.read_token) as http:
        api = ApiClient(http, "", "")
        video = httpx.get(await_link(conversation_id, api), trust_env=False).content
        path = f"/conversations/{conversation_id}/transcript"
        subtitles = api.text(path, {"format": "vtt", "recording": "latest"})

    cues = {
        text: int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
        for hours, minutes, seconds, text in CUE.findall(subtitles)
    }
    for beginning, from_joining in TURNS.items():
        [cue] = [begins for text, begins in cues.items() if text.startswith(beginning)]
        assert from_joining - after_joining == pytest.approx(clock_at(video, cue), abs=0.3)


def test_an_unknown_start_of_a_recording_has_no_subtitles(local_stack: RunningStack) -> None:
    """A key without a time says nothing about when the recording began."""
    conversation_id = simulate(local_stack, "recording")
    with http_client(local_stack.api_url, local_stack.read_token) as http:
        await_link(conversation_id, ApiClient(http, "", ""))
        answer = http.get(
            f"/conversations/{conversation_id}/transcript", params={"format": "vtt", "recording": "latest"}
        )
        [recording] = http.get(f"/conversations/{conversation_id}").json()["recordings"]

    assert (409, None) == (answer.status_code, recording["started_at"])
    assert "its key contains no time" in answer.json()["detail"]
