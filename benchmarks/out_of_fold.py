"""Every record predicted by a model that never saw it, from what the pipeline has prepared.

Read in the folder of a pipeline whose stages `statistics` and `rule_features` have run. Networks
are trained to their last epoch: the held-out fold chooses nothing.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from pedecg.core import tables
from pedecg.learning import batches
from pedecg.models import model_settings, registry
from pedecg.models.contract import Training
from pedecg.signals import lead_statistics, signal_store


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
    values = model_settings.complete(model, given.values)
    network = registry.is_network(model, values)
    rules = given.rules if "rules" in registry.reads(model, values) else None
    rows = batches.dataset(given.signals if network else None, given.records, given.labels, rules)
    train = given.values["train"] | {"monitor": "last"}
    for k in np.unique(fold):
        held, others = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        drawn = np.random.default_rng([seed, k]).permutation(others)[: round(share * len(others))]
        learnt = np.sort(drawn)
        leads = lead_statistics.of_leads(given.signals, rows.positions[learnt]) if network else {}
        # A network looks at validation rows after each epoch, and here chooses nothing by them.
        chosen = np.concatenate([learnt, held]) if network else learnt
        fitted = registry.fit(
            rows.take(chosen), np.arange(len(chosen)) >= len(learnt),
            Training(model, values, seed, train, leads),
        )  # fmt: skip
        assert fitted is not None, "train.processes must be 1 here"
        found[held] = fitted.model.predict(rows.take(held))
    return found


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
