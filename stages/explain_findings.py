"""What each ECG finding adds to the probability of the selected model of rule features."""

from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import select_models
from pedecg.explain import explained_records, finding_contributions
from pedecg.learning import batches
from pedecg.models import registry
from pedecg.plots import finding_bars


def main() -> None:
    settings = params.load("explain_findings", finding_contributions.FindingSettings)
    age_edges_days = params.read_section("split.age_edges_days")
    cohort = params.read_section("cohort.name")
    model = select_models.read_one("explain_findings")
    trainings = [registry.load(folder) for folder in model.trainings(experiment.seeds())]
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    rules = tables.read("data/features/rules.parquet", tables.RULES)

    rows = batches.dataset(None, records, labels, rules)
    normal = finding_contributions.usual(rows, splits, age_edges_days)
    of_test = explained_records.of_test(
        model.predictions(), labels, splits, model.calibration(), model.source
    )
    chosen = explained_records.present_or_positive(of_test, settings.records)
    predict = finding_contributions.calibrated(trainings, model.calibration())
    found = finding_contributions.of_targets(predict, rows, chosen, normal, settings)
    sizes = finding_contributions.mean_sizes(found)

    tables.write_csv(found, "data/explain_findings/contributions.csv")
    metrics = finding_contributions.as_metrics(sizes, model.name)
    tables.write_metrics(metrics, "metrics/explain_findings.json")
    finding_bars.draw(sizes, model.name, Path("plots/explain_findings/findings.png"), cohort)


if __name__ == "__main__":
    errors.one_line(main)
