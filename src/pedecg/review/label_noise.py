"""Which recorded labels are probably wrong: confident learning on out-of-fold predictions.

A model that never saw a patient disagrees strongly with that patient's label: either the model or
the label is wrong, and the second needs a cardiologist's review. The candidates are ranked over
all targets, so that a reviewer starts at the top and stops when the time is up.
Northcutt CG et al. Confident learning. J Artif Intell Res 2021;70:1373-1411.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.linear_model import LogisticRegression

from pedecg.core import parallel, params, tables
from pedecg.core.errors import PedecgError

_NEARLY_0 = 1e-6  # keeps the logarithm of a probability finite

TrainAndPredict = Callable[[list[str], list[str], list[str]], NDArray[np.float64]]


class NoiseReviewSettings(params.Section):
    """How suspect labels are searched."""

    targets: list[str] | None = Field(
        description="targets whose labels are searched; null: those that the ECG decides, all but "
        "labels.not_from_ecg"
    )
    model: str = Field(description="model that predicts out of fold, a key of models")
    folds: int = Field(
        description="patient-wise folds; each is predicted by the others", ge=3, le=20
    )
    epochs: int = Field(
        description="of a network: epochs per fold; few, since a model that fits its labels long "
        "enough learns the wrong ones too",
        ge=1,
        le=500,
    )
    crops_per_record: int = Field(
        description="of a network: instead of train.crops_per_record, for speed", ge=1, le=1000
    )
    window_overlap: float = Field(
        description="of a network: instead of train.window_overlap, for speed", ge=0, lt=1
    )
    model_changes: dict[str, Any] = Field(
        description="keys of models.<model> that differ here; {width: 16} for a network: a small "
        "one is fast and learns fewer wrong labels"
    )
    seed: int = Field(description="seed of the folds and of each fold's training", ge=0)
    min_positives: int = Field(
        description="a target with fewer known positives or negatives is not searched", ge=2
    )


def searched(
    targets: Collection[str], settings: NoiseReviewSettings, not_from_ecg: Collection[str]
) -> list[str]:
    """Return the targets whose labels are searched.

    Parameters
    ----------
    targets : of the cohort.
    not_from_ecg : those that another test decides.

    Raises
    ------
    PedecgError
        The parameter names a target that the cohort does not have.
    """
    if settings.targets is None:
        return [target for target in targets if target not in not_from_ecg]
    for target in settings.targets:
        if target not in targets:
            raise PedecgError(
                f"noise_review.targets: {target!r} is not a target; expected some of "
                f"{', '.join(targets)}"
            )
    return settings.targets


def out_of_fold(
    folds: pd.Series, targets: list[str], train_and_predict: TrainAndPredict
) -> pd.DataFrame:
    """Predict every record by a model that saw no record of its patient.

    For each fold, the next one chooses the epoch and all others are learnt from.

    Parameters
    ----------
    folds : fold from 0 of each record, indexed by record_id; a patient is in one fold.
    targets : names of the columns that `train_and_predict` returns.
    train_and_predict : (record ids to train on, to choose the epoch by, to predict) ->
        probabilities of shape (n_predicted, n_targets).

    Returns
    -------
    One row per record in the order of `folds`, indexed by record_id, one column per target.
    """
    parts = []
    n_folds = int(folds.max()) + 1
    for fold in parallel.progress(range(n_folds), "folds"):
        chooser = (fold + 1) % n_folds
        predicted = list(folds.index[folds == fold])
        chooses = list(folds.index[folds == chooser])
        learnt = list(folds.index[~folds.isin([fold, chooser])])
        probability = train_and_predict(learnt, chooses, predicted)
        parts.append(pd.DataFrame(probability, index=predicted, columns=targets))
    return pd.concat(parts).loc[list(folds.index)]


def candidates(
    probabilities: pd.DataFrame,
    labels: pd.DataFrame,
    records: pd.DataFrame,
    min_positives: int,
) -> pd.DataFrame:
    """Rank every known label of every predicted record, the most suspect first.

    A label's quality is the out-of-fold probability that it is right (cleanlab's self-confidence),
    calibrated per target by Platt's logistic on the recorded labels: without that, a target whose
    positives weigh more in the loss would look suspect as a whole. The labels that confident
    learning puts off the diagonal are flagged; ranking them before all others finds fewer errors
    (139 against 150 among the first 100 of 8 simulated reviews).

    Parameters
    ----------
    probabilities : indexed by record_id, one column per target.
    labels : `tables.LABELS`; unknown labels are not candidates.
    records : `tables.RECORDS`, for the patient.
    min_positives : a target with fewer known positives or negatives is left out.

    Returns
    -------
    `tables.CANDIDATES`.
    """
    given = labels.set_index("record_id").loc[probabilities.index]
    patients = records.set_index("record_id")["patient_id"]
    parts = []
    for target in probabilities.columns:
        known = given[target].notna().to_numpy()
        y = given.loc[known, target].to_numpy(np.int64)
        if min(y.sum(), len(y) - y.sum()) < min_positives:
            continue
        p = probabilities.loc[known, target].to_numpy(np.float64)
        parts.append(
            pd.DataFrame(
                {
                    "record_id": probabilities.index[known],
                    "label": target,
                    "given": y,
                    "probability": p,
                    "label_quality": get_label_quality_scores(y, _calibrated(y, p)),
                    "flagged": find_label_issues(
                        y, np.column_stack([1 - p, p]), filter_by="confident_learning", n_jobs=1
                    ),
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=list(tables.CANDIDATES.columns))
    ranked = pd.concat(parts, ignore_index=True).sort_values(
        ["label_quality", "record_id", "label"]
    )
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    ranked.insert(2, "patient_id", patients.loc[ranked["record_id"]].to_numpy())
    return ranked.reset_index(drop=True)


def for_reviewer(
    ranked: pd.DataFrame,
    records: pd.DataFrame,
    findings: pd.DataFrame,
    at_most: int = 500,
    not_from_ecg: Collection[str] = (),
) -> pd.DataFrame:
    """Return the first candidates with what helps to judge them, ready for a spreadsheet.

    The columns ``decision``, ``reviewer`` and ``reason`` are empty: completed, rows with
    ``record_id``, ``label`` and these three go to ``labels/decisions.csv``. ``may_be`` lists the
    decisions that are allowed: an ECG cannot overrule the echocardiogram or the serology that a
    label in `not_from_ecg` comes from.

    Parameters
    ----------
    findings : `tables.FINDINGS`; the statements of each record are joined into one text.
    """
    shown = ranked.head(at_most)
    about = records.set_index("record_id")[["path", "age_days", "sex"]]
    named = findings.assign(text=findings["description"].fillna(findings["code"]))
    once = named.drop_duplicates(["record_id", "text"])  # one finding stands in two vocabularies
    texts = once.groupby("record_id", sort=True)["text"].agg("; ".join)
    joined = shown.join(about, on="record_id").join(texts.rename("findings"), on="record_id")
    may_be = np.where(joined["label"].isin(list(not_from_ecg)), "keep unknown", "keep flip unknown")
    return joined.assign(may_be=may_be, decision="", reviewer="", reason="")


def as_metrics(ranked: pd.DataFrame) -> dict[str, object]:
    """Return how many labels were searched and how many are flagged, per target."""
    targets = {
        str(target): {
            "labels": len(rows),
            "flagged": int(rows["flagged"].sum()),
            "flagged_positives": int((rows["flagged"] & (rows["given"] == 1)).sum()),
        }
        for target, rows in ranked.groupby("label", sort=True)
    }
    return {
        "labels": len(ranked),
        "flagged": int(ranked["flagged"].sum()),
        "targets": targets,
    }


def _calibrated(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of 0 and 1, shape (n, 2), rescaled to the labels' frequencies."""
    logit = special.logit(np.clip(p, _NEARLY_0, 1 - _NEARLY_0))[:, None]
    fitted: NDArray[np.float64] = LogisticRegression(C=np.inf).fit(logit, y).predict_proba(logit)
    return fitted
