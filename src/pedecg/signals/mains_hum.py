"""Mains hum of 50 or 60 Hz: how large it is in each lead, and the signal without it.

A narrow notch rings on every QRS. Here the hum is measured instead: its amplitude and phase, cycle
by cycle, are the running median over one second, which a QRS of a tenth of that time does not
move, and the sine that they describe is subtracted. A record without hum is returned untouched.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.core import elementary

Values = NDArray[np.float64]

MAINS_HZ = (50.0, 60.0)  # the mains of all countries
LEAST_MV = 0.02  # amplitude from which hum is removed: a fifth of a small square on paper
CYCLES = 2  # in one block
STEADY_S = 1.0  # the running median: longer than five QRS complexes are wide
BESIDE_HZ = (-4.0, 4.0)  # from the mains: noise and QRS are as strong there, hum is not
TIMES_BESIDE = 2.0  # hum is so much stronger than its neighbours
LEAST_LEFT = 0.04  # of the hum, 98th percentile: less is the error of its estimate
SHORTEST_S = 1.0  # a shorter record does not resolve 1 Hz, so that hum and its neighbours are one


@dataclass(frozen=True)
class Hum:
    """The hum of one record.

    Attributes
    ----------
    hz : 50 or 60; NaN where no lead has hum.
    amplitude_mv : shape (n_leads,), half of peak to peak; 0 where a lead has none.
    """

    hz: float
    amplitude_mv: Values


def without(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float
) -> tuple[NDArray[np.floating[Any]], Hum]:
    """Return the signal without mains hum, and the hum that was removed.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV, finite.
    fs_hz : samples per second. The hum must lie below 0.45 of it to be seen.

    Returns
    -------
    The same array where no lead has hum of `LEAST_MV`. A lead that held hardly anything but hum is
    zero: the remainder is not ECG.
    """
    n_leads, n_samples = signal_mv.shape
    nothing = Hum(math.nan, np.zeros(n_leads))
    if not n_leads or n_samples < SHORTEST_S * fs_hz:
        return signal_mv, nothing
    found = [
        (hz, _amplitude(signal_mv, fs_hz, hz))
        for hz in MAINS_HZ
        if hz + max(BESIDE_HZ) < 0.45 * fs_hz
    ]
    if not found:
        return signal_mv, nothing
    hz, amplitude = max(found, key=lambda each: float(each[1].sum()))
    humming = amplitude > 0
    if not humming.any():
        return signal_mv, nothing
    cleaned = np.array(signal_mv, np.float64)
    cleaned[humming] -= _sine(cleaned[humming], fs_hz, hz)
    away = np.abs(cleaned - np.median(cleaned, axis=1, keepdims=True))
    empty = humming & (np.percentile(away, 98, axis=1) < LEAST_LEFT * amplitude)
    cleaned[empty] = 0.0
    return cleaned, Hum(hz, amplitude)


def _amplitude(signal: NDArray[np.floating[Any]], fs_hz: float, hz: float) -> Values:
    """Return the amplitude in each lead, 0 where it is too small or noise is as strong."""
    own = _size(signal, fs_hz, hz)
    if not (own >= LEAST_MV).any():  # most records: what lies beside need not be known
        return np.zeros(len(own))
    neighbours = [_size(signal, fs_hz, hz + beside) for beside in BESIDE_HZ]
    least = np.maximum(LEAST_MV, TIMES_BESIDE * np.max(neighbours, axis=0))
    return np.where(own >= least, own, 0.0)


def _size(signal: NDArray[np.floating[Any]], fs_hz: float, hz: float) -> Values:
    """Return the amplitude of what has this frequency in each lead, noise or hum."""
    squares = np.zeros(())
    for part in _envelope(signal, fs_hz, hz)[:2]:
        length = min(_blocks(hz), part.shape[1])
        whole = part.shape[1] // length * length
        stretches = part[:, :whole].reshape(len(part), -1, length)
        squares = squares + np.square(np.median(stretches, axis=2))
    return np.asarray(np.median(np.sqrt(squares), axis=1))


def _envelope(
    signal: NDArray[np.floating[Any]], fs_hz: float, hz: float
) -> tuple[Values, Values, Values]:
    """Return cosine and sine amplitude of the hum block by block, and the middles of the blocks.

    Each block is fitted by a sine of this frequency on a straight line, by least squares.

    Returns
    -------
    cosine, sine : shape (n_leads, n_blocks), mV, of the phase at the record's first sample.
    middles : shape (n_blocks,), samples.
    """
    n_leads, n = signal.shape
    width = max(6, round(CYCLES * fs_hz / hz))
    starts = np.arange(n // width) * width
    blocks = np.asarray(signal[:, : len(starts) * width], np.float64).reshape(-1, width)
    found = elementary.product(_fit(width, fs_hz, hz), np.ascontiguousarray(blocks.T))
    cosine, sine = found.reshape(2, n_leads, -1)
    wave_cos, wave_sin = _waves(n, fs_hz, hz)
    at_cos, at_sin = wave_cos[starts], wave_sin[starts]
    turned = cosine * at_cos - sine * at_sin, cosine * at_sin + sine * at_cos
    return *turned, starts + (width - 1) / 2


@lru_cache(maxsize=32)
def _fit(width: int, fs_hz: float, hz: float) -> Values:
    """Return what a block is multiplied by to give its cosine and sine, shape (2, width)."""
    cosine, sine = _waves(width, fs_hz, hz)
    design = np.stack([cosine, sine, np.ones(width), np.arange(width) / width], axis=1)
    return np.ascontiguousarray(elementary.least_squares(design, np.eye(width))[:2])


def _steady(
    signal: NDArray[np.floating[Any]], fs_hz: float, hz: float
) -> tuple[Values, Values, Values]:
    """Return what `_envelope` does, each amplitude the running median over `STEADY_S`."""
    cosine, sine, middles = _envelope(signal, fs_hz, hz)
    blocks = _blocks(hz)
    smooth_cos, smooth_sin = (
        np.asarray(ndimage.median_filter(part, (1, blocks), mode="nearest"))
        for part in (cosine, sine)
    )
    return smooth_cos, smooth_sin, middles


def _blocks(hz: float) -> int:
    """Return the odd number of blocks that last about `STEADY_S`."""
    return max(1, round(STEADY_S * hz / CYCLES)) | 1


def _sine(signal: Values, fs_hz: float, hz: float) -> Values:
    cosine, sine, middles = _steady(signal, fs_hz, hz)
    wave_cos, wave_sin = _waves(signal.shape[1], fs_hz, hz)
    at = np.arange(signal.shape[1])
    return np.stack([
        np.interp(at, middles, cosine[row]) * wave_cos
        + np.interp(at, middles, sine[row]) * wave_sin
        for row in range(len(signal))
    ])  # fmt: skip


@lru_cache(maxsize=32)
def _waves(n_samples: int, fs_hz: float, hz: float) -> tuple[Values, Values]:
    """Return cosine and sine; the C library's, since NumPy's differ between processors."""
    turn = Fraction(hz).limit_denominator(1000) / Fraction(fs_hz).limit_denominator(1000)
    period = min(turn.denominator, n_samples)
    share = [float(turn * k % 1) for k in range(period)]
    return _repeated(share, math.cos, n_samples), _repeated(share, math.sin, n_samples)


def _repeated(share: Sequence[float], function: Any, n_samples: int) -> Values:
    one = np.array([function(2 * math.pi * part) for part in share])
    return np.resize(one, n_samples)
