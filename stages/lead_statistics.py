"""Mean and spread of each lead over the training split: what models divide by."""

from pedecg import errors, tables
from pedecg.signals import statistics, store


def main() -> None:
    signals = store.open_store("data/processed/signals")
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    training = splits.loc[splits["split"] == "train", "record_id"]

    of_leads = statistics.of_leads(signals, signals.positions(training))

    tables.write_metrics(of_leads, "data/processed/lead_statistics.json")


if __name__ == "__main__":
    errors.one_line(main)
