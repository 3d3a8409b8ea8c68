"""Score one model, all its seeds, on validation and test."""

import sys
from pathlib import Path

from pedecg import errors, params, tables
from pedecg.evaluation import cases, curves, evaluate


def main() -> None:
    model = sys.argv[1]
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    seeds = evaluate.trained_seeds()
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    predictions = cases.read_seeds(model, seeds)

    validation = cases.of_split(labels, splits, "validation")
    test = cases.of_split(labels, splits, "test")
    p_validation = cases.probabilities(predictions, validation, f"models/{model}")
    p_test = cases.probabilities(predictions, test, f"models/{model}")
    scored = evaluate.validation_and_test(validation, p_validation, test, p_test, settings)

    tables.write(predictions, f"predictions/{model}.parquet", tables.PREDICTIONS)
    figures = {split: evaluate.as_metrics(one, settings) for split, one in scored.items()}
    about = {"model": model, "seeds": seeds, "bootstrap": settings.bootstrap}
    tables.write_metrics({**about, **figures}, f"metrics/evaluate/{model}.json")
    folder = Path("plots/evaluate") / model
    drawn = curves.all_targets(test, p_test.mean(axis=0), scored["test"].counted, model)
    for name, curve in drawn.items():
        tables.write_csv(curve, folder / f"{name}.csv")
    tables.write_csv(curves.learning(Path("models") / model, seeds), folder / "learning.csv")


if __name__ == "__main__":
    errors.one_line(main)
