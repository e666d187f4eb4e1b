"""The claim in a recording's callback, and the status that follows from the claim and the object."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.callbacks.recording_owner import (
    STORAGE_CONFLICT,
    conversation_of,
    is_usable,
    other_form,
)
from tavus_callbacks.domain.recordings.claim import (
    Claim,
    claim_rank,
    read_claim,
    recording_id,
)
from tavus_callbacks.domain.recordings.recording import Recording, latest, recording_status

BUCKET = "ours"
REF = "00001767225600500000-8ff04a6b45effcdf822a7eb5773060be"
KEY = "tavus/c123/1718780000000"
READY, COPY_FAILED = "application.recording_ready", "application.recording_copy_failed"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def claim(**properties):
    """Read the claim of a recording_ready with these properties."""
    return read_claim(READY, "c123", {"properties": properties}, bucket=BUCKET, ref=REF)


def failed_claim(**properties):
    """Read the claim of a recording_copy_failed with these properties."""
    return read_claim(COPY_FAILED, "c123", {"properties": properties}, bucket=BUCKET, ref=REF)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"bucket_name": "ours", "s3_key": KEY}, ("1718780000000", KEY, None)),
        ({"bucket_name": "ours", "s3_key": KEY + ".mp4"}, ("1718780000000", KEY + ".mp4", None)),
        ({"storage_uri": f"s3://ours/{KEY}"}, ("1718780000000", KEY, None)),
        ({"storage_provider": "s3", "storage_uri": f"s3://ours/{KEY}"}, ("1718780000000", KEY, None)),
        ({"s3_key": KEY}, ("1718780000000", KEY, None)),
        ({"bucket_name": "theirs", "s3_key": KEY}, ("1718780000000", KEY, "other_bucket")),
        ({"storage_uri": f"s3://theirs/{KEY}"}, ("1718780000000", KEY, "other_bucket")),
        ({"storage_uri": f"gs://theirs/{KEY}"}, ("1718780000000", KEY, "other_provider")),
        ({"storage_provider": "gcs", "s3_key": KEY}, ("1718780000000", KEY, "other_provider")),
        ({"storage_provider": "azure_blob", "s3_key": KEY}, ("1718780000000", KEY, "other_provider")),
        ({"storage_provider": "floppy", "s3_key": KEY}, ("1718780000000", KEY, "other_provider")),
    ],
)
def test_every_published_form_is_a_claim(properties, expected):
    """A key, a URI alone, with and without `.mp4`, other buckets and providers: each form is recognised."""
    found = claim(**properties)
    assert expected == (found.recording_id, found.key, found.status)


def test_flat_forms_are_read_too():
    """A body without `properties` has its members at the top."""
    found = read_claim(
        READY, "c123", {"bucket_name": "ours", "s3_key": KEY, "duration": 14}, bucket=BUCKET, ref=REF
    )
    assert ("1718780000000", 14.0) == (found.recording_id, found.duration)


@pytest.mark.parametrize(
    "key",
    [None, "", 7, [], "javascript:alert(1)", "https://evil.example/x.mp4", "../secret", "tavus/../x", "/etc",
     "tavus/c123/a\nb", "k" * 2048, "k" * 1022, "tavus/./x"],
)  # fmt: skip
def test_hostile_and_missing_keys_are_failed_and_never_looked_for(key):
    """A recording with an unusable key has failed, with a message, and no key is requested from S3."""
    found = claim(bucket_name="ours", s3_key=key)
    assert ("failed", None) == (found.status, found.key)
    assert found.message == "The callback names no usable object key."


@pytest.mark.parametrize(
    ("pair_bucket", "uri_bucket", "expected"),
    [
        ("ours", "theirs", ("a/pair", None)),
        ("theirs", "ours", ("a/uri", None)),
        ("x", "y", ("a/pair", "other_bucket")),
    ],
)
def test_of_two_places_the_stacks_bucket_wins(pair_bucket, uri_bucket, expected):
    """If key and URI contradict, the one in the stack's bucket wins, and the claim has an issue."""
    found = claim(bucket_name=pair_bucket, s3_key="a/pair", storage_uri=f"s3://{uri_bucket}/a/uri")
    assert expected == (found.key, found.status)
    assert (STORAGE_CONFLICT,) == found.issues


@pytest.mark.parametrize("unusable", ["../x", "https://evil.example/x.mp4", "tavus/c123/a\nb"])
def test_of_two_places_the_usable_one_wins(unusable):
    """An unusable key never hides a usable one, and the claim has an issue."""
    by_uri = claim(bucket_name="ours", s3_key=unusable, storage_uri=f"s3://ours/{KEY}")
    by_pair = claim(bucket_name="ours", s3_key=KEY, storage_uri=f"s3://ours/{unusable}")
    assert [("1718780000000", KEY, None, (STORAGE_CONFLICT,))] * 2 == [
        (one.recording_id, one.key, one.status, one.issues) for one in (by_uri, by_pair)
    ]


@pytest.mark.parametrize("nothing", ["", 5, None, []])
def test_a_pair_without_a_key_contradicts_nothing(nothing):
    """The URI counts alone."""
    found = claim(bucket_name="ours", s3_key=nothing, storage_uri=f"s3://ours/{KEY}")
    assert (KEY, None, ()) == (found.key, found.status, found.issues)


def test_a_pair_without_a_bucket_says_less_than_a_uri():
    """The URI's bucket counts if the pair names none, whether the keys are equal or not."""
    found = [claim(s3_key=KEY, storage_uri=f"s3://theirs/{key}") for key in (KEY, "a/other")]
    assert ["other_bucket", "other_bucket"] == [one.status for one in found]


REFS = st.sampled_from([REF, REF.replace("25600", "25601"), "b-" + "0" * 32])
CLAIMS = st.builds(
    lambda read, members, moved: read(**{"s3_key": KEY, **members, **moved}),
    st.sampled_from([claim, failed_claim]),
    st.fixed_dictionaries({}, optional={"duration": st.integers(0, 99)}),
    st.sampled_from([{}, {"bucket_name": "ours"}, {"bucket_name": "theirs"}, {"storage_provider": "gcs"}]),
)


@given(st.lists(st.tuples(REFS, CLAIMS), min_size=1, max_size=6), st.randoms())
def test_in_every_order_the_richest_claim_that_can_be_served_stays(claims, chance):
    """Every order and repetition ends with the same claim, and no other one is richer or easier to serve."""
    shuffled = chance.choices(claims, k=3) + chance.sample(claims, len(claims))

    stays, again = (noted_of(order) for order in (claims, shuffled))

    assert stays == again
    served = [one for _, one in claims if one.status is None]
    served = served or [one for _, one in claims if one.status != "failed"] or [one for _, one in claims]
    assert stays in served
    assert max(map(richness, served)) == richness(stays)


def noted_of(claims):
    """Return the claim that a row has after these claims, by the condition of the table."""
    noted = claims[0]
    for ref, one in claims[1:]:
        noted = (ref, one) if claim_rank(ref, one) < claim_rank(*noted) else noted
    return noted[1]


def richness(one):
    """Return a key that sorts claims by what they say, the duration first."""
    return one.duration is not None, one.bucket is not None


def test_the_rank_of_claims_does_not_depend_on_arrival():
    """The richer claim of two variants counts, whichever came first."""
    poor, rich = claim(s3_key=KEY), claim(s3_key=KEY, duration=7200)
    assert claim_rank(REF, rich) < claim_rank(REF, poor)


AZURE = "https://account.blob.core.windows.net/container"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"storage_provider": "azure_blob", "storage_uri": f"{AZURE}/{KEY}"},
            ("azure_blob", f"container/{KEY}"),
        ),
        (
            {"storage_provider": "azure_blob", "storage_uri": f"{AZURE}/{KEY}", "s3_key": KEY},
            ("azure_blob", KEY),
        ),
        (
            {"storage_provider": "azure_blob", "storage_uri": f"{AZURE}/{KEY}?sv=1&sig=x", "s3_key": KEY},
            ("azure_blob", KEY),
        ),
        (
            {"storage_provider": "azure_blob", "storage_uri": f"{AZURE}/a%20b/1", "s3_key": "a b/1"},
            ("azure_blob", "a b/1"),
        ),
        ({"storage_provider": "gcs", "storage_uri": f"s3://ours/{KEY}"}, ("s3", KEY)),
        ({"storage_uri": f"{AZURE}/{KEY}"}, ("unknown", f"container/{KEY}")),
    ],
)
def test_the_provider_is_the_sent_one_where_the_scheme_names_none(properties, expected):
    """Azure sends an `https://…` address. Then `storage_provider` names the provider, without a conflict."""
    found = claim(**properties)

    assert (expected, ()) == ((found.provider, found.key), found.issues)


@pytest.mark.parametrize(
    "properties",
    [
        {"s3_key": KEY, "storage_uri": "s3://[x/y"},
        {"s3_key": KEY, "duration": 1e-200},
        {"storage_uri": "://"},
    ],
)
def test_odd_members_break_nothing(properties):
    """Every body gives a claim that the table can store."""
    assert claim(**properties).recording_id


def test_a_long_message_is_cut():
    """A row is small; the event stores the whole text."""
    found = failed_claim(error_message="x" * 500_000, error_code="y" * 500_000)
    assert (1000, 200) == (len(found.message), len(found.error_code))


def test_an_object_in_our_bucket_is_available_whatever_a_callback_says():
    """A claim of another bucket cannot hide an object in the stack's bucket."""
    there = recording(claim=Claim("r", "s3", status="other_bucket"), size=5, was_there=True)
    assert status(there) == "available"


def test_a_failed_copy_is_a_recording_with_its_message():
    """`recording_copy_failed` gives the status failed with Tavus's own message."""
    found = failed_claim(error_message="AccessDenied")
    assert ("failed", "AccessDenied") == (found.status, found.message)


def test_a_failed_copy_is_the_recording_of_its_key():
    """`s3_key` gives it the id that the file has if it comes later."""
    found = failed_claim(
        s3_key=KEY, duration=14, storage_provider="gcs", error_code="DESTINATION_AUTH_FAILED"
    )

    assert found.recording_id == claim(s3_key=KEY).recording_id
    assert ("failed", KEY, 14.0, "gcs", "DESTINATION_AUTH_FAILED") == (
        found.status, found.key, found.duration, found.provider, found.error_code
    )  # fmt: skip


@pytest.mark.parametrize("key", [None, "", "../x", 7])
def test_a_failed_copy_without_a_usable_key_has_the_id_of_its_event(key):
    """Nothing else identifies it."""
    found = failed_claim(s3_key=key, error_message="no")

    assert (f"failed-{REF[-24:]}", None, "no") == (found.recording_id, found.key, found.message)


@pytest.mark.parametrize(
    ("provider", "key", "expected"), [("s3", KEY, True), ("gcs", KEY, False), ("s3", "../x", False)]
)
def test_after_a_failed_copy_the_object_may_still_come(provider, key, expected):
    """Tavus keeps the file for about 30 days. No file comes from another provider, or without a key."""
    assert expected == failed_claim(s3_key=key, storage_provider=provider).may_come


MEMBERS = (
    "properties",
    "s3_key",
    "bucket_name",
    "storage_uri",
    "storage_provider",
    "duration",
    "error_message",
)
LEAVES = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(MEMBERS), inner)))
def test_no_body_breaks_reading_a_claim(body):
    """Every JSON body gives a claim."""
    if isinstance(body, dict):
        assert read_claim(READY, "c", body, bucket=BUCKET, ref=REF).recording_id


@given(st.text(min_size=1))
def test_an_id_does_not_depend_on_the_suffix(key):
    """A key and its other form are one recording."""
    assert recording_id("c", key) == recording_id("c", other_form(key))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.mp4", "1"),
        ("x.MP4", "x.MP4"),
        ("x.MP4.mp4", "x.MP4"),
        ("x.webm", "x.webm"),
        ("x.webm.mp4", "x.webm"),
    ],
)
def test_ids_of_stored_recordings_stay(name, expected):
    """Only `.mp4` in lower case is removed. Another rule would change the ids of stored recordings."""
    assert expected == recording_id("c123", f"tavus/c123/{name}")


def test_no_recording_is_called_latest():
    """The API uses `latest` for the newest one, so an object of that name gets another id."""
    found = {recording_id("c123", f"tavus/c123/latest{suffix}") for suffix in ("", ".mp4")}
    assert 1 == len(found)
    assert found.pop().startswith("x")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(14, 14.0), ("14.2", 14.2), ("1e2", 100.0), (14.23456, 14.235), (0, 0.0), ("14 s", None), (True, None),
     (-1, None), (86_401, None), ("nan", None), (None, None), ([14], None)],
)  # fmt: skip
def test_a_duration_is_read_as_number_and_as_text(sent, expected):
    """A duration is at most a day, in seconds. Anything else is left out; the event stores what was sent."""
    assert expected == claim(s3_key=KEY, duration=sent).duration


def test_an_id_from_elsewhere_never_looks_like_one_of_the_layout():
    """A key of another conversation gives a digest, so it cannot replace the conversation's own recording."""
    assert recording_id("c123", KEY) == "1718780000000"
    assert recording_id("c124", KEY).startswith("x")


@pytest.mark.parametrize(
    ("key", "expected"),
    [(KEY, "c123"), (KEY + ".mp4", "c123"), ("daily-co-test-upload.txt", None), ("tavus/c123", None),
     ("tavus/c/1/2", None), ("tavus/../x", None)],
)  # fmt: skip
def test_only_the_layout_names_a_conversation(key, expected):
    """Objects outside `tavus/<conversation>/<name>`, such as the probe, belong to no conversation."""
    assert expected == conversation_of(key)


def recording(**members):
    """Make a recording; members that are not given are empty."""
    blank = dict.fromkeys(
        ("claim", "claimed_at", "key", "size", "content_type", "version", "storage_class", "modified_at")
    )
    return Recording(
        **{
            "conversation_id": "c123",
            "recording_id": "r",
            "looked_at": None,
            "was_there": False,
            **blank,
            **members,
        }
    )


def status(one, *, after=timedelta()):
    """Derive the status some time after NOW."""
    return recording_status(one, now=NOW + after, missing_after=HOUR)


def test_a_claim_waits_and_then_is_missing():
    """Without an object a recording is pending for the configured time, then missing."""
    waiting = recording(claim=Claim("r", "s3", key="k"), claimed_at=NOW)
    assert ["pending", "pending", "missing"] == [status(waiting, after=HOUR * part) for part in (0, 0.99, 1)]


def test_an_object_that_was_there_and_went_is_missing():
    """A deleted recording is not waited for again."""
    gone = recording(claim=Claim("r", "s3", key="k"), claimed_at=NOW, looked_at=NOW, was_there=True)
    assert status(gone) == "missing"


def test_an_object_is_available_whatever_was_claimed_of_it_in_time():
    """Claimed or unannounced, an object that is there is available."""
    there = recording(size=5, looked_at=NOW, was_there=True)
    claimed = recording(claim=Claim("r", "s3", key="k"), claimed_at=NOW - 9 * HOUR, size=5, was_there=True)
    assert ["available", "available"] == [status(there), status(claimed)]


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [(None, "failed"), ("failed", "failed"), ("other_bucket", "other_bucket")],
)
def test_an_object_without_bytes_has_failed(claimed, expected):
    """It cannot be watched. A recording that is stored elsewhere keeps its status."""
    empty = recording(claim=Claim("r", "s3", key="k", status=claimed), size=0, was_there=True)

    assert (expected, False, True) == (status(empty), empty.is_there, empty.has_object)


def test_a_failed_copy_that_came_later_is_available_and_then_missing():
    """An object that was there did not fail, even after it is deleted."""
    failed = Claim("r", "s3", key="k", status="failed")
    was_there = {"was_there": True, "had_bytes": True}
    steps = [{}, {"size": 5, **was_there}, was_there]

    assert ["failed", "available", "missing"] == [status(recording(claim=failed, **step)) for step in steps]


def test_the_latest_is_never_an_empty_one():
    """An older recording that can be watched comes first."""
    old = recording(recording_id="1", size=1, modified_at=NOW)
    empty = recording(recording_id="2", size=0, modified_at=NOW + HOUR)

    assert "1" == latest([old, empty]).recording_id


def test_the_latest_is_the_newest_that_is_there():
    """An object beats a later announcement; ties go by id, whatever the order."""
    old = recording(recording_id="1", size=1, modified_at=NOW)
    new = recording(recording_id="2", size=1, modified_at=NOW + HOUR)
    announced = recording(recording_id="3", claimed_at=NOW + 2 * HOUR)
    assert {"2"} == {
        latest(list(order)).recording_id for order in itertools.permutations([old, new, announced])
    }
    assert latest([]) is None


def test_usable_keys_are_kept_as_they_are():
    """Object keys may have spaces, plus signs, percent signs and Unicode."""
    assert all(is_usable(key) for key in ("a b", "a+b", "100%.mp4", "録画/日本.mp4", "x/a:b"))
