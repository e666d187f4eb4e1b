"""The keys of every row in the events table and of every object in the bodies bucket.

    pk                                sk
    <kind>#<subject>                  e1#<ref>                an event, a variant or a repeat of it
    <kind>#<subject>                  s1                      the summary
    <kind>#<subject>                  t1#<digest of a term>   an index entry
    conversation#<id>                 a1                      the attempt to repair it from Tavus's record
    conversation#<id>                 r0                      an object came for it
    conversation#<id>                 r1#<recording id>       a recording
    claim#<digest of an object's key> <conversation id>       who claims an object outside of all folders
    tombstone#<digest>                tombstone               a subject that was erased
    tombstone#any                     marker                  a subject was erased that may get callbacks
    quarantine#<digest of the body>   entry                   a body in quarantine
    token#<token id>                  use                     the last use of a token
    sweep#<name>                      place                   how far a schedule has come
    entries#<kind>                    coverage                which subjects have index entries

`ref` is the time in microseconds, or `untimed`, with a digest of the event's identity. Other content for the
same event adds `-v<content>`; the same body without a time, received again after the window, `-<number>`.
Keys are stored, so they never change.

The index `receipts` lists events and quarantine in the order of receipt: `receipt_shard` is one of the shards
below, `receipt` a time and a name that makes it unique.

The index `listing` lists summaries by kind, and index entries by term: a tag or a replica. `listing_shard` is
one of the shards of a kind or of a term, `listed` the first receipt with a name that makes it unique. It also
lists tombstones, by the time at which they were put.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso

Key = dict[str, str]

EVENT_PREFIX = "e1#"
RECORDING_PREFIX = "r1#"
TOMBSTONE_PREFIX = "tombstone#"
CLAIM_PREFIX = "claim#"
QUARANTINE_PREFIX = "quarantine#"
ENTRY_PREFIX = "t1#"
SUMMARY = "s1"
REPAIR_ATTEMPT = "a1"
OBJECT_CAME = "r0"
TOMBSTONE_MARKER: Key = {"pk": f"{TOMBSTONE_PREFIX}any", "sk": "marker"}

# A shard of the index takes 1,000 writes a second; 10,000 callbacks a second fill 24 to 42 % of these.
EVENT_SHARDS = tuple(f"r1#{number:02}" for number in range(24))
# People erase one subject at a time, so one shard suffices.
ERASURE_SHARDS = ("erasure#0",)
QUARANTINE_SHARDS = tuple(f"q1#{number:02}" for number in range(4))

# Every conversation may carry one tag, so a term is spread as a kind is. With seven shards, a page has one
# call left for a second batch of rows.
ENTRY_SHARDS = 7

# Prefixes in the bodies bucket.
QUARANTINED_BODIES = "quarantine"
SPILLED_BODIES = "spill"


def partition(kind: str, subject: str) -> str:
    """Return the partition of a subject."""
    return f"{kind}#{subject}"


def event(kind: str, subject: str, ref: str) -> Key:
    """Return the key of an event, a variant or a repeat."""
    return {"pk": f"{kind}#{subject}", "sk": EVENT_PREFIX + ref}


def event_attributes(kind: str, subject: str, ref: str, kept_at: datetime, request_id: str) -> Key:
    """Return an event's keys in the table and in the index; no other request gives it the same receipt."""
    key = event(kind, subject, ref)
    name = digest(f"{key['pk']}#{ref}#{request_id}")
    return {**key, **receipt_attributes(EVENT_SHARDS, kept_at, name)}


def summary(kind: str, subject: str) -> Key:
    """Return the key of a subject's summary."""
    return {"pk": f"{kind}#{subject}", "sk": SUMMARY}


def entry(kind: str, subject: str, term_digest: str) -> Key:
    """Return the key of a subject's entry for a term."""
    return {"pk": f"{kind}#{subject}", "sk": ENTRY_PREFIX + term_digest}


def entry_shards(term_digest: str) -> list[str]:
    """Return the partition keys of a term in the index `listing`."""
    return [f"{ENTRY_PREFIX}{term_digest}#{number}" for number in range(ENTRY_SHARDS)]


def entry_coverage(kind: str) -> Key:
    """Return the key of the note on which subjects of a kind have entries."""
    return {"pk": f"entries#{kind}", "sk": "coverage"}


def repair_attempt(conversation_id: str) -> Key:
    """Return the key of the attempt to repair a conversation."""
    return {"pk": f"conversation#{conversation_id}", "sk": REPAIR_ATTEMPT}


def recording(conversation_id: str, recording_id: str) -> Key:
    """Return the key of a recording."""
    return {"pk": f"conversation#{conversation_id}", "sk": RECORDING_PREFIX + recording_id}


def object_came(conversation_id: str) -> Key:
    """Return the key of the note that an object came for a conversation."""
    return {"pk": f"conversation#{conversation_id}", "sk": OBJECT_CAME}


def claim(key_digest: str, conversation_id: str) -> Key:
    """Return the key of a conversation's claim on an object."""
    return {"pk": CLAIM_PREFIX + key_digest, "sk": conversation_id}


def tombstone(subject_partition: str) -> Key:
    """Return the key of a subject's tombstone; a digest, so that the row names nobody."""
    return {"pk": TOMBSTONE_PREFIX + digest(subject_partition), "sk": "tombstone"}


def erasure_attributes(tombstone_key: Key, listed_at: datetime) -> Key:
    """Return the attributes that list a tombstone for copies elsewhere."""
    # A repeated erasure is another entry, so the name differs too.
    name = digest(f"{tombstone_key['pk']}#{iso(listed_at)}")
    return {"listing_shard": shard(ERASURE_SHARDS, name), "listed": receipt(listed_at, name)}


def quarantine(quarantine_id: str) -> Key:
    """Return the key of a body in quarantine."""
    return {"pk": QUARANTINE_PREFIX + quarantine_id, "sk": "entry"}


def token_use(token_id: str) -> Key:
    """Return the key of a token's last use."""
    return {"pk": f"token#{token_id}", "sk": "use"}


def sweep(name: str) -> Key:
    """Return the key of a schedule's progress."""
    return {"pk": f"sweep#{name}", "sk": "place"}


def event_bodies(kind: str, subject: str) -> str:
    """Return the prefix of a subject's bodies in the bucket; a digest, because a subject can be any text."""
    return f"events/{kind}/{digest(subject)}"


def shard(shards: Sequence[str], name: str) -> str:
    """Return the shard of a name; names spread evenly."""
    return shards[zlib.crc32(name.encode()) % len(shards)]


def receipt(moment: datetime, name: str) -> str:
    """Return the sort key of an index: time, then a name that makes it unique."""
    return f"{iso(moment)}#{name}"


def receipt_time(place: str) -> str:
    """Return the time in a sort key that `receipt` made."""
    return place.partition("#")[0]


def receipt_attributes(shards: Sequence[str], moment: datetime, name: str) -> Key:
    """Return the attributes that put a row into the order of receipt."""
    return {"receipt_shard": shard(shards, name), "receipt": receipt(moment, name)}
