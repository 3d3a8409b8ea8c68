"""Windows for training the delineator: other heart rates, other recorders, worse electrodes.

Time is warped only here, with the marks moving along: the delineator must place boundaries at any
rate, it does not diagnose from them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from pedecg.params import Section
from pedecg.waves.annotations import QRS, Labelled, Marks, P, T
from pedecg.waves.prepare import normalise, usual_swing
from pedecg.waves.targets import FRAME_S, FS_HZ, SAMPLES_PER_FRAME, targets

Array = NDArray[np.floating[Any]]
Times = NDArray[np.float64]
_LOOP_S = 25.0
_UNEVEN = 0.35  # standard deviation of the logarithm of the pace of diastole
_MAP_S = 0.008  # resolution of the map from old to new time


class Settings(Section):
    """How far training windows are moved from the records as they are."""

    fast: float = Field(description="share of windows made faster, diastole most", ge=0, le=1)
    fastest_bpm: float = Field(description="highest rate made, beats per minute", ge=60, le=320)
    stretch: float = Field(
        description="other windows: time scaled by up to this factor", ge=1, le=2
    )
    noise: float = Field(description="share of windows with added disturbances", ge=0, le=1)
    lost_lead: float = Field(description="share of leads replaced by noise alone", ge=0, le=1)
    flip: float = Field(description="share of leads turned upside down", ge=0, le=1)
    irregular: float = Field(description="share of windows with uneven pauses", ge=0, le=1)
    fibrillating: float = Field(
        description="share of windows whose P waves give way to fibrillation or flutter", ge=0, le=1
    )


@dataclass(frozen=True)
class Window:
    """Leads ready for the network, (n_leads, n), and shares and weights, (n_leads, 3, frames)."""

    signal: NDArray[np.float32]
    shares: NDArray[np.float32]
    weights: NDArray[np.float32]


class Source:
    """A record as it is, and again with its labelled beats in a loop, for rates that need more."""

    def __init__(self, record: Labelled) -> None:
        self.record = record
        self.loop = looped(record, _LOOP_S)


def draw(
    source: Source, n_leads: int, n_samples: int, settings: Settings, rng: np.random.Generator
) -> Window:
    """Cut one window of random leads at a random place, warp its time and disturb it."""
    fast = rng.random() < settings.fast
    record = source.loop if fast else source.record
    chosen = rng.choice(len(record.leads), n_leads, replace=n_leads > len(record.leads))
    reference = record.marks[chosen[0]]
    length_s = n_samples / FS_HZ
    pace = _faster(reference, settings, rng) if fast else _stretched(settings, rng)
    old = np.arange(*_place(reference, record, length_s * max(pace), rng), _MAP_S)
    unevenness = _UNEVEN if rng.random() < settings.irregular else 0.0
    new = _new_times(reference, old, pace, unevenness, rng)
    new -= new[0] + rng.uniform(0, max(new[-1] - new[0] - length_s, 0.0))
    moved = [_moved(record.marks[lead], old, new) for lead in chosen]
    times = np.interp(np.arange(n_samples) / FS_HZ, new, old)
    samples = np.arange(record.signal_mv.shape[1]) / record.fs_hz
    low, high = np.searchsorted(samples, [times[0] - 0.1, times[-1] + 0.1])
    signal = np.stack(
        [np.interp(times, samples[low:high], record.signal_mv[lead, low:high]) for lead in chosen]
    ).astype(np.float32)
    pairs = [targets(marks, n_samples // SAMPLES_PER_FRAME) for marks in moved]
    shares, weights = (np.stack(part) for part in zip(*pairs, strict=True))
    return _disturbed(signal, shares, weights, settings, rng)


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


def _stretched(settings: Settings, rng: np.random.Generator) -> Times:
    """Return one pace for P, QRS, T and the rest."""
    return np.full(4, np.exp(rng.uniform(-1, 1) * np.log(settings.stretch)))


def _faster(marks: Marks, settings: Settings, rng: np.random.Generator) -> Times:
    """Return how fast time runs in P, QRS, T and the rest to reach a random higher rate."""
    beats = np.sort(marks.of(QRS)[:, 1])
    if len(beats) < 3:
        return _stretched(settings, rng)
    rr_s = float(np.median(np.diff(beats)))
    slowest = min(60 / rr_s, settings.fastest_bpm)
    wanted_bpm = np.exp(rng.uniform(np.log(slowest), np.log(settings.fastest_bpm)))
    return _pace_for(marks, rr_s, 60 / wanted_bpm, len(beats), rng)


def _new_times(
    marks: Marks, old: Times, pace: Times, unevenness: float, rng: np.random.Generator
) -> Times:
    """Return the new time of each old one, when each part of the beat has its own pace."""
    knots = np.arange(old[0], old[-1] + 1.0, 0.6)
    uneven = np.exp(np.interp(old, knots, rng.normal(0, unevenness, len(knots))))
    local = pace[3] * uneven
    for kind, onset, peak, offset in marks.waves:
        low, high = (side if np.isfinite(side) else peak for side in (onset, offset))
        local[slice(*np.searchsorted(old, [low, high]))] = pace[int(kind)]
    smooth = ndimage.uniform_filter1d(local, 5, mode="nearest")
    return np.concatenate([[0.0], np.cumsum(_MAP_S / smooth)[:-1]])


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


def _place(
    marks: Marks, record: Labelled, needed_s: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return a stretch of the record around a labelled moment; it may pass the record's ends."""
    total_s = record.signal_mv.shape[1] / record.fs_hz
    lengths = marks.spans[:, 1] - marks.spans[:, 0]
    span = marks.spans[rng.choice(len(lengths), p=lengths / lengths.sum())]
    centre = rng.uniform(*span)
    start = centre - rng.uniform(0.1, 0.9) * needed_s
    if total_s > needed_s + 1.0:
        start = float(np.clip(start, -0.3, total_s - needed_s + 0.3))
    return start, start + needed_s + 2 * _MAP_S


def _moved(marks: Marks, old: Times, new: Times) -> Marks:
    """Return the marks in new time; what lies outside the stretch falls beyond the window."""

    def move(times: Times) -> Times:
        inside = np.interp(times, old, new)
        before, after = times < old[0], times > old[-1]
        return np.where(
            before, times - old[0] + new[0], np.where(after, times - old[-1] + new[-1], inside)
        )

    waves = np.column_stack([marks.waves[:, :1], move(marks.waves[:, 1:])])
    unknown = np.column_stack([marks.unknown[:, :1], move(marks.unknown[:, 1:])])
    return Marks(waves, move(marks.spans), unknown)


def _disturbed(
    signal: Array, shares: Array, weights: Array, settings: Settings, rng: np.random.Generator
) -> Window:
    n_leads, n = signal.shape
    signal = signal - np.median(signal, axis=-1, keepdims=True)
    signal = signal * np.where(rng.random((n_leads, 1)) < settings.flip, -1, 1)
    swing = usual_swing(signal.astype(np.float32))
    t = np.arange(n) / FS_HZ
    if rng.random() < settings.fibrillating:
        signal, shares = _fibrillating(signal, swing, t, shares, rng)
    if rng.random() < settings.noise:
        for disturb in rng.choice(len(_DISTURBANCES), rng.integers(1, 4), replace=False):
            signal = _DISTURBANCES[disturb](signal, swing, t, shares, rng)
    lost = np.asarray(rng.random(n_leads) < settings.lost_lead)
    if lost.any() and n_leads > 1:
        noise = rng.normal(size=(n_leads, n)) * np.exp(rng.uniform(-4, 1, (n_leads, 1)))
        signal = np.where(
            lost[:, None], ndimage.gaussian_filter1d(noise, rng.uniform(0.3, 20)), signal
        )
        weights = weights * ~lost[:, None, None]
    if rng.random() < settings.lost_lead:
        signal, weights = _wild(signal, swing, weights, rng)
    return Window(normalise(signal.astype(np.float32)), shares, weights)


def _fibrillating(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw a line where P was, and let the atria flicker, or flutter like clockwork."""
    was_p = np.repeat(shares[:, P].max(axis=0) > 0, SAMPLES_PER_FRAME)
    kept = np.flatnonzero(~ndimage.binary_dilation(was_p, iterations=4))
    if len(kept):
        signal = np.stack([np.interp(np.arange(len(t)), kept, lead[kept]) for lead in signal])
    knots = np.arange(0, t[-1] + 0.5, 0.4)
    drift = rng.normal(0, rng.choice([0.02, 0.15, 0.25]), len(knots))
    phase = np.cumsum(2 * np.pi * rng.uniform(3.5, 9) * np.exp(np.interp(t, knots, drift))) / FS_HZ
    level = np.exp(rng.normal(np.log(0.05), 0.7, (len(signal), 1))) * swing
    for harmonic, share in ((1, 1.0), (2, 0.5), (3, 0.3)):
        shift = rng.uniform(0, 2 * np.pi, (len(signal), 1))
        signal = signal + share * rng.random() * level * np.sin(harmonic * phase + shift)
    shares = shares.copy()
    shares[:, P] = 0.0
    return signal, shares


def _wander(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    level = rng.exponential(0.25, (len(signal), 1)) * swing
    for _ in range(2):
        phase = rng.uniform(0, 2 * np.pi, (len(signal), 1))
        signal = signal + level * np.sin(2 * np.pi * rng.uniform(0.05, 0.8) * t + phase)
    return signal


def _mains(signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator) -> Array:
    level = rng.exponential(0.04, (len(signal), 1)) * swing
    hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * t + rng.uniform(0, 6))
    return np.asarray(signal + level * hum)


def _muscle(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    level = rng.exponential(0.03, (len(signal), 1)) * swing
    return signal + level * rng.normal(size=signal.shape)


def _electrode(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    """Low-frequency motion that looks like a wave now and then."""
    noise = ndimage.gaussian_filter1d(rng.normal(size=signal.shape), rng.uniform(5, 30), axis=-1)
    size = rng.exponential(0.06, (len(signal), 1)) * swing
    return np.asarray(signal + size * noise / noise.std())


def _blurred(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    """A recorder with a low upper limit."""
    return np.asarray(ndimage.gaussian_filter1d(signal, rng.uniform(0.4, 1.3), axis=-1))


def _pacing(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    """A spike 4 to 24 ms before each P or QRS, with a different height in each lead."""
    kind = rng.choice([P, QRS])
    onsets = np.flatnonzero(np.diff(shares[0, kind]) > 0.3) * FRAME_S
    places = np.round((onsets - rng.uniform(0.004, 0.024)) * FS_HZ).astype(int)
    spiked = signal.copy()
    height = rng.normal(0, 1.5, (len(signal), 1)) * swing
    spiked[:, places[(places >= 0) & (places < signal.shape[1])]] += height
    return np.asarray(spiked)


_DISTURBANCES = (_wander, _mains, _muscle, _electrode, _blurred, _pacing)


def _wild(
    signal: Array, swing: Array, weights: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A stretch in which the limb moves: nothing can be read there, and nothing is asked."""
    n = signal.shape[1]
    first = int(rng.integers(0, n - FS_HZ // 2))
    last = min(first + int(rng.integers(FS_HZ // 4, FS_HZ * 2)), n)
    wild = signal.copy()
    jump = rng.normal(size=(len(signal), last - first)) * rng.uniform(2, 30)
    wild[:, first:last] += ndimage.gaussian_filter1d(jump, rng.uniform(0.3, 30), axis=-1) * swing
    weights = weights.copy()
    weights[:, :, first // SAMPLES_PER_FRAME : last // SAMPLES_PER_FRAME + 1] = 0.0
    return wild, weights
