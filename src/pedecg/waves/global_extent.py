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
    lead, wave = waves["lead"].to_numpy(), waves["wave"].to_numpy()
    of_all = lead == GLOBAL
    together: pd.DataFrame = waves[of_all].copy()
    if together.empty:
        return together
    together["lead"] = EXTENT
    times = {name: waves[name].to_numpy(np.float64) for name in ("onset_s", "peak_s", "offset_s")}
    wider = {name: values[of_all] for name, values in times.items()}
    kind = wave[of_all]
    for name, steady in STEADY.items():
        rows = kind == name
        if not rows.any():
            continue
        chosen = (wave == name) & ~of_all
        paired = _paired(lead[chosen], {key: v[chosen] for key, v in times.items()}, wider, rows)
        for edge, outwards in (("onset_s", -1.0), ("offset_s", 1.0)):
            edges = wider[edge][rows]
            wider[edge][rows] += outwards * _shift(outwards * (paired[edge] - edges), edges, steady)
    together["onset_s"] = np.where(wider["onset_s"] < 0.0, 0.0, wider["onset_s"])
    together["offset_s"] = wider["offset_s"]
    return together


def _paired(
    lead: NDArray[np.object_],
    times: dict[str, Values],
    together: dict[str, Values],
    rows: NDArray[np.bool_],
) -> dict[str, Values]:
    """Return the ends in each lead that belong to each wave of the consensus, NaN: none.

    Parameters
    ----------
    lead, times : of one kind of wave in all leads, shape (n,) each.
    together : all waves of the consensus; rows : those of that kind.

    Returns
    -------
    onset_s and offset_s, shape (n_leads, n_waves), leads by name.
    """
    peaks = together["peak_s"][rows]
    names = sorted(set(lead))
    paired = {edge: np.full((len(names), len(peaks)), np.nan) for edge in ("onset_s", "offset_s")}
    for row, name in enumerate(names):
        here = np.flatnonzero(lead == name)
        order = here[np.argsort(times["peak_s"][here], kind="stable")]
        own = times["peak_s"][order]
        right = np.searchsorted(own, peaks).clip(0, len(own) - 1)
        left = (right - 1).clip(0)
        nearest = np.where(np.abs(own[left] - peaks) <= np.abs(own[right] - peaks), left, right)
        near = np.abs(own[nearest] - peaks) <= FARTHEST_S
        for edge, values in paired.items():
            values[row] = np.where(near, times[edge][order][nearest], np.nan)
    return paired


def _shift(away: Values, edges: Values, steady: Steadiness) -> float:
    """Return how far outside the consensus the outermost supported lead lies, seconds, >= 0.

    Parameters
    ----------
    away : shape (n_leads, n_waves), how far outside each lead's boundary lies; NaN: none.
    edges : shape (n_waves,), of the consensus.
    """
    known = int(np.isfinite(edges).sum())
    if known < FEWEST_BEATS:
        return 0.0
    away = np.where(np.isfinite(away), away, np.nan)
    enough = np.isfinite(away).sum(axis=1) >= max(FEWEST_BEATS, SHARE * known)
    away = away[enough]
    middle = _medians(away)
    kept = TO_SD * _medians(np.abs(away - middle[:, None])) <= steady.largest_sd
    shifts: list[float] = sorted(middle[kept].tolist(), reverse=True)
    for outermost, second in pairwise(shifts):
        if outermost - second <= steady.largest_gap:
            return max(outermost, 0.0)
    return 0.0


def _medians(values: Values) -> Values:
    """Return the median of each row, shape (n_rows,), over what is not NaN: at least one."""
    ordered = np.sort(values, axis=1)  # NaN last
    n = np.isfinite(values).sum(axis=1)
    row = np.arange(len(values))
    return np.asarray((ordered[row, (n - 1) // 2] + ordered[row, n // 2]) / 2)
