"""The report of `stats --html` in a real browser: it opens from disk, and texts of strangers stay texts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browsing import expect

from tavus_callbacks.domain.summaries import sums
from tavus_callbacks_cli.stats.report import report

pytestmark = pytest.mark.more

EVIL = '</script><img src=x onerror="alert(1)"><!--<script>'
FORMULA = '=1+1,"\u202e'


def conversation(number: int) -> dict:
    """Return a conversation as a list answers it; two of three days have one."""
    day = datetime(2027, 3, 1, tzinfo=UTC) + timedelta(days=number + number // 2)
    return {
        "received_first_at": f"{day:%Y-%m-%d}T12:00:00.000000Z",
        "status": "ended",
        "end_reason": EVIL if number else None,
        "duration": 45.0 * number,
        "talk": None,
        "tags": {"user": [EVIL, FORMULA] if number < 2 else f"u{number}"},
        "labels": [],
        "missing": ["transcript"],
        "simulated": False,
    }


@pytest.fixture
def opened(stranger, tmp_path):
    """Return a function that opens a report from disk, and collects what the browser complains about."""
    complaints = []
    stranger.on("console", lambda message: complaints.append(message.text))
    stranger.on("pageerror", lambda error: complaints.append(str(error)))
    stranger.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    stranger.on("request", lambda request: complaints.append(request.url) if request.url != url else None)
    path = Path(tmp_path / "report.html")
    url = path.as_uri()

    def open_report(count: int, by: str):
        conversations = [conversation(number) for number in range(count)]
        statistics = sums.statistics(conversations, sums.parse_key(by))
        grouped = {by: statistics.pop("groups"), "label": sums.groups(conversations, sums.by_label)}
        path.write_text(report({**statistics, "by": by}, grouped, f"On {EVIL}"), encoding="utf-8")
        stranger.goto(url)
        return stranger

    yield open_report
    assert [] == complaints


def test_the_report_opens_from_disk(opened):
    """Each figure has its plot and its table, days without conversations too; nothing is asked for."""
    page = opened(12, "day")

    titles = page.locator("figcaption").all_inner_texts()
    assert ["Conversations by day (UTC)", "Length", "Median response of the replica"] == titles[:3]
    days = page.locator("figure").first.locator("svg title")
    assert ["2027-03-01: 1", "2027-03-02: 1", "2027-03-03: 0"] == days.all_text_contents()[:3]
    assert 12 + 5 == days.count()
    lengths = page.locator("figure", has_text="Length")
    lengths.get_by_text("Table").click()
    # The rows are made when the table has opened.
    expect(lengths.locator("tbody tr").first.locator("td")).to_have_text(["0 s to 30 s", "1"])


def test_the_report_groups_by_another_key_as_the_console_does(opened):
    """A click shows the groups of that key; the address keeps it."""
    page = opened(4, "tag:user")
    links = page.get_by_role("group", name="Group by").get_by_role("link")

    expect(links).to_have_text(["tag:user", "token label"])
    links.last.click()

    expect(page.locator("figcaption").first).to_have_text("Conversations by token label")
    expect(links.last).to_have_attribute("aria-current", "true")
    assert page.url.endswith("#label")


def test_texts_of_strangers_stay_texts_in_the_report(opened):
    """No element is made of a tag or a reason, and no style or script of it counts."""
    page = opened(4, "tag:user")

    assert [EVIL] == page.locator(".bars .name", has_text="onerror").first.all_inner_texts()
    assert f"On {EVIL}" == page.locator(".left-out p").inner_text()
    assert 0 == page.locator("img, body > main script").count()


def test_the_csv_of_the_report_is_for_spreadsheets(opened):
    """The download has every column of the sums; no text is a formula, and none steers a terminal."""
    page = opened(4, "tag:user")

    with page.expect_download() as download:
        page.get_by_role("button", name="Conversations by tag:user: CSV").click()

    head, *rows = download.value.path().read_text(encoding="utf-8").splitlines()
    assert ["group", *sums.sums([])] == head.split(",")
    assert 4 == len(rows)
    assert any(row.startswith('"\'=1+1,""\\u202e",2,') for row in rows)
    assert "conversations-by-tag-user.csv" == download.value.suggested_filename


def test_a_report_about_nothing_says_so(opened):
    """A span without conversations has a sentence, not an empty page."""
    assert "No conversations match." in opened(0, "day").locator("main").inner_text()
