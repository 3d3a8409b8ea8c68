"""Turn rule scores into probabilities: `python stages/train_rules.py rules 0`."""

import sys
from pathlib import Path

from pedecg import decisions, errors, params, tables
from pedecg.rules import baseline


def main() -> None:
    model, seed = sys.argv[1], int(sys.argv[2])
    settings = params.load(f"models.{model}", baseline.RulesSettings)
    use = {"use_decisions": params.read_section("train.use_decisions")}
    train = params.parse(use, "train", baseline.DecisionSettings, "params.yaml")
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    if train.use_decisions:
        labels = decisions.apply(labels, splits)

    about, predictions = baseline.train(rules, labels, splits, seed, settings)

    folder = Path("models") / model / f"seed{seed}"
    tables.write_metrics({**about, "name": model}, folder / "model.json")
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
