"""Challenge score of models of the arrhythmia pipeline in repeated cross-validation.

    cd pipelines/arrhythmia; dvc repro statistics rule_features
    python ../../benchmarks/arrhythmia_cv.py cnn_only hybrid rules_boosted [--folds 5] [--repeats 1]
        [--set train.crop_seconds=30 models.gru.hidden=64 ...] [--out table.csv]

Every recording is predicted by models that never saw it; networks are trained without early
stopping. Several models are also joined, by the mean of their probabilities as in `ensemble`. The
interval is that of resampled recordings (percentiles of 1000), of the probability averaged over
repeats; `sd` is the spread of single repeats.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from pedecg import boosted, params, splits, tables, trees
from pedecg.evaluation import multiclass
from pedecg.learning import batches
from pedecg.learning.fit import fit
from pedecg.learning.settings import TrainSettings
from pedecg.models import registry
from pedecg.signals import statistics, store

CHALLENGE = ("normal", "af", "other")
GROWN: dict[str, Any] = {
    trees.RULES_TREES: (trees.train, trees.TreesSettings),
    boosted.RULES_BOOSTED: (boosted.train, boosted.BoostedSettings),
}


def main() -> None:
    arguments = _arguments()
    values = _changed(arguments.set)
    settings = params.parse(
        values["train"] | {"monitor": "last", "seeds": []}, "train", TrainSettings, "params.yaml"
    )
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    signals = store.open_store("data/processed/signals")
    kept = {}
    for model in arguments.models:
        own = values["models"][model]
        by_rules = model in GROWN
        fused = not by_rules and "rules" in registry.reads(model, own)
        data = batches.dataset(signals, records, labels, rules if fused else None)
        p = np.zeros((arguments.repeats, len(data.record_ids), len(data.targets)))
        for repeat in range(arguments.repeats):
            fold = splits.folds(records, labels, arguments.folds, repeat, [])
            part = fold.loc[list(data.record_ids)].to_numpy()
            for k in range(arguments.folds):
                train, held = np.flatnonzero(part != k), np.flatnonzero(part == k)
                if by_rules:
                    p[repeat, held] = _grown(model, own, records, labels, rules, data, held, repeat)
                    continue
                measured = statistics.of_leads(signals, data.positions[train])
                fitted = fit(
                    model, own, data, train, held, batches.normalisation(measured), settings,
                    repeat, state_root=None,
                )  # fmt: skip
                p[repeat, held] = fitted.trained.predict(
                    signals, data.positions[held], data.age_days[held], data.sex[held],
                    data.features.iloc[held],
                )  # fmt: skip
        kept[model] = p
        print(_row(model, data.labels, data.targets, p), flush=True)
    if arguments.out:
        np.savez(arguments.out, labels=data.labels, **kept)
    if len(kept) > 1:
        together = np.mean(list(kept.values()), axis=0)
        print(_row("all together", data.labels, data.targets, together), flush=True)


def _grown(
    model: str, own: dict[str, Any], records: pd.DataFrame, labels: pd.DataFrame,
    rules: pd.DataFrame, data: batches.Dataset, held: np.ndarray, seed: int,
) -> np.ndarray:  # fmt: skip
    """Grow trees without the held records and return their probabilities of these."""
    ids = np.array(data.record_ids, object)
    where = np.full(len(ids), "train", object)
    where[held] = "test"
    split = pd.DataFrame({"record_id": ids, "patient_id": ids, "split": where})
    train, schema = GROWN[model]
    grown, _ = train(
        trees.features(rules, records), rules["record_id"], labels, split, seed,
        params.parse(own, f"models.{model}", schema, "params.yaml"),
    )  # fmt: skip
    table = trees.features(rules, records).set_index(pd.Index(rules["record_id"]))
    return grown.predict(table.loc[ids[held]])


def _row(model: str, labels: np.ndarray, classes: tuple[str, ...], p: np.ndarray) -> str:
    true = labels.argmax(1)
    n = len(true)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, np.full(n, 1 / n), 1000).T.astype(float)

    def scores(said: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        matrices = multiclass.tables(true, said.argmax(1), len(classes), weights)
        return multiclass.scores(matrices, classes, CHALLENGE)

    whole = scores(p.mean(0), np.ones((n, 1)))
    low, high = np.quantile(scores(p.mean(0), draws)["f1_challenge"], [0.025, 0.975])
    single = [scores(one, np.ones((n, 1)))["f1_challenge"][0] for one in p]
    figures = {name: round(float(whole[f"f1 {name}"][0]), 3) for name in classes}
    return json.dumps(
        {
            "model": model,
            "challenge": round(float(whole["f1_challenge"][0]), 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
            "mean": round(float(np.mean(single)), 3),
            "sd": round(float(np.std(single)), 3),
            **figures,
            "accuracy": round(float(whole["accuracy"][0]), 3),
        }
    )


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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], help="key=value of params.yaml")
    parser.add_argument("--out", type=Path, help="npz of labels and probabilities")
    return parser.parse_args()


if __name__ == "__main__":
    main()
