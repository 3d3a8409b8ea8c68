"""Cross-validation: every record is predicted by a model that was not trained on it.

Networks are trained to their last epoch, since the held-out fold may not choose one.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.benchmarks.benchmark_settings import Cinc2017Folds, PtbxlFolds
from pedecg.benchmarks.prepared_cohort import Prepared
from pedecg.cohorts import splits
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.learning import batches
from pedecg.learning.fit import fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import registry
from pedecg.signals import lead_statistics
from pedecg.tabular import boosted_trees, linear, random_trees, rule_score

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
    """Cross-validate a model over random folds of recordings, drawn anew in each repeat.

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
    return linear.predictions((), pd.DataFrame({"record_id": [], "split": []}), 0, np.empty((0, 0)))


def cross_validated(
    model: str, prepared: Prepared, values: dict[str, Any], fold: Folds, seed: int
) -> pd.DataFrame:
    """Predict every record by a model that was trained on the other folds.

    Parameters
    ----------
    fold : shape (n_records,), of each row of the labels.

    Returns
    -------
    Rows of the table PREDICTIONS, one for each record and target.

    Raises
    ------
    PedecgError
        There is no such model, or its parameters are not valid.
    """
    tabular = model in (
        linear.AGE_SEX, "rules", linear.RULES_LINEAR,
        random_trees.RULES_TREES, boosted_trees.RULES_BOOSTED,
    )  # fmt: skip
    train = _tabular if tabular else _network
    parts = []
    for k in np.unique(fold):
        held_out = np.flatnonzero(fold == k)
        probabilities = train(model, prepared, values, np.flatnonzero(fold != k), held_out, seed)
        rows = pd.DataFrame({"record_id": prepared.record_ids[held_out], "split": "test"})
        parts.append(linear.predictions(prepared.targets, rows, seed, probabilities))
    return pd.concat(parts)


def _network(
    model: str,
    prepared: Prepared,
    values: dict[str, Any],
    training: Folds,
    held_out: Folds,
    seed: int,
) -> NDArray[np.float64]:
    own = values["models"].get(model, {})  # an unknown model: the registry names those there are
    last_epoch = values["train"] | {"monitor": "last", "seeds": []}
    settings = params.parse(last_epoch, "train", TrainSettings, str(params.PARAMS_FILE))
    rules = prepared.rules if "rules" in registry.reads(model, own) else None
    data = batches.dataset(prepared.signals, prepared.records, prepared.labels, rules)
    statistics = lead_statistics.of_leads(prepared.signals, data.positions[training])
    fitted = fit(
        model, own, data, training, held_out, batches.normalisation(statistics), settings, seed,
        state_root=None,
    )  # fmt: skip
    return fitted.trained.predict(
        prepared.signals, data.positions[held_out], data.age_days[held_out], data.sex[held_out],
        data.features.iloc[held_out],
    )  # fmt: skip


def _tabular(
    model: str,
    prepared: Prepared,
    values: dict[str, Any],
    training: Folds,
    held_out: Folds,
    seed: int,
) -> NDArray[np.float64]:
    ids = prepared.record_ids
    split = pd.DataFrame(
        {
            "record_id": np.concatenate([ids[training], ids[held_out]]),
            "split": ["train"] * len(training) + ["test"] * len(held_out),
        }
    ).assign(patient_id=lambda table: table["record_id"])
    own = values["models"][model]
    source = str(params.PARAMS_FILE)
    rules, records, labels = prepared.rules, prepared.records, prepared.labels
    table = random_trees.features(rules, records)
    rule_ids = rules["record_id"]
    predicted: pd.DataFrame
    if model == random_trees.RULES_TREES:
        trees = params.parse(own, f"models.{model}", random_trees.TreesSettings, source)
        _, predicted = random_trees.train(table, rule_ids, labels, split, seed, trees)
    elif model == boosted_trees.RULES_BOOSTED:
        boosted = params.parse(own, f"models.{model}", boosted_trees.BoostedSettings, source)
        _, predicted = boosted_trees.train(
            table, rule_ids, labels, split, seed, boosted,
            exclusive=values["train"]["task"] == "multiclass",
        )  # fmt: skip
    elif model == "rules":
        score = params.parse(own, f"models.{model}", rule_score.RulesSettings, source)
        _, predicted = rule_score.train(rules, labels, split, seed, score)
    else:
        age_sex = model == linear.AGE_SEX
        features = linear.age_and_sex(records) if age_sex else linear.rule_features(rules)
        features_of = records["record_id"] if age_sex else rule_ids
        penalty = params.parse(own, f"models.{model}", linear.LinearSettings, source)
        _, predicted = linear.train(model, features, features_of, labels, split, seed, penalty)
    wide = predicted.pivot_table("probability", "record_id", "label")
    return wide.loc[list(ids[held_out]), list(prepared.targets)].to_numpy(np.float64)
