"""Measures all subjects in alternating rounds of one run, so that a busy machine affects all alike."""

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench import events, rie
from bench.bodies import KILOBYTE, LARGEST, SIZES
from bench.packages import BASELINES, FOLDER, Packages

# A Lambda function gets one core at 1,769 MB; the template's functions have less.
CORE = 1769
_USUAL = 2 * KILOBYTE
# The number of calls by size, after warm-up calls that do not count.
_CALLS: Mapping[int, int] = dict(zip(SIZES, (80, 120, 40, 15), strict=True))
_WARM_UP = 5


@dataclass(slots=True)
class Figures:
    """The values of a subject by figure, one for each round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Add the value of a round."""
        self.values.setdefault(name, []).append(value)

    def middle(self, name: str) -> float:
        """Return the median over the rounds."""
        return median(self.values[name])

    def spread(self, name: str) -> float:
        """Return the distance between the quartiles, relative to the median."""
        values = self.values[name]
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (0, 0, 0)
        return (high - low) / self.middle(name) if self.middle(name) else 0.0


Run = dict[str, Figures]


@dataclass(frozen=True, slots=True)
class Subject:
    """A function with its store's answers and the sizes of bodies to send; 0 stands for its own event."""

    name: str
    handler: str
    folders: tuple[Path, ...]
    sizes: tuple[int, ...]
    event: bytes = b"{}"
    answers: Mapping[str, Any] = field(default_factory=dict)

    def calls(self, size: int, count: int) -> list[bytes]:
        """Return events, each for another conversation."""
        return (
            [events.callback(size + number, size) for number in range(count)]
            if size
            else [self.event] * count
        )


def receivers(packages: Packages) -> list[Subject]:
    """Return our receiver, the textbook's, and the lower bounds."""
    answers, floor = events.token_answer(), BASELINES / "floor"
    return [
        Subject(
            "receive", "tavus_callbacks.handlers.receive.handler", (packages.ours,), SIZES, answers=answers
        ),
        Subject("textbook", "app.handler", (packages.textbook,), SIZES),
        Subject("bare put_item", "bare.handler", (packages.ours, floor), (0,)),
        Subject("hand-signed", "signed.handler", (packages.ours, floor), (0,)),
        Subject("empty", "empty.handler", (packages.ours, floor), (0,)),
        Subject("boto3 + pydantic", "imports.handler", (packages.imports, floor), (0,)),
    ]


def functions(packages: Packages) -> list[Subject]:
    """Return all our functions except `receive`, each with its own event."""
    signing = ("read", "signing_key")
    return [
        Subject(
            name,
            f"tavus_callbacks.handlers.{name}.handler",
            (packages.signing if name in signing else packages.ours,),
            (0,),
            case.event,
            case.answers,
        )
        for name, case in events.cases().items()
        if name != "receive"
    ]


def rounds(packages: Packages, count: int) -> Run:
    """Measure all subjects in turn, `count` times."""
    run: Run = {}
    others = functions(packages)
    subjects = [*receivers(packages), *others]
    for number in range(count):
        for subject in subjects:
            last = number == count - 1
            _measure(subject, packages, run.setdefault(subject.name, Figures()), largest=last)
        for subject in (*subjects[:2], *others):
            _measure_share(subject, packages, run[subject.name], 512)
        for name, database in (("flask", False), ("flask + sqlite", True)):
            _measure_flask(packages, run.setdefault(name, Figures()), database=database)
    return run


def answer_once(packages: Packages) -> Run:
    """Run all our functions except `receive` once; raises ValueError if one fails."""
    run: Run = {}
    for subject in functions(packages):
        with start(subject, packages) as runtime:
            _cold(runtime, subject, run.setdefault(subject.name, Figures()))
    return run


@contextmanager
def start(subject: Subject, packages: Packages, memory: int = CORE) -> Iterator[rie.Runtime]:
    """Run a subject with its store until the block ends."""
    with rie.store(subject.answers, packages.tools.python) as port:
        address = f"http://127.0.0.1:{port}"
        environment = {**environment_of(address), "POWERTOOLS_SERVICE_NAME": subject.name}
        function = rie.Function(subject.handler, subject.folders, environment)
        with rie.run_emulator(
            function, packages.tools, FOLDER / f"{subject.name}.log", memory=memory
        ) as runtime:
            yield runtime


def environment_of(address: str) -> dict[str, str]:
    """Return the variables that the template gives to functions, and those of the textbook."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_LAMBDA_HTTP_IGNORE_CERTIFICATE": "1",
        "EVENTS_TABLE": "events",
        "TOKENS_TABLE": "tokens",
        "BODIES_BUCKET": "bodies",
        "SPILL_QUEUE_URL": f"{address}/123456789012/spill",
        "METRICS_NAMESPACE": "bench",
        "STORE_SECONDS": "1.2",
        "SPILL_SECONDS": "1.2",
        "EVENT_RETENTION_DAYS": "0",
        "QUARANTINE_RETENTION_DAYS": "90",
        "RECORDING_RETENTION_DAYS": "0",
        "RECORDINGS_BUCKET": "recordings",
        "RECORDING_MISSING_AFTER_MINUTES": "60",
        "LINK_LIFETIME_MINUTES": "60",
        "CDN_URL": "https://cdn.example",
        "SIGNING_KEY_ID": "K1",
        "SIGNING_SECRET": "secret",
        "PRESUMED_ENDED_AFTER_MINUTES": "240",
        "EXPECT_RECORDING": "false",
        "EXPECT_PERCEPTION": "false",
        "PUSH_URL": f"{address}/pushed",
        "PUSH_TO_THIS_MACHINE": "true",
        "PUSH_QUEUE_URL": f"{address}/123456789012/pushes",
        "PUSH_SECRET": "secret",
        "FAILED_BUCKET": "failed",
        "CALLBACK_TOKEN": events.TOKEN,
    }


def _measure(subject: Subject, packages: Packages, figures: Figures, *, largest: bool) -> None:
    with start(subject, packages) as runtime:
        _cold(runtime, subject, figures)
        for size in subject.sizes:
            _warm(runtime, subject, size, figures)
            figures.add(f"peak {size}", rie.peak_of(runtime.process()))
        if largest and subject.name == "receive":
            _check_answer(runtime.invoke(events.callback(LARGEST, LARGEST))[1], subject)
            figures.add("peak 4 MB", rie.peak_of(runtime.process()))


def _cold(runtime: rie.Runtime, subject: Subject, figures: Figures) -> None:
    usual = _USUAL if subject.sizes[0] else 0
    took, answer = runtime.invoke(_with_address(subject, runtime, subject.calls(usual, 1)[0]))
    _check_answer(answer, subject)
    figures.add("init", runtime.init())
    figures.add("first", took - runtime.init())
    figures.add("cpu cold", rie.cpu_of(runtime.process()))


def _warm(runtime: rie.Runtime, subject: Subject, size: int, figures: Figures) -> None:
    calls = subject.calls(size, _WARM_UP + _CALLS.get(size, 120))
    for event in calls[:_WARM_UP]:
        runtime.invoke(_with_address(subject, runtime, event))
    before = rie.cpu_of(runtime.process())
    answered = [runtime.invoke(_with_address(subject, runtime, event)) for event in calls[_WARM_UP:]]
    used = rie.cpu_of(runtime.process()) - before
    _check_answer(answered[-1][1], subject)
    figures.add(f"cpu {size}", used / len(answered))
    figures.add(f"warm {size}", median(took for took, _ in answered))


def _measure_share(subject: Subject, packages: Packages, figures: Figures, memory: int) -> None:
    """Measure with the share of a core that a function of this memory size has."""
    with start(subject, packages, memory) as runtime, rie.limit_cpu(runtime.emulator, memory / CORE):
        usual = _USUAL if subject.sizes[0] else 0
        calls = [_with_address(subject, runtime, event) for event in subject.calls(usual, 30)]
        took, _ = runtime.invoke(calls[0])
        figures.add("share cold", took)
        figures.add("share warm", median(runtime.invoke(event)[0] for event in calls[1:]))
        if subject.name == "receive":
            took, answer = runtime.invoke(events.callback(LARGEST, LARGEST))
            figures.add("share 4 MB", took)
            figures.add("share 4 MB status", json.loads(answer)["statusCode"])


def _with_address(subject: Subject, runtime: rie.Runtime, event: bytes) -> bytes:
    """Point an event that names an address at the store; `signing_key` answers CloudFormation there."""
    return event if subject.name != "signing_key" else event.replace(b"{store}", runtime.store.encode())


def _check_answer(answer: bytes, subject: Subject) -> None:
    """Raise ValueError if a function failed: a fast failure would look like a good figure."""
    value = json.loads(answer)
    status = value.get("statusCode", 200) if isinstance(value, dict) else 200
    failed = isinstance(value, dict) and (value.get("errorMessage") or value.get("batchItemFailures"))
    if failed or status != 200:  # noqa: PLR2004 - HTTP
        raise ValueError(f"{subject.name} answered {answer[:2000]!r}")


def _measure_flask(packages: Packages, figures: Figures, *, database: bool) -> None:
    """Post to the sample under gunicorn with a sync worker, which accepts one request per connection."""
    port = rie.free_port()
    environment = {**rie.LAMBDA, "PYTHONPATH": f"{packages.flask}:{BASELINES}"}
    file = FOLDER / "callbacks.db"
    file.unlink(missing_ok=True)
    if database:
        environment["DATABASE"] = str(file)
    how = ["-m", "gunicorn", "--workers=1", f"--bind=127.0.0.1:{port}", "flask_sample:app"]
    with (FOLDER / "flask.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [packages.tools.python, "-S", *how], env=environment, stdout=log, stderr=log, cwd=FOLDER
        )
    try:
        rie.await_port(port)
        _post_all(port, process.pid, figures)
    finally:
        rie.stop(process)


def _post_all(port: int, master: int, figures: Figures) -> None:
    for size, count in _CALLS.items():
        bodies = [events.body(size + number, size) for number in range(_WARM_UP + count)]
        for body in bodies[:_WARM_UP]:
            _post(port, body)
        before = rie.cpu_of(rie.child_of(master))
        for body in bodies[_WARM_UP:]:
            _post(port, body)
        figures.add(f"cpu {size}", (rie.cpu_of(rie.child_of(master)) - before) / count)
        if size == _USUAL:
            figures.add(f"peak {size}", rie.peak_of(rie.child_of(master)))


def _post(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/webhook", body, {"content-type": "application/json"})
    if connection.getresponse().status != 200:  # noqa: PLR2004 - HTTP
        raise ValueError("the sample failed: .aws-sam/bench/flask.log")
    connection.close()
