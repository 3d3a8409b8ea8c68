"""Score wave boundaries against labelled records, one boundary at a time.

Matching is one to one and optimal: of all pairings within the tolerance the one with most pairs,
and of those the one with the least total distance. What is found outside the labelled spans, or
where the source leaves this boundary open, counts neither for nor against.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pedecg.core import tables
from pedecg.waves.annotations import QRS, Labelled, Marks, P, T, open_sides

Array = NDArray[np.float64]
# boundary: kind, column of `Marks.waves`, column of the WAVES table, tolerance in s (openecg's own)
BOUNDARIES: dict[str, tuple[int, int, str, float]] = {
    "p_onset": (P, 1, "onset_s", 0.050),
    "p_offset": (P, 3, "offset_s", 0.050),
    "qrs_onset": (QRS, 1, "onset_s", 0.040),
    "qrs_offset": (QRS, 3, "offset_s", 0.040),
    "t_onset": (T, 1, "onset_s", 0.050),
    "t_offset": (T, 3, "offset_s", 0.100),
}
_AT_THE_EDGE = 1e-9  # s; a time on the edge of an interval is within it


def count(waves: pd.DataFrame, records: Iterable[Labelled]) -> pd.DataFrame:
    """Compare the waves found, as in the WAVES table, with every lead of the records.

    Returns
    -------
    One row per record, lead and boundary: ``record_id, source, lead, rate_bpm, boundary``, the
    counts ``tp, fp, fn`` and ``errors_ms``, the signed errors (found minus labelled) of the pairs.
    """
    by_lead = dict(list(waves.groupby(["record_id", "lead"])))
    none = waves.iloc[:0]
    rows = [
        {
            "record_id": record.record_id,
            "source": record.source,
            "lead": lead,
            "rate_bpm": marks.rate_bpm(),
            "boundary": boundary,
            **_count_one(by_lead.get((record.record_id, lead), none), marks, boundary),
        }
        for record in records
        for lead, marks in zip(record.leads, record.marks, strict=True)
        for boundary in BOUNDARIES
    ]
    return pd.DataFrame(rows)


def summary(counts: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return sensitivity, PPV, F1 and the errors in ms per boundary and group, and macro F1."""
    keys = [*by, "boundary"]
    pooled = counts.groupby(keys, sort=False)[["tp", "fp", "fn"]].sum()
    errors = counts.explode("errors_ms").groupby(keys, sort=False)["errors_ms"]
    pooled["se"] = pooled["tp"] / (pooled["tp"] + pooled["fn"]).clip(lower=1)
    pooled["ppv"] = pooled["tp"] / (pooled["tp"] + pooled["fp"]).clip(lower=1)
    pooled["f1"] = 2 * pooled["tp"] / (2 * pooled["tp"] + pooled["fp"] + pooled["fn"]).clip(lower=1)
    pooled["mean_ms"] = errors.agg(lambda e: e.astype(float).mean())
    pooled["sd_ms"] = errors.agg(lambda e: e.astype(float).std(ddof=0))
    return pooled.reset_index()


def macro_f1(counts: pd.DataFrame) -> float:
    """Return the mean F1 of the six boundaries over all rows."""
    return float(summary(counts)["f1"].mean())


def invented_p(waves: pd.DataFrame, records: Iterable[Labelled]) -> float:
    """Return P waves found per QRS labelled, in the spans of leads without one labelled P."""
    found = beats = 0
    by_lead = dict(list(waves.groupby(["record_id", "lead"])))
    for record in records:
        for lead, marks in zip(record.leads, record.marks, strict=True):
            if len(marks.of(P)) or not len(marks.waves):
                continue
            rows = by_lead.get((record.record_id, lead), waves.iloc[:0])
            onsets = rows.loc[rows["wave"] == tables.WAVES_IN_ORDER[P], "onset_s"].to_numpy(float)
            found += int(_inside(onsets, marks.spans).sum())
            beats += len(marks.of(QRS))
    return found / beats if beats else float("nan")


def frames(waves: pd.DataFrame, records: Iterable[Labelled], frame_s: float = 0.02) -> pd.DataFrame:
    """Compare the waves found with every lead of the records, frame by frame.

    Returns
    -------
    One row per record, lead and wave: ``record_id, source, lead, wave`` and ``tp, fp, fn``, frames
    within the labelled spans; a frame belongs to a wave that covers its centre.
    """
    by_lead = dict(list(waves.groupby(["record_id", "lead"])))
    rows = []
    for record in records:
        times = np.arange(frame_s / 2, record.signal_mv.shape[1] / record.fs_hz, frame_s)
        for lead, marks in zip(record.leads, record.marks, strict=True):
            own = by_lead.get((record.record_id, lead), waves.iloc[:0])
            for kind, name in enumerate(tables.WAVES_IN_ORDER):
                chosen = own.loc[own["wave"] == name, ["onset_s", "offset_s"]].to_numpy(float)
                found = _inside(times, chosen)
                true = _inside(times, marks.of(kind)[:, [0, 2]])
                known = _inside(times, marks.spans)
                known &= ~_inside(times, marks.unknown[marks.unknown[:, 0] == kind, 1:])
                pairs = (found & true, found & ~true, ~found & true)
                place = (record.record_id, record.source, lead, name)
                rows.append((*place, *(int((pair & known).sum()) for pair in pairs)))
    columns = ["record_id", "source", "lead", "wave", "tp", "fp", "fn"]
    return pd.DataFrame(rows, columns=columns)


def frame_f1(counts: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return F1 of P, QRS and T for each group of the rows of `frames`."""
    keys = [*by, "wave"]
    pooled = counts.groupby(keys, sort=False)[["tp", "fp", "fn"]].sum()
    pooled["f1"] = 2 * pooled["tp"] / (2 * pooled["tp"] + pooled["fp"] + pooled["fn"]).clip(lower=1)
    return pooled.reset_index()


def _count_one(rows: pd.DataFrame, marks: Marks, boundary: str) -> dict[str, object]:
    kind, column, name, tolerance = BOUNDARIES[boundary]
    labelled = np.sort(marks.waves[marks.waves[:, 0] == kind, column])
    labelled = labelled[np.isfinite(labelled)]
    chosen = rows.loc[rows["wave"] == tables.WAVES_IN_ORDER[kind], name].dropna()
    found = np.unique(chosen.to_numpy(float))
    pairs = match(labelled, found, tolerance)
    spare = np.delete(found, pairs[1])
    sides = open_sides(marks.waves)
    ignored = sides[(sides[:, 0] == kind) & (sides[:, 1] == column), 2:]
    if kind == T and not len(marks.of(T)):
        ignored = np.array([[-np.inf, np.inf]])  # nobody looked for T in this record
    false = _inside(spare, marks.spans) & ~_inside(spare, ignored)
    return {
        "tp": len(pairs[0]),
        "fp": int(false.sum()),
        "fn": len(labelled) - len(pairs[0]),
        "errors_ms": 1000 * (found[pairs[1]] - labelled[pairs[0]]),
    }


def match(
    labelled: Array, found: Array, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the pairs in two sorted arrays.

    Parameters
    ----------
    labelled, found : sorted times, shapes (n,) and (m,), in the unit of `tolerance`.

    Returns
    -------
    Positions in `labelled` and in `found`, both of shape (n_pairs,).
    """
    distance = np.abs(labelled[:, None] - found[None, :])
    near = distance <= tolerance + _AT_THE_EDGE
    if near.sum(0).max(initial=0) <= 1 and near.sum(1).max(initial=0) <= 1:
        left, right = np.nonzero(near)
        return left, right
    # The number of pairs has priority over their distance.
    prize = 1.0 + distance.shape[0] * tolerance
    left, right = linear_sum_assignment(np.where(near, distance - prize, 0.0))
    paired = near[left, right]
    return left[paired], right[paired]


def _inside(times: Array, intervals: Array) -> NDArray[np.bool_]:
    low, high = intervals[:, :1], intervals[:, 1:]
    within = (times >= low - _AT_THE_EDGE) & (times <= high + _AT_THE_EDGE)
    return np.asarray(within.any(axis=0))
