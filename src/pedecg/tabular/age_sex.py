"""Baseline model: logistic regression on age and sex."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from pedecg.models.contract import Rows
from pedecg.tabular.shared import design, logistic

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
