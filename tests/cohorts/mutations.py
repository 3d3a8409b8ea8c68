"""Seeded damage to the bytes of a file: what disks, transfers and editors do."""

import random
import re
from collections.abc import Callable

_LONG = 40  # bytes of a stretch that is lost, doubled or zeroed


def _flip(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _cut(data: bytearray, draw: random.Random) -> None:
    del data[draw.randrange(len(data)) :]


def _lose(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    del data[at : at + draw.randrange(1, _LONG)]


def _double(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    data[at:at] = data[at : at + draw.randrange(1, _LONG)]


def _zero(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    n = min(draw.randrange(1, _LONG), len(data) - at)
    data[at : at + n] = bytes(n)


def _noise(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    n = min(draw.randrange(1, 8), len(data) - at)
    data[at : at + n] = draw.randbytes(n)


def _number(data: bytearray, draw: random.Random) -> None:
    """Replace a number written in digits by one that programs stumble over."""
    found = list(re.finditer(rb"[0-9]+", bytes(data[:20_000])))
    if found:
        chosen = draw.choice(found)
        odd = [b"0", b"-1", b"99999999999", b"1e308", b"nan", b"5_00", b"1e-320", b"", b"0.5"]
        data[chosen.start() : chosen.end()] = draw.choice(odd)


def _field(data: bytearray, draw: random.Random) -> None:
    """Set a binary field near the start, where headers are, to an extreme."""
    at = draw.randrange(min(len(data), 1024))
    extreme = draw.choice([b"\xff\xff", b"\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0"])
    data[at : at + len(extreme)] = extreme


KINDS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _cut, _lose, _double, _zero, _noise, _number, _field,
)  # fmt: skip


def damaged(whole: bytes, seed: str) -> bytes:
    """Return a damaged copy; the same seed gives the same damage."""
    draw = random.Random(seed)
    data = bytearray(whole)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if data:
            draw.choice(KINDS)(data, draw)
    return bytes(data)
