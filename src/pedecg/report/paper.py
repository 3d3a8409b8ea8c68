"""An ECG on ECG paper: 25 mm/s, 10 mm/mV, drawn at its true physical size."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pedecg.records import LEADS, NINE_LEADS

MM_PER_S = 25.0
MM_PER_MV = 10.0

_STRIP_S = 10.0  # what one row shows: the standard printout
_ROW_MM = 30.0
_PULSE_MM = 10.0  # room for the calibration pulse left of each row
_MARGIN_MM = 5.0
_TITLE_MM = 10.0
_FOOT_MM = 7.5
_PAPER = "#fffaf8"
_FINE, _COARSE = "#f9dcd8", "#eeb0a8"
_INK = "#1a1a1a"
_WAVE_COLOURS = {"P": "#2a6fbb", "QRS": "#b3261e", "T": "#2e7d32"}

_VEIL_MM = 24.0
# From nothing to a blue that leaves the grid and the trace to be read.
HEAT = LinearSegmentedColormap.from_list("heat", [(0.13, 0.40, 0.67, a) for a in (0.0, 0.42, 0.78)])

# Rows of the printout, read from left to right; each column shows the next stretch of time.
_TWELVE = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_NINE = (("I", "aVR", "V1"), ("II", "aVL", "V3"), ("III", "aVF", "V5"))


def draw(
    signal_mv: NDArray[np.floating],
    fs_hz: float,
    leads: Sequence[str],
    title: str,
    *,
    start_s: float = 0.0,
    waves: pd.DataFrame | None = None,
    heat: NDArray[np.floating] | None = None,
    note: str = "",
) -> Figure:
    """Draw ten seconds in the standard layout, with lead II as the rhythm strip below.

    Twelve leads stand as 3 x 4, nine leads (without V2, V4, V6) as 3 x 3, any other set one
    below the other. A shorter record leaves the rest of the paper empty.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; NaN leaves a gap.
    leads : canonical names of the rows of `signal_mv`.
    start_s : where the drawing begins, seconds from the record's start.
    waves : columns wave (P, QRS, T), onset_s, peak_s, offset_s, seconds from the record's start;
        their extents are shaded on the lowest row, their peaks are dotted.
    heat : shape of `signal_mv`, 0 to 1; a blue veil behind the trace, the denser the higher.
    note : small print at the foot, after the scale.

    Returns
    -------
    A figure whose size is that of the paper: saved at any resolution and printed at 100 %,
    25 mm are a second.
    """
    rows = _layout(tuple(leads))
    width = 2 * _MARGIN_MM + _PULSE_MM + _STRIP_S * MM_PER_S
    height = _FOOT_MM + len(rows) * _ROW_MM + _TITLE_MM
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    _grid(axes, width, height)

    left = _MARGIN_MM + _PULSE_MM
    for number, row in enumerate(rows):
        middle = height - _TITLE_MM - (number + 0.5) * _ROW_MM
        _pulse(axes, middle)
        length = _STRIP_S / len(row)
        for column, lead in enumerate(row):
            trace = np.asarray(signal_mv[list(leads).index(lead)], np.float64)
            begin = start_s + column * length
            x = left + column * length * MM_PER_S
            _trace(axes, trace, fs_hz, begin, length, x, middle)
            if heat is not None:
                veil = np.asarray(heat[list(leads).index(lead)], np.float64)
                _veil(axes, veil, fs_hz, begin, length, x, middle)
            _name(axes, lead, x, middle, first=column == 0)
    if waves is not None:
        _marks(axes, waves, start_s, left, height - _TITLE_MM - (len(rows) - 0.5) * _ROW_MM)
    axes.text(_MARGIN_MM, height - 6.5, title, fontsize=10, color=_INK, weight="bold")
    scale = "25 mm/s   10 mm/mV"
    axes.text(_MARGIN_MM, 2.5, f"{scale}   {note}".rstrip(), fontsize=7, color=_INK)
    return figure


def _layout(leads: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    if set(leads) == set(LEADS):
        return (*_TWELVE, ("II",))
    if set(leads) == set(NINE_LEADS):
        return (*_NINE, ("II",))
    return tuple((lead,) for lead in leads)


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


def _trace(
    axes: Axes,
    trace: NDArray[np.float64],
    fs_hz: float,
    begin_s: float,
    length_s: float,
    x: float,
    middle: float,
) -> None:
    """Draw one lead from `begin_s` on; the pen stops at the neighbouring rows, as a writer's."""
    first = round(begin_s * fs_hz)
    piece = trace[first : first + round(length_s * fs_hz)]
    if piece.size == 0:
        return
    millimetres = x + np.arange(piece.size) / fs_hz * MM_PER_S
    heights = np.clip(piece * MM_PER_MV, -1.2 * _ROW_MM, 1.2 * _ROW_MM)
    axes.plot(millimetres, middle + heights, color=_INK, linewidth=0.75, zorder=3)


def _veil(
    axes: Axes,
    heat: NDArray[np.float64],
    fs_hz: float,
    begin_s: float,
    length_s: float,
    x: float,
    middle: float,
) -> None:
    """Colour the paper behind one lead's trace."""
    first = round(begin_s * fs_hz)
    piece = heat[first : first + round(length_s * fs_hz)]
    if piece.size == 0:
        return
    end = x + piece.size / fs_hz * MM_PER_S
    axes.imshow(
        piece[None, :], cmap=HEAT, vmin=0, vmax=1, interpolation="nearest", aspect="auto",
        extent=(x, end, middle - _VEIL_MM / 2, middle + _VEIL_MM / 2), zorder=2,
    )  # fmt: skip


def _name(axes: Axes, lead: str, x: float, middle: float, *, first: bool) -> None:
    """Write the lead's name and, between two leads of a row, the separating ticks."""
    if not first:
        for low, high in ((-7.0, -4.0), (4.0, 7.0)):
            axes.plot([x, x], [middle + low, middle + high], color=_INK, linewidth=0.8, zorder=3)
    axes.text(x + 1.0, middle + 8.5, lead, fontsize=9, color=_INK, weight="bold", zorder=4)


def _marks(axes: Axes, waves: pd.DataFrame, start_s: float, left: float, middle: float) -> None:
    """Shade each wave from onset to offset and dot its peak, below the lowest row's trace."""
    for wave, group in waves.groupby("wave", sort=True):
        colour = _WAVE_COLOURS.get(str(wave), _INK)
        for onset, peak, offset in group[["onset_s", "peak_s", "offset_s"]].to_numpy(np.float64):
            if onset < start_s or offset > start_s + _STRIP_S:
                continue
            x = left + (onset - start_s) * MM_PER_S
            span = (offset - onset) * MM_PER_S
            y = middle - 0.5 * _ROW_MM
            axes.add_patch(
                Rectangle((x, y), span, _ROW_MM, facecolor=colour, alpha=0.15, lw=0, zorder=2)
            )
            if np.isfinite(peak):
                axes.plot(left + (peak - start_s) * MM_PER_S, y + 1, ".", color=colour, ms=3)
