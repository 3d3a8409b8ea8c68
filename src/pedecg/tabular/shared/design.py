"""From a table of features with gaps to the matrix that linear models and trees take."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.models.contract import Rows
from pedecg.tabular.shared.base import TabularModel

Values = NDArray[np.float64]

_LARGEST = 8.0  # SD; a measure farther out is a measurement error, and must not decide alone


@dataclass(frozen=True)
class Scale:
    """Names, mean and SD of the features of the training rows, n_features each."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Measure the columns of a table; 0 and 1 for what is never known or never varies."""
        mean, sd = table.mean().fillna(0.0), table.std(ddof=0).fillna(0.0)
        return cls(
            tuple(map(str, table.columns)),
            tuple(mean.to_numpy(np.float64).tolist()),
            tuple(sd.where(sd > 0, 1.0).to_numpy(np.float64).tolist()),
        )

    def design(self, table: pd.DataFrame) -> Values:
        """Return scaled features, the mean where unknown, and for each whether it is unknown.

        Returns
        -------
        shape (n, 2 * n_features).
        """
        values = table[list(self.features)].to_numpy(np.float64)
        unknown = np.isnan(values)
        scaled = (values - np.array(self.mean)) / np.array(self.sd)
        scaled = np.where(unknown, 0.0, scaled).clip(-_LARGEST, _LARGEST)
        return np.hstack([scaled, unknown.astype(np.float64)])


@dataclass(frozen=True)
class ScaledModel(TabularModel):
    """A model of scaled features.

    Attributes
    ----------
    features, mean, sd : n_features; those of the training rows, see `Scale`.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    @abstractmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return the features that the model reads of rows, float64, NaN where unknown."""

    def design(self, rows: Rows) -> Values:
        """Return the matrix of any rows, see `Scale.design`; a missing feature is named."""
        table = self.table(rows)
        missing = [name for name in self.features if name not in table]
        if missing:
            raise PedecgError(f"{self.name}: trained on {', '.join(missing[:5])}; not found here")
        return Scale(self.features, self.mean, self.sd).design(table)


def rule_features(rows: Rows) -> pd.DataFrame:
    """Return every valid measure, z-score and criterion, float64, NaN where unknown."""
    return rows.features.astype("float64")


def with_age_and_sex(rows: Rows) -> pd.DataFrame:
    """Return rule features, age in days and sex, NaN where unknown."""
    age_days = rows.age_days.astype(np.float64)
    return rule_features(rows).assign(age_days=age_days, female=female(rows))


def female(rows: Rows) -> Values:
    """Return 1 for female, 0 for male and NaN for unknown, shape (n,)."""
    return np.where(rows.sex < 0, np.nan, (rows.sex == 0).astype(np.float64))
