"""Fit a model that reads no signal: ``python stages/train_rules.py rules_linear 0``."""

import sys
from pathlib import Path
from typing import Any

from pedecg.cohorts import label_decisions
from pedecg.core import errors, params, tables
from pedecg.tabular import rules as rule_score
from pedecg.tabular import rules_boosted as boosted_trees
from pedecg.tabular import rules_trees as random_trees
from pedecg.tabular.shared import logistic as naive


def train_boosted(*given: Any) -> Any:
    """Train for the task of the networks: targets side by side, or one class of several."""
    return boosted_trees.train(*given, exclusive=params.read_section("train.task") == "multiclass")


GROWN = {
    random_trees.RULES_TREES: (random_trees.train, random_trees.Settings),
    boosted_trees.RULES_BOOSTED: (train_boosted, boosted_trees.Settings),
}


def main() -> None:
    model, seed = sys.argv[1], int(sys.argv[2])
    use = {"use_decisions": params.read_section("train.use_decisions")}
    train = params.parse(use, "train", rule_score.DecisionSettings, "params.yaml")
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    if train.use_decisions:
        labels = label_decisions.apply(labels, splits)
    folder = Path("models") / model / f"seed{seed}"

    if model == "rules":
        settings = params.load("models.rules", rule_score.Settings)
        about, predictions = rule_score.train(rules, labels, splits, seed, settings)
        tables.write_metrics({**about, "name": model}, folder / "model.json")
    elif model in GROWN:
        train_trees, schema = GROWN[model]
        grown, predictions = random_trees.grow(
            train_trees, random_trees.features(rules, records), rules["record_id"], labels, splits,
            seed, params.load(f"models.{model}", schema),
        )  # fmt: skip
        grown.save(folder)
    else:
        table = records if model == naive.AGE_SEX else rules
        take = naive.age_and_sex if model == naive.AGE_SEX else naive.rule_features
        linear, predictions = naive.train(
            model, take(table), table["record_id"], labels, splits, seed,
            params.load(f"models.{model}", naive.Settings),
        )  # fmt: skip
        linear.save(folder / "model.json")

    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
