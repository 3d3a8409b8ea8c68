"""Mean and spread of each lead over the training split: what models divide by."""

from pedecg.core import errors, tables
from pedecg.signals import lead_statistics, signal_store


def main() -> None:
    signals = signal_store.open_store("data/processed/signals")
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    training = splits.loc[splits["split"] == "train", "record_id"]

    of_leads = lead_statistics.of_leads(signals, signals.positions(training))

    tables.write_metrics(of_leads, "data/processed/lead_statistics.json")


if __name__ == "__main__":
    errors.one_line(main)
