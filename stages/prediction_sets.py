"""Make prediction sets per target and age group; count their coverage on test and externally."""

from pathlib import Path

from pedecg.core import errors, figures, params, run_models, tables
from pedecg.evaluation import prediction_sets, set_coverage
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.plots import set_figures

PLOTS = Path("plots/prediction_sets")


def main() -> None:
    settings = params.load("prediction_sets", prediction_sets.SetSettings)
    mapping = params.load("external_validation", ExternalSettings)
    age_edges_days = params.read_section("split.age_edges_days")
    cohort = params.read_section("cohort.name")
    models = run_models.read().names
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    others = params.read_section("external_cohorts")

    run = set_coverage.of_run(models, labels, splits, records, age_edges_days, settings)
    external = set_coverage.external(run.sets, list(others), mapping, Path("data/external_cohorts"))
    risk = set_coverage.risk_over_coverage(run.test, run.calibrated)

    for model, sets in run.sets.items():
        sets.save(prediction_sets.FOLDER / f"{model}.json")
    metrics = set_coverage.as_metrics(run.coverage, external, settings)
    tables.write_metrics(metrics, "metrics/prediction_sets.json")
    tables.write_csv(run.coverage, PLOTS / "coverage.csv")
    if external is not None:
        tables.write_csv(set_coverage.loss(run.coverage, external), PLOTS / "external_loss.csv")
    tables.write_csv(risk, PLOTS / "risk_coverage.csv")
    size = run.test.size
    shown = [others[name]["name"] for name in set_coverage.cohorts(external)]
    marked_as = figures.marked_as([cohort, *shown])
    set_figures.coverage(run.coverage, external, settings.confidence, PLOTS, size, marked_as)
    set_figures.risk(risk, size, PLOTS / "risk_coverage.png", cohort)


if __name__ == "__main__":
    errors.one_line(main)
