"""The column `why` of `tables.RULES`: one line ``title: reason`` per criterion that is met."""

from collections.abc import Iterable

_BETWEEN = ": "


def join(criteria: Iterable[tuple[str, str]]) -> str:
    """Write (title, reason) of each criterion; a title must not hold ``: ``."""
    return "\n".join(f"{title}{_BETWEEN}{reason}" for title, reason in criteria)


def split(why: str) -> tuple[tuple[str, str], ...]:
    """Return (title, reason) of each criterion; the inverse of `join`."""
    pairs = (line.partition(_BETWEEN) for line in why.splitlines())
    return tuple((title, reason) for title, _, reason in pairs)
