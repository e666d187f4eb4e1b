"""The threat model: each test that it names is there, and its figures follow from the throttle."""

import re
from pathlib import Path

import pytest

from encodings_of_tokens import FOUND, IN_BYTES, REMAINS
from tavus_callbacks.aws.stores.keys import partition
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.timestamps import now
from threats import TESTS

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "security.md").read_text()
COST = (ROOT / "docs" / "cost.md").read_text()

# Dollars a million: see the formula of docs/cost.md.
SUMMARY = 1.38
HTTP_REQUEST, LAMBDA_REQUEST, WRITE_UNITS, PUT, LOG = 1.00, 0.20, 2 * 0.625, 5.00, 0.58
GB_SECOND = 13.3334
MEMORY = 0.5
# The bus gets a callback, by 64 KB, and one derived push; the largest body is only pointed to.
BUS = {
    "300 B": 1 + 1,
    "200 KB": 4 + 1,
    "5.9 MB, incompressible": 1 + 1,
    "5.9 MB, slowest to parse": 1 + 1,
}
# For a body of 5.9 MB: requests of 512 KB, seconds of Lambda to receive it and to sum it up (assumed), reads.
LARGEST_REQUESTS, LARGEST_SECONDS, GET = 12, 3, 0.40
# The dearest takes 3 s to receive and 2 s to sum up.
MORE_SECONDS = 2


def rows():
    """Return the table of what a leaked URL costs: body, a million, a day."""
    found = re.findall(r"^\| ([^|]+) \| \$([\d.]+) \| \$(\d+) \|$", MODEL, re.MULTILINE)
    return {body: (float(million), int(day)) for body, million, day in found}


def expected():
    """Return what a million costs by the table and formula of docs/cost.md."""
    listed = dict(re.findall(r"^\| (300 B|200 KB) \|.*\| \$([\d.]+) \|$", COST, re.MULTILINE))
    largest = HTTP_REQUEST * LARGEST_REQUESTS + LAMBDA_REQUEST + WRITE_UNITS + PUT + LOG
    largest += MEMORY * LARGEST_SECONDS * GB_SECOND + LAMBDA_REQUEST + GET + SUMMARY
    kept = {
        **{body: float(price) + SUMMARY for body, price in listed.items()},
        "5.9 MB, incompressible": largest,
        "5.9 MB, slowest to parse": largest + MEMORY * MORE_SECONDS * GB_SECOND,
    }
    return {body: price + BUS[body] for body, price in kept.items()}


def test_the_worst_cost_of_a_leaked_url_follows_from_the_throttle(template):
    """The table is the throttle times the prices of docs/cost.md, within a twentieth."""
    [stage] = template.of_type("AWS::ApiGatewayV2::Stage")
    rate = float(stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"])
    millions = rate * 86_400 / 1e6

    assert expected().keys() == rows().keys()
    for body, price in expected().items():
        million, day = rows()[body]
        assert price == pytest.approx(million, rel=0.05)
        assert price * millions == pytest.approx(day, rel=0.05)


def test_every_test_of_the_threat_model_exists():
    """A threat is named with tests of this repository."""
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert not {name for names in TESTS.values() for name in names} - written


def test_each_threat_has_a_test_or_is_accepted():
    """The tables of the page and the tests name the same threats; one without a test is accepted in words."""
    section = MODEL.partition("\n## Threats\n")[2]
    defences = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE))
    del defences["threat"]

    assert TESTS.keys() == defences.keys()
    assert [] == [name for name, text in defences.items() if not TESTS[name] and "*Accepted*" not in text]


def test_the_page_says_which_forms_of_a_token_are_found():
    """Each form that the tests of redaction try is in the list with its outcome."""
    section = " ".join(MODEL.partition("\n## Redaction\n")[2].partition("\n## ")[0].split())
    found, _, remains = section.partition("**Not found**")

    assert [] == [form for form in [*FOUND, *IN_BYTES] if form not in found]
    assert [] == [form for form in REMAINS if form not in remains]


def test_the_recording_role_deletes_nothing(template):
    """Tavus's role may list, put and get in one bucket, and is not assumed without the external id."""
    [role] = [one for one in template.of_type("AWS::IAM::Role") if one.logical_id == "RecordingRole"]
    [policy] = role.properties["Policies"]
    actions = {
        action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]
    }
    [trust] = role.properties["AssumeRolePolicyDocument"]["Statement"]

    assert not [action for action in actions if "Delete" in action or "*" in action]
    assert {"StringEquals": {"sts:ExternalId": "tavus"}} == trust["Condition"]


@pytest.mark.parametrize("subject", ["a#b", "conversation#x", "#", "quarantine#0", "x#e1#y", "token#0"])
def test_a_subject_cannot_leave_its_partition(subject):
    """Whatever an id holds, its key begins with one of our kinds, and reads as no other kind's."""
    raw = b'{"conversation_id":"%s","event_type":"x"}' % subject.encode()

    event = parse_event(raw, query="", label="x", received_at=now())

    kind, _, rest = partition(event.kind, event.subject).partition("#")
    assert ("conversation", subject) == (kind, rest)
    assert not [other for other in KINDS if "#" in other]
