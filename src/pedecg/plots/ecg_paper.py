"""An ECG on ECG paper: 25 mm/s, 10 mm/mV, drawn at its true physical size."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pedecg.core.records import LEADS, NINE_LEADS

MM_PER_S = 25.0
MM_PER_MV = 10.0
HALF_MM_PER_MV = 5.0  # half standard, where precordial leads would cross their neighbours
STRIP_S = 10.0  # what one row shows: the standard printout

_ROW_MM = 30.0  # 3 mV at 10 mm/mV from row to row
_PULSE_MM = 10.0  # room for the calibration pulse left of each row
_MARGIN_MM = 5.0  # one large square of the grid
_TITLE_MM = 10.0  # one line of text above the rows
_FOOT_MM = 7.5  # one line of small text below the rows
_PAPER = "#fffaf8"
_FINE, _COARSE = "#f9dcd8", "#eeb0a8"
_INK = "#1a1a1a"
_WAVE_COLOURS = {"P": "#2f6db0", "QRS": "#8457a3", "T": "#2f8a57"}
_GLOBAL = "global"
_BAR_MM = 1.0  # at the foot of a trace, under each wave
_LEAST_MM = 0.4  # so that a wave of which only the peak is known is seen
_FEWEST_S = 0.5  # a rest shorter than this gets no row of its own

_VEIL_MM = 24.0  # within a row, so that the colours of two rows do not touch
# From nothing to a blue that leaves the grid and the trace to be read.
HEAT = LinearSegmentedColormap.from_list("heat", [(0.13, 0.40, 0.67, a) for a in (0.0, 0.42, 0.78)])

# Rows of the printout, read from left to right; each column shows the next segment of time.
_TWELVE = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_NINE = (("I", "aVR", "V1"), ("II", "aVL", "V3"), ("III", "aVF", "V5"))
_MOST_FURTHER = 4  # leads besides the twelve, in a row of their own


@dataclass(frozen=True)
class _Cell:
    """One piece of a trace: where it begins in the record, how long it is, where it stands.

    `first` of its row, in a `later` segment of ten seconds than the first; `row` from the top.
    """

    lead: str
    begin_s: float
    length_s: float
    x: float
    middle: float
    first: bool
    later: bool
    row: int


def draw(
    signal_mv: NDArray[np.floating],
    fs_hz: float,
    leads: Sequence[str],
    title: str,
    *,
    start_s: float = 0.0,
    stretches: int = 1,
    waves: pd.DataFrame | None = None,
    heat: NDArray[np.floating] | None = None,
    note: str = "",
    unusable: Mapping[str, str] | None = None,
) -> Figure:
    """Draw ten seconds in the standard layout, with lead II as the rhythm strip below.

    Twelve leads stand as 3 x 4, nine leads (without V2, V4, V6) as 3 x 3, any other set one
    below the other. A shorter record leaves the rest of the paper empty. Precordial leads are drawn
    at half standard, 5 mm/mV, where they would cross the row above or below; the paper says so.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; NaN leaves a gap.
    leads : names of the rows of `signal_mv`.
    start_s : where the drawing begins, seconds from the record's start.
    stretches : how many times ten seconds a longer record may go on below: the rhythm strip of
        twelve or nine leads, all leads of another set.
    waves : columns lead, wave (P, QRS, T), onset_s, peak_s, offset_s, seconds from the record's
        start; shaded in the trace of their lead, those of lead `global` where a lead has none.
    heat : shape of `signal_mv`, 0 to 1; a blue veil behind the trace, the denser the higher.
    note : small print at the foot, after the scale.
    unusable : leads that were not used, with the reason, written after their name; no
        wave is shaded in them.

    Returns
    -------
    A figure whose size is that of the paper: saved at any resolution and printed at 100 %,
    25 mm are a second.
    """
    length_s = np.shape(signal_mv)[1] / fs_hz - start_s
    more = min(stretches, max(1, math.ceil((length_s - _FEWEST_S) / STRIP_S)))
    rows = _layout(tuple(leads), more)
    width = 2 * _MARGIN_MM + _PULSE_MM + STRIP_S * MM_PER_S
    height = _FOOT_MM + len(rows) * _ROW_MM + _TITLE_MM
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    _grid(axes, width, height)

    cells = list(_cells(rows, start_s, height - _TITLE_MM))
    traces = {lead: np.asarray(row, np.float64) for lead, row in zip(leads, signal_mv, strict=True)}
    half = _half_standard(traces, fs_hz, cells)
    unusable = unusable or {}
    for cell in cells:
        if cell.first:
            _pulse(axes, cell.middle)
        gain = HALF_MM_PER_MV if cell.lead in half else MM_PER_MV
        _trace(axes, traces[cell.lead], fs_hz, cell, gain)
        if heat is not None:
            _veil(axes, np.asarray(heat[list(leads).index(cell.lead)], np.float64), fs_hz, cell)
        _name(axes, cell)
        remarks = ["5 mm/mV"] if cell.lead in half else []
        if cell.lead in unusable:
            remarks.append(f"not usable: {unusable[cell.lead]}")
        _remark(axes, cell, ", ".join(remarks))
    if waves is not None:
        _marks(axes, waves, [cell for cell in cells if cell.lead not in unusable])
        _legend(axes, width, height - 6.5)
    axes.text(_MARGIN_MM, height - 6.5, title, fontsize=10, color=_INK, weight="bold")
    scale = "25 mm/s   10 mm/mV" + ("   precordial leads 5 mm/mV (half standard)" if half else "")
    axes.text(_MARGIN_MM, 2.5, f"{scale}   {note}".rstrip(), fontsize=7, color=_INK)
    return figure


def _layout(leads: tuple[str, ...], stretches: int) -> list[tuple[int, tuple[str, ...]]]:
    """Return every row: which segment of ten seconds it shows, and the leads side by side."""
    further = tuple(lead for lead in leads if lead not in LEADS)
    for known, grid in ((LEADS, _TWELVE), (NINE_LEADS, _NINE)):
        if set(leads) - set(further) == set(known) and len(further) <= _MOST_FURTHER:
            rows = [*grid, further] if further else grid  # V3R, V4R and V7 of a child's ECG
            return [*((0, row) for row in rows), *((k, ("II",)) for k in range(stretches))]
    return [(k, (lead,)) for k in range(stretches) for lead in leads]


def _cells(
    rows: Sequence[tuple[int, tuple[str, ...]]], start_s: float, top: float
) -> Iterator[_Cell]:
    left = _MARGIN_MM + _PULSE_MM
    for number, (stretch, row) in enumerate(rows):
        length = STRIP_S / len(row)
        for column, lead in enumerate(row):
            yield _Cell(
                lead=lead,
                begin_s=start_s + stretch * STRIP_S + column * length,
                length_s=length,
                x=left + column * length * MM_PER_S,
                middle=top - (number + 0.5) * _ROW_MM,
                first=column == 0,
                later=stretch > 0,
                row=number,
            )


def _grid(axes: Axes, width: float, height: float) -> None:
    axes.add_patch(Rectangle((0.0, 0.0), width, height, facecolor=_PAPER, zorder=0))
    for step, colour, thickness in ((1.0, _FINE, 0.35), (5.0, _COARSE, 0.55)):
        upright = [((x, 0.0), (x, height)) for x in np.arange(0.0, width + 0.5, step)]
        across = [((0.0, y), (width, y)) for y in np.arange(0.0, height + 0.5, step)]
        axes.add_collection(
            LineCollection([*upright, *across], colors=colour, linewidths=thickness, zorder=1)
        )


def _pulse(axes: Axes, middle: float) -> None:
    """Draw the calibration pulse: 1 mV for 0.2 s."""
    x = _MARGIN_MM + np.array([0.0, 1.5, 1.5, 6.5, 6.5, 8.0])
    y = middle + MM_PER_MV * np.array([0, 0, 1, 1, 0, 0])
    axes.plot(x, y, color=_INK, linewidth=0.8, zorder=3)


def _half_standard(
    traces: Mapping[str, NDArray[np.float64]], fs_hz: float, cells: Sequence[_Cell]
) -> frozenset[str]:
    """Return all precordial leads if one crosses a neighbouring row at full standard."""
    precordial = frozenset(lead for lead in traces if lead.startswith("V"))
    reach = {}
    for cell in cells:
        piece = _piece(traces[cell.lead], fs_hz, cell)
        piece = piece[np.isfinite(piece)]
        if piece.size:
            reach[cell.row, cell.x] = cell.lead, MM_PER_MV * piece.min(), MM_PER_MV * piece.max()
    for (row, x), (lead, _, highest) in reach.items():
        above, lowest, _ = reach.get((row - 1, x), ("", -0.5 * _ROW_MM, 0.0))
        if {lead, above} & precordial and highest - lowest > _ROW_MM:
            return precordial
    return frozenset()


def _piece(trace: NDArray[np.float64], fs_hz: float, cell: _Cell) -> NDArray[np.float64]:
    first = round(cell.begin_s * fs_hz)
    return trace[first : first + round(cell.length_s * fs_hz)]


def _trace(
    axes: Axes, trace: NDArray[np.float64], fs_hz: float, cell: _Cell, mm_per_mv: float
) -> None:
    """Draw one piece of a lead; the pen stops at the neighbouring rows, as a writer's."""
    piece = _piece(trace, fs_hz, cell)
    if piece.size == 0:
        return
    millimetres = cell.x + np.arange(piece.size) / fs_hz * MM_PER_S
    heights = np.clip(piece * mm_per_mv, -1.2 * _ROW_MM, 1.2 * _ROW_MM)
    axes.plot(millimetres, cell.middle + heights, color=_INK, linewidth=0.75, zorder=3)


def _veil(axes: Axes, heat: NDArray[np.float64], fs_hz: float, cell: _Cell) -> None:
    """Colour the paper behind one piece of a lead."""
    piece = _piece(heat, fs_hz, cell)
    if piece.size == 0:
        return
    end = cell.x + piece.size / fs_hz * MM_PER_S
    axes.imshow(
        piece[None, :], cmap=HEAT, vmin=0, vmax=1, interpolation="nearest", aspect="auto",
        extent=(cell.x, end, cell.middle - _VEIL_MM / 2, cell.middle + _VEIL_MM / 2), zorder=2,
    )  # fmt: skip


def _name(axes: Axes, cell: _Cell) -> None:
    """Write the lead's name and, between two leads of a row, the separating ticks."""
    x, middle = cell.x, cell.middle
    if not cell.first:
        for low, high in ((-7.0, -4.0), (4.0, 7.0)):
            axes.plot([x, x], [middle + low, middle + high], color=_INK, linewidth=0.8, zorder=3)
    paper = {"facecolor": _PAPER, "alpha": 0.7, "lw": 0, "pad": 0.8}
    axes.text(
        x + 1.0,
        middle + 8.5,
        cell.lead,
        fontsize=9,
        color=_INK,
        weight="bold",
        zorder=4,
        bbox=paper,
    )
    if cell.later:
        axes.text(_MARGIN_MM, middle - 6.0, f"{cell.begin_s:g} s", fontsize=7, color=_INK, zorder=4)


def _remark(axes: Axes, cell: _Cell, text: str) -> None:
    """Write what a reader must know of a lead to the right of its name, behind the trace."""
    if text:
        x, y = cell.x + 10.0, cell.middle + 8.7
        axes.text(x, y, text, fontsize=7.5, color=_INK, zorder=2.5)


def _marks(axes: Axes, waves: pd.DataFrame, cells: Sequence[_Cell]) -> None:
    """Shade each wave from onset to offset behind its trace, with a bar at the trace's foot."""
    by_lead = dict(list(waves.groupby("lead")))
    everywhere = by_lead.get(_GLOBAL, waves.iloc[:0])
    for wave, colour in _WAVE_COLOURS.items():
        shades, bars = [], []
        for cell in cells:
            rows = by_lead.get(cell.lead, everywhere)
            for low, high in _extents(rows[rows["wave"] == wave], cell):
                foot = cell.middle - 0.5 * _ROW_MM + 1.0
                shades.append(_box(low, high, foot, foot + _ROW_MM - 4.0))
                bars.append(_box(low, high, foot, foot + _BAR_MM))
        axes.add_collection(PolyCollection(shades, facecolors=colour, alpha=0.13, lw=0, zorder=2))
        axes.add_collection(PolyCollection(bars, facecolors=colour, alpha=0.85, lw=0, zorder=2))


def _extents(waves: pd.DataFrame, cell: _Cell) -> Iterator[tuple[float, float]]:
    """Yield from where to where each wave that touches a cell reaches, millimetres."""
    for onset, peak, offset in waves[["onset_s", "peak_s", "offset_s"]].to_numpy(np.float64):
        first, last = (peak if np.isnan(edge) else edge for edge in (onset, offset))
        low, high = max(first - cell.begin_s, 0.0), min(last - cell.begin_s, cell.length_s)
        if low <= high:
            x = cell.x + low * MM_PER_S
            yield x, max(cell.x + high * MM_PER_S, x + _LEAST_MM)


def _box(left: float, right: float, foot: float, top: float) -> list[tuple[float, float]]:
    return [(left, foot), (right, foot), (right, top), (left, top)]


def _legend(axes: Axes, width: float, y: float) -> None:
    """Name the colours of the waves at the right of the title."""
    x = width - _MARGIN_MM - 33.0
    for wave, colour in _WAVE_COLOURS.items():
        axes.add_patch(Rectangle((x, y), 3.0, 3.0, facecolor=colour, alpha=0.6, lw=0, zorder=3))
        axes.text(x + 4.0, y + 0.2, wave, fontsize=8, color=_INK)
        x += 13.0 if wave == "QRS" else 9.0
