"""Leads as the delineator's network sees them: 250 Hz, no baseline, one scale for any amplifier."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal as dsp

from pedecg.signals import filters
from pedecg.waves.wave_targets import FS_HZ

Array = NDArray[np.float32]
HIGH_PASS_HZ = 0.5  # removes breathing and electrode drift, leaves ST and T
STRETCH_S = 2.0  # holds a beat at 40 bpm, so that every segment has a QRS
WILD = 5.0  # times the usual peak-to-peak: artefact, cut before it rings in the filter
LIMIT = 3.0  # times the usual swing; higher peaks tell the network nothing more

_HIGH_PASS = filters.butterworth(2, HIGH_PASS_HZ, "highpass", FS_HZ)


def resample(signal_mv: NDArray[np.floating], fs_hz: float) -> Array:
    """Return the signal at 250 Hz, polyphase; sample k of the output lies at k / 250 s.

    Parameters
    ----------
    signal_mv : shape (…, n_samples), mV.

    Returns
    -------
    Shape (…, samples at 250 Hz).
    """
    ratio = Fraction(FS_HZ / fs_hz).limit_denominator(1000)
    finite = np.nan_to_num(np.asarray(signal_mv, np.float32), posinf=0.0, neginf=0.0)
    if ratio == 1:
        return np.asarray(finite)
    middle = np.median(finite, axis=-1, keepdims=True)
    moved = dsp.resample_poly(finite - middle, ratio.numerator, ratio.denominator, axis=-1)
    return np.asarray(moved + middle, np.float32)


def normalise(signal: Array, quantile: float = 0.5) -> Array:
    """Return leads at 250 Hz, shape (…, n), free of baseline and in units of their usual swing.

    Parameters
    ----------
    quantile : see `usual_swing`.
    """
    middle = np.median(signal, axis=-1, keepdims=True)
    swing = usual_swing(signal, quantile)
    tame = np.clip(signal - middle, -WILD * swing, WILD * swing)
    padding = min(FS_HZ, signal.shape[-1] - 1)
    level = filters.zero_phase(_HIGH_PASS, tame, padding).astype(np.float32)
    return np.asarray(np.clip(level / usual_swing(level, quantile), -LIMIT, LIMIT), np.float32)


def usual_swing(signal: Array, quantile: float = 0.5) -> Array:
    """Return the median over segments of 2 s of the peak-to-peak value, shape (…, 1), above 0.

    A median, since a child's arm may move for seconds at 25 mV. Where the heart pauses for more
    than half of the record a higher quantile is that of the beats.
    """
    block = FS_HZ // 2
    n_blocks = max(signal.shape[-1] // block, 1)
    blocks = signal[..., : n_blocks * block].reshape(*signal.shape[:-1], n_blocks, -1)
    together = min(round(STRETCH_S * FS_HZ / block), n_blocks)
    high = np.lib.stride_tricks.sliding_window_view(blocks.max(-1), together, axis=-1).max(-1)
    low = np.lib.stride_tricks.sliding_window_view(blocks.min(-1), together, axis=-1).min(-1)
    swing = high - low
    usual = (  # to the bit the same median as ever
        np.median(swing, axis=-1, keepdims=True)
        if quantile == 0.5
        else np.quantile(swing, quantile, axis=-1, keepdims=True)
    )
    return np.asarray(np.maximum(usual, 1e-3), np.float32)
