"""Labelled time, warped: other heart rates and uneven rhythms, with the marks moving along.

Only the delineator's training does this. It must place boundaries at any rate; it does not
diagnose from them.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.waves.annotations import QRS, Labelled, Marks, P, T

Times = NDArray[np.float64]
MAP_S = 0.008  # resolution of the map from old to new time
_UNEVEN_S = 0.6  # how fast the pace of diastole may change


def looped(record: Labelled, length_s: float) -> Labelled:
    """Repeat the beats between the first and the last diastole of a record until `length_s`.

    A record without two diastoles in its marks, or long enough already, is returned as it is.
    """
    total_s = record.signal_mv.shape[1] / record.fs_hz
    rests = _diastoles(record.marks[min(1, len(record.marks) - 1)])
    if total_s >= length_s or len(rests) < 2:
        return record
    first, last = (round(rest * record.fs_hz) for rest in (rests[0], rests[-1]))
    part = record.signal_mv[:, first:last]
    slope = np.linspace(-0.5, 0.5, last - first, dtype=np.float32)
    part = part - slope * (part[:, -1:] - part[:, :1])
    period_s, times = (
        (last - first) / record.fs_hz,
        int(np.ceil(length_s * record.fs_hz / (last - first))),
    )
    marks = tuple(_repeated(marks, first / record.fs_hz, period_s, times) for marks in record.marks)
    return replace(record, signal_mv=np.tile(part, (1, times)), marks=marks)


def _diastoles(marks: Marks) -> Times:
    """Return the middles of the pauses from the end of T to the next wave."""
    waves = marks.waves[np.argsort(marks.waves[:, 2])]
    ends = (waves[:-1, 0] == T) & (waves[1:, 0] != T)
    middles = (waves[:-1, 3] + waves[1:, 1]) / 2
    return np.asarray(middles[ends & np.isfinite(middles)])


def _repeated(marks: Marks, start_s: float, period_s: float, times: int) -> Marks:
    def tile(rows: Times, first_column: int) -> Times:
        inside = (rows[:, first_column:] >= start_s) & (
            rows[:, first_column:] <= start_s + period_s
        )
        kept = rows[(inside | np.isnan(rows[:, first_column:])).all(axis=1)]
        shift = np.zeros(rows.shape[1])
        shift[first_column:] = 1.0
        return np.concatenate([kept + shift * (k * period_s - start_s) for k in range(times)])

    whole = np.array([[0.0, times * period_s]])
    return Marks(tile(marks.waves, 1), whole, tile(marks.unknown, 1))


def place(
    marks: Marks, record: Labelled, needed_s: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return a segment of the record around a labelled moment; it may pass the record's ends."""
    total_s = record.signal_mv.shape[1] / record.fs_hz
    lengths = marks.spans[:, 1] - marks.spans[:, 0]
    span = marks.spans[rng.choice(len(lengths), p=lengths / lengths.sum())]
    centre = rng.uniform(*span)
    start = centre - rng.uniform(0.1, 0.9) * needed_s
    if total_s > needed_s + 1.0:
        start = float(np.clip(start, -0.3, total_s - needed_s + 0.3))
    return start, start + needed_s + 2 * MAP_S


def evenly(stretch: float, rng: np.random.Generator) -> Times:
    """Return one pace for P, QRS, T and the rest: time scaled by up to this factor.

    Returns
    -------
    Shape (4,), each 1 / `stretch` to `stretch`.
    """
    return np.full(4, np.exp(rng.uniform(-1, 1) * np.log(stretch)))


def faster(marks: Marks, fastest_bpm: float, rng: np.random.Generator) -> Times:
    """Return how fast time runs in P, QRS, T and the rest to reach a random higher rate.

    A lead with fewer than three beats keeps its pace.

    Returns
    -------
    Shape (4,).
    """
    beats = np.sort(marks.of(QRS)[:, 1])
    if len(beats) < 3:
        return np.ones(4)
    rr_s = float(np.median(np.diff(beats)))
    slowest = min(60 / rr_s, fastest_bpm)
    wanted_bpm = np.exp(rng.uniform(np.log(slowest), np.log(fastest_bpm)))
    return _pace_for(marks, rr_s, 60 / wanted_bpm, len(beats), rng)


def new_times(
    marks: Marks, old: Times, pace: Times, unevenness: float, rng: np.random.Generator
) -> Times:
    """Return the new time of each old one, when each part of the beat has its own pace.

    Parameters
    ----------
    pace : of P, QRS, T and the rest.
    unevenness : standard deviation of the logarithm of the pace of the rest.
    old : shape (n,), s, `MAP_S` apart.

    Returns
    -------
    Shape (n,), s.
    """
    knots = np.arange(old[0], old[-1] + 2 * _UNEVEN_S, _UNEVEN_S)
    uneven = np.exp(np.interp(old, knots, rng.normal(0, unevenness, len(knots))))
    local = pace[3] * uneven
    for kind, onset, peak, offset in marks.waves:
        low, high = (side if np.isfinite(side) else peak for side in (onset, offset))
        local[slice(*np.searchsorted(old, [low, high]))] = pace[int(kind)]
    smooth = ndimage.uniform_filter1d(local, 5, mode="nearest")
    return np.concatenate([[0.0], np.cumsum(MAP_S / smooth)[:-1]])


def moved(marks: Marks, old: Times, new: Times) -> Marks:
    """Return the marks in new time; what lies outside the segment falls beyond the window.

    Parameters
    ----------
    old, new : shape (n,), s.
    """

    def move(times: Times) -> Times:
        inside = np.interp(times, old, new)
        before, after = times < old[0], times > old[-1]
        return np.where(
            before, times - old[0] + new[0], np.where(after, times - old[-1] + new[-1], inside)
        )

    waves = np.column_stack([marks.waves[:, :1], move(marks.waves[:, 1:])])
    unknown = np.column_stack([marks.unknown[:, :1], move(marks.unknown[:, 1:])])
    return Marks(waves, move(marks.spans), unknown)


def _pace_for(
    marks: Marks, rr_s: float, wanted_s: float, n_beats: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the pace of P, QRS, T and the rest that brings one beat from `rr_s` to `wanted_s`.

    A child's QRS hardly shortens with rate, P some, T more; diastole takes the remainder.
    """
    ratio = rr_s / wanted_s
    powers = np.array([rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.75)])
    pace = ratio**powers
    lengths = np.zeros(3)
    for kind in (P, QRS, T):
        waves = marks.of(kind)
        if len(waves):
            per_beat = np.nansum(
                waves[:, 2] - np.where(np.isnan(waves[:, 0]), waves[:, 1], waves[:, 0])
            )
            lengths[kind] = per_beat / n_beats
    rest = max(rr_s - lengths.sum(), 0.05 * rr_s)
    left = max(wanted_s - (lengths / pace).sum(), rest / (10 * ratio))
    every = np.append(pace, rest / left)
    # What diastole cannot give, all parts give.
    reached = (np.append(lengths, rest) / every).sum()
    return np.asarray(every * max(reached / wanted_s, 1.0))
