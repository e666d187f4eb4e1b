"""`stats` gives right sums for people, spreadsheets and programs, and a report that loads nothing."""

import csv
import hashlib
import json
import re
from base64 import b64encode
from collections import Counter
from html.parser import HTMLParser

import pytest
from fake_target import run
from folding import NOW, SETTINGS, gather_facts, scenario, transcript

from tavus_callbacks.domain.summaries import sums
from tavus_callbacks.domain.summaries.summary import conversation_summary
from tavus_callbacks_cli.stats.report import join_modules

EVIL = "<script>alert(1)</script>"


def summary(name, *events, **members):
    """Make a conversation as a list answers it."""
    facts = gather_facts(events or scenario("conversation"))
    result = conversation_summary(name, facts, now=NOW, settings=SETTINGS).model_dump(mode="json")
    return result | members


def spoken(name, *turns, **members):
    """Make a conversation that has only a transcript."""
    return summary(name, transcript(*turns), **members)


USER = {"role": "user", "content": "one two three?", "seconds_from_start": 1, "duration": 2}
REPLICA = {"role": "assistant", "content": "four", "seconds_from_start": 4, "duration": 1}
SOME = [
    spoken("c1", USER, REPLICA, received_first_at="2027-03-01T23:59:59.999999Z", tags={"user": "a"}),
    spoken("c2", USER, received_first_at="2027-03-02T00:00:00.000000Z", tags={"user": ["a", "b"]}),
    summary("c3", talk=None, duration=60.0, received_first_at="2027-03-02T12:00:00.000000Z", tags={}),
]


def page(*conversations, cursor=None):
    """Make a page of a list."""
    return {"conversations": list(conversations), "cursor": cursor}


def test_sums_add_up():
    """Sums cover turns, words, seconds, shares and missing parts."""
    result = sums.sums(SOME)

    assert (3, 2, 2, 1, 6, 1, 4.0, 1.0) == tuple(
        result[name]
        for name in (
            *("conversations", "transcripts", "user_turns", "replica_turns", "user_words", "replica_words"),
            *("user_seconds", "replica_seconds"),
        )
    )
    assert (0.857, 1.0, 60.0) == (
        result["user_share_by_words"],
        result["median_response_seconds"],
        result["median_seconds"],
    )
    assert (2, 2) == (result["user_questions"], result["missing_shutdown"])


def test_of_nothing_there_are_sums_too():
    """Sums of nothing are zeros, and None for unknown values."""
    result = sums.sums([])

    assert (0, 0, None, None) == tuple(
        result[name] for name in ("conversations", "seconds", "median_seconds", "user_share_by_words")
    )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", {"2027-03-01": 1, "2027-03-02": 2}),
        ("tag:user", {"a": 2, "b": 1, "(none)": 1}),
        ("label", {"test": 3}),
        ("end-reason", {"(none)": 2, "participant_left_timeout": 1}),
    ],
)
def test_groups_are_by_day_tag_label_or_end_reason(target, by, expected):
    """A conversation with two values of a tag counts for each; days are UTC."""
    target.answers = [page(*SOME[:2], cursor="a"), page(*SOME[2:])]

    result = json.loads(run("stats", "--by", by, "--json").stdout)

    assert expected == {group["group"]: group["conversations"] for group in result["groups"]}
    assert (3, by) == (result["total"]["conversations"], result["by"])


def test_a_table_is_for_people(target):
    """The total comes first, then a row for each group."""
    target.answers = [page(*SOME)]

    result = run("stats", "--since", "2027-03-01T00:00:00Z", "--tag", "user:a", "--label", "shop")

    assert 0 == result.exit_code
    assert "words          6 by users (86%), 1 by replicas" in result.stdout
    assert any(line.startswith("2027-03-02") for line in result.stdout.splitlines())
    assert "simulated" in result.stderr
    for part in ("since=2027-03-01T00%3A00%3A00.000000Z", "tag=user%3Aa", "label=shop", "limit=200"):
        assert part in target.asked[0]


def test_nothing_to_sum_up_is_no_error(target):
    """A new stack has no conversations."""
    target.answers = [page()]

    result = run("stats")

    assert 0 == result.exit_code
    assert "conversations  none" in result.stdout


@pytest.mark.parametrize(("delimiter", "tag", "group"), [(",", "=1+1", "'=1+1"), (";", "a;=1+1", "a;=1+1")])
def test_a_spreadsheet_gets_numbers_and_no_formula(target, tmp_path, delimiter, tag, group):
    """A tag is anybody's text; a spreadsheet reads a leading `=` as a formula, and may separate at `;`."""
    target.answers = [page(spoken("c1", USER, tags={"user": tag}))]
    path = tmp_path / "sums.csv"

    result = run("stats", "--by", "tag:user", "--csv", str(path))

    with path.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (group, "1", "3") == (row["group"], row["conversations"], row["user_words"])
    [_, cells] = csv.reader(path.read_text().splitlines(), delimiter=delimiter)
    assert cells[0].startswith(group)
    assert (0, "") == (result.exit_code, result.stdout)


@pytest.mark.parametrize(
    ("option", "escaped"),
    [("--csv", r"\x1b[31m\x9b2J\u202e"), ("--html", r"\u001b[31m\u009b2J\u202e")],
    ids=["--csv", "--html"],
)
def test_nothing_in_a_file_steers_a_terminal(target, tmp_path, option, escaped):
    """A reason is anybody's text, and people print files with `cat`."""
    evil = "\x1b[31m\x9b2J\u202e"
    target.answers = [page(spoken("c1", USER, end_reason=evil, status="ended"))]
    path = tmp_path / "file"

    run("stats", "--by", "end-reason", option, str(path))

    written = path.read_text()
    assert escaped in written
    assert not set(evil) & {each for each in written if not each.isprintable()}


@pytest.mark.parametrize(("option", "begins"), [("--csv", "group,"), ("--html", "<!doctype html>")])
def test_a_dash_is_standard_output(target, tmp_path, monkeypatch, option, begins):
    """A dash writes to a pipe and makes no file."""
    monkeypatch.chdir(tmp_path)
    target.answers = [page(*SOME)]

    result = run("stats", option, "-")

    assert (0, True, []) == (result.exit_code, result.stdout.startswith(begins), list(tmp_path.iterdir()))


@pytest.mark.parametrize("options", [("--csv", "-", "--html", "-"), ("--csv", "-", "--json")])
def test_standard_output_takes_one_form(target, options):
    """Two forms in one stream would be unreadable."""
    result = run("stats", *options)

    assert (2, []) == (result.exit_code, target.asked)


class Seen(HTMLParser):
    """Collects what a browser would load, run and apply."""

    def __init__(self):
        super().__init__()
        self.sources, self.policy, self.texts, self.inside = [], "", {}, ""

    def handle_starttag(self, tag, attrs):
        """Collect what an element would load."""
        members = dict(attrs)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.inside = members.get("type", tag)
        if "http-equiv" in members:
            self.policy = members["content"]

    def handle_data(self, data):
        """Collect the text of scripts and styles."""
        self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def handle_endtag(self, _):
        """End an element."""
        self.inside = ""


def policy_hash(text):
    """Return the source that allows an inline text in a policy."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_report_is_whole_and_asks_nobody(target, tmp_path):
    """The report is one file; its policy allows its own script and style only, and nothing is loaded."""
    target.answers = [page(*SOME)]
    path = tmp_path / "report.html"

    run("stats", "--by", "tag:user", "--html", str(path))

    html, seen = path.read_text(), Seen()
    seen.feed(html)
    assert [] == seen.sources
    assert "url(" not in html
    script, style = seen.texts["module"], seen.texts["style"]
    assert f"script-src {policy_hash(script)}; style-src {policy_hash(style)}" in seen.policy
    assert seen.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in seen.policy
    assert "</" not in script
    assert "--accent" in style


def test_the_report_has_the_sums_and_no_markup_of_strangers(target, tmp_path):
    """The data of the report are the sums; a text that looks like an element stays text."""
    evil = f"</script>{EVIL}<!--<script>"
    conversations = [*SOME, spoken("c4", USER, tags={"user": evil}, end_reason=evil, status="ended")]
    target.answers = [page(*conversations)]
    path = tmp_path / "report.html"

    run("stats", "--by", "tag:user", "--html", str(path))

    seen = Seen()
    seen.feed(path.read_text())
    assert path.read_text().count(EVIL) == 0
    data = json.loads(seen.texts["application/json"])
    about, grouped = data.pop("about"), data.pop("grouped")
    expected = json.loads(json.dumps(sums.statistics(conversations, sums.by_tag("user"))))
    assert expected.pop("groups") == grouped["tag:user"]
    assert {**expected, "by": "tag:user"} == data
    assert [evil] == [group["group"] for group in grouped["tag:user"] if "<" in group["group"]]
    # The page offers the console's other keys too.
    assert ["tag:user", "day", "label", "end-reason"] == list(grouped)
    assert sums.groups(conversations, sums.by_day) == grouped["day"]
    assert about.startswith("On a fake, first received from ")
    assert ", without simulated ones" in about


def test_the_modules_of_the_report_make_one_script():
    """No import is left, and no name stands in two modules, which would keep the script from running."""
    script = join_modules("report.js")

    assert [] == re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", script, re.MULTILINE)
    assert [] == [name for name, count in Counter(names).items() if count > 1]
    assert {"report", "columns", "h", "spanText"} <= set(names)


def test_a_bound_counts_in_the_bar_above_it():
    """There is one count more than bounds, and each value is in exactly one."""
    values = [0, 0.99, 1, 1.5, 5, 500]

    assert {"bounds": [1, 5], "counts": [2, 2, 2]} == sums.histogram(values, (1, 5))
    assert {"bounds": [1, 5], "counts": [0, 0, 0]} == sums.histogram([], (1, 5))


def test_histograms_have_the_known_values_only():
    """A conversation without an end has no duration, and one without times has no response."""
    result = sums.statistics(SOME, sums.by_day)

    assert (1, 1) == tuple(sum(result[name]["counts"]) for name in ("durations", "responses"))
    # 60 seconds are not below the bound of a minute; one second is not below that of one second.
    assert 1 == result["durations"]["counts"][2] == result["responses"]["counts"][4]


def test_end_reasons_are_those_of_ended_conversations():
    """The most frequent comes first; a conversation that ended without a reason counts too."""
    ended = [summary("c", status="ended", end_reason=reason) for reason in (None, "left", "left")]

    assert {"left": 2, "(none)": 1} == sums.statistics([*ended, *SOME[:2]], sums.by_day)["end_reasons"]
    assert ["left", "(none)"] == list(sums.statistics(ended, sums.by_day)["end_reasons"])


@pytest.mark.parametrize("by", ["week", "tag:", "tag"])
def test_what_cannot_be_summed_up_by_is_a_usage_error(target, by):
    """The error names the valid keys."""
    result = run("stats", "--by", by)

    assert (2, []) == (result.exit_code, target.asked)
    assert "tag:NAME" in result.stderr


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_a_file_that_cannot_be_written_is_said_without_a_traceback(target, tmp_path, option):
    """The error names the file and what to do."""
    target.answers = [page(*SOME)]
    path = tmp_path / "nowhere" / "file"

    result = run("stats", option, str(path))

    assert 1 == result.exit_code
    assert f"{path} cannot be written: No such file or directory. Name another file." in result.stderr


def test_a_tag_in_two_normal_forms_is_one_group():
    """Groups compare names and values as every filter does."""
    conversations = [{"tags": {"user": "Jos\u00e9"}}, {"tags": {"user": "Jose\u0301"}}, {"tags": {}}]

    groups = [list(sums.by_tag("user")(each)) for each in conversations]

    assert [["Jos\u00e9"], ["Jos\u00e9"], [sums.NONE]] == groups
