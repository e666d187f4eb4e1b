"""An export has everything of a subject in one zip, nothing of its neighbours, and always one layout."""

import gzip
import json
import zipfile
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner
from planting import CANARY, ERASED, world_of
from projecting import project_all

from tavus_callbacks_cli.commands import export as command
from tavus_callbacks_cli.main import main


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with a conversation, its neighbour, and a CDN that hands out objects."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:

        def fetch(link, file, progress):
            key = unquote(urlsplit(link()).path.lstrip("/"))
            content = made.s3.get_object(Bucket=recordings.bucket, Key=key)["Body"].read()
            file.write_bytes(content)
            progress(len(content), len(content))
            return len(content)

        monkeypatch.setattr(command, "fetch", fetch)
        for conversation in (ERASED, "c12"):
            made.kept(conversation)
        project_all(made.api)
        yield made


def exported(file, *arguments):
    """Run the command and return the archive's content by name, and what was printed."""
    result = CliRunner().invoke(main, ["export", *arguments, "--to", str(file), "--json"])
    assert 0 == result.exit_code, result.output
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, json.loads(result.stdout)


def test_everything_of_a_conversation_is_in_the_zip(world, tmp_path):
    """The zip has stored bodies, variants and large ones too, view, transcript, recordings and quarantine."""
    transcript = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]
    world.api.post(world.body(ERASED, "application.transcription_ready", 4, transcript=transcript))
    world.recordings.put(f"tavus/{ERASED}/1", b"a video")
    world.recordings.claim(f"tavus/{ERASED}/1")
    world.quarantined(ERASED)
    world.quarantined("c12")

    files, said = exported(tmp_path / "c1.zip", ERASED)

    folder = f"conversation/{ERASED}"
    assert {"conversation", ERASED} == set(said["subjects"][0].values())
    assert b"a video" == files[f"{folder}/recordings/1.mp4"]
    events = json.loads(files[f"{folder}/events.json"])["events"]
    assert 6 == said["events"] == len(events)
    bodies = [json.loads(files[f"{folder}/{event['file']}"]) for event in events]
    assert {ERASED} == {body["conversation_id"] for body in bodies}
    assert 1 == sum("more" in body for body in bodies)
    assert ERASED == json.loads(files[f"{folder}/view.json"])["conversation_id"]
    assert b"Hello." in files[f"{folder}/transcript.txt"]
    assert 2 == len(json.loads(files[f"{folder}/transcript.json"])["turns"])
    assert 2 == len(json.loads(files["quarantine.json"])["quarantine"])
    assert f"{CANARY} of c12" not in str(files)
    assert f"conversation {ERASED}" in files["README.txt"].decode()


@pytest.mark.slow
@pytest.mark.usefixtures("world")
def test_the_same_content_makes_the_same_archive_for_its_owner_alone(tmp_path):
    """Names, order, times and modes depend only on the stored content."""
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"

    exported(first, ERASED)
    exported(second, ERASED)

    assert first.read_bytes() == second.read_bytes()
    assert 0o600 == first.stat().st_mode & 0o777
    with zipfile.ZipFile(first) as archive:
        assert {0o600} == {each.external_attr >> 16 for each in archive.infolist()}


@pytest.mark.slow
def test_a_tag_exports_subjects_of_every_listed_kind(world, tmp_path):
    """Conversations, videos and replicas with a person's tag are exported."""
    world.api.post({"video_id": "v1", "status": "ready"}, query=f"user={ERASED}")
    project_all(world.api)

    files, said = exported(tmp_path / "tag.zip", "--tag", f"user:{ERASED}")

    assert [ERASED, "v1"] == [each["subject"] for each in said["subjects"]]
    assert "ready" == json.loads(files["video/v1/view.json"])["status"]


def test_what_cannot_be_searched_is_told(world, tmp_path):
    """The API shows no text of a compressed body, so the README says that somebody must look into it."""
    world.api.post(gzip.compress(json.dumps([ERASED]).encode()))

    files, _ = exported(tmp_path / "c1.zip", ERASED)

    assert [] == json.loads(files["quarantine.json"])["quarantine"]
    assert "1 quarantine entries could not be searched" in files["README.txt"].decode()


@pytest.mark.slow
def test_no_recording_overwrites_another_when_the_archive_is_unpacked(world, tmp_path):
    """Keys that differ only in their extension or its case have files of their own."""
    names = ("1", "1.MP4", "x", "x.webm.mp4", "y.WEBM", "y.webm")
    for name in names:
        world.recordings.put(f"tavus/{ERASED}/{name}", name.encode())
        world.recordings.tell(f"tavus/{ERASED}/{name}")

    files, _ = exported(tmp_path / "c1.zip", ERASED)

    saved = {name: content for name, content in files.items() if "/recordings/" in name}
    assert {name.encode() for name in names} == set(saved.values())
    assert len(names) == len({name.lower() for name in saved})


def test_another_s_recording_is_not_handed_out(world, tmp_path):
    """A forged callback may claim it; the README says why it is missing."""
    world.recordings.put("tavus/c12/1", b"of somebody else")
    world.recordings.say(ERASED, bucket_name=world.recordings.bucket, s3_key="tavus/c12/1")
    world.recordings.claim(f"tavus/{ERASED}/7")

    files, _ = exported(tmp_path / "c1.zip", ERASED)

    assert not [name for name in files if name.endswith(".mp4")]
    readme = files["README.txt"].decode()
    assert "it is in the folder of conversation c12" in readme
    assert f"Recording 7 of {ERASED} is not included: it is pending." in readme


@pytest.mark.slow
@pytest.mark.parametrize("name", ["..", "a/../../b", "ä/b c"])
def test_an_odd_id_leads_nowhere_when_it_is_unpacked(world, tmp_path, name):
    """Its events have a name that no unpacking reads as another folder."""
    world.api.post(world.body(name, "system.shutdown", 1))

    files, _ = exported(tmp_path / "odd.zip", name)

    assert not [each for each in files if ".." in each.split("/") or " " in each]
    assert 1 == sum("/events/" in each for each in files)
    assert "no page of its own" in files["README.txt"].decode()


@pytest.mark.slow
@pytest.mark.usefixtures("world")
def test_a_file_that_is_there_is_kept_and_half_a_one_is_none(tmp_path):
    """Overwriting takes --force, and an unknown subject leaves no file."""
    file = tmp_path / "c1.zip"
    file.write_text("before")

    refused = CliRunner().invoke(main, ["export", ERASED, "--to", str(file)])
    unknown = CliRunner().invoke(main, ["export", "nobody", "--to", str(tmp_path / "n.zip")])

    assert (1, "before") == (refused.exit_code, file.read_text())
    assert "--force" in refused.stderr
    assert (1, [file]) == (unknown.exit_code, list(tmp_path.iterdir()))
    assert "No event of conversation nobody" in unknown.stderr
    exported(file, ERASED, "--force")
