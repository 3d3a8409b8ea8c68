"""From a table of features with gaps to the matrix that linear models and trees take."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from pedecg.models.contract import Rows, TableLayers
from pedecg.models.features import Scale
from pedecg.tabular.shared import layers
from pedecg.tabular.shared.base import TabularModel

Values = NDArray[np.float64]

LARGEST = 8.0  # SD; a measure farther out is a measurement error, and must not decide alone


@dataclass(frozen=True)
class ScaledModel(TabularModel):
    """A model of scaled features.

    Attributes
    ----------
    scale : names, mean and SD of the features of the training rows.
    """

    scale: Scale

    @classmethod
    @abstractmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return the features that the model reads of rows, float64, NaN where unknown."""

    def head(self) -> nn.Module | None:
        """Return the layers from the design, (n, 2 * n_features), to probabilities, float64.

        None: there are none, and the model cannot be exported.
        """
        return None

    def table_layers(self, columns: Sequence[str]) -> TableLayers | None:
        """Return the model as layers; see `contract.Model.table_layers`."""
        head = self.head()
        if head is None:
            return None
        names = tuple(name for name in self.scale.names if name not in layers.OF_SUBJECT)
        chosen = layers.Chosen(names, self.scale.names)
        return TableLayers(names, layers.Scaled(self.scale, LARGEST, chosen, head))

    def design(self, rows: Rows) -> Values:
        """Return the matrix of any rows, see `design`; a missing feature is named."""
        return design(self.scale, self.table(rows))


def design(scale: Scale, table: pd.DataFrame) -> Values:
    """Return scaled features, the mean where unknown, and for each whether it is unknown.

    Returns
    -------
    shape (n, 2 * n_features).
    """
    scaled = scale.in_double(table)
    unknown = np.isnan(scaled)
    scaled = np.where(unknown, 0.0, scaled).clip(-LARGEST, LARGEST)
    return np.hstack([scaled, unknown.astype(np.float64)])


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
