"""Flow diagram from raw records to test patients, from the counts in the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _BOX, _HEIGHT, _GAP = 520, 236, 74, 32  # narrow enough for a phone
_LEFT, _BETWEEN = 8, 10  # pixels: margin, and space between two boxes


@dataclass(frozen=True)
class Step:
    """One box: its heading, lines of counts, and lines on what left the way before it."""

    heading: str
    counts: Sequence[str]
    left: Sequence[str] = ()


def draw(steps: Sequence[Step], ends: Sequence[Step], title: str) -> str:
    """Return the flow as SVG: steps from top to bottom, then the ends side by side.

    A screen reader gets the counts as the drawing's description.
    """
    parts: list[str] = []
    y = 10
    for number, step in enumerate(steps):
        if number:
            parts.append(_arrow(_LEFT + _BOX / 2, y, y + _GAP))
            y += _GAP
        parts.append(_box(_LEFT, y, _BOX, step))
        if step.left:
            parts.append(_leavers(step.left, y))
        y += _HEIGHT
    room = (_WIDTH - 2 * _LEFT + _BETWEEN) / max(len(ends), 1)
    for number, end in enumerate(ends):
        x = _LEFT + number * room
        parts.append(_arrow(_LEFT + _BOX / 2, y, y + _GAP, x + (room - _BETWEEN) / 2))
        parts.append(_box(x, y + _GAP, room - _BETWEEN, end))
    if ends:
        y += _GAP + _HEIGHT
    description = "; ".join(
        f"{step.heading}: {', '.join((*step.counts, *step.left))}" for step in (*steps, *ends)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 12}" role="img" '
        f'aria-labelledby="flow-title flow-description" class="flow">'
        f'<title id="flow-title">{escape(title)}</title>'
        f'<desc id="flow-description">{escape(description)}</desc>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _box(x: float, y: float, width: float, step: Step) -> str:
    middle, first = x + width / 2, y + _HEIGHT / 2 + 5 - 10 * len(step.counts)
    counts = "".join(
        f'<text x="{middle:g}" y="{first + 20 * line:g}">{escape(count)}</text>'
        for line, count in enumerate(step.counts, start=1)
    )
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{_HEIGHT}" rx="6" class="box"/>'
        f'<text x="{middle:g}" y="{first:g}" class="head">{escape(step.heading)}</text>{counts}'
    )


def _arrow(x: float, y: float, to_y: float, to_x: float | None = None) -> str:
    end = x if to_x is None else to_x
    half = (y + to_y) / 2
    return (
        f'<path d="M{x:g} {y:g}V{half:g}H{end:g}V{to_y - 2:g}" class="way" marker-end="url(#tip)"/>'
    )


def _leavers(reasons: Sequence[str], y: float) -> str:
    """Draw the exclusions before a box, to the right of the arrow that leads to it."""
    x, first = _LEFT + _BOX + 34, y + _HEIGHT / 2 - 9 * (len(reasons) - 1)
    lines = "".join(
        f'<text x="{x:g}" y="{first + 18 * number + 4:g}" class="left">{escape(reason)}</text>'
        for number, reason in enumerate(reasons)
    )
    return f'<path d="M{_LEFT + _BOX:g} {y + _HEIGHT / 2:g}H{x - 8:g}" class="way dashed"/>{lines}'
