"""Rule features as a numeric table for models: names, scale and missing values.

A model is given the features that it was trained on, by name: more columns do no harm, a
missing one is a fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.core.records import FURTHER_LEADS

_FURTHER = "|".join(lead.lower() for lead in FURTHER_LEADS)


@dataclass(frozen=True)
class Scale:
    """Names, mean and SD of the features of the training records, n_features each."""

    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()

    def apply(self, table: pd.DataFrame | None) -> NDArray[np.float32]:
        """Return what `in_double` does, as a network takes it.

        Returns
        -------
        Shape (n, n_features), single precision.
        """
        return self.in_double(table).astype(np.float32)

    def in_double(self, table: pd.DataFrame | None) -> NDArray[np.float64]:
        """Return (value - mean) / SD of shape (n, n_features), NaN where unknown.

        Raises
        ------
        PedecgError
            The table (None: there is none) lacks a feature; the message names them.
        """
        columns = [] if table is None else list(table.columns)
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise PedecgError(
                f"rule features: the model was trained on {len(self.names)}, of which "
                f"{len(missing)} are not here: {', '.join(missing[:5])}"
            )
        if table is None:
            return np.empty((0, 0))
        values = table[list(self.names)].to_numpy(np.float64)
        return np.asarray((values - np.array(self.mean)) / np.array(self.sd))


def of_rules(rules: pd.DataFrame, record_ids: Sequence[str]) -> pd.DataFrame:
    """Return the features of the given records, float32, from the table RULES.

    A criterion is 1 where it fired and 0 where it did not; what could not be measured, or is not
    valid, is NaN, and so is a record that could not be measured at all. Heights in further
    electrodes (V3R, V7) have no limits by age, and are no features.
    """
    measures = (
        rules.set_index("record_id")
        .filter(regex=rf"^(?!why$|valid_|spread_|\w+_({_FURTHER})(_m[vs])?$)")
        .astype("Float64")
    )
    for flag in [column for column in rules.columns if column.startswith("valid_")]:
        name = flag.removeprefix("valid_")
        if name not in measures:
            continue
        measures[name] = measures[name].where(rules[flag].fillna(False).to_numpy(bool))
    return measures.reindex(list(record_ids)).astype("float32").reset_index(drop=True)


def with_numbers(records: pd.DataFrame, rules: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the manifest's further numbers of the table RECORDS, with rule features if given."""
    numbers = records.filter(regex="^(record_id$|x_)")
    return numbers if rules is None else numbers.merge(rules, on="record_id", how="left")


def scale(table: pd.DataFrame) -> Scale:
    """Measure the features of training records; those that are never known stay NaN all along.

    A feature that never varies (a criterion that never fires) has an SD of 1.
    """
    values = table.astype("float64")
    mean, sd = values.mean().fillna(0.0), values.std(ddof=0).fillna(1.0)
    return Scale(
        names=tuple(map(str, table.columns)),
        mean=tuple(mean.tolist()),
        sd=tuple(sd.where(sd > 0, 1.0).tolist()),
    )
