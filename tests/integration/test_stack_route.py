"""`GET /stack`: what a page asks about the stack before it plays a recording."""

from urllib.parse import urlsplit

from inprocess import forget

from tavus_callbacks import VERSION
from tavus_callbacks.api.models import Stack

KEY = "tavus/c123/1718780000000"


def get_stack(api):
    """Return an answer, which has exactly the members of its model."""
    value = api.get("/stack").value
    assert list(Stack.model_fields) == list(value)
    return Stack.model_validate(value)


def test_links_begin_with_the_origin_that_the_stack_names(recordings):
    """A content security policy with `cdn_url` as `media-src` permits every link."""
    recordings.put(KEY)
    recordings.claim(KEY, duration=14)
    link = recordings.api.get("/conversations/c123/recordings/latest", "format=json").value["url"]

    stack = get_stack(recordings.api)

    assert (True, VERSION) == (stack.recordings, stack.version)
    assert stack.cdn_url == "{0.scheme}://{0.netloc}".format(urlsplit(link))


def test_a_stack_without_recordings_names_no_origin(api, monkeypatch):
    """`Recordings=off` deploys neither bucket nor distribution."""
    for name in ("RECORDINGS_BUCKET", "CDN_URL"):
        monkeypatch.delenv(name)
    forget()

    stack = get_stack(api)

    assert (False, None) == (stack.recordings, stack.cdn_url)
