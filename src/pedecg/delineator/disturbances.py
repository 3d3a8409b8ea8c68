"""What recorders, electrodes and fibrillating atria do to a window, for the delineator's training.

Every disturbance takes leads (n_leads, n) at 250 Hz with the usual swing of each, the times, the
targets' shares and a generator, and returns leads; what cannot be read any more gets no weight.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.waves.annotations import QRS, P
from pedecg.waves.network_input import usual_swing
from pedecg.waves.wave_targets import FRAME_S, FS_HZ, SAMPLES_PER_FRAME

Array = NDArray[np.floating[Any]]


def fibrillating(signal: Array, shares: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw a line where P was, and let the atria flicker, or flutter like clockwork.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), mV at `FS_HZ`.
    shares : shape (n_leads, 3, n_frames), share of each frame inside P, QRS and T.

    Returns
    -------
    Signal and shares, of the same shapes.
    """
    n_leads, n = signal.shape
    swing, t = usual_swing(signal.astype(np.float32)), np.arange(n) / FS_HZ
    was_p = np.repeat(shares[:, P].max(axis=0) > 0, SAMPLES_PER_FRAME)
    kept = np.flatnonzero(~ndimage.binary_dilation(was_p, iterations=4))
    if len(kept):
        signal = np.stack([np.interp(np.arange(n), kept, lead[kept]) for lead in signal])
    knots = np.arange(0, t[-1] + 0.5, 0.4)
    drift = rng.normal(0, rng.choice([0.02, 0.15, 0.25]), len(knots))
    phase = np.cumsum(2 * np.pi * rng.uniform(3.5, 9) * np.exp(np.interp(t, knots, drift))) / FS_HZ
    level = np.exp(rng.normal(np.log(0.05), 0.7, (n_leads, 1))) * swing
    for harmonic, share in ((1, 1.0), (2, 0.5), (3, 0.3)):
        shift = rng.uniform(0, 2 * np.pi, (n_leads, 1))
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
    """Low-pass filter a record, as a recorder with a low upper cut-off does."""
    return np.asarray(ndimage.gaussian_filter1d(signal, rng.uniform(0.4, 1.3), axis=-1))


def _pacing(
    signal: Array, swing: Array, t: Array, shares: Array, rng: np.random.Generator
) -> Array:
    """Add a spike 4 to 24 ms before each P or QRS, with a different height in each lead."""
    kind = rng.choice([P, QRS])
    onsets = np.flatnonzero(np.diff(shares[0, kind]) > 0.3) * FRAME_S
    places = np.round((onsets - rng.uniform(0.004, 0.024)) * FS_HZ).astype(int)
    spiked = signal.copy()
    height = rng.normal(0, 1.5, (len(signal), 1)) * swing
    spiked[:, places[(places >= 0) & (places < signal.shape[1])]] += height
    return np.asarray(spiked)


DISTURBANCES = (_wander, _mains, _muscle, _electrode, _blurred, _pacing)


def limb_movement(
    signal: Array, swing: Array, weights: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Add a motion artefact; the segment is masked, since no wave can be read in it.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), mV at `FS_HZ`.
    swing : usual swing of each lead, shape (n_leads, 1), mV.
    weights : shape (n_leads, 3, n_frames), 0 where no label counts.

    Returns
    -------
    Signal and weights, of the same shapes.
    """
    n = signal.shape[1]
    first = int(rng.integers(0, n - FS_HZ // 2))
    last = min(first + int(rng.integers(FS_HZ // 4, FS_HZ * 2)), n)
    disturbed = signal.copy()
    jump = rng.normal(size=(len(signal), last - first)) * rng.uniform(2, 30)
    disturbed[:, first:last] += (
        ndimage.gaussian_filter1d(jump, rng.uniform(0.3, 30), axis=-1) * swing
    )
    weights = weights.copy()
    weights[:, :, first // SAMPLES_PER_FRAME : last // SAMPLES_PER_FRAME + 1] = 0.0
    return disturbed, weights


def lose(
    signal: Array, weights: Array, share: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Replace a share of the leads by noise of any colour: the others must do without them.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), mV at `FS_HZ`.
    weights : shape (n_leads, 3, n_frames), 0 where no label counts.

    Returns
    -------
    Signal and weights, of the same shapes.
    """
    lost = np.asarray(rng.random(len(signal)) < share)
    if not lost.any() or len(signal) == 1:
        return signal, weights
    noise = rng.normal(size=signal.shape) * np.exp(rng.uniform(-4, 1, (len(signal), 1)))
    noise = ndimage.gaussian_filter1d(noise, rng.uniform(0.3, 20))
    return np.where(lost[:, None], noise, signal), weights * ~lost[:, None, None]
