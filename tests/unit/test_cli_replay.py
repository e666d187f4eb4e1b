"""`replay` posts the events of a span again: chosen, at a rate, and resumable after a failure."""

import fcntl
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_target import run
from receiver import receiving
from stored_events import EventsTarget, event, feed

from tavus_callbacks_cli.operations import replay as operation
from tavus_callbacks_cli.targets import choose

SINCE = ("--since", "2027-03-01T12:00:00Z")


@pytest.fixture
def target(monkeypatch, waits):  # noqa: ARG001 - no command waits
    """Let every command work on a fake with three events."""
    fake = EventsTarget(answers=feed(event(1), event(2), event(3)))
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    return fake


def replay(*options):
    """Run the command and return its result and document."""
    result = run("replay", *SINCE, *options, "--json")
    return result, json.loads(result.stdout) if result.stdout else None


def outcomes(document):
    """Return what became of each event."""
    return [(each["outcome"], each["status_code"]) for each in document["events"]]


def test_a_span_is_posted_in_order_of_receipt(target):
    """Bodies are the stored bytes, tags are in the query, and the headers name event and replay."""
    target.answers = feed(event(2), event(1, variant_id="conversation.c1.v"))
    with receiving() as application:
        result, document = replay("--to", application.url)

    assert 0 == result.exit_code
    assert ["conversation.c1.v", event(2)["event_id"]] == application.event_ids
    assert b'{"is": 1.0, "id": "conversation.c1.v"}' == application.bodies[0]
    assert "/webhook?secret=canary&user=4711" == application.paths[0]
    assert {"true"} == {each["x-tavus-callbacks-replay"] for each in application.headers}
    assert [("taken", 204)] * 2 == outcomes(document)
    assert "2 of 2 were taken." in result.stderr
    assert "canary" not in result.output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [1, 2, 3]),
        (("--tag", "user:1"), [1]),
        (("--event-type", "x"), [2]),
        (("--event-type", "x", "--event-type", "system.shutdown"), [1, 2, 3]),
        (("--kind", "video"), [3]),
        (("--label", "other"), [3]),
        (("--until", "2027-03-01T12:00:03Z"), [1, 2]),
        (("--simulated",), [1, 2, 3, 4]),
        (("--tag", "simulated:true"), [4]),
        (("--tag", "user:none"), []),
    ],
)
def test_events_are_chosen_by_every_filter(target, options, expected):
    """Simulated events of a deployed stack are left out, as in lists."""
    target.answers = feed(
        event(1, tags={"user": "1"}),
        event(2, "x"),
        event(3, kind="video", label="other"),
        event(4, tags={"simulated": "true"}),
    )

    result, document = replay("--to", "http://localhost:1/", "--dry-run", *options)

    assert 0 == result.exit_code
    numbers = [int(each["event_id"].split(".")[1][1:]) for each in document["events"]]
    assert expected == numbers


def test_a_burst_of_the_last_seconds_is_posted_whole(target, waits):
    """A feed pauses after 200 events that have just come: its empty page is not the end."""
    first, last = feed(event(1)), feed(event(2))
    first[0]["looked_until"] = "2027-03-01T12:00:01.000000Z"
    target.answers = [*first, *last]
    with receiving() as application:
        replay("--to", application.url)

    assert [event(1)["event_id"], event(2)["event_id"]] == application.event_ids
    assert [1] == waits


def test_a_page_of_erased_events_is_not_the_end(target):
    """The feed leaves them out of a page, and says that there is more."""
    target.answers = [
        {"events": [], "cursor": "a", "looked_until": "2027-03-01T12:00:01.000000Z"},
        *feed(event(1)),
    ]
    with receiving() as application:
        replay("--to", application.url)

    assert [event(1)["event_id"]] == application.event_ids


def test_the_last_page_is_known_without_another_request(target):
    """On a busy stack each request would find one more event."""
    target.answers = feed(event(1))
    with receiving() as application:
        replay("--to", application.url)

    assert 1 == len([path for path in target.asked if "after=" in path])


def test_a_late_event_before_the_end_is_not_cut_off(target):
    """A feed answers events of the last 15 seconds as they become readable, not in order of receipt."""
    target.answers = feed(event(1), event(4), event(2))
    with receiving() as application:
        replay("--to", application.url, "--until", "2027-03-01T12:00:03Z")

    assert [event(1)["event_id"], event(2)["event_id"]] == application.event_ids


def test_a_dry_run_of_many_counts_by_type_and_shows_the_first(target):
    """Nothing is posted; a person sees how many of what, and five of them."""
    target.answers = feed(*(event(n, "a" if n < 20 else "b") for n in range(30)))
    with receiving() as application:
        result = run("replay", *SINCE, "--to", application.url, "--dry-run")

    lines = result.stdout.splitlines()
    assert [["would", "be", "posted", "a", "20"], ["would", "be", "posted", "b", "10"]] == [
        line.split() for line in lines[1:3]
    ]
    assert 5 == sum("conversation.c" in line for line in lines)
    assert "Events to post: 30." in result.stderr
    assert [] == application.bodies


def test_an_id_takes_the_filters_too(target):
    """A subject that is named is posted with its simulated events."""
    target.answers = [
        {"events": [event(1, tags={"simulated": "true"}), event(2, "x")], "cursor": None},
    ]

    result = run("replay", "c1", "--event-type", "system.shutdown", "--to", "http://a.b/", "--dry-run")

    assert 1 == sum("conversation.c" in line for line in result.stdout.splitlines())
    assert ["/events?limit=200&kind=conversation&subject=c1"] == target.asked


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--to", "http://localhost:1/"), "an ID, latest, or --since TIME"),
        ((*SINCE, "--to", "ftp://localhost/"), "http://HOST/PATH"),
        ((*SINCE, "--to", "http://\u2764_-/"), "http://HOST/PATH"),
        ((*SINCE, "--to", "https://example.com/", "--insecure"), "Use --ca FILE instead."),
        ((*SINCE, "--to", "http://localhost/", "--insecure"), "need an https:// address"),
        ((*SINCE, "--to", "http://localhost/", "--rate", "1e-300"), "x>=0.001"),
        ((*SINCE, "--to", "http://localhost/", "--until", "2027-03-01T11:00:00Z"), "--until must be later"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(options, error):
    """Nothing is read and nothing is posted."""
    result = run("replay", *options)

    assert (2, "") == (result.exit_code, result.stdout)
    assert error in result.stderr


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("statuses", "retry_after", "expected"),
    [((204, 429, 503, 204), None, [1, 2]), ((503,), "7", [7]), ((429,), "no number", [1])],
)
def test_a_busy_target_is_waited_for(waits, statuses, retry_after, expected):
    """After 429 and 503 it waits as asked, or longer each time, and then goes on where it was."""
    with receiving(*statuses) as application:
        application.retry_after = retry_after
        result, document = replay("--to", application.url)

    assert 0 == result.exit_code
    assert expected == waits
    assert [("taken", 204)] * 3 == outcomes(document)
    assert f"Next attempt in {expected[0]} s." in result.stderr


@pytest.mark.usefixtures("target")
def test_a_target_that_stays_busy_ends_the_replay(waits):
    """Five minutes of waiting are enough; the rest is named as not posted."""
    with receiving(204, *[429] * 20) as application:
        result, document = replay("--to", application.url)

    assert 1 == result.exit_code
    assert [("taken", 204), ("refused", 429), ("not posted", None)] == outcomes(document)
    assert 300 >= sum(waits) > 200
    assert {"the target is busy: it asks to wait (429)"} == {
        each["reason"] for each in document["events"][1:]
    }


@pytest.mark.usefixtures("target")
def test_a_target_that_asks_for_an_hour_is_not_waited_for(waits):
    """The replay ends at once and says so."""
    with receiving(503) as application:
        application.retry_after = "3600"
        result, _ = replay("--to", application.url)

    assert (1, []) == (result.exit_code, waits)
    assert "With --resume FILE" in result.stderr


@pytest.mark.usefixtures("target")
def test_refusals_are_counted_and_do_not_stop_it():
    """A summary has the outcomes by status and type."""
    with receiving(500, 302) as application:
        result, document = replay("--to", application.url)

    assert 1 == result.exit_code
    assert [("refused", 500), ("refused", 302), ("taken", 204)] == outcomes(document)
    assert {("refused", 500, 1), ("refused", 302, 1), ("taken", 204, 1)} == {
        (each["outcome"], each["status_code"], each["events"]) for each in document["counts"]
    }
    assert "1 of 3 were taken." in result.stderr


def test_an_event_that_crashes_the_application_does_not_stop_it(target):
    """A later run would otherwise never get past it."""
    target.answers = feed(*map(event, range(5)))
    with receiving(0, 0, 204, 0) as application:
        _, document = replay("--to", application.url)

    silent, taken = ("no answer", None), ("taken", 204)
    assert [silent, silent, taken, silent, taken] == outcomes(document)


@pytest.fixture
def clock(monkeypatch):
    """Give replay a clock of its own. With a changed clock of Python, a local stack would wait for hours."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    monkeypatch.setattr(operation, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


@pytest.mark.usefixtures("target")
def test_a_rate_spaces_the_posts(clock):
    """At most so many begin in a second."""
    with receiving() as application:
        replay("--to", application.url, "--rate", "0.5")

    assert 4 == clock[0]


@pytest.mark.usefixtures("target")
def test_repeated_posts_keep_the_rate_too(clock):
    """Neither the second attempt nor the event after it comes early."""
    posts = []
    with receiving(429) as application:
        application.note = lambda: posts.append(clock[0])
        replay("--to", application.url, "--rate", "0.25")

    assert [0, 4, 8, 12] == posts


def test_a_stack_that_is_busy_half_way_is_waited_for(target, waits):
    """The list goes on where it was."""
    [page, _], [end, _] = feed(event(1)), feed(event(2))
    page["looked_until"] = page["events"][0]["received_at"]
    target.answers = [page, (429, {"detail": "Throttled"}), (503, {"detail": "Down"}), end]
    with receiving() as application:
        result, _ = replay("--to", application.url)

    assert (0, [1, 2]) == (result.exit_code, waits)
    assert 2 == len(application.bodies)
    assert "The API answered 429: Throttled. Next attempt in 1 s." in result.stderr


@pytest.mark.parametrize(
    ("failures", "expected", "code"),
    [
        ([429, 503], [("taken", 204)] * 3, 0),
        ([404], [("not posted", None), ("taken", 204), ("taken", 204)], 1),
        ([401], [("not posted", None)] * 3, 1),
        ([503] * 20, [("not posted", None)] * 3, 1),
    ],
    ids=["busy", "erased meanwhile", "revoked", "down"],
)
def test_a_body_that_cannot_be_read_is_named(target, failures, expected, code):
    """The stack is waited for; an event that is gone is left out; anything else ends the replay."""
    target.failures = failures
    with receiving() as application:
        result, document = replay("--to", application.url)

    assert (code, expected) == (result.exit_code, outcomes(document))


@pytest.fixture
def file(tmp_path):
    """Name a file to resume by."""
    return tmp_path / "replay.jsonl"


def test_a_second_run_posts_what_was_not_taken(target, file: Path):
    """A failure in the middle costs nothing: each event is taken once, and the file says so."""
    with receiving(204, 500) as application:
        first, _ = replay("--to", application.url, "--resume", str(file))
        before = file.read_bytes()
        target.answers = feed(event(1), event(2), event(3))
        dry, planned = replay("--to", application.url, "--resume", str(file), "--dry-run")
        assert before == file.read_bytes()
        target.answers = feed(event(1), event(2), event(3))
        second, document = replay("--to", application.url, "--resume", str(file))
        target.answers = feed(event(1), event(2), event(3))
        third, _ = replay("--to", application.url, "--resume", str(file))

    assert [1, 0, 0, 0] == [each.exit_code for each in (first, dry, second, third)]
    assert "Run the same command again" in first.stderr
    assert [event(2)["event_id"]] == [each["event_id"] for each in planned["events"]]
    assert [event(n)["event_id"] for n in (1, 2, 3, 2)] == application.event_ids
    assert 2 == document["taken_before"]
    assert "Everything has been posted." in third.stderr
    assert 0o600 == file.stat().st_mode & 0o777
    assert b"canary" not in file.read_bytes()


def test_a_later_run_begins_where_the_first_began(target, file: Path):
    """An hour later, `--since 2h` is another time. Events that were not taken must not fall out of it."""
    with receiving(500, 500, 500) as application:
        replay("--to", application.url, "--resume", str(file))
        target.answers = feed()
        run("replay", "--since", "2027-03-01T14:00:00Z", "--to", application.url, "--resume", str(file))

    asked = [path for path in target.asked if "after=2" in path]
    assert 2 == len(asked)
    assert 1 == len(set(asked))


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_sums_up_and_says_how_to_continue(target, file: Path, signal_number):
    """The rest is listed as not posted, and the next run posts it."""
    with receiving() as application:
        application.note = lambda: application.bodies[1:] and os.kill(os.getpid(), signal_number)
        result, document = replay("--to", application.url, "--resume", str(file))
        application.note = None
        target.answers = feed(event(1), event(2), event(3))
        replay("--to", application.url, "--resume", str(file))

    assert 1 == result.exit_code
    assert [("taken", 204), ("not posted", None), ("not posted", None)] == outcomes(document)
    assert "1 of 3 were taken.\nRun the same command again to post the rest." in result.stderr
    assert [event(n)["event_id"] for n in (1, 2, 2, 3)] == application.event_ids


@pytest.mark.usefixtures("target")
def test_without_a_file_the_time_to_continue_is_named():
    """A later run with a new file would post everything again."""
    with receiving(204, 500) as application:
        result, _ = replay("--to", application.url)

    assert "received at 2027-03-01T12:00:02.000000Z. Continue with --since." in result.stderr


def test_a_full_disk_ends_the_replay_in_order(target, file: Path):
    """The posts are summed up, the file stays whole, and the next run continues."""
    with receiving() as application:
        with full_disk(after=600):
            result, document = replay("--to", application.url, "--resume", str(file))
        lines = file.read_text().splitlines()
        target.answers = feed(event(1), event(2), event(3))
        again, _ = replay("--to", application.url, "--resume", str(file))

    assert [1, 0] == [result.exit_code, again.exit_code]
    assert [("taken", 204), ("taken", 204), ("not posted", None)] == outcomes(document)
    assert 2 == len([json.loads(line) for line in lines])
    assert "replay.jsonl cannot be used: File too large." in result.stderr
    assert [event(n)["event_id"] for n in (1, 2, 2, 3)] == application.event_ids


@pytest.mark.usefixtures("target")
def test_a_disk_that_is_full_at_once_leaves_a_file_that_is_usable(file: Path):
    """Nothing is posted, and the same command works once there is room."""
    with receiving() as application:
        with full_disk(after=50):
            result, _ = replay("--to", application.url, "--resume", str(file))
        posted = len(application.bodies)
        again, _ = replay("--to", application.url, "--resume", str(file))

    assert (1, 0, 0) == (result.exit_code, posted, again.exit_code)


@contextmanager
def full_disk(*, after: int) -> Iterator[None]:
    """Let no file grow beyond a number of bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_file_belongs_to_one_choice_of_events(file: Path, more):
    """It keeps the first run's --since, which would widen another choice unseen."""
    with receiving() as application:
        replay("--to", application.url, "--resume", str(file), "--event-type", "x", "--event-type", "y")
        same = ("--event-type", "y", "--event-type", "x", "--dry-run")
        assert 0 == run("replay", *SINCE, "--to", application.url, "--resume", str(file), *same).exit_code
        result, _ = replay("--to", application.url, "--resume", str(file), "--tag", "user:1", *more)

    assert 1 == result.exit_code
    assert "belongs to a replay of other events. Name another file." in result.stderr


def test_a_later_run_of_one_subject_begins_there_too(target, file: Path):
    """Posts that failed in the first run are made by the second, which begins an hour later."""
    events = [event(1), event(2)]
    options = ("--resume", str(file), "--since")
    with receiving(500) as application:
        target.answers = [{"events": events, "cursor": None}]
        run("replay", "c1", "--to", application.url, *options, "2027-03-01T12:00:00Z")
        target.answers = [{"events": events, "cursor": None}]
        run("replay", "c1", "--to", application.url, *options, "2027-03-01T13:00:00Z")

    assert [event(n)["event_id"] for n in (1, 2, 1)] == application.event_ids


def test_a_line_that_a_kill_left_is_cut_off(target, file: Path):
    """The event of half a line is posted again, and the file stays whole."""
    with receiving() as application:
        replay("--to", application.url, "--resume", str(file))
        file.write_bytes(file.read_bytes()[:-20])
        target.answers = feed(event(1), event(2), event(3))
        result, _ = replay("--to", application.url, "--resume", str(file))

    assert 0 == result.exit_code
    assert event(3)["event_id"] == application.event_ids[3]
    assert 4 == len([json.loads(line) for line in file.read_text().splitlines()])


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"my notes\nof today\n", "is not a file of replay --resume"),
        (b"no line break", "is not a file of replay --resume"),
        (b'{"tavus_callbacks_replay": 1}\n', "is not a file of replay --resume"),
        (b'{"tavus_callbacks_replay": 2, "to": "", "since": null}\n', "is of a newer version"),
        (b'{"tavus_callbacks_replay": 1, "to": "", "since": null}\n', "to another URL"),
        (b'{"tavus_callbacks_replay": 1, "to": "", "since": null}\n[]\n', "is not a file"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_file_of_something_else_stays_as_it_is(file: Path, content, error, more):
    """Nothing is posted, and the error says to name another file."""
    file.write_bytes(content)

    result, _ = replay("--to", "http://localhost:1/", "--resume", str(file), *more)

    assert (1, content) == (result.exit_code, file.read_bytes())
    assert error in result.stderr


@pytest.mark.usefixtures("target")
def test_two_replays_do_not_share_a_file(file: Path):
    """The second would post everything twice, so it does not begin."""
    with file.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result, _ = replay("--to", "http://localhost:1/", "--resume", str(file))

    assert 1 == result.exit_code
    assert "Another replay is writing" in result.stderr


@pytest.mark.usefixtures("target")
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    """It is seen before anything is posted."""
    result, _ = replay("--to", "http://localhost:1/", "--resume", str(tmp_path / "none" / "file"))

    assert 1 == result.exit_code
    assert "cannot be used: No such file or directory." in result.stderr
