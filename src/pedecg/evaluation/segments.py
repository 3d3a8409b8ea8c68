"""The same network by segment and by recording: each segment has the label of its recording.

Intervals are over recordings: the segments of one recording are drawn together.
"""

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
    who: Cases,
    said: Sequence[tuple[NDArray[np.int64], Floats]],
    challenge: Sequence[str],
    settings: Scoring,
) -> dict[str, Any]:
    """Return the figures of both levels, see `multiclass.as_metrics`, with the AUROC of each class.

    Probabilities are those of the network, not calibrated: a curve is fitted on recordings.

    Parameters
    ----------
    said : for each training, the row of `who` that each segment belongs to, and probabilities of
        shape (n_segments, n_classes); a recording's are the mean of its segments'.
    """
    row = said[0][0]
    p = np.array([each for _, each in said])
    n = len(who.record_ids)
    share = (row == np.arange(n)[:, None]) / np.bincount(row, minlength=n)[:, None]
    ids = tuple(who.record_ids[place] for place in row)
    levels = {
        SEGMENT: (Cases(ids, who.targets, who.y[row], who.patients[row]), p),
        RECORDING: (who, share @ p),
    }
    return {
        name: _level(cases, np.concatenate([each.mean(axis=0)[None], each]), challenge, settings)
        for name, (cases, each) in levels.items()
    }


def _level(who: Cases, p: Floats, challenge: Sequence[str], settings: Scoring) -> dict[str, Any]:
    no_cuts = np.full((len(p), len(who.targets), len(metrics.POINTS)), np.nan)
    scored = evaluate.score(who, Calibrated(p, no_cuts), settings)
    column = metrics.METRICS.index("auroc")
    auroc = {
        f"auroc {name}": scored.figure(row, "auroc")
        | {
            "mean": float(scored.per_seed[:, row, column].mean()),
            "sd": multiclass.spread(scored.per_seed[:, row, column]),
        }
        for row, name in enumerate([*who.targets, evaluate.MACRO])
        if row == len(who.targets) or scored.counted[row]
    }
    return {"n": len(who.y)} | auroc | multiclass.as_metrics(who, p, challenge, settings)


def as_table(found: Mapping[str, Any], model: str) -> pd.DataFrame:
    """Return the figures of both levels in long form."""
    parts = []
    for level, figures in found.items():
        plain = {name: each for name, each in figures.items() if name != "n"}
        parts.append(multiclass.as_table(plain, model).assign(level=level))
    return pd.concat(parts, ignore_index=True)
