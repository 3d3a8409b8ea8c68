"""Runs as a text table: list, side by side, or means over folds or seeds."""

import csv
import io
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pedecg.core import names
from pedecg.core.errors import PedecgError
from pedecg.runs import run_rows
from pedecg.runs.run_rows import AmbiguousNameError, RunRow

# Shown by default, as far as a pipeline has them and their name is unambiguous.
FIGURES = ("auroc", "auprc", "f1", "f1_challenge", "accuracy", "macro_f1")
_SHOWN_PARAMETERS = 8  # differing parameters shown unasked; more than that nobody reads in a row
_WIDEST = 40  # characters of a cell: a table of ten columns still fits a wide terminal


@dataclass(frozen=True)
class Table:
    """Column names and cells; a cell is a plain value, so that CSV keeps all its digits."""

    columns: list[str]
    cells: list[list[Any]]

    def csv(self) -> str:
        """Return the table as CSV, numbers in full precision."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows(
            [self.columns, *([_plain(_exact(cell)) for cell in row] for row in self.cells)]
        )
        return out.getvalue()

    def text(self) -> str:
        """Return aligned columns, numbers to the right."""
        head = [_short(column) for column in self.columns]
        body = [[_short(_readable(cell)) for cell in row] for row in self.cells]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        right = [any(run_rows.is_number(row[at]) for row in self.cells) for at in range(len(head))]
        lines = []
        for cells in [head, *body]:
            padded = zip(cells, widths, right, strict=True)
            lines.append(
                "  ".join(f"{c:>{w}}" if r else f"{c:<{w}}" for c, w, r in padded).rstrip()
            )
        return "\n".join(lines) + "\n"


def _plain(cell: Any) -> Any:
    return names.neutralised(cell) if isinstance(cell, str) else cell


def listing(rows: Sequence[RunRow], columns: Sequence[str], wide: bool = False) -> Table:
    """Return a line per row: experiment, model, and the requested or the default columns.

    Parameters
    ----------
    wide : all parameters that differ, where no column is requested.
    """
    shown = list(columns) or usual(rows, wide)
    run_rows.check_names(rows, shown)
    identity = ["experiment", *(["model"] if any(row.model for row in rows) else [])]
    shown = [*identity, *(name for name in shown if name not in identity)]
    return Table(shown, [[row.get(name) for name in shown] for row in rows])


def usual(rows: Sequence[RunRow], wide: bool = False) -> list[str]:
    """Return the default columns: what was changed, and the main figures."""
    return [*_shown(run_rows.changed(rows), wide), *_figures(rows)]


def hidden(rows: Sequence[RunRow], varied: Sequence[str] = ()) -> int:
    """Return how many differing parameters the table leaves out unless it is wide.

    Parameters
    ----------
    varied : of `over`, whose groups differ in fewer parameters.
    """
    differing = groups(rows, varied)[1] if varied else run_rows.changed(rows)
    return max(len(differing) - _SHOWN_PARAMETERS, 0)


def side_by_side(rows: Sequence[RunRow], columns: Sequence[str]) -> Table:
    """Return a column per row and a line per thing that differs, parameters before figures.

    Figures are the requested columns, or the main ones.
    """
    if len(rows) < 2:
        raise PedecgError(f"--compare: {len(rows)} row; choose two or more experiments or models")
    run_rows.check_names(rows, columns)
    settings = [name for name in run_rows.changed(rows) if _differs(name, rows)]
    runs, models = ({row.run.name for row in rows}, {row.model for row in rows})
    heads = [row.run.name if len(models) == 1 else f"{row.run.name} {row.model}" for row in rows]
    if len(runs) == 1:
        heads = [row.model for row in rows]
        settings = [name for name in run_rows.of_models(rows) if _differs(name, rows)]
    shown = dict.fromkeys(["created", *settings, *(columns or _figures(rows))])
    return Table(["", *heads], [[name, *(row.get(name) for row in rows)] for name in shown])


def groups(rows: Sequence[RunRow], varied: Sequence[str]) -> tuple[list[list[RunRow]], list[str]]:
    """Put rows together that differ in nothing but the `varied` parameters.

    Returns
    -------
    The groups, of experiments alone, and the parameters that distinguish them.
    """
    run_rows.check_names(rows, varied)
    full = {name for row in rows for wanted in varied if (name := row.name_of(wanted))}
    apart = [name for name in run_rows.changed(rows) if name not in full]
    found: dict[str, list[RunRow]] = {}
    for row in rows:
        if row.run.is_experiment:
            key = repr([row.model, row.run.baseline, *(row.run.params.get(name) for name in apart)])
            found.setdefault(key, []).append(row)
    if not found:
        raise PedecgError("--over: no experiment among the rows; baselines are not counted")
    first = [group[0] for group in found.values()]
    return list(found.values()), [name for name in apart if _differs(name, first)]


def over(
    rows: Sequence[RunRow], varied: Sequence[str], columns: Sequence[str], wide: bool = False
) -> Table:
    """Return mean and SD of figures over rows that differ in nothing but the `varied` parameters.

    Returns
    -------
    A line per group: model, what tells the groups apart, ``n``, and for each figure its mean and
    ``… sd`` (of the single values, n - 1; empty for one).
    """
    grouped, apart = groups(rows, varied)
    shown = _shown(apart, wide)
    figures = list(columns) or _figures(rows)
    run_rows.check_names(rows, figures)
    head = ["model", *shown, *varied, "n"]
    lines: list[list[Any]] = []
    for group in grouped:
        first = group[0]
        spanned = [_span([row.get(name) for row in group]) for name in varied]
        line: list[Any] = [first.model or None, *(first.get(name) for name in shown), *spanned]
        line.append(len(group))
        for name in figures:
            line += _mean_and_sd([row.get(name) for row in group])
        lines.append(line)
    return Table(head + [column for name in figures for column in (name, f"{name} sd")], lines)


def _shown(differing: Sequence[str], wide: bool) -> list[str]:
    return list(differing) if wide else list(differing)[:_SHOWN_PARAMETERS]


def _figures(rows: Sequence[RunRow]) -> list[str]:
    return [name for name in FIGURES if _is_clear(name, rows)]


def _is_clear(name: str, rows: Sequence[RunRow]) -> bool:
    try:
        return any(run_rows.is_number(row.get(name)) for row in rows)
    except AmbiguousNameError:
        return False


def _differs(name: str, rows: Sequence[RunRow]) -> bool:
    return len({repr(row.get(name)) for row in rows}) > 1


def _span(values: Sequence[Any]) -> str:
    return " ".join(dict.fromkeys(_readable(value) for value in values))


def _mean_and_sd(values: Sequence[Any]) -> list[float | None]:
    numbers = [value for value in values if run_rows.is_number(value) and math.isfinite(value)]
    if not numbers:
        return [None, None]
    return [statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else None]


def _readable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return "[" + ",".join(map(_readable, value)) + "]"
    return str(value)


def _exact(value: Any) -> Any:
    return _readable(value) if isinstance(value, bool | list) else value


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
