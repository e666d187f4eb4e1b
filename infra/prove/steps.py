"""The steps of a proof in their order, and how they run: the last one deletes the stack, whatever happens."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import click

from prove.places import Place
from prove.report import Report, Result
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.doctor.checks import examine
from tavus_callbacks_cli.doctor.examination import Examination
from tavus_callbacks_cli.doctor.probe import Probe
from tavus_callbacks_cli.output.text import duration
from tavus_callbacks_cli.simulator import scenario as scenarios
from tavus_callbacks_cli.simulator.recording import put_videos
from tavus_callbacks_cli.simulator.send import COMPRESSION, send
from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable, http_client
from tavus_callbacks_cli.tokens import create_token

_OK, _FORBIDDEN = 200, 403
# Nobody may have confirmed the mails of a stack that is minutes old; the step `alarms` needs no receiver.
_RECEIVERS = "alarm receivers"
# The scenario that ends without a recording, and the one that puts a video into the stack's bucket.
_WITHOUT_RECORDING, _WITH_RECORDING = "no-camera", "recording"
_SPILLED, _SPILL_WAITS = "SpilledAlarm", "SpillWaitsAlarm"
# It looks at three periods of five minutes, which begin at any moment of the outage.
_SPILL_WAITS_AFTER = timedelta(minutes=20)

T = TypeVar("T")


class Failed(Exception):
    """The stack does not do what the step expects; the text says what was seen."""


class Skipped(Exception):
    """The step does not apply here; the text says why."""


@dataclass(slots=True)
class Proof:
    """The state of a proof.

    `outage` is how long the store is denied. `conversations` gives a conversation by its scenario. `links`
    gives the latest link that each key slot signed.
    """

    place: Place
    report: Report
    parameters: dict[str, str]
    outage: timedelta
    callback_url: str = ""
    read_token: str = field(default="", repr=False)
    outage_began: datetime | None = None
    conversations: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def api(self) -> Iterator[ApiClient]:
        """Open the stack's API over HTTP with the proof's read token."""
        with http_client(self.place.deployment().outputs["ApiUrl"], self.read_token) as http:
            yield ApiClient(http, "The API refuses the proof's token.", "Is the stack up?")

    def wait_for(self, look: Callable[[], T | None], failure: str, patience: float | None = None) -> T:
        """Look until there is a result; raises Failed when the patience ends."""
        deadline = time.monotonic() + (patience or self.place.patience)
        while True:
            # A function that was just changed may be unavailable for a moment.
            with suppress(Unavailable):
                if (result := look()) is not None:
                    return result
            if time.monotonic() > deadline:
                raise Failed(failure)
            time.sleep(0.1 if self.place.is_local else 2)


@dataclass(frozen=True, slots=True)
class Step:
    """A step by its name; it does not run unless the steps that it `needs` have passed."""

    name: str
    run: Callable[[Proof], str]
    needs: tuple[str, ...] = ("tokens",)


def deploy(proof: Proof) -> str:
    """Deploy the stack."""
    proof.place.deploy(proof.parameters)
    return f"{len(proof.place.deployment().outputs)} outputs"


def tokens(proof: Proof) -> str:
    """Create a token for callbacks and one for reading, and ask the callback URL whether it is ready."""
    tables, now = proof.place.deployment().tables, datetime.now(UTC)
    token = create_token(tables.tokens, label="prove", scope="callback", now=now)
    proof.read_token = create_token(tables.tokens, label="prove-read", scope="read", now=now)
    proof.callback_url = f"{tables.api_url}/callbacks/{token}"
    with http_client(proof.callback_url) as client:
        answer = client.get(proof.callback_url)
    if answer.status_code != _OK or answer.json() != {"label": "prove", "ready": True}:
        raise Failed(f"The callback URL answered {answer.status_code}: {answer.text[:200]}")
    return "the callback URL is ready"


def doctor(proof: Proof) -> str:
    """Run all checks of the doctor."""
    deployment = proof.place.deployment()
    examination = Examination(
        deployment, deployment.tables, Probe(deployment, deployment.tables, proof.place.patience)
    )
    results = examine(examination, lambda _: None)
    results = [
        replace(each, status="warning") if (each.name, each.status) == (_RECEIVERS, "failed") else each
        for each in results
    ]
    if failed := [f"{each.name}: {each.detail}" for each in results if each.status == "failed"]:
        raise Failed(" ".join(failed))
    counts = Counter(each.status for each in results)
    warnings = [f"{each.name}: {each.detail}" for each in results if each.status == "warning"]
    return "; ".join([", ".join(f"{count} {status}" for status, count in counts.items()), *warnings])


def send_scenarios(proof: Proof) -> str:
    """Send every scenario of the simulator, compare each answer, and read each stored event back."""
    # By the clock of the stack: this machine's may differ.
    began, stored, wrong, sent = proof.place.deployment().store.now(), set[str](), [], 0
    for name in scenarios.names():
        scenario, ids = scenarios.load(name), scenarios.fresh_ids()
        proof.conversations[name] = ids["conversation_id"]
        rendered = scenarios.render(scenario, callback_url=proof.callback_url, now=datetime.now(UTC), ids=ids)
        if scenario.video:
            if not proof.place.deployment().has_recordings:
                continue
            rendered = put_videos(rendered, proof.place.deployment())
        paced = [replace(each, delay=each.delay * COMPRESSION) for each in rendered]
        with http_client(proof.callback_url) as client:
            for outcome in send(paced, proof.callback_url, client):
                sent += 1
                if not outcome.is_expected:
                    wrong.append(f"{name} got {outcome.status_code} {outcome.status or ''}".strip())
                elif outcome.status == "stored":
                    stored.add(outcome.answer["event_id"])
    if wrong:
        raise Failed(f"{len(wrong)} of {sent} answers are not as expected: {', '.join(wrong)}")
    _await_events(proof, stored, began, proof.place.patience)
    return f"{sent} answers as expected; {len(stored)} stored events read back"


def _await_events(proof: Proof, event_ids: set[str], since: datetime, patience: float) -> None:
    """Wait until the feed has all events; raises Failed."""
    with proof.api() as api:

        def look() -> bool | None:
            feed = {event["event_id"] for event in api.events_since(iso(since))}
            return None if event_ids - feed else True

        proof.wait_for(look, f"Not all of {len(event_ids)} events came within {patience:.0f} s.", patience)


def change_parameter(proof: Proof) -> str:
    """Expect recordings, and see that a conversation without one now misses it."""
    conversation = proof.conversations[_WITHOUT_RECORDING]

    def is_missing() -> bool:
        with proof.api() as api:
            missing = api.get(f"/conversations/{conversation}")["missing"]
        return any(each["what"] == "recording" for each in missing)

    if is_missing():
        raise Failed("The conversation already misses its recording; the change would show nothing.")
    proof.place.deploy({"ExpectRecording": "true"})
    began = time.monotonic()
    proof.wait_for(lambda: is_missing() or None, "ExpectRecording=true changed nothing.")
    return f"ExpectRecording=true took effect {duration(time.monotonic() - began)} after the deployment"


def deny_store(proof: Proof) -> str:
    """Deny the store, keep sending callbacks, and see that each is accepted and later stored."""
    began = proof.outage_began = proof.place.deployment().store.now()
    answers, event_ids = Counter[str](), set[str]()
    with http_client(proof.callback_url) as client:

        def post() -> str:
            answer = client.post(scenarios.simulated_url(proof.callback_url), json=_callback())
            content = answer.json() if answer.is_success else {}
            status = str(content.get("status", answer.status_code))
            answers[status] += 1
            if answer.is_success:
                event_ids.add(content["event_id"])
            return status

        with proof.place.outage():
            proof.wait_for(lambda: post() == "accepted" or None, "The denied store still takes callbacks.")
            end = time.monotonic() + proof.outage.total_seconds()
            while time.monotonic() < end:
                post()
                time.sleep(proof.outage.total_seconds() / 30)
    seen = ", ".join(f"{count} {status}" for status, count in answers.items())
    if sum(answers.values()) != answers["accepted"] + answers["stored"]:
        raise Failed(f"Not every callback was kept: {seen}.")
    ended = time.monotonic()
    _await_events(proof, event_ids, began, proof.place.drain_patience)
    return f"{seen}; all were stored {duration(time.monotonic() - ended)} after the outage"


def _callback() -> dict[str, Any]:
    return {
        "event_type": "system.replica_joined",
        "message_type": "system",
        "conversation_id": scenarios.fresh_ids()["conversation_id"],
        "timestamp": iso(datetime.now(UTC)),
        "properties": {"replica_id": f"rsim{secrets.token_hex(4)}"},
    }


def alarms(proof: Proof) -> str:
    """See which alarms went red because of the outage."""
    deployment, began = proof.place.deployment(), proof.outage_began
    if deployment.is_local:
        raise Skipped("a local stack evaluates no alarms")
    names = deployment.physical("AWS::CloudWatch::Alarm")
    watched = names.keys() & {_SPILLED, _SPILL_WAITS}
    if not watched:
        raise Skipped("no receiver is set: add --parameter AlarmEmail=you@example.com")
    expected = watched if proof.outage >= _SPILL_WAITS_AFTER else watched - {_SPILL_WAITS}
    client = deployment.client("cloudwatch")

    def red() -> set[str] | None:
        turned = {name for name in watched if _turned_red(client, names[name], began)}
        return turned if expected <= turned else None

    seen = proof.wait_for(red, f"Not red: {', '.join(sorted(expected))}.", proof.place.drain_patience)
    waits = f"; {_SPILL_WAITS} needs an outage of 20 minutes" if watched - seen else ""
    return f"red: {', '.join(sorted(seen)) or 'none'}{waits}"


def _turned_red(client: Any, alarm: str, since: datetime | None) -> bool:
    history = client.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate", StartDate=since)
    updates = (json.loads(item["HistoryData"]) for item in history["AlarmHistoryItems"])
    return any(update["newState"]["stateValue"] == "ALARM" for update in updates)


def sign_link(proof: Proof) -> str:
    """Get a link to a recording and play it."""
    if not proof.place.deployment().has_recordings:
        raise Skipped("the stack was deployed with Recordings=off")
    proof.links["blue"] = proof.wait_for(lambda: _playing_link(proof), "No link to the recording plays.")
    return "a link that the blue key signed plays"


def rotate(proof: Proof, slots: str) -> str:
    """Deploy a value of SigningKeys; see which key signs, which links still play and which are refused."""
    trusted = slots.split(",")
    signer, others = trusted[0], {_key(url) for slot, url in proof.links.items() if slot != trusted[0]}
    proof.place.deploy({"SigningKeys": slots})
    began = time.monotonic()

    def fresh_link() -> str | None:
        link = _playing_link(proof)
        return link if link and _key(link) not in others else None

    proof.links[signer] = proof.wait_for(fresh_link, f"No link that the {signer} key signed plays.")
    expected = {link: _OK if slot in trusted else _FORBIDDEN for slot, link in proof.links.items()}
    proof.wait_for(
        lambda: {link: _status(link) for link in expected} == expected or None,
        f"A trusted link does not play, or another is not refused, with SigningKeys={slots}.",
    )
    answers = ", ".join(f"{slot} {expected[link]}" for slot, link in proof.links.items())
    waited = duration(time.monotonic() - began)
    return f"{signer} signs, {waited} after the deployment; links by signer: {answers}"


def _playing_link(proof: Proof) -> str | None:
    path = f"/conversations/{proof.conversations[_WITH_RECORDING]}/recordings"
    with proof.api() as api:
        if not any(each["status"] == "available" for each in api.get(path)["recordings"]):
            return None
        link = str(api.get(f"{path}/latest", {"format": "json"})["url"])
    return link if _status(link) == _OK else None


def _status(link: str) -> int:
    with http_client(link) as client:
        return client.get(link).status_code


def _key(link: str) -> str:
    return parse_qs(urlsplit(link).query)["Key-Pair-Id"][0]


STEPS = (
    Step("deploy", deploy, needs=()),
    Step("tokens", tokens, needs=("deploy",)),
    Step("doctor", doctor),
    Step("scenarios", send_scenarios),
    Step("parameter", change_parameter, needs=("scenarios",)),
    Step("outage", deny_store),
    Step("alarms", alarms, needs=("outage",)),
    Step("keys: blue", sign_link, needs=("scenarios",)),
    Step("keys: blue,green", partial(rotate, slots="blue,green"), needs=("keys: blue",)),
    Step("keys: green,blue", partial(rotate, slots="green,blue"), needs=("keys: blue,green",)),
    Step("keys: green", partial(rotate, slots="green"), needs=("keys: green,blue",)),
)
REMOVE = Step("remove", lambda proof: proof.place.remove(), needs=())


def run_all(proof: Proof, begin: Callable[[str], object], show: Callable[[Result], object]) -> None:
    """Run every step and delete the stack at the end, also after a fault or Ctrl-C.

    `begin` gets the name of each step, and `show` its result.
    """
    try:
        for step in STEPS:
            begin(step.name)
            run(step, proof, show)
    finally:
        begin(REMOVE.name)
        run(REMOVE, proof, show)


def run(step: Step, proof: Proof, show: Callable[[Result], object]) -> None:
    """Run a step, add its result to the report and show it; only an interruption is raised."""
    began = time.monotonic()
    passed = {each.name for each in proof.report.results if each.status == "passed"}
    status: Any = "failed"
    seen = "interrupted"
    missing = [name for name in step.needs if name not in passed]
    try:
        if missing:
            status, seen = "skipped", f"not tried, because {missing[0]} did not pass"
        else:
            status, seen = "passed", step.run(proof)
    except Skipped as reason:
        status, seen = "skipped", str(reason)
    except (Failed, click.ClickException) as error:
        status, seen = "failed", str(error)
    # The outermost edge of a step: its own fault is a failed step, and the stack is still deleted.
    except Exception as fault:  # noqa: BLE001
        status, seen = "failed", f"{type(fault).__name__}: {fault}"
    finally:
        show(proof.report.add(step.name, status, time.monotonic() - began, seen))
