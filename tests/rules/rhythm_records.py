"""Records of exactly known rhythm: where each P and QRS lies, and which QRS is wide."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.records import LEADS

Array = NDArray[np.floating[Any]]
FS_HZ = 500.0
GAIN = dict(
    zip(LEADS, (0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.6, -0.4, 0.4, 0.9, 1.1, 0.9), strict=True)
)
P_MV, NOISE_MV = 0.12, 0.004


def make(
    r_s: Sequence[float] | Array,
    p_s: Sequence[float] | Array = (),
    wide: Sequence[int] = (),
    length_s: float | None = None,
    shown_p: Sequence[float] | Array | None = None,
    p_mv: float = P_MV,
    t: bool = True,
    seed: int = 0,
    leads: Sequence[str] = LEADS,
) -> tuple[pd.DataFrame, Array]:
    """Return waves (lead global) and signal, shape (n_leads, n_samples).

    Parameters
    ----------
    r_s, p_s : R peaks and P peaks, seconds.
    wide : numbers of the beats with a wide QRS of another form.
    shown_p : P peaks in the table of waves; None: all.
    """
    r_s = np.asarray(r_s, float)
    length_s = r_s[-1] + 0.6 if length_s is None else length_s
    times = np.arange(round(length_s * FS_HZ)) / FS_HZ
    signal = np.zeros((len(leads), len(times)))
    gain = np.array([GAIN[lead] for lead in leads])[:, None]

    def add(at: float, height: float, width: float, along: Array = gain) -> None:
        signal[:] += along * height * np.exp(-0.5 * ((times - at) / width) ** 2)

    rows: list[tuple[str, float, float, float]] = []
    for k, r in enumerate(r_s):
        if k in wide:
            add(r, 1.4, 0.028, np.roll(gain, 4, axis=0))
            add(r + 0.06, -0.9, 0.03, np.roll(gain, 4, axis=0))
            edges = -0.06, 0.0, 0.1
        else:
            add(r, 1.0, 0.011)
            add(r + 0.03, -0.25, 0.011)
            edges = (-0.03, 0.0, 0.06)
        rows.append(("QRS", r + edges[0], r + edges[1], r + edges[2]))
        if t:
            add(r + 0.24, 0.25, 0.04)
            rows.append(("T", r + 0.15, r + 0.24, r + 0.33))
    for p in p_s:
        add(p, p_mv, 0.018)
    shown = p_s if shown_p is None else shown_p
    rows.extend(("P", p - 0.045, p, p + 0.045) for p in shown)
    signal += NOISE_MV * np.random.default_rng(seed).normal(size=signal.shape)
    table = pd.DataFrame(rows, columns=["wave", "onset_s", "peak_s", "offset_s"])
    table.insert(0, "lead", "global")
    table = table.sort_values("peak_s", kind="stable", ignore_index=True)
    return table.assign(confidence=np.nan), signal


def flutter_waves(signal: Array, per_minute: float, mv: float = 0.2) -> Array:
    """Add a sawtooth to every lead."""
    times = np.arange(signal.shape[1]) / FS_HZ
    phase = times * per_minute / 60 % 1.0
    gain = np.array([GAIN[lead] for lead in LEADS])[:, None]
    return signal + gain * mv * (0.5 - phase)


def spikes(signal: Array, at_s: Sequence[float] | Array, mv: float = 2.0) -> Array:
    """Add pacemaker spikes of 2 ms."""
    paced = signal.copy()
    for at in at_s:
        paced[:, round(at * FS_HZ)] += mv
    return paced
