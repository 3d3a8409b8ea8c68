"""Signals and tables of a cohort for cross-validation, as `prepare_cohort` writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import params, tables
from pedecg.signals import signal_store

RECORDS, LABELS, RULES = "records.parquet", "labels.parquet", "rules.parquet"
SIGNALS = "signals"
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
        """Identifiers of the records, shape (n_records,)."""
        return self.labels["record_id"].to_numpy(object)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the label columns."""
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


def write_not_measured(reason: str, folder: Path) -> None:
    """Write why there is nothing in a folder that `prepare` would fill."""
    tables.write_text(reason + "\n", folder / _NOT_MEASURED)


def reason_not_measured(folder: Path) -> str | None:
    """Return what `write_not_measured` wrote; None where the cohort was prepared."""
    file = folder / _NOT_MEASURED
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def load(folder: Path) -> Prepared:
    """Read what `prepare` wrote; records with an unknown label are left out."""
    labels = tables.read(folder / LABELS, tables.LABELS)
    return Prepared(
        tables.read(folder / RECORDS, tables.RECORDS),
        labels[labels.notna().all(axis=1)].reset_index(drop=True),
        tables.read(folder / RULES, tables.RULES),
        signal_store.open_store(str(folder / SIGNALS)),
    )
