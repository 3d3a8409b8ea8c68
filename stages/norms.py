"""Fit the hospital's own centiles of every measure on its normal training patients."""

from functools import partial
from pathlib import Path

from pedecg.cohorts import normal_records
from pedecg.core import errors, parallel, params, tables
from pedecg.plots import centiles_over_age
from pedecg.rules import norms, own_centiles


def main() -> None:
    settings = params.load("norms", own_centiles.NormsSettings)
    cohort = params.read_section("cohort.name")
    files = [params.read_section(f"rule_features.{name}") for name in ("limits", "thresholds")]
    limits = norms.load(*files)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    rules = tables.read("data/features/rules.parquet", tables.RULES)

    training = splits.loc[splits["split"] == "train", "record_id"]
    normal = normal_records.select(labels, training, settings.target)
    measures = own_centiles.measured(rules, records, normal, limits, settings.measures)
    fit = partial(own_centiles.centiles, settings=settings)
    fitted = own_centiles.together(parallel.records(fit, measures, "norms"))

    tables.write_csv(fitted, "data/norms/centiles.csv")
    rows = own_centiles.limits_rows(fitted, limits)
    tables.write_text(own_centiles.limits_file(rows, cohort, limits), "data/norms/limits.csv")
    centiles_over_age.draw(measures, fitted, Path("plots/norms"), cohort)
    metrics = own_centiles.summary(fitted, measures, len(normal))
    tables.write_metrics(metrics, "metrics/norms.json")


if __name__ == "__main__":
    errors.one_line(main)
