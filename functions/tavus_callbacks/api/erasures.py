"""`GET /erasures`: which subjects were erased, so that copies elsewhere can follow."""

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.feeds import AFTER, read_position, write_position
from tavus_callbacks.api.query import CURSOR, LIMIT, Query
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.runtime import wiring

routes = Routes()


@routes.get("/erasures", query=(AFTER, LIMIT, CURSOR), model="ErasurePage")
def get_erasures(query: Query) -> Response[str]:
    """Return the digests of erased subjects in order of their erasure."""
    pulled = wiring.erasures().pull(read_position(query), query[LIMIT])
    erasures = [erasure._asdict() for erasure in pulled.entries]
    return json_answer({"erasures": erasures, "cursor": write_position(query, pulled.after)})
