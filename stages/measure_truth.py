"""Compare every measure with its true value, which simulated records have."""

from pedecg.core import errors, tables
from pedecg.rules import measurement_error


def main() -> None:
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    known = tables.read("data/truth/simulated/records.parquet", tables.TRUTH)

    compared = measurement_error.table(rules, known, records)

    tables.write_csv(compared, "plots/measure_truth/errors.csv")
    tables.write_metrics(measurement_error.summary(compared), "metrics/measure_truth.json")


if __name__ == "__main__":
    errors.one_line(main)
