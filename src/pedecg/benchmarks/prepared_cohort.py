"""A cohort read, filtered, delineated and measured as the stages of its own pipeline do.

The parameters are those of that pipeline's ``params.yaml`` and of one of its presets, so that a
benchmark measures what a user of the preset gets.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.cohorts import accepted_records, ingest
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import parallel, params, tables
from pedecg.rules import norms, rule_features
from pedecg.signals import preprocess, signal_store
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.waves import delineate
from pedecg.waves.delineate import DelineateSettings

_RECORDS, _LABELS, _RULES = "records.parquet", "labels.parquet", "rules.parquet"
_SIGNALS = "signals"
_NOT_MEASURED = "not_measured.txt"  # written in place of the tables where there are no data


@dataclass(frozen=True)
class Prepared:
    """Signals and tables of a cohort; one row of `labels` for each record that is predicted.

    Attributes
    ----------
    labels : rows of the table LABELS without an unknown label.
    """

    records: pd.DataFrame
    labels: pd.DataFrame
    rules: pd.DataFrame
    signals: signal_store.SignalStore

    @property
    def record_ids(self) -> NDArray[np.object_]:
        return self.labels["record_id"].to_numpy(object)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self.labels if name != "record_id")

    @property
    def truth(self) -> NDArray[np.float64]:
        """Return the labels, 0 or 1, of shape (n_records, n_targets)."""
        return self.labels[list(self.targets)].to_numpy(np.float64)

    @property
    def patients(self) -> NDArray[np.int64]:
        """Return the code of each record's patient, shape (n_records,)."""
        patient = self.records.set_index("record_id")["patient_id"].loc[list(self.record_ids)]
        return np.asarray(pd.factorize(patient)[0], np.int64)


def parameters(preset: Path) -> dict[str, Any]:
    """Return the parameters of the pipeline that a preset belongs to, with the preset applied.

    Raises
    ------
    PedecgError
        The preset names a section that the pipeline does not have.
    """
    file = preset.parents[1] / params.PARAMS_FILE
    values = params.read_file(file)
    for key, value in params.read_file(preset).items():
        *above, last = str(key).split(".")
        section = values
        for part in above:
            section = section.setdefault(part, {})
        section[last] = value
    return values


def prepare(root: str, preset: Path, folder: Path) -> None:
    """Write the signals and tables of the cohort in `root` into `folder`.

    Raises
    ------
    PedecgError
        A parameter is not valid, or the cohort cannot be read.
    """
    values = parameters(preset)
    base = preset.parents[1]
    cohort = _section(values, "cohort", CohortSettings, {"root": root})
    ingest_settings = _section(values, "ingest", IngestSettings)
    accepted = ingest.ingest(cohort, ingest_settings)
    ingest.require_enough(accepted, ingest_settings)

    filtering = _section(values, "preprocess", PreprocessSettings)
    read = partial(accepted_records.read_signal, root=root)
    one = partial(preprocess.read_and_prepare, read=read, settings=filtering)
    jobs = preprocess.jobs(accepted.records, accepted.quality)
    signals = str(folder / _SIGNALS)
    preprocess.write(parallel.records(one, jobs, "preprocess"), signals, filtering)

    waves = partial(
        delineate.stored, folder=signals, settings=_section(values, "delineate", DelineateSettings)
    )
    store = signal_store.open_store(signals)
    found = pd.concat(parallel.records(waves, range(len(store)), "delineate"), ignore_index=True)

    rules = _section(values, "rule_features", rule_features.RuleFeaturesSettings)
    limits = norms.load(base / rules.limits, base / rules.thresholds)
    examined = rule_features.delineated_records(store, found, accepted.records)
    measure = partial(rule_features.of_record, folder=signals, limits=limits)
    rows = rule_features.table(list(parallel.records(measure, examined, "rules")))

    tables.write(accepted.records, folder / _RECORDS, tables.RECORDS)
    tables.write(accepted.labels, folder / _LABELS, tables.LABELS)
    tables.write(rows, folder / _RULES, tables.RULES)


def _section(
    values: dict[str, Any], name: str, schema: type[params.S], changes: dict[str, Any] | None = None
) -> params.S:
    return params.parse(values[name] | (changes or {}), name, schema, str(params.PARAMS_FILE))


def write_not_measured(reason: str, folder: Path) -> None:
    """Write why there is nothing in a folder that `prepare` would fill."""
    tables.write_text(reason + "\n", folder / _NOT_MEASURED)


def reason_not_measured(folder: Path) -> str | None:
    """Return what `write_not_measured` wrote; None where the cohort was prepared."""
    file = folder / _NOT_MEASURED
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def load(folder: Path) -> Prepared:
    """Read what `prepare` wrote; records with an unknown label are left out."""
    labels = tables.read(folder / _LABELS, tables.LABELS)
    return Prepared(
        tables.read(folder / _RECORDS, tables.RECORDS),
        labels[labels.notna().all(axis=1)].reset_index(drop=True),
        tables.read(folder / _RULES, tables.RULES),
        signal_store.open_store(str(folder / _SIGNALS)),
    )
