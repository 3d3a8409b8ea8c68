"""What each ECG finding adds to the probability of the selected model of rule features."""

from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import select_models
from pedecg.explain import explained_records, finding_contributions
from pedecg.learning import batches
from pedecg.models import registry
from pedecg.plots import finding_bars

FOLDER, PLOTS = Path("data/explain_findings"), Path("plots/explain_findings")
METRICS = Path("metrics/explain_findings.json")


def main() -> None:
    settings = params.load("explain_findings", finding_contributions.FindingSettings)
    age_edges_days = params.read_section("split.age_edges_days")
    cohort = params.read_section("cohort.name")
    selected = select_models.read("explain_findings")
    if not selected:
        finding_contributions.write_nothing(FOLDER, PLOTS, METRICS)
        return
    model = selected[0]
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

    tables.write_csv(found, FOLDER / "contributions.csv")
    tables.write_metrics(finding_contributions.as_metrics(sizes, model.name), METRICS)
    finding_bars.draw(sizes, model.name, PLOTS / "findings.png", cohort)


if __name__ == "__main__":
    errors.one_line(main)
