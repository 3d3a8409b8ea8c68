"""Metrics of a network by segment and by recording; a segment has the label of its recording.

Intervals are over recordings: the segments of one recording are drawn together.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.evaluation import evaluate, metrics, multiclass
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Calibrated, Scoring

Floats = NDArray[np.float64]

SEGMENT, RECORDING = "segment", "recording"


def as_metrics(
    recordings: Cases,
    predictions: Sequence[tuple[NDArray[np.int64], Floats]],
    challenge: Sequence[str],
    settings: Scoring,
) -> dict[str, Any]:
    """Return the figures of both levels, see `multiclass.as_metrics`, with the AUROC of each class.

    Probabilities are those of the network, not calibrated: a curve is fitted on recordings.

    Parameters
    ----------
    predictions : for each training, the row of `recordings` that each segment belongs to, and
        probabilities of shape (n_segments, n_classes); a recording's are the mean of its segments'.
    """
    row = predictions[0][0]
    p = np.array([each for _, each in predictions])
    ids = tuple(recordings.record_ids[place] for place in row)
    levels = {
        SEGMENT: (Cases(ids, recordings.targets, recordings.y[row], recordings.patients[row]), p),
        RECORDING: (recordings, _means(p, row, len(recordings.record_ids))),
    }
    return {
        name: _level(cases, np.concatenate([each.mean(axis=0)[None], each]), challenge, settings)
        for name, (cases, each) in levels.items()
    }


def _means(p: Floats, row: NDArray[np.int64], n: int) -> Floats:
    """Return the mean over each recording's segments, shape (n_trainings, n, n_classes).

    The sums are exact before they are rounded once. Classes with equal votes then have equal
    means, whatever the order of the segments, and the first of them is predicted: no rounding error
    breaks the tie.

    Parameters
    ----------
    p : shape (n_trainings, n_segments, n_classes).
    row : shape (n_segments,), recording of each segment; every recording has a segment.
    """
    of_recording = np.split(np.argsort(row, kind="stable"), np.cumsum(np.bincount(row))[:-1])
    assert len(of_recording) == n, "a recording without a segment"
    sums = [[[math.fsum(votes) for votes in one[own].T] for own in of_recording] for one in p]
    return np.array(sums) / np.bincount(row)[:, None]


def _level(
    recordings: Cases, p: Floats, challenge: Sequence[str], settings: Scoring
) -> dict[str, Any]:
    no_cuts = np.full((len(p), len(recordings.targets), len(metrics.POINTS)), np.nan)
    scored = evaluate.score(recordings, Calibrated(p, no_cuts), settings)
    column = metrics.METRICS.index("auroc")
    auroc = {
        f"auroc {name}": scored.figure(row, "auroc")
        | {
            "mean": float(scored.per_seed[:, row, column].mean()),
            "sd": multiclass.spread(scored.per_seed[:, row, column]),
        }
        for row, name in enumerate([*recordings.targets, evaluate.MACRO])
        if row == len(recordings.targets) or scored.counted[row]
    }
    return (
        {"n": len(recordings.y)} | auroc | multiclass.as_metrics(recordings, p, challenge, settings)
    )


def as_table(found: Mapping[str, Any], model: str) -> pd.DataFrame:
    """Return the figures of both levels in long form."""
    parts = []
    for level, figures in found.items():
        plain = {name: each for name, each in figures.items() if name != "n"}
        parts.append(multiclass.as_table(plain, model).assign(level=level))
    return pd.concat(parts, ignore_index=True)
