"""Score the test records group by group: age, leads, sex, quality, length, year."""

from pathlib import Path

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import cases, evaluate, select_models, subgroups
from pedecg.plots import subgroup_figure

FOLDER = Path("plots/subgroups")


def main() -> None:
    settings = params.load("subgroups", subgroups.SubgroupSettings)
    scoring = params.load("evaluate", evaluate.EvaluateSettings)
    cohort = params.read_section("cohort.name")
    age_edges_days = params.read_section("split.age_edges_days")
    models, seeds = select_models.read("subgroups"), experiment.seeds()
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    quality = tables.read("data/interim/quality.parquet", tables.QUALITY)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    test = cases.of_split(labels, splits, "test")
    groups = subgroups.groups(records, quality, age_edges_days, settings)
    found = subgroups.score_all(models, test, seeds, groups, settings, scoring)
    together = subgroups.together(found)

    tables.write_metrics(subgroups.as_metrics(found), "metrics/subgroups.json")
    tables.write_csv(together.table, FOLDER / "figures.csv")
    tables.write_csv(together.gaps, FOLDER / "gaps.csv")
    for model, each in found.items():
        title, file = f"{model}: {subgroups.sentence(each.gaps)}", FOLDER / f"{model}.png"
        subgroup_figure.draw(each.table, title, test.size, file, cohort)


if __name__ == "__main__":
    errors.one_line(main)
