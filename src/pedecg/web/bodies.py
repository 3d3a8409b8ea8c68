"""Bodies of requests: read within a limited size and time, and JSON checked by a model."""

import asyncio
import json
from typing import TypeVar

import pydantic
from starlette.requests import ClientDisconnect, Request

M = TypeVar("M", bound=pydantic.BaseModel)


class HttpError(Exception):
    """A request that is refused.

    Attributes
    ----------
    status : of HTTP.
    reason : one word for programs; "" where the status says it all.
    """

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


async def read(request: Request, max_bytes: int, within_s: float) -> bytes:
    """Return the body of a request.

    Raises
    ------
    HttpError
        It is too large (413, as soon as that is known), came too slowly (408) or ended early (400).
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > max_bytes:
        raise HttpError(413, f"{stated} bytes; expected at most {max_bytes}", "too-large")
    data = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                data += part
                if len(data) > max_bytes:
                    raise HttpError(413, f"more than {max_bytes} bytes", "too-large")
    except TimeoutError:
        message = f"the request took longer than {within_s:g} s"
        raise HttpError(408, message, "too-slow") from None
    except ClientDisconnect:
        raise HttpError(400, "the request ended early", "ended-early") from None
    return bytes(data)


def checked(data: bytes, schema: type[M]) -> M:
    """Return a JSON body as a model.

    Raises
    ------
    HttpError
        It is no JSON, or not what the model asks for (400).
    """
    try:
        return schema.model_validate(json.loads(data))
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, pydantic.ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else "not JSON"
        message = f"unusable request: {detail[:200]}"
        raise HttpError(400, message, "unusable-request") from None
