"""Behaves as the sample of Tavus's documentation does; with DATABASE it keeps what it gets in SQLite."""
# ruff: noqa: INP001, T201  # a script, and the sample prints

import os
import sqlite3
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
transcripts: dict[str, list[dict[str, Any]]] = {}
database = sqlite3.connect(os.environ["DATABASE"]) if "DATABASE" in os.environ else None
if database:
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS callbacks (conversation_id, event_type, timestamp, body)")


@app.post("/webhook")
def webhook() -> ResponseReturnValue:
    """Print what came."""
    data = request.get_json()
    event_type, conversation_id = data.get("event_type"), data.get("conversation_id")
    print(f"Received {event_type} for {conversation_id}")
    if database:
        row = (conversation_id, event_type, data.get("timestamp"), request.get_data(as_text=True))
        database.execute("INSERT INTO callbacks VALUES (?, ?, ?, ?)", row)
        database.commit()
    show(event_type, conversation_id, data)
    return jsonify({"status": "success"}), 200


def show(event_type: str, conversation_id: str, data: dict[str, Any]) -> None:
    """Print what each type is about."""
    properties = data["properties"]
    if event_type == "system.replica_joined":
        print("The replica has joined")
    elif event_type == "system.shutdown":
        print("Shutdown:", properties["shutdown_reason"])
    elif event_type == "application.recording_ready":
        print("Recording:", properties["s3_key"])
    elif event_type == "application.perception_analysis":
        print("Perception:", properties["analysis"])
    elif event_type == "application.transcription_ready":
        print("The transcript is ready")
        transcripts[conversation_id] = properties["transcript"]
        analyse(transcripts[conversation_id])


def analyse(transcript: list[dict[str, Any]]) -> None:
    """Print counts, then every turn."""
    roles = [turn["role"] for turn in transcript]
    print("User turns:", roles.count("user"))
    print("Assistant turns:", roles.count("assistant"))
    print("Turns:", len(roles))
    for turn in transcript:
        print(f"{turn['role']}: {turn['content']}")
