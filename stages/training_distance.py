"""Measure how far a record may be from the training records before it is flagged."""

from pedecg.core import errors, params, tables
from pedecg.evaluation import training_distance


def main() -> None:
    settings = params.load("training_distance", training_distance.DistanceSettings)
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    measured = training_distance.measures(rules, records)
    split = records["record_id"].map(splits.set_index("record_id")["split"])
    found = training_distance.fit(measured, split, settings)

    found.save(training_distance.FILE)
    tables.write_metrics(
        dict(training_distance.as_metrics(found)), "metrics/training_distance.json"
    )


if __name__ == "__main__":
    errors.one_line(main)
