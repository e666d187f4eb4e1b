"""The tables of a copy: an SQLite file that people read with SQL, Datasette, DuckDB or pandas.

Names are those of the API. Times are text in UTC (`2027-03-01T12:00:00.000000Z`), so that text order is time
order. Spans are seconds. Lists and objects are JSON text. Flags are 0 or 1.

`turns_fts` and `perception_fts` index words. They have no text of their own: triggers keep them equal to
their tables. Accents and case do not count.
"""

# The four bytes at offset 68 of the file: "TvCb". `file` and we recognise a copy by them.
APPLICATION_ID = 0x54764362

# `user_version`: raise it with every change of SCHEMA, and say in `sync` what becomes of earlier files.
VERSION = 1

_RECEIPT = """
    tags TEXT NOT NULL,
    labels TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    received_first_at TEXT NOT NULL,
    received_last_at TEXT NOT NULL"""

_STATE = f"""
    status TEXT NOT NULL,
    raw_status TEXT,
    status_details TEXT,
    error TEXT,
    progress REAL,
    name TEXT,
    links TEXT NOT NULL,
    created_at TEXT,
    updated_at TEXT,{_RECEIPT}"""

_TABLES = (
    f"""CREATE TABLE conversations (
    conversation_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    replica_id TEXT,
    persona_id TEXT,
    joined_at TEXT,
    ended_at TEXT,
    duration REAL,
    end_reason TEXT,
    missing TEXT NOT NULL,
    total_turns INTEGER,
    user_turns INTEGER,
    replica_turns INTEGER,
    user_words INTEGER,
    replica_words INTEGER,
    user_questions INTEGER,
    replica_questions INTEGER,
    user_share_by_words REAL,
    user_seconds REAL,
    replica_seconds REAL,
    first_response_seconds REAL,
    median_response_seconds REAL,
    confirmed INTEGER NOT NULL,{_RECEIPT}
)""",
    """CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    speaker TEXT NOT NULL,
    speaker_name TEXT,
    text TEXT NOT NULL,
    scene TEXT,
    start REAL,
    duration REAL,
    at TEXT,
    response_seconds REAL,
    UNIQUE (conversation_id, number)
)""",
    """CREATE TABLE recordings (
    conversation_id TEXT NOT NULL,
    recording_id TEXT NOT NULL,
    status TEXT NOT NULL,
    key TEXT,
    size INTEGER,
    duration REAL,
    started_at TEXT,
    talk_offset REAL,
    announced INTEGER NOT NULL,
    content_type TEXT,
    version TEXT,
    storage_class TEXT,
    provider TEXT NOT NULL,
    bucket TEXT,
    message TEXT,
    error_code TEXT,
    explanation TEXT,
    issues TEXT NOT NULL,
    modified_at TEXT,
    received_at TEXT,
    PRIMARY KEY (conversation_id, recording_id)
)""",
    """CREATE TABLE objectives (
    conversation_id TEXT,
    objective_id TEXT,
    name TEXT,
    status TEXT NOT NULL,
    variables TEXT NOT NULL,
    deliveries INTEGER NOT NULL,
    at TEXT,
    received_at TEXT NOT NULL,
    event_id TEXT NOT NULL
)""",
    """CREATE TABLE guardrails (
    conversation_id TEXT,
    guardrail_id TEXT,
    name TEXT,
    reason TEXT,
    event_type TEXT NOT NULL,
    at TEXT,
    received_at TEXT NOT NULL,
    event_id TEXT NOT NULL
)""",
    """CREATE TABLE tool_calls (
    conversation_id TEXT NOT NULL,
    source TEXT NOT NULL,
    call_id TEXT,
    name TEXT,
    arguments TEXT,
    answer TEXT,
    status TEXT,
    start REAL,
    at TEXT,
    event_id TEXT
)""",
    """CREATE TABLE perception (
    id INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE,
    analysis TEXT,
    unavailable_reason TEXT,
    at TEXT,
    event_id TEXT NOT NULL
)""",
    f"""CREATE TABLE videos (
    video_id TEXT PRIMARY KEY,
    replica_id TEXT,{_STATE}
)""",
    f"""CREATE TABLE replicas (
    replica_id TEXT PRIMARY KEY,{_STATE}
)""",
    f"""CREATE TABLE resources (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    replica_id TEXT,{_STATE},
    PRIMARY KEY (kind, id)
)""",
    """CREATE TABLE tags (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, subject, name, value)
) WITHOUT ROWID""",
    # `event_id` is the variant's own id for a variant. `body` is JSON, as the API answers it.
    """CREATE TABLE events (
    event_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    family TEXT NOT NULL,
    event_type TEXT NOT NULL,
    occurred_at TEXT,
    received_at TEXT NOT NULL,
    label TEXT NOT NULL,
    tags TEXT NOT NULL,
    source TEXT NOT NULL,
    issues TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    body TEXT NOT NULL
)""",
)

# The state of `sync` between its runs.
_STATE_TABLES = (
    "CREATE TABLE sync_state (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE sync_stale (kind TEXT, subject TEXT, PRIMARY KEY (kind, subject)) WITHOUT ROWID",
    "CREATE TABLE sync_erased (digest TEXT PRIMARY KEY) WITHOUT ROWID",
    # Conversations whose status or recordings may still change without an event, and their last list row.
    """CREATE TABLE sync_unsettled (
    conversation_id TEXT PRIMARY KEY,
    looked_at TEXT NOT NULL,
    listed TEXT NOT NULL
) WITHOUT ROWID""",
)

_INDEXES = (
    "CREATE INDEX events_by_subject ON events (kind, subject)",
    "CREATE INDEX events_by_receipt ON events (received_at)",
    "CREATE INDEX objectives_by_conversation ON objectives (conversation_id)",
    "CREATE INDEX guardrails_by_conversation ON guardrails (conversation_id)",
    "CREATE INDEX tool_calls_by_conversation ON tool_calls (conversation_id)",
    "CREATE INDEX tags_by_value ON tags (name, value)",
)


def _full_text_index(table: str, column: str) -> tuple[str, ...]:
    """Return the index of a column, and the triggers that keep it equal to its table."""
    index, content = f"{table}_fts", f'content="{table}", content_rowid="id"'
    # Beginnings of one to three letters are indexed: in 400,000 turns, t* takes 0.4 ms instead of 70.
    tokens = "tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'"
    insert = f"INSERT INTO {index} (rowid, {column}) VALUES (new.id, new.{column});"  # noqa: S608 - own names
    delete = f"INSERT INTO {index} ({index}, rowid, {column}) VALUES ('delete', old.id, old.{column});"  # noqa: S608
    return (
        f"CREATE VIRTUAL TABLE {index} USING fts5 ({column}, {content}, {tokens})",
        f"CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN {insert} END",
        f"CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN {delete} END",
        f"CREATE TRIGGER {table}_update AFTER UPDATE ON {table} BEGIN {delete} {insert} END",
    )


# The names of the tables that hold words, each with an index `<name>_fts`.
INDEXED = ("turns", "perception")

# Statements to run one after the other; a transaction can hold them all.
SCHEMA = (
    *_TABLES,
    *_STATE_TABLES,
    *_INDEXES,
    *_full_text_index("turns", "text"),
    *_full_text_index("perception", "analysis"),
)
