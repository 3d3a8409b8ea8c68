"""Patients into training, validation and test."""

from pedecg.cohorts import same_patient, splits
from pedecg.core import errors, params, tables


def main() -> None:
    settings = params.load("split", splits.SplitSettings)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)

    assignment = splits.by_patient(records, labels, settings)
    table = splits.balance_table(assignment, records, labels, settings.age_edges_days)

    tables.write(assignment, "data/interim/splits.parquet", tables.SPLITS)
    tables.write_csv(table, "plots/split/balance.csv")
    apart = {"groups_in_two_splits": same_patient.in_two_splits(assignment, records)}
    tables.write_metrics(splits.balance(assignment, table) | apart, "metrics/split.json")


if __name__ == "__main__":
    errors.one_line(main)
