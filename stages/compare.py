"""Set all models side by side on the test patients."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.evaluation import calibration, cases, compare, curves, evaluate, net_benefit
from pedecg.plots import decision_curves, forest_plot


def main() -> None:
    settings = params.load("evaluate", evaluate.EvaluateSettings)
    naive = params.load("compare", compare.CompareSettings).naive
    cohort = params.read_section("cohort.name")
    seeds = evaluate.trained_seeds()
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    who = {name: cases.of_split(labels, splits, name) for name in ("validation", "test")}
    models, lacking = compare.there(settings.models, Path("predictions"))
    if lacking:
        print(f"compare: no predictions of {', '.join(lacking)}; the others are compared")

    said, scored = {}, {name: {} for name in who}
    for model in models:
        source = f"predictions/{model}.parquet"
        predictions = tables.read(source, tables.PREDICTIONS)
        compare.check_labels(predictions, source, who["test"].targets)
        fitted = calibration.load(f"calibration/{model}.json")
        for name, one in who.items():
            raw = cases.probabilities(predictions, one, source)
            said[name, model] = evaluate.calibrated(fitted, raw, seeds)
            how = settings if name == "test" else settings.model_copy(update={"bootstrap": 0})
            scored[name][model] = evaluate.score(one, said[name, model], how)
    p_test = {model: said["test", model].p[0] for model in models}
    test = scored["test"]
    table = evaluate.as_table(test)
    differences = compare.differences(test, p_test)
    counted = evaluate.enough(who["test"], settings.min_positives)
    benefit = net_benefit.curves(who["test"], p_test, counted, settings.bootstrap, settings.seed)

    summary = compare.summary(test, scored["validation"], cohort)
    tables.write_metrics(summary, "metrics/summary.json")
    about = {"cohort": cohort, "naive": [m for m in naive if m in models], "lacking": lacking}
    results = {"figures": compare.figures(test), "differences": compare.as_metrics(differences)}
    tables.write_metrics(about | results, "metrics/compare.json")
    folder, size = Path("plots/compare"), who["test"].size
    tables.write_csv(table, folder / "figures.csv")
    tables.write_csv(differences, folder / "differences.csv")
    tables.write_csv(benefit, folder / "decision.csv")
    forest_plot.auroc(table, compare.sentence(table), size, folder / "forest.png", cohort, naive)
    prevalence = net_benefit.prevalences(who["test"], counted)
    decision_curves.draw(benefit, prevalence, size, folder / "decision.png", cohort)
    for name in [*curves.CURVES, "learning", "classes"]:
        files = [Path(f"plots/evaluate/{model}/{name}.csv") for model in models]
        parts = [pd.read_csv(file) for file in files if file.exists()]  # classes: of one task alone
        if parts:
            tables.write_csv(curves.together(parts), folder / f"{name}.csv")


if __name__ == "__main__":
    errors.one_line(main)
