"""Part of the cardiac cycle of each sample, and the share of a map in each part."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

REGIONS = ("P", "QRS", "ST-T", "rest")
GLOBAL = "global"  # the waves of all leads together


def of_samples(waves: pd.DataFrame, fs_hz: float, n_samples: int) -> NDArray[np.int64]:
    """Return the region of every sample, as its number in `REGIONS`, shape (n_samples,).

    ST-T reaches from the end of QRS to the end of its T, so that the ST segment is in it; a beat
    without T has none. Where regions overlap, QRS stands before ST-T before P.

    Parameters
    ----------
    waves : rows of `tables.WAVES` of one record and one lead (`GLOBAL`).
    """
    region = np.full(n_samples, REGIONS.index("rest"))
    ordered = waves.sort_values("peak_s", kind="stable")
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in ("P", "ST-T", "QRS")}
    qrs_end = np.nan
    for wave, onset, peak, offset in ordered[["wave", "onset_s", "peak_s", "offset_s"]].itertuples(
        index=False
    ):
        begin = onset if np.isfinite(onset) else peak
        end = offset if np.isfinite(offset) else peak
        if wave == "T":
            spans["ST-T"].append((qrs_end if np.isfinite(qrs_end) else begin, end))
            qrs_end = np.nan
        else:
            spans[wave].append((begin, end))
            qrs_end = end if wave == "QRS" else qrs_end
    for name, found in spans.items():
        for begin, end in found:
            first, last = (round(float(second) * fs_hz) for second in (begin, end))
            region[max(first, 0) : max(last + 1, 0)] = REGIONS.index(name)
    return region


def shares(
    attribution: NDArray[np.float64], region: NDArray[np.int64]
) -> dict[str, tuple[float, float]]:
    """Return each region's share of a map and its share of time; NaN where the map is empty.

    Parameters
    ----------
    attribution : shape (n_leads, n_samples), at least zero.
    region : shape (n_samples,), see `of_samples`.
    """
    found = np.bincount(region, attribution.sum(axis=0), len(REGIONS))
    found = found / (found.sum() if found.any() else np.nan)  # of their own sum: none exceeds 1
    time = np.bincount(region, minlength=len(REGIONS)) / len(region)
    return {name: (float(found[i]), float(time[i])) for i, name in enumerate(REGIONS)}
