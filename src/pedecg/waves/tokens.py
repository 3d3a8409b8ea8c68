"""An ECG as a string of symbols with lengths: the run-length format of openecg 0.1.0.

An event is a pair (symbol id, length in ms); lengths are multiples of 4 ms.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Event = tuple[int, int]

UNIT_MS = 4  # of the format: one length is a multiple of it
FRAME_MS = 20  # of the format's frames

# id -> character and name; the order is the format, so symbols may only be added at the end.
SYMBOLS: tuple[tuple[str, str], ...] = (
    ("·", "<pad>"), ("?", "<unk>"), ("_", "iso"), ("*", "pacer_spike"), ("p", "P"), ("q", "Q"),
    ("r", "R"), ("s", "S"), ("t", "T"), ("u", "U"), ("w", "wide_QRS"), ("d", "delta"),
    ("j", "J_wave"),
)  # fmt: skip
UNKNOWN, ISO, SPIKE, P, Q, R, S, T = range(1, 9)
WIDE = 10  # id of the symbol wide_QRS
WIDE_QRS_MS = 120.0  # the format's own limit, an adult's
_LEAST_WAVE = 0.05  # of the peak-to-peak QRS: a smaller Q or S is none


def render_compact(events: Iterable[Event]) -> str:
    """Return one character for each event."""
    return "".join(SYMBOLS[symbol][0] for symbol, _ in events)


def render_timed(events: Iterable[Event], ms_per_char: int = FRAME_MS) -> str:
    """Return as many characters for each event as it lasts, at least one."""
    return "".join(
        SYMBOLS[symbol][0] * max(1, round(length / ms_per_char)) for symbol, length in events
    )


def render_json(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return name and length in ms of each event, for JSON."""
    return [{"sym": SYMBOLS[symbol][1], "ms": length} for symbol, length in events]


def from_frames(frames: NDArray[np.uint8], frame_ms: int = FRAME_MS) -> list[Event]:
    """Return the runs of equal frames as events.

    Parameters
    ----------
    frames : shape (n_frames,), symbols.

    Returns
    -------
    Symbol and duration (ms) of each run.
    """
    return [(int(symbol), len(list(run)) * frame_ms) for symbol, run in itertools.groupby(frames)]


def label(
    waves: pd.DataFrame,
    signal_mv: NDArray[np.floating],
    fs_hz: float,
    spikes_s: Sequence[float] = (),
    wide_ms: float = WIDE_QRS_MS,
) -> list[Event]:
    """Say one lead in symbols.

    Parameters
    ----------
    waves : rows of the WAVES table for this lead (or "global"); a wave cut by the record's edge
        reaches to the edge.
    signal_mv : shape (n_samples,), the lead in which Q, R and S are distinguished.
    spikes_s : times of pacemaker spikes; a spike overrides every wave.
    wide_ms : a QRS over this without Q and S is one wide complex.

    Returns
    -------
    Events that cover the record on the grid of 4 ms; a single unknown event where no QRS is.
    """
    length_s = len(signal_mv) / fs_hz
    units = np.full(max(1, _unit(length_s)), ISO, np.uint8)
    if not (waves["wave"] == "QRS").any():
        units[:] = UNKNOWN
    for name, symbol in (("P", P), ("T", T)):
        for start, end in _intervals(waves, name, length_s):
            _paint(units, start, end, symbol)
    for start, end in _intervals(waves, "QRS", length_s):
        for symbol, low, high in _complex(signal_mv, fs_hz, start, end, wide_ms):
            _paint(units, low, high, symbol)
    for time in spikes_s:
        _paint(units, time, time, SPIKE)
    return from_frames(units, UNIT_MS)


def _intervals(waves: pd.DataFrame, name: str, length_s: float) -> NDArray[np.float64]:
    chosen = waves[waves["wave"] == name]
    columns = [chosen["onset_s"].fillna(0.0), chosen["offset_s"].fillna(length_s)]
    return np.column_stack([column.to_numpy(float) for column in columns])


def _complex(
    signal_mv: NDArray[np.floating], fs_hz: float, start: float, end: float, wide_ms: float
) -> list[tuple[int, float, float]]:
    """Split a QRS complex into Q, R and S halfway between their peaks."""
    first, last = round(start * fs_hz), min(round(end * fs_hz), len(signal_mv) - 1)
    if last <= first:
        return [(R, start, end)]
    part = np.asarray(signal_mv[first : last + 1], float)
    height = part - np.linspace(part[0], part[-1], len(part))
    least = _LEAST_WAVE * float(np.ptp(height))
    r = int(height.argmax())
    if height[r] <= least:
        return [(Q, start, end)]
    q = int(height[: r + 1].argmin())
    s = r + int(height[r:].argmin())
    has_q, has_s = bool(height[q] < -least), bool(height[s] < -least)
    if not has_q and not has_s:
        return [(WIDE if 1000 * (end - start) > wide_ms else R, start, end)]
    from_q = (first + (q + r) / 2) / fs_hz if has_q else start
    to_s = (first + (r + s) / 2) / fs_hz if has_s else end
    pieces = [(Q, start, from_q)] * has_q + [(R, from_q, to_s)] + [(S, to_s, end)] * has_s
    return [piece for piece in pieces if piece[2] > piece[1]]


def _paint(units: NDArray[np.uint8], start_s: float, end_s: float, symbol: int) -> None:
    first = min(_unit(start_s), len(units) - 1)
    units[first : max(_unit(end_s), first + 1)] = symbol


def _unit(time_s: float) -> int:
    return round(time_s * 1000 / UNIT_MS)
