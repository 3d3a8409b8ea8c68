"""Measure every record, adjust for age and sex, and say which criteria it meets."""

from functools import partial

from pedecg.core import errors, parallel, params, row_groups, tables
from pedecg.rules import norms, rule_features
from pedecg.signals import signal_store

SIGNALS = "data/processed/signals"


def main() -> None:
    settings = params.load("rule_features", rule_features.RuleFeaturesSettings)
    limits = norms.load(settings.limits, settings.thresholds)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    waves = row_groups.read("data/features/waves.parquet", tables.WAVES)
    notes = tables.read("data/interim/notes.parquet", tables.NOTES)

    store = signal_store.open_store(SIGNALS)
    children = rule_features.delineated_records(store, waves, records, notes)
    one = partial(rule_features.of_record, folder=SIGNALS, limits=limits)
    rules = rule_features.table(list(parallel.records(one, children, "rules", len(store))))

    tables.write(rules, "data/features/rules.parquet", tables.RULES)
    summary = rule_features.summary(rules, records, limits.version)
    tables.write_metrics(summary, "metrics/rule_features.json")


if __name__ == "__main__":
    errors.one_line(main)
