"""Baseline model: logistic regression on age and sex."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor, nn

from pedecg.models.contract import Rows, TableLayers
from pedecg.tabular.shared import design, layers, logistic

READS = frozenset({"demographics"})
REFERENCE = True

# Normal limits change in days at birth and in years at school; knots at 1 w, 1 m, 3 m, 1 y, 3 y,
# 8 y and 14 y, in days.
_KNOTS_DAYS = (7, 30, 91, 365, 1096, 2922, 5114)
_OFFSET_DAYS = 30.0  # log1p is nearly linear below: the first days do not fill half of the axis


class Settings(logistic.Settings):
    """Section `models.age_sex`."""


class Model(logistic.LogisticModel):
    """One logistic model per target, over a smooth basis of log age and sex."""

    @classmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return the columns of age and sex, one row per record."""
        return pd.DataFrame(age_basis(rows.age_days) | {"female": design.female(rows)})

    def table_layers(self, columns: Sequence[str]) -> TableLayers:
        """Return the model as layers; it reads no features."""
        own = layers.Scaled(self.scale, design.LARGEST, _AgeSex(), self.head())
        return TableLayers((), own)


class _AgeSex(nn.Module):
    """The columns of `Model.table` from age and sex."""

    def forward(self, features: Tensor, age_days: Tensor, sex: Tensor) -> Tensor:
        """Return the table, shape (n, n_columns), float64, NaN where unknown."""
        x = (age_days.double().clamp(min=0.0) / _OFFSET_DAYS).log1p()
        *knots, final = special.log1p(np.array(_KNOTS_DAYS) / _OFFSET_DAYS).tolist()

        def cube(knot: float) -> Tensor:
            past = (x - knot).clamp(min=0.0)
            return past * past * past

        bent = [(cube(knot) - cube(final)) / (final - knot) for knot in knots]
        basis = [x, *(one - bent[-1] for one in bent[:-1])]
        return torch.cat([torch.stack(basis, dim=1), layers.female(sex)], dim=1)


def age_basis(age_days: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a natural cubic spline of log age, shape (n,) each, NaN where unknown.

    Cubic between the knots, straight beyond them. Hastie T, Tibshirani R, Friedman J. The Elements
    of Statistical Learning, 5.2.1.
    """
    # SciPy's logarithm: NumPy's is another where there is AVX-512.
    x = special.log1p(np.maximum(np.asarray(age_days, np.float64), 0) / _OFFSET_DAYS)
    knots = special.log1p(np.array(_KNOTS_DAYS) / _OFFSET_DAYS)

    def bent(k: int) -> NDArray[np.float64]:
        after, beyond = (
            np.square(past) * past  # NumPy's power, too, is another there
            for past in (np.maximum(x - knot, 0) for knot in (knots[k], knots[-1]))
        )
        return np.asarray((after - beyond) / (knots[-1] - knots[k]))

    last = bent(len(knots) - 2)
    return {"log_age": x} | {f"log_age_{k}": bent(k) - last for k in range(len(knots) - 2)}
