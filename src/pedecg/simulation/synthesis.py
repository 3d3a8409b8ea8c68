"""From beat shapes and beat times to the noise-free leads and their fiducial points."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.simulation import torso
from pedecg.simulation.beat_shape import BeatShape
from pedecg.simulation.beat_times import ECTOPIC, NARROW, PACED, Rhythm
from pedecg.simulation.gaussian_waves import Waves

_REACH = 4.5  # widths after which a Gaussian is below 0.1 µV
LOW_ATRIUM = np.array([-0.4, -0.9, 0.6])  # turns a sinus P into one that climbs


@dataclass(frozen=True)
class CleanEcg:
    """The heart as the electrodes would see it without any noise.

    Attributes
    ----------
    leads_mv : shape (12, n_samples), in the order of `records.LEADS`.
    dipole_mv : shape (3, n_samples), of which any lead is a projection, see `torso.to_leads`.
    fiducials : columns wave, onset_s, peak_s, offset_s; waves that lie wholly in the record.
    qt_ms : mean QT of the record's beats, milliseconds.
    """

    leads_mv: NDArray[np.float64]
    dipole_mv: NDArray[np.float64]
    fiducials: pd.DataFrame
    qt_ms: float


def synthesize(
    narrow: BeatShape,
    wide: BeatShape,
    rhythm: Rhythm,
    traits: dict[str, float],
    n_samples: int,
    fs_hz: float,
    rng: np.random.Generator,
) -> CleanEcg:
    """Put the waves of every beat in their places and project their sum on the leads.

    The size of the beats breathes by some per cent with the child, as the heart turns in the
    chest.
    """
    canvas = _Canvas(n_samples, fs_hz)
    found: list[tuple[str, float, float, float]] = []
    rr = rhythm.rr_s()
    qt = _qt_s(rhythm, rr, traits, narrow.qrs_s)
    breath = 2 * np.pi * traits["breathing"] / 60 * rhythm.qrs_s + rng.uniform(0, 6.28)
    size = 1 + 0.035 * np.sin(breath) + rng.normal(0, 0.008, breath.size)
    every_other = np.where(np.arange(breath.size) % 2, -1.0, 1.0)
    t_size = size * (1 + traits["alternans"] * every_other)

    for kind, gain in ((0, np.ones(3)), (ECTOPIC, LOW_ATRIUM)):
        onset = rhythm.p_s[rhythm.p_kind == kind]
        waves = narrow.p.with_dipole(narrow.p.dipole_mv * gain)
        canvas.add(waves, onset, np.ones(onset.size), np.ones(onset.size))
        found += [("P", t, t + narrow.p_peak_s, t + narrow.p_s) for t in onset]

    for shape, chosen in ((narrow, rhythm.qrs_kind == NARROW), (wide, rhythm.qrs_kind != NARROW)):
        onset, amplitude = rhythm.qrs_s[chosen], size[chosen]
        # A wide beat recovers late: its T ends later by what its QRS lasts longer.
        end = onset + qt[chosen] + (shape.qrs_s - narrow.qrs_s)
        done = onset + shape.qrs_s
        canvas.add(shape.qrs, onset, amplitude, np.ones(onset.size))
        canvas.add(shape.t, done, t_size[chosen], end - done)
        for start, j, stop in zip(onset, done, end, strict=True):
            found.append(("QRS", start, start + shape.qrs_peak_s, j))
            found.append(
                ("T", *(j + part * (stop - j) for part in (shape.t_onset, shape.t_peak)), stop)
            )

    spikes = rhythm.qrs_s[rhythm.qrs_kind == PACED] - 0.004
    spike = Waves(np.zeros(1), np.full(1, 0.001), np.full(1, 0.001), np.array([[1.0, 2.0, -1.0]]))
    canvas.add(spike, spikes, np.ones(spikes.size), np.ones(spikes.size))
    if rhythm.fibrillation:
        canvas.dipole += _fibrillation(n_samples, fs_hz, rng)

    fiducials = pd.DataFrame(found, columns=["wave", "onset_s", "peak_s", "offset_s"])
    inside = (fiducials["onset_s"] >= 0) & (fiducials["offset_s"] < n_samples / fs_hz)
    fiducials = fiducials[inside].sort_values(["onset_s", "wave"], ignore_index=True)
    in_record = (rhythm.qrs_s >= 0) & (rhythm.qrs_s < n_samples / fs_hz)
    mean_qt_ms = float(1000 * qt[in_record].mean())
    return CleanEcg(torso.to_leads(canvas.dipole), canvas.dipole, fiducials, mean_qt_ms)


class _Canvas:
    """A dipole over time, shape (3, n_samples), on which waves are painted."""

    def __init__(self, n_samples: int, fs_hz: float) -> None:
        self.dipole = np.zeros((3, n_samples))
        self.fs_hz = fs_hz

    def add(
        self,
        waves: Waves,
        origin_s: NDArray[np.float64],
        size: NDArray[np.float64],
        stretch: NDArray[np.float64],
    ) -> None:
        """Add the waves once per origin, each time with its own size and segment of time."""
        if origin_s.size == 0:
            return
        n = self.dipole.shape[1]
        for centre, rise, fall, dipole in zip(
            waves.centre_s, waves.rise_s, waves.fall_s, waves.dipole_mv, strict=True
        ):
            middle = origin_s + centre * stretch
            reach = int(np.ceil(_REACH * max(rise, fall) * stretch.max() * self.fs_hz))
            index = np.rint(middle * self.fs_hz).astype(np.int64)[:, None]
            index = index + np.arange(-reach, reach + 1)
            away = index / self.fs_hz - middle[:, None]
            width = np.where(away < 0, rise, fall) * stretch[:, None]
            bump = size[:, None] * elementary.exp(-0.5 * np.square(away / width))
            inside = (index >= 0) & (index < n)
            track = np.bincount(index[inside], weights=bump[inside], minlength=n)
            self.dipole += dipole[:, None] * track


def _qt_s(
    rhythm: Rhythm, rr_s: NDArray[np.float64], traits: dict[str, float], qrs_s: float
) -> NDArray[np.float64]:
    """QT of each beat: Bazett at the mean rate; a single short RR shortens it only in part.

    T ends before the next P begins wherever the ventricles follow the atria.
    """
    mean = float(rr_s.mean())
    shortened = np.array([math.pow(share, 0.3) for share in rr_s / mean])
    qt = traits["qtc_ms"] / 1000 * np.sqrt(mean) * shortened
    room = np.append(np.diff(rhythm.qrs_s), mean)
    if rhythm.p_s.size == rhythm.qrs_s.size:
        room = room - traits["pr_ms"] / 1000 + 0.015
    return np.asarray(np.clip(qt, qrs_s + 0.1, np.maximum(room, qrs_s + 0.1)))


def _fibrillation(n: int, fs_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fibrillation waves: 5 to 8 Hz, never twice the same, largest in V1."""
    time = np.arange(n) / fs_hz
    knots = np.arange(0, time[-1] + 1, 0.5)
    drift = np.interp(time, knots, rng.normal(0, 1, knots.size))
    phase = 2 * np.pi * np.cumsum(6.3 + 0.8 * drift) / fs_hz
    wave = np.sin(phase) + 0.4 * np.sin(2 * phase + 1) + 0.3 * np.sin(0.71 * phase)
    return np.asarray(np.array([0.03, 0.05, -0.06])[:, None] * wave * (1 + 0.3 * drift))
