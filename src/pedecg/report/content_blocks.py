"""Building blocks of a report: text, tables, pictures, diagrams; formatting of numbers."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

TOO_FEW = "too few"
NONE = "–"
_IN_NUMBERS = re.compile(r" (to|of) | \(.*\)|e-\d")  # letters that a written number may have


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` "warning" makes it a box."""

    text: str
    tone: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]
    heading: str = ""
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Table:
    """Rows of words and written numbers; the first column names the row.

    `strong` names rows (by their first cell) that are set in bold.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    strong: frozenset[str] = frozenset()
    kind: ClassVar[str] = "table"

    def is_words(self, column: int) -> bool:
        """Return whether a column holds words, which are set to the left, rather than numbers."""
        cells = [row[column] for row in self.rows if row[column] not in (NONE, TOO_FEW)]
        return column == 0 or any(c.isalpha() for cell in cells for c in _IN_NUMBERS.sub("", cell))


@dataclass(frozen=True)
class Picture:
    """A picture file of the run, set into the page when it is written.

    A wide one, such as an ECG, is not shrunk to a phone's width but scrolled.
    """

    path: str
    alt: str
    caption: str = ""
    wide: bool = False
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Gallery:
    """Small pictures side by side."""

    blocks: Sequence[Picture]
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Diagram:
    """An SVG drawing, whose own title and description say what it shows."""

    svg: str
    caption: str = ""
    kind: ClassVar[str] = "diagram"


@dataclass(frozen=True)
class Code:
    """Commands to type."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Fold:
    """Details that a reader opens."""

    summary: str
    blocks: Sequence["Block"] = field(default_factory=list)
    kind: ClassVar[str] = "fold"


Block = Text | Bullets | Table | Picture | Gallery | Diagram | Code | Fold


def number(value: Any, digits: int = 3) -> str:
    """Write a number: whole ones in full, others to so many digits behind the point.

    >>> number(1299), number(0.76543), number(None), number(True)
    ('1,299', '0.765', '–', 'yes')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return NONE
    if isinstance(value, str):
        return value or NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if float(value).is_integer() and abs(value) >= 1:
        return f"{int(value):,}"
    if value == 0:
        return "0"
    return f"{value:.{digits}f}" if abs(value) >= 10.0**-digits else f"{value:.1g}"


def percent(share: Any) -> str:
    """Write a share of 0 to 1 in percent.

    >>> percent(0.78599)
    '78.6%'
    """
    return NONE if share is None or share != share else f"{100 * float(share):.1f}%"


def figure(entry: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Write a metric with its 95% interval.

    A metric that is absent was left out for too few cases; one without a value is undefined, as the
    positive predictive value where no record is predicted positive.

    >>> figure({"value": 0.76613, "low": 0.7034, "high": 0.8191})
    '0.766 (0.703 to 0.819)'
    >>> figure(None), figure({"value": None})
    ('too few', '–')
    """
    if not entry:
        return TOO_FEW
    if entry.get("value") is None:
        return NONE
    low, high = entry.get("low"), entry.get("high")
    value = f"{entry['value']:.{digits}f}"
    if low is None or high is None:
        return value
    return f"{value} ({low:.{digits}f} to {high:.{digits}f})"


def split_interval(cell: str) -> tuple[str, str]:
    """Split a written figure into its value and what stands in brackets behind it.

    >>> split_interval("0.766 (0.703 to 0.819)"), split_interval("P00001_E01")
    (('0.766', '0.703 to 0.819'), ('P00001_E01', ''))
    """
    match = re.fullmatch(r"(.*?) \(([^()]* (?:to|of) [^()]*)\)", cell)
    return (match[1], match[2]) if match else (cell, "")


def p_value(p: Any) -> str:
    """Write a p-value.

    >>> p_value(0.04321), p_value(2e-9)
    ('0.043', '< 0.001')
    """
    if p is None or p != p:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def table(
    caption: str,
    frame: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    shares: Sequence[str] = (),
    rows: int | None = None,
    note: str = "",
) -> Table:
    """Return a table file as a table of the page.

    Parameters
    ----------
    columns : column of the file: what the page calls it; those that the file lacks are left out,
        and so are those that are not named. None: all, under their own names.
    shares : columns that are written in percent.
    rows : at most; the note says how many there are.
    """
    named = {c: c.replace("_", " ") for c in frame.columns} if columns is None else columns
    there = [column for column in named if column in frame.columns]
    shown = frame if rows is None else frame.head(rows)
    cells = [
        [percent(row[c]) if c in shares else number(row[c]) for c in there]
        for row in shown[there].to_dict("records")
    ]
    if len(shown) < len(frame):
        note = f"{note} The first {len(shown)} of {len(frame):,} rows.".strip()
    return Table(caption, [named[c] for c in there], cells, note)
