"""Which beats a pacemaker started: spikes just before QRS, before P, or within QRS.

Spikes are detected here in the signal that is measured, after its filters: a spike bends in 4 ms
as no QRS does, in a third of the leads at once.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.rules.beats import Values

SLOWEST_HZ = 240.0  # a slower record cannot show a spike of 2 ms
BEND_S = 0.004  # half width over which a spike bends
BROAD = 3  # times that: a sharp R bends more over this than over a single width
SPIKE_MV = 0.25  # bend; QRS complexes of 160 ECGs at 250 and 500 Hz reach 0.22 mV
TIMES_NOISE = 10.0  # over the usual bend of the lead
SHARP = 0.6  # of the bend over the broad width
RETURNS = 1.5  # times the bend: where the level changes by more it is a step, no spike
SHARE_OF_LEADS = 1 / 3  # a spike's direction leaves some leads without it
CALM, CALM_S = 2.0, (0.012, 0.1)  # of the usual range, from and to so far from the spike
STRETCH_S = 2.0  # the usual range is the median of those of successive segments
APART_S = 0.02  # nearer tops are one spike
BEFORE_S, AFTER_S = 0.30, 0.04  # a spike belongs to the QRS whose onset follows, or just preceded
VENTRICLE_S = 0.06  # a spike nearer than this before QRS is in the ventricle


def spikes(leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float) -> Values:
    """Return the times of pacemaker spikes, seconds, ascending.

    Parameters
    ----------
    leads : usable leads, each of shape (n_samples,), mV; band-passed up to 100 Hz or more.
    """
    if not leads or fs_hz < SLOWEST_HZ:
        return np.empty(0)
    signal = np.stack(list(leads.values())).astype(np.float64)
    width = max(1, round(BEND_S * fs_hz))
    if signal.shape[1] <= 2 * BROAD * width:
        return np.empty(0)
    sharp, broad = _bend(signal, width), _bend(signal, BROAD * width)
    usual = np.median(sharp, axis=1, keepdims=True)
    back = _step(signal, BROAD * width) < RETURNS * sharp
    sharp = np.where(back & (sharp > SHARP * broad) & (sharp > TIMES_NOISE * usual), sharp, 0.0)
    needed = max(min(3, len(signal)), round(SHARE_OF_LEADS * len(signal)))
    together = np.sort(sharp, axis=0)[-needed]
    high = np.flatnonzero(together > SPIKE_MV)
    groups = np.split(high, np.flatnonzero(np.diff(high) > APART_S * fs_hz) + 1)
    tops = [int(group[np.argmax(together[group])]) for group in groups if len(group)]
    if not tops:
        return np.empty(0)
    stretches = np.array_split(signal, max(1, round(signal.shape[1] / fs_hz / STRETCH_S)), axis=1)
    usual_range = float(np.median([np.median(np.ptp(part, axis=1)) for part in stretches]))
    calm = [top for top in tops if _calm(signal, top, usual_range, fs_hz)]
    return np.array(calm, np.float64) / fs_hz


def _calm(signal: Values, top: int, usual_range: float, fs_hz: float) -> bool:
    """Is the rest of the signal around a spike of usual size? A loose electrode's is not."""
    near, far = round(CALM_S[0] * fs_hz), round(CALM_S[1] * fs_hz)
    around = np.concatenate(
        [signal[:, max(0, top - far) : max(0, top - near)], signal[:, top + near : top + far]],
        axis=1,
    )
    if top < near or top + near >= signal.shape[1] or not around.shape[1]:
        return False  # at an edge a filter rings
    return bool(np.median(np.ptp(around, axis=1)) < CALM * usual_range)


def _bend(signal: Values, width: int) -> Values:
    bend = np.zeros_like(signal)
    middle = signal[:, width:-width]
    bend[:, width:-width] = np.abs(
        middle - 0.5 * (signal[:, 2 * width :] + signal[:, : -2 * width])
    )
    return bend


def _step(signal: Values, width: int) -> Values:
    """Return how far the levels on both sides are apart."""
    step = np.zeros_like(signal)
    step[:, width:-width] = np.abs(signal[:, 2 * width :] - signal[:, : -2 * width])
    return step


def share(beats: pd.DataFrame, spikes_s: Values, fs_hz: float) -> dict[str, float]:
    """Return how many beats a pacemaker started.

    Returns
    -------
    paced_share : share of beats with a spike from 300 ms before QRS on: in the atria or ventricles.
    ventricular_paced_share : share of beats with a spike from 60 ms before QRS on.

    Both are NaN where the sampling rate is too low to show spikes and none were given.
    """
    if fs_hz < SLOWEST_HZ and not len(spikes_s):
        return {"paced_share": np.nan, "ventricular_paced_share": np.nan}
    onset = np.where(beats["qrs_on_s"].notna(), beats["qrs_on_s"], beats["r_s"] - 0.04)
    delay = spikes_s[None, :] - onset[:, None]
    reach = {"paced_share": BEFORE_S, "ventricular_paced_share": VENTRICLE_S}
    return {
        name: float(((delay > -before) & (delay < AFTER_S)).any(axis=1).mean())
        for name, before in reach.items()
    }
