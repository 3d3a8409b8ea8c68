"""Read, filter, delineate and measure a cohort as the stages of its own pipeline do.

The parameters are those of that pipeline's ``params.yaml`` and of one of its presets, so that a
benchmark measures what a user of the preset gets.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pedecg.benchmarks import prepared_cohort
from pedecg.cohorts import accepted_records, ingest
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import parallel, params, tables
from pedecg.rules import norms, rule_features
from pedecg.signals import preprocess, signal_store
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.waves import delineate
from pedecg.waves.delineate import DelineateSettings


def prepare(root: str, preset: Path, folder: Path) -> None:
    """Write the signals and tables of the cohort in `root` into `folder`.

    Raises
    ------
    PedecgError
        A parameter is not valid, or the cohort cannot be read.
    """
    values = prepared_cohort.parameters(preset)
    base = preset.parents[1]
    cohort = _section(values, "cohort", CohortSettings, {"root": root})
    ingest_settings = _section(values, "ingest", IngestSettings)
    accepted = ingest.ingest(cohort, ingest_settings)
    ingest.require_enough(accepted, ingest_settings)

    filtering = _section(values, "preprocess", PreprocessSettings)
    read = partial(accepted_records.read_signal, root=root)
    one = partial(preprocess.read_and_prepare, read=read, settings=filtering)
    jobs = preprocess.jobs(accepted.records, accepted.quality)
    signals = str(folder / prepared_cohort.SIGNALS)
    preprocess.write(parallel.records(one, jobs, "preprocess"), signals, filtering)

    waves = partial(
        delineate.stored, folder=signals, settings=_section(values, "delineate", DelineateSettings)
    )
    store = signal_store.open_store(signals)
    found = pd.concat(parallel.records(waves, range(len(store)), "delineate"), ignore_index=True)

    rules = _section(values, "rule_features", rule_features.RuleFeaturesSettings)
    limits = norms.load(base / rules.limits, base / rules.thresholds)
    examined = rule_features.delineated_records(store, [found], accepted.records, accepted.notes)
    measure = partial(rule_features.of_record, folder=signals, limits=limits)
    rows = rule_features.table(list(parallel.records(measure, examined, "rules")))

    tables.write(accepted.records, folder / prepared_cohort.RECORDS, tables.RECORDS)
    tables.write(accepted.labels, folder / prepared_cohort.LABELS, tables.LABELS)
    tables.write(rows, folder / prepared_cohort.RULES, tables.RULES)


def _section(
    values: dict[str, Any], name: str, schema: type[params.S], changes: dict[str, Any] | None = None
) -> params.S:
    return params.parse(values[name] | (changes or {}), name, schema, str(params.PARAMS_FILE))
