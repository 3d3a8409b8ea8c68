"""Set all models side by side on the test patients."""

from pathlib import Path

import pandas as pd

from pedecg import errors, params, tables
from pedecg.evaluation import cases, compare, curves, evaluate, forest


def main() -> None:
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    cohort = params.read_section("cohort.name")
    compare.check_models(settings.models, compare.trained_models())
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    validation = cases.of_split(labels, splits, "validation")
    test = cases.of_split(labels, splits, "test")

    scored = {}
    for model in settings.models:
        source = f"predictions/{model}.parquet"
        predictions = tables.read(source, tables.PREDICTIONS)
        compare.check_labels(predictions, source, test.targets)
        p_validation = cases.probabilities(predictions, validation, source)
        p_test = cases.probabilities(predictions, test, source)
        both = evaluate.validation_and_test(validation, p_validation, test, p_test, settings)
        scored[model] = both["test"]
    figures = evaluate.as_table(scored)
    differences = compare.differences(scored)

    tables.write_metrics(compare.summary(scored, cohort), "metrics/summary.json")
    tables.write_metrics(compare.as_metrics(differences), "metrics/compare.json")
    folder = Path("plots/compare")
    tables.write_csv(figures, folder / "figures.csv")
    tables.write_csv(differences, folder / "differences.csv")
    forest.auroc(figures, compare.sentence(figures), test.size, folder / "forest.png", cohort)
    for name in [*curves.CURVES, "learning"]:
        parts = [pd.read_csv(f"plots/evaluate/{model}/{name}.csv") for model in settings.models]
        tables.write_csv(curves.together(parts), folder / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
