"""Cross-validation: every record is predicted by a model that was not trained on it.

Networks are trained to their last epoch, since the held-out fold may not choose one.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.benchmarks.benchmark_settings import Cinc2017Folds, PtbxlFolds
from pedecg.benchmarks.prepared_cohort import Prepared
from pedecg.cohorts import splits
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.learning import batches
from pedecg.models import model_settings, registry
from pedecg.models.contract import Training
from pedecg.signals import lead_statistics

Folds = NDArray[np.int64]
_PTBXL_FOLDS = 10  # as published


def ptbxl(
    model: str, prepared: Prepared, values: dict[str, Any], settings: PtbxlFolds
) -> pd.DataFrame:
    """Cross-validate a model over PTB-XL's official folds, which are of patients.

    Returns
    -------
    Rows of the table PREDICTIONS; `seed` is the number of the repeat.

    Raises
    ------
    PedecgError
        A record has no official fold.
    """
    official = prepared.records.set_index("record_id")["fold"].loc[list(prepared.record_ids)]
    if official.isna().any() or not official.between(1, _PTBXL_FOLDS).all():
        raise PedecgError(f"data.ptbxl: a record without a fold from 1 to {_PTBXL_FOLDS}")
    fold = (official.to_numpy(np.int64) - 1) // settings.test_folds
    repeats = range(settings.repeats)
    return pd.concat([cross_validated(model, prepared, values, fold, seed) for seed in repeats])


def cinc2017(
    model: str, prepared: Prepared, values: dict[str, Any], settings: Cinc2017Folds
) -> pd.DataFrame:
    """Cross-validate a model over folds of recordings that are random in each repeat.

    Returns
    -------
    Rows of the table PREDICTIONS; `seed` is the number of the repeat.
    """
    parts = []
    for seed in range(settings.repeats):
        drawn = splits.folds(prepared.records, prepared.labels, settings.folds, seed, [])
        fold = drawn.loc[list(prepared.record_ids)].to_numpy(np.int64)
        parts.append(cross_validated(model, prepared, values, fold, seed))
    return pd.concat(parts)


def no_predictions() -> pd.DataFrame:
    """Return a table PREDICTIONS without rows, of a cohort that is not there."""
    return pd.DataFrame(columns=list(tables.PREDICTIONS.columns))


def cross_validated(
    model: str, prepared: Prepared, values: dict[str, Any], fold: Folds, seed: int
) -> pd.DataFrame:
    """Predict every record by a model that was trained on the other folds.

    Parameters
    ----------
    values : plain parameters: the sections `models`, `trunk` (where there is one) and `train`.
    fold : shape (n_records,), of each row of the labels.

    Returns
    -------
    Rows of the table PREDICTIONS, one for each record and target.

    Raises
    ------
    PedecgError
        There is no such model, or its parameters are not valid.
    """
    own = model_settings.complete(model, values)
    kind, reads = registry.kind(model, own), registry.reads(model, own)
    rules = prepared.rules if "rules" in reads else None
    signals = prepared.signals if "signals" in reads else None
    rows = batches.dataset(signals, prepared.records, prepared.labels, rules)
    train = values["train"] | {"monitor": "last"}
    parts = []
    folds = np.unique(fold)
    if kind == "fused" and len(folds) < 3:  # one to test on, one for the weights, one to train on
        raise PedecgError(f"{model}: cross-validation needs 3 folds or more (found {len(folds)})")
    for k, following in zip(folds, np.roll(folds, -1), strict=True):
        held_out = fold == k
        statistics = (
            lead_statistics.of_leads(prepared.signals, rows.positions[~held_out])
            if "signals" in reads
            else None
        )
        training = Training(
            model, own, seed, train,
            lead_statistics=asdict(batches.normalisation(statistics)) if statistics else {},
        )  # fmt: skip
        # A network's loop follows the held-out fold, but keeps its last epoch whatever it shows. A
        # model of tables may learn from validation records (`refit`), so it gets none. A fused
        # model fits its weights on the following fold, which its sides are not trained on.
        learnt_from = rows if kind == "network" else rows.take(~held_out)
        validation = {
            "network": held_out,
            "tabular": np.zeros(len(learnt_from), bool),
            "fused": (fold == following)[~held_out],
        }[kind]
        fitted = registry.fit(learnt_from, validation, training)
        if fitted is None:
            raise PedecgError(f"{model}: cross-validation trains in one process")
        probabilities = fitted.model.predict(rows.take(held_out))
        split = np.full(int(held_out.sum()), "test")
        parts.append(batches.predictions(rows.take(held_out), split, seed, probabilities))
    return pd.concat(parts)
