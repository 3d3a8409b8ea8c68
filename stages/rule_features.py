"""Measure every record, adjust for age and sex, and say which criteria it meets.

As stage ``rule_features_external@NAME`` of an external cohort; see `stage_item.cohort`.
"""

from functools import partial

from pedecg.core import errors, parallel, params, row_groups, stage_item, tables
from pedecg.rules import norms, rule_features
from pedecg.signals import signal_store


def main() -> None:
    files = stage_item.cohort()
    signals = f"{files.folder}/processed/signals"
    settings = params.load("rule_features", rule_features.RuleFeaturesSettings)
    limits = norms.load(settings.limits, settings.thresholds)
    records = tables.read(files.folder / "interim/records.parquet", tables.RECORDS)
    waves = row_groups.read(files.folder / "features/waves.parquet", tables.WAVES)
    notes = tables.read(files.folder / "interim/notes.parquet", tables.NOTES)

    store = signal_store.open_store(signals)
    children = rule_features.delineated_records(store, waves, records, notes)
    one = partial(rule_features.of_record, folder=signals, limits=limits)
    rules = rule_features.table(list(parallel.records(one, children, "rules", len(store))))

    tables.write(rules, files.folder / "features/rules.parquet", tables.RULES)
    summary = rule_features.summary(rules, records, limits.version)
    tables.write_metrics(summary, files.metrics("rule_features")[0])


if __name__ == "__main__":
    errors.one_line(main)
