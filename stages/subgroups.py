"""Figures of the test records group by group: age, leads, sex, quality, length, year."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.evaluation import calibration, cases, compare, evaluate, subgroups
from pedecg.plots import subgroup_figure


def main() -> None:
    settings = params.load("subgroups", subgroups.SubgroupSettings)
    scoring = params.load("evaluate", evaluate.EvaluateSettings)
    cohort = params.read_section("cohort.name")
    age_edges_days = params.read_section("split.age_edges_days")
    seeds = evaluate.trained_seeds()
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    quality = tables.read("data/interim/quality.parquet", tables.QUALITY)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    test = cases.of_split(labels, splits, "test")
    group = subgroups.groups(records, quality, age_edges_days, settings)
    wanted = subgroups.chosen(settings, scoring.models)
    models, lacking = compare.there(wanted, Path("predictions"))
    if lacking:
        print(f"subgroups: no predictions of {', '.join(lacking)}; the others are looked at")

    looked, folder = {}, Path("plots/subgroups")
    for model in models:
        source = f"predictions/{model}.parquet"
        predictions = tables.read(source, tables.PREDICTIONS)
        fitted = calibration.load(f"calibration/{model}.json")
        raw = cases.probabilities(predictions, test, source)
        said = evaluate.calibrated(fitted, raw, seeds)
        found = subgroups.look(model, test, said, group, settings, scoring)
        title = f"{model}: {subgroups.sentence(found.gaps)}"
        subgroup_figure.draw(found.table, title, test.size, folder / f"{model}.png", cohort)
        looked[model] = found

    largest = {model: subgroups.largest(one.gaps) for model, one in looked.items()}
    tables.write_metrics({"largest_gap": largest}, "metrics/subgroups.json")
    figures = pd.concat([one.table for one in looked.values()], ignore_index=True)
    gaps = pd.concat([one.gaps for one in looked.values()], ignore_index=True)
    tables.write_csv(figures, folder / "figures.csv")
    tables.write_csv(gaps, folder / "gaps.csv")


if __name__ == "__main__":
    errors.one_line(main)
