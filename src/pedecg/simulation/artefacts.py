"""Recording artefacts: baseline wander, muscle noise, mains, loose electrodes, saturation.

Noise arises at the electrodes, not in the leads: a bad right arm electrode is seen in every lead
but III, as in real records.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from pedecg.core import elementary
from pedecg.core.records import LEADS
from pedecg.signals import filters
from pedecg.simulation import torso
from pedecg.simulation.hospital_settings import Recorder


@dataclass(frozen=True)
class Artefacts:
    """What goes wrong in one record."""

    wander_mv: float
    muscle_mv: float
    mains_mv: float
    pops: bool
    saturated: bool
    lead_off: bool


class Hospital(Protocol):
    """Settings of a hospital that this module needs: the frequency of each artefact."""

    @property
    def pop_fraction(self) -> float:
        """Fraction of records with an electrode pop, 0 to 1."""

    @property
    def saturated_fraction(self) -> float:
        """Fraction of records with saturated samples, 0 to 1."""

    @property
    def lead_off_fraction(self) -> float:
        """Fraction of records with an electrode off, 0 to 1."""

    @property
    def recorder(self) -> Recorder:
        """The ECG recorder."""


def draw(settings: Hospital, rng: np.random.Generator) -> Artefacts:
    """Draw the artefacts of one record."""
    recorder = settings.recorder
    return Artefacts(
        wander_mv=recorder.wander_uv / 1000 * rng.lognormal(0, 0.7),
        muscle_mv=recorder.muscle_uv / 1000 * rng.lognormal(0, 0.8),
        mains_mv=recorder.mains_uv / 1000 * rng.lognormal(0, 0.9),
        pops=bool(rng.random() < settings.pop_fraction),
        saturated=bool(rng.random() < settings.saturated_fraction),
        lead_off=bool(rng.random() < settings.lead_off_fraction),
    )


def recorded(
    clean_mv: NDArray[np.float64],
    fs_hz: float,
    artefacts: Artefacts,
    recorder: Recorder,
    breathing_per_min: float,
    rng: np.random.Generator,
    names: tuple[str, ...] = LEADS,
) -> NDArray[np.float64]:
    """Return the recorded leads, shape (n_leads, n), mV: noise, filters, saturation, steps.

    Parameters
    ----------
    clean_mv : shape (n_leads, n), mV; of the leads `names`, see `torso.from_electrodes`.
    """
    to_leads = torso.from_electrodes(names)
    shape = to_leads.shape[1], clean_mv.shape[1]
    electrodes = _wander(shape, fs_hz, artefacts.wander_mv, breathing_per_min, rng)
    electrodes += _muscle(shape, fs_hz, artefacts.muscle_mv, rng)
    electrodes += _mains(shape, fs_hz, artefacts.mains_mv, recorder.mains_hz, rng)
    if artefacts.pops:
        electrodes += _pops(shape, fs_hz, rng)
    leads = clean_mv + elementary.product(to_leads, electrodes)
    leads = _passed(leads, fs_hz, recorder)
    if artefacts.saturated:
        spikes = _spikes(shape, recorder.saturation_mv, rng)
        leads += elementary.product(to_leads, spikes)
    if artefacts.lead_off:
        leads = _lead_off(leads, rng)
    steps = np.rint(
        np.clip(leads, -recorder.saturation_mv, recorder.saturation_mv) * 1000 / recorder.step_uv
    )
    return np.asarray(steps * recorder.step_uv / 1000)


def _wander(
    shape: tuple[int, int], fs_hz: float, size: float, breathing: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Breathing and slow drift, drawn at 5 Hz and interpolated; shape (n_electrodes, n_samples)."""
    n_electrodes, n = shape
    coarse = np.arange(0, n / fs_hz + 1, 0.2)
    drift = np.cumsum(rng.normal(0, 0.25, (n_electrodes, coarse.size)), axis=1)
    drift -= drift.mean(axis=1, keepdims=True)
    breath = np.sin(2 * np.pi * breathing / 60 * coarse + rng.uniform(0, 6.28))
    coarse_wander = size * (drift + rng.normal(0, 0.8, (n_electrodes, 1)) * breath)
    time = np.arange(n) / fs_hz
    return np.stack([np.interp(time, coarse, row) for row in coarse_wander])


def _muscle(
    shape: tuple[int, int], fs_hz: float, size: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Broad-band noise of muscles; each electrode has its own strength, and it comes in bursts."""
    n_electrodes, n = shape
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = signal.sosfilt(filters.butterworth(2, (15.0, 180.0), "bandpass", fs_hz), noise, axis=1)
    strength = size * rng.lognormal(0, 0.5, (n_electrodes, 1))
    knots = np.arange(0, n + fs_hz, fs_hz)
    burst = np.interp(np.arange(n), knots, rng.lognormal(-0.1, 0.45, knots.size))
    return np.asarray(strength * burst * noise, np.float64)


def _mains(
    shape: tuple[int, int], fs_hz: float, size: float, mains_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    n_electrodes, n = shape
    time = np.arange(n) / fs_hz
    phase = 2 * np.pi * mains_hz * rng.normal(1, 0.0005) * time
    weight = size * rng.normal(0, 1, (2, n_electrodes, 1))
    return np.asarray(weight[0] * np.sin(phase) + weight[1] * np.cos(phase))


def _pops(shape: tuple[int, int], fs_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return electrode pops: a step that decays exponentially."""
    n_electrodes, n = shape
    result = np.zeros(shape)
    for _ in range(rng.integers(1, 4)):
        electrode, start = rng.integers(n_electrodes), rng.integers(n)
        jump = rng.normal(0, 0.8)
        decay = elementary.exp(-np.arange(n - start) / fs_hz / rng.uniform(0.1, 0.8))
        result[electrode, start:] += jump * decay
    return result


def _spikes(
    shape: tuple[int, int], saturation_mv: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Very short, very large spikes of one electrode, large enough to saturate the recorder."""
    n_electrodes, n = shape
    result = np.zeros(shape)
    electrode = rng.integers(n_electrodes)
    # A limb electrode enters a chest lead by a third: the largest lead still saturates.
    for _ in range(rng.integers(1, 5)):
        start, width = rng.integers(0, n - 12), rng.integers(2, 10)
        spike = np.sin(np.pi * (np.arange(width) + 0.5) / width)
        result[electrode, start : start + width] += (
            rng.choice([-1.0, 1.0]) * saturation_mv * rng.uniform(1.6, 2.4) * spike
        )
    return result


def _passed(leads: NDArray[np.float64], fs_hz: float, recorder: Recorder) -> NDArray[np.float64]:
    """Apply the recorder's own filters, zero-phase."""
    low = filters.butterworth(1, recorder.low_cut_hz, "highpass", fs_hz)
    high = filters.butterworth(2, recorder.high_cut_hz, "lowpass", fs_hz)
    return filters.zero_phase(np.vstack([low, high]), leads)


def _lead_off(leads: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Set a precordial lead to zero for a while or for the whole record: electrode off."""
    n = leads.shape[1]
    lead = int(rng.choice([6, 8, 10]))  # V1, V3, V5: in both lead configurations
    start = 0 if rng.random() < 0.4 else int(rng.integers(n // 2))
    stop = n if rng.random() < 0.5 else min(n, start + int(rng.integers(n // 4, n)))
    leads[lead, start:stop] = 0.0
    return leads
