"""What the routes of a review read from a request."""

from typing import TypeVar

import pydantic
from starlette.requests import Request

from pedecg.web import bodies
from pedecg.web.access import Session
from pedecg.web.bodies import HttpError

MAX_BODY = 64 * 1024  # bytes; the largest answer has about 8,000
BODY_WITHIN_S = 10.0  # a body that takes longer comes from a client that only holds the line


class Body(pydantic.BaseModel):
    """A JSON body, without keys that nobody reads."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


B = TypeVar("B", bound=Body)


async def body(request: Request, schema: type[B]) -> B:
    """Read a small JSON body within a limited time, and check it."""
    return bodies.checked(await bodies.read(request, MAX_BODY, BODY_WITHIN_S), schema)


def reader(session: Session) -> str:
    """Return who is signed in."""
    if session.reader is None:
        raise HttpError(401, "sign in first")
    return session.reader
