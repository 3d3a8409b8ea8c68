"""Centiles over age by quantile regression, with intervals.

A centile is a cubic spline in log(age + 1 day), fitted by quantile regression: no distribution is
assumed, and skewed measures need no transformation. Koenker R, Bassett G. Regression quantiles.
Econometrica 1978;46:33-50.

The interval of a centile at an age is that of the regression quantiles themselves: its ends are the
fitted quantiles q - c and q + c, with c = z sqrt(q (1 - q) h) and the leverage h of that age. Zhou
KQ, Portnoy SL. Direct use of regression quantiles to construct confidence sets in linear models.
Ann Stat 1996;24:287-306. Where q - c <= 0 or q + c >= 1, the values are too few to bound the
centile on that side: that end is NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.preprocessing import SplineTransformer

from pedecg.core import elementary
from pedecg.core.errors import PedecgError

Values = NDArray[np.float64]

CENTILES = (0.02, 0.5, 0.98)  # those of a file of limits
# Standard normal quantile of 0.95: intervals of 90%, as CLSI EP28-A3c wants for reference limits.
_Z90 = 1.644854
_RIDGE = 1e-9  # keeps the leverage finite where a spline has no value in its support


@dataclass(frozen=True)
class Centiles:
    """Centiles at some ages.

    Attributes
    ----------
    value, low, high : shape (3, n_ages), in the order of `CENTILES`; the centile and its 90%
        interval, whose end is NaN where the values do not bound it.
    """

    value: Values
    low: Values
    high: Values


def fit(age_days: Values, values: Values, at_days: Values, knots: int) -> Centiles:
    """Fit the centiles of a measure over age.

    Parameters
    ----------
    age_days, values : shape (n,), one value per patient, finite.
    at_days : shape (n_ages,), within the range of `age_days`.
    knots : of the spline, at evenly spaced quantiles of age.
    """
    basis, there = _design(age_days, at_days, knots)
    leverage = _leverage(basis, there)
    found = np.empty((3, len(CENTILES), len(at_days)))
    for row, quantile in enumerate(CENTILES):
        found[0, row] = (there * coefficients(basis, values, quantile)).sum(axis=1)
        reach = _Z90 * np.sqrt(quantile * (1 - quantile) * leverage)
        for end, sign in ((1, -1.0), (2, 1.0)):
            for column, at in enumerate(quantile + sign * reach):
                found[end, row, column] = (
                    _at(basis, values, float(at), there[column]) if 0 < at < 1 else np.nan
                )
    found = np.clip(found, values.min(), values.max())
    # Fitted quantiles of different spans may cross where ages are few.
    value = np.sort(found[0], axis=0)
    return Centiles(value, np.minimum(found[1], value), np.maximum(found[2], value))


def coefficients(basis: Values, values: Values, quantile: float) -> Values:
    """Return the coefficients of a regression quantile, shape (n_columns,).

    They are the prices of the constraints in the dual linear programme, which has one constraint
    per coefficient and is solved some ten times as fast as the primal one of scikit-learn's
    `QuantileRegressor`, which has one per patient.

    Parameters
    ----------
    basis : shape (n, n_columns); includes the intercept.
    values : shape (n,).
    """
    solved = linprog(
        -values,
        A_eq=basis.T,
        b_eq=(1 - quantile) * basis.sum(axis=0),
        bounds=(0, 1),
        method="highs-ds",
    )
    if solved.status != 0:
        raise PedecgError(f"norms: quantile {quantile:g} has no solution ({solved.message})")
    return -np.asarray(solved.eqlin.marginals, np.float64)


def _design(age_days: Values, at_days: Values, knots: int) -> tuple[Values, Values]:
    """Return the spline's columns at the patients' ages and at the wanted ones."""
    ages = np.log1p(age_days)
    places = np.unique(np.quantile(ages, np.linspace(0, 1, knots)))
    if len(places) < 2:
        raise PedecgError("norms: all ages are equal; expected at least two")
    spline = SplineTransformer(knots=places[:, None], extrapolation="constant")
    basis = spline.fit_transform(ages[:, None])
    return np.asarray(basis), np.asarray(spline.transform(np.log1p(at_days)[:, None]))


def _leverage(basis: Values, there: Values) -> Values:
    """Return x' (X'X)^-1 x of each wanted age, shape (n_ages,)."""
    squares = (basis[:, :, None] * basis[:, None, :]).sum(axis=0)
    solved = elementary.least_squares(squares + _RIDGE * np.eye(len(squares)), there.T)
    return np.asarray((there.T * solved).sum(axis=0))


def _at(basis: Values, values: Values, quantile: float, x: Values) -> float:
    return float((x * coefficients(basis, values, quantile)).sum())
