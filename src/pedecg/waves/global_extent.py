"""From the earliest onset to the latest offset of a wave in any lead.

That is how AHA/ACCF/HRS define the global intervals (Surawicz B et al. J Am Coll Cardiol
2009;53:976-981; Kligfield P et al. J Am Coll Cardiol 2007;49:1109-1127) and how the CSE working
party measured its reference records. The waves of all leads together, lead ``global``, are a
consensus: it is steadier from beat to beat, and a little narrower.

The distance from the consensus to the outermost lead is one figure for each boundary of a record,
the median over its beats, so that noise in one beat moves nothing. A lead counts if it shows the
wave in half of the beats at a steady distance, and the outermost one only if a second lead ends
near it: one noisy lead does not widen an interval.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]

EXTENT = "any_lead"
GLOBAL = "global"
SHARE = 0.5  # of the beats that have the wave: a lead that shows it more rarely does not count
FEWEST_BEATS = 3  # a median of fewer is any one of them
FARTHEST_S = 0.2  # from the consensus: a peak beyond belongs to another beat
TO_SD = 1.4826  # times the median absolute deviation: the SD, without regard to outliers


@dataclass(frozen=True)
class Steadiness:
    """How steady and how near to the next lead an outermost boundary is, seconds."""

    largest_sd: float
    largest_gap: float


STEADY = {
    "P": Steadiness(0.012, 0.012), "QRS": Steadiness(0.008, 0.008), "T": Steadiness(0.015, 0.015),
}  # fmt: skip


def extended(waves: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `GLOBAL` as rows of `EXTENT`: each wave as wide as in its widest lead.

    Parameters
    ----------
    waves : columns of `tables.WAVES` of one record, the leads one by one and `GLOBAL`.
    """
    together = waves[waves["lead"] == GLOBAL].copy()
    if together.empty:
        return together
    together["lead"] = EXTENT
    in_leads = waves[waves["lead"] != GLOBAL]
    for wave, steady in STEADY.items():
        rows = together["wave"].to_numpy() == wave
        own = _by_lead(in_leads[in_leads["wave"] == wave])
        peaks = together["peak_s"].to_numpy(np.float64)[rows]
        for edge, outwards in (("onset_s", -1.0), ("offset_s", 1.0)):
            edges = together[edge].to_numpy(np.float64)[rows]
            shift = outwards * _shift(peaks, edges, own, edge, outwards, steady)
            together.loc[rows, edge] += shift
    together["onset_s"] = together["onset_s"].clip(lower=0.0)
    return together


def _by_lead(waves: pd.DataFrame) -> list[dict[str, Values]]:
    """Return the times of one kind of wave of each lead, by column, in order of the peak."""
    lead = waves["lead"].to_numpy()
    times = {name: waves[name].to_numpy(np.float64) for name in ("onset_s", "peak_s", "offset_s")}
    found = []
    for one in sorted(set(lead)):
        rows = np.flatnonzero(lead == one)
        order = rows[np.argsort(times["peak_s"][rows], kind="stable")]
        found.append({name: values[order] for name, values in times.items()})
    return found


def _shift(
    peaks: Values,
    edges: Values,
    own: list[dict[str, Values]],
    edge: str,
    outwards: float,
    steady: Steadiness,
) -> float:
    """Return how far outside the consensus the outermost supported lead lies, seconds, >= 0."""
    known = int(np.isfinite(edges).sum())
    if known < FEWEST_BEATS:
        return 0.0
    shifts = []
    for lead in own:
        away = outwards * (_paired(lead, edge, peaks) - edges)
        away = away[np.isfinite(away)]
        if len(away) < max(FEWEST_BEATS, SHARE * known):
            continue
        middle = float(np.median(away))
        if TO_SD * float(np.median(np.abs(away - middle))) <= steady.largest_sd:
            shifts.append(middle)
    shifts.sort(reverse=True)
    for outermost, second in pairwise(shifts):
        if outermost - second <= steady.largest_gap:
            return max(outermost, 0.0)
    return 0.0


def _paired(lead: dict[str, Values], edge: str, peaks: Values) -> Values:
    """Return the boundary in one lead that belongs to each wave of the consensus, NaN: none."""
    own, values = lead["peak_s"], lead[edge]
    right = np.searchsorted(own, peaks).clip(0, len(own) - 1)
    left = (right - 1).clip(0)
    nearest = np.where(np.abs(own[left] - peaks) <= np.abs(own[right] - peaks), left, right)
    near = np.abs(own[nearest] - peaks) <= FARTHEST_S
    return np.where(near, values[nearest], np.nan)
