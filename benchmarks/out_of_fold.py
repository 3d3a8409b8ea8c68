"""Every record predicted by a model that never saw it, from what the pipeline has prepared.

Read in the folder of a pipeline whose stages `statistics` and `rule_features` have run. Networks
are trained to their last epoch: the held-out fold chooses nothing.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from pedecg.core import params, tables
from pedecg.learning import batches
from pedecg.learning.fit import fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import model_settings, registry
from pedecg.signals import lead_statistics, signal_store
from pedecg.tabular import rules_boosted as boosted_trees
from pedecg.tabular import rules_trees as random_trees


@dataclass(frozen=True)
class Prepared:
    """The tables and signals of a pipeline, and its parameters.

    Attributes
    ----------
    labels : rows of the table LABELS that are asked about.
    values : params.yaml, changed as the command line says.
    """

    records: pd.DataFrame
    labels: pd.DataFrame
    rules: pd.DataFrame
    signals: signal_store.SignalStore
    values: dict[str, Any]

    @property
    def ids(self) -> np.ndarray:
        return self.labels["record_id"].to_numpy(object)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(name for name in self.labels if name != "record_id")

    @property
    def truth(self) -> np.ndarray:
        return self.labels[list(self.targets)].to_numpy(np.float64)


def prepared(changes: list[str]) -> Prepared:
    """Read what the stages have written; leave out records with an unknown label."""
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    return Prepared(
        tables.read("data/interim/records.parquet", tables.RECORDS),
        labels[labels.notna().all(axis=1)].reset_index(drop=True),
        tables.read("data/features/rules.parquet", tables.RULES),
        signal_store.open_store("data/processed/signals"),
        _changed(changes),
    )


def probabilities(
    model: str, given: Prepared, fold: np.ndarray, seed: int, share: float = 1.0
) -> np.ndarray:
    """Return probabilities of shape (n, k) for the rows of the labels.

    Parameters
    ----------
    fold : shape (n,), the fold of each row; share : of the other folds' records, drawn at random,
        that a model learns from.
    """
    found = np.zeros((len(fold), len(given.targets)))
    learn = _grown if model in (random_trees.RULES_TREES, boosted_trees.RULES_BOOSTED) else _trained
    for k in np.unique(fold):
        held, others = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        drawn = np.random.default_rng([seed, k]).permutation(others)[: round(share * len(others))]
        found[held] = learn(model, given, np.sort(drawn), held, seed)
    return found


def _trained(
    model: str, given: Prepared, train: np.ndarray, held: np.ndarray, seed: int
) -> np.ndarray:
    own = model_settings.complete(model, given.values)
    settings = params.parse(
        given.values["train"] | {"monitor": "last"}, "train", TrainSettings,
        "params.yaml",
    )  # fmt: skip
    rules = given.rules if "rules" in registry.reads(model, own) else None
    data = batches.dataset(given.signals, given.records, given.labels, rules)
    measured = lead_statistics.of_leads(given.signals, data.positions[train])
    fitted = fit(
        model, own, data, train, held, batches.normalisation(measured), settings, seed,
        state_root=None,
    )  # fmt: skip
    return fitted.trained.predict(
        given.signals, data.positions[held], data.age_days[held], data.sex[held],
        data.features.iloc[held],
    )  # fmt: skip


def _grown(
    model: str, given: Prepared, train: np.ndarray, held: np.ndarray, seed: int
) -> np.ndarray:
    exclusive = given.values["train"]["task"] == "multiclass"
    grow: Any
    grow, schema = {
        random_trees.RULES_TREES: (random_trees.train, random_trees.Settings),
        boosted_trees.RULES_BOOSTED: (
            partial(boosted_trees.train, exclusive=exclusive), boosted_trees.Settings
        ),
    }[model]  # fmt: skip
    ids = given.ids
    where = pd.DataFrame(
        {
            "record_id": np.concatenate([ids[train], ids[held]]),
            "split": ["train"] * len(train) + ["test"] * len(held),
        }
    ).assign(patient_id=lambda each: each["record_id"])
    table = random_trees.features(given.rules, given.records)
    own = model_settings.complete(model, given.values)
    settings = params.parse(own, f"models.{model}", schema, "params.yaml")
    grown, _ = grow(table, given.rules["record_id"], given.labels, where, seed, settings)
    return grown.predict(table.set_index(pd.Index(given.rules["record_id"])).loc[ids[held]])


def _changed(changes: list[str]) -> dict[str, Any]:
    yaml = YAML(typ="safe", pure=True)
    values: dict[str, Any] = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        key, _, value = change.partition("=")
        *above, last = key.split(".")
        section = values
        for part in above:
            section = section[part]
        section[last] = yaml.load(value)
    return values


def arguments(about: str) -> argparse.ArgumentParser:
    """Return a parser of what every cross-validation asks for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--repeats", type=int, default=1, help="with other seeds")
    parser.add_argument("--set", nargs="*", default=[], help="key=value of params.yaml")
    parser.add_argument("--out", type=Path, help="npz of labels and probabilities")
    return parser
