"""Windows for training the delineator: other heart rates, other recorders, worse electrodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core.params import Section
from pedecg.delineator import disturbances, time_warp
from pedecg.waves.annotations import Labelled
from pedecg.waves.network_input import normalise, usual_swing
from pedecg.waves.wave_targets import FS_HZ, SAMPLES_PER_FRAME, targets

_LOOP_S = 25.0  # of beats in a loop, so that a window is full at three times the rate
_UNEVEN = 0.35  # standard deviation of the logarithm of the pace of diastole


class Settings(Section):
    """How far training windows are moved from the records as they are."""

    fast: float = Field(
        description="share of windows with increased heart rate, mainly by shorter diastole",
        ge=0,
        le=1,
    )
    fastest_bpm: float = Field(
        description="highest heart rate made, beats per minute", ge=60, le=320
    )
    stretch: float = Field(
        description="other windows: time scaled by up to this factor", ge=1, le=2
    )
    noise: float = Field(
        description=(
            "share of windows with added baseline wander, mains hum, muscle noise, "
            "motion, a low-pass or pacing spikes"
        ),
        ge=0,
        le=1,
    )
    lost_lead: float = Field(description="share of leads replaced by noise alone", ge=0, le=1)
    flip: float = Field(description="share of inverted leads, as in electrode reversal", ge=0, le=1)
    irregular: float = Field(
        description=(
            "share of windows with irregular RR intervals, also with P waves: "
            "irregularity alone is not fibrillation"
        ),
        ge=0,
        le=1,
    )
    fibrillating: float = Field(
        description="share of other windows in which fibrillation or flutter replaces the P waves",
        ge=0,
        le=1,
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
        self.loop = time_warp.looped(record, _LOOP_S)


def draw(
    source: Source, n_leads: int, n_samples: int, settings: Settings, rng: np.random.Generator
) -> Window:
    """Cut one window of random leads at a random place, warp its time and disturb it."""
    fast = rng.random() < settings.fast
    record = source.loop if fast else source.record
    chosen = rng.choice(len(record.leads), n_leads, replace=n_leads > len(record.leads))
    reference = record.marks[chosen[0]]
    length_s = n_samples / FS_HZ
    if fast:
        pace = time_warp.faster(reference, settings.fastest_bpm, rng)
    else:
        pace = time_warp.evenly(settings.stretch, rng)
    old = np.arange(*time_warp.place(reference, record, length_s * max(pace), rng), time_warp.MAP_S)
    unevenness = _UNEVEN if rng.random() < settings.irregular else 0.0
    new = time_warp.new_times(reference, old, pace, unevenness, rng)
    new -= new[0] + rng.uniform(0, max(new[-1] - new[0] - length_s, 0.0))

    times = np.interp(np.arange(n_samples) / FS_HZ, new, old)
    samples = np.arange(record.signal_mv.shape[1]) / record.fs_hz
    low, high = np.searchsorted(samples, [times[0] - 0.1, times[-1] + 0.1])
    leads = record.signal_mv[chosen, low:high]
    signal = np.stack([np.interp(times, samples[low:high], lead) for lead in leads])
    pairs = [
        targets(time_warp.moved(record.marks[lead], old, new), n_samples // SAMPLES_PER_FRAME)
        for lead in chosen
    ]
    shares, weights = (np.stack(part) for part in zip(*pairs, strict=True))
    if not fast and rng.random() < settings.fibrillating:
        signal, shares = disturbances.fibrillating(signal, shares, rng)
    return _disturbed(signal.astype(np.float32), shares, weights, settings, rng)


def _disturbed(
    signal: NDArray[np.float32],
    shares: NDArray[np.float32],
    weights: NDArray[np.float32],
    settings: Settings,
    rng: np.random.Generator,
) -> Window:
    n_leads, n = signal.shape
    level = signal - np.median(signal, axis=-1, keepdims=True)
    disturbed: disturbances.Array = level * np.where(
        rng.random((n_leads, 1)) < settings.flip, -1, 1
    )
    swing = usual_swing(level)
    times = np.arange(n) / FS_HZ
    if rng.random() < settings.noise:
        kinds = rng.choice(len(disturbances.DISTURBANCES), rng.integers(1, 4), replace=False)
        for kind in kinds:
            disturbed = disturbances.DISTURBANCES[kind](disturbed, swing, times, shares, rng)
    disturbed, weights = disturbances.lose(disturbed, weights, settings.lost_lead, rng)
    if rng.random() < settings.lost_lead:
        disturbed, weights = disturbances.limb_movement(disturbed, swing, weights, rng)
    prepared = normalise(disturbed.astype(np.float32))
    return Window(prepared, shares.astype(np.float32), weights.astype(np.float32))
