"""Structured log: one JSON object a line, without anything of a person.

A line holds what is listed in `FIELDS` and nothing else: the route instead of the address, a reason
from a closed list instead of a message. File names, record names, ages, sexes, answers, texts
of errors and the client's address are never passed to it.
"""

import json
import secrets
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any, TextIO

# What a line may hold in addition to time, level and event.
FIELDS = {
    "request": str,  # random, as in the response's X-Request-Id
    "method": str,
    "route": str,
    "status": int,
    "reason": str,
    "ms": float,
    "bytes_in": int,
    "form": str,
    "flags": int,
    "in_flight": int,
    "quantity": str,
    "after": int,
    "error": str,
    "place": str,
    "version": str,
    "model": str,
    "workers": int,
}


class RequestLog:
    """Writes lines; from several threads, one at a time."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, by default stderr."""
        self._stream = sys.stderr if stream is None else stream
        self._lock = threading.Lock()

    def write(self, event: str, level: str = "info", **fields: Any) -> None:
        """Write one line; raises KeyError or TypeError for a field that is not in `FIELDS`."""
        for name, value in fields.items():
            if value is not None and not isinstance(value, FIELDS[name]):
                raise TypeError(f"{name}: {FIELDS[name].__name__} expected")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = {name: value for name, value in fields.items() if value is not None}
        line = json.dumps({"time": now, "level": level, "event": event} | known)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def request_id() -> str:
    """Return a random name of a request."""
    return secrets.token_hex(8)


def milliseconds_since(begun: float) -> float:
    """Return the time since a `time.monotonic()`, ms to one decimal."""
    return round(1000 * (time.monotonic() - begun), 1)
