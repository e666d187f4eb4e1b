"""The embedded S3 announces changes of objects as S3 does to EventBridge, and nothing else."""

import pytest

from tavus_callbacks_cli.local_stack.services.object_events import (
    ObjectFacts,
    object_event,
    report_object_changes,
)

DELETED = b"""<DeleteResult>
<Deleted><Key>a&amp;b</Key><DeleteMarker>true</DeleteMarker></Deleted>
<Deleted><Key>c</Key><VersionId>v1</VersionId></Deleted>
<Error><Key>d</Key></Error></DeleteResult>"""


FOUND = ObjectFacts(5, "e", "v")


def told(method, path, query="", **answer):
    """Send a request and return the events it makes; `answer` is what differs in what S3 says."""
    status, body, found = answer.get("status", "200 OK"), answer.get("body", b""), answer.get("found", FOUND)

    def s3(_environ, start_response):
        start_response(status, [("x", "y")])
        return [body]

    changes, started = [], []
    application = report_object_changes(s3, changes.extend)
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        **answer.get("headers", {}),
    }
    sent = application(request, lambda *answered: started.append(answered))
    assert ([body], [(status, [("x", "y")])]) == (list(sent), started)
    return [object_event(change, found) for change in changes]


def summary(events):
    """Return event type, key and reason of each event."""
    return [
        (
            one["detail-type"],
            one["detail"]["object"]["key"],
            one["detail"]["reason"],
            one["detail"].get("deletion-type"),
        )
        for one in events
    ]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (("PUT", "/ours/a/b", "x-id=PutObject"), [("Object Created", "a/b", "PutObject", None)]),
        (("POST", "/ours/a", "uploadId=1"), [("Object Created", "a", "CompleteMultipartUpload", None)]),
        (("DELETE", "/ours/a"), [("Object Deleted", "a", "DeleteObject", "Delete Marker Created")]),
        (
            ("DELETE", "/ours/a", "versionId=1"),
            [("Object Deleted", "a", "DeleteObject", "Permanently Deleted")],
        ),
        (("PUT", "/ours/a", "partNumber=1&uploadId=1"), []),
        (("PUT", "/ours/a", "tagging"), []),
        (("DELETE", "/ours/a", "tagging"), []),
        (("DELETE", "/ours/a", "uploadId=1"), []),
        (("POST", "/ours/a", "uploads"), []),
        (("PUT", "/ours", ""), []),
        (("PUT", "/ours/", ""), []),
        (("GET", "/ours/a"), []),
        (("HEAD", "/ours/a"), []),
        (("POST", "/"), []),
    ],
)
def test_an_object_that_came_or_went_is_told(request_, expected):
    """Puts, completed uploads and deletes, with S3's words."""
    assert expected == summary(told(*request_))


def test_a_copy_is_told_as_one():
    """The header tells a copy from a put."""
    [event] = told("PUT", "/ours/a", headers={"HTTP_X_AMZ_COPY_SOURCE": "/x/y"})

    assert "CopyObject" == event["detail"]["reason"]


def test_a_deletion_of_many_tells_of_each_that_is_gone():
    """Keys are unescaped, markers differ from versions, and errors are left out."""
    events = told("POST", "/ours", "delete", body=DELETED)

    assert [
        ("Object Deleted", "a&b", "DeleteObject", "Delete Marker Created"),
        ("Object Deleted", "c", "DeleteObject", "Permanently Deleted"),
    ] == summary(events)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "412 Precondition Failed"])
def test_what_failed_is_not_told(status):
    """An answer other than a success changed nothing."""
    assert [] == told("PUT", "/ours/a", status=status)


def test_an_event_is_s3s():
    """The members of the documentation, the key decoded."""
    path = "/ours/録画 1".encode().decode("latin-1")
    [event] = told("PUT", path)
    detail = event["detail"]
    sequencer = detail["object"].pop("sequencer")

    assert ("0", "aws.s3", ["arn:aws:s3:::ours"]) == (event["version"], event["source"], event["resources"])
    assert {"name": "ours"} == detail["bucket"]
    assert {"key": "録画 1", "size": 5, "etag": "e", "version-id": "v"} == detail["object"]
    assert int(sequencer, 16)
    assert event["time"].endswith("Z")


def test_an_object_that_is_gone_has_no_size():
    """An object that cannot be found has no size either."""
    [deleted] = told("DELETE", "/ours/a")
    [unknown] = told("PUT", "/ours/a", found=None)

    assert {"key", "sequencer", "version-id"} == deleted["detail"]["object"].keys()
    assert {"key", "sequencer"} == unknown["detail"]["object"].keys()
