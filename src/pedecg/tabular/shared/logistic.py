"""Logistic models, one per target.

They are saved as names, scale and coefficients: a reader can follow every probability by hand.

The fit is scikit-learn's, whose L-BFGS adds through BLAS: with one thread it is the same however
many cores there are, but between processors its probabilities are equal within 1e-6 only (seen:
8e-13). All else here has the same bits everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from pedecg.core.params import Section
from pedecg.models import features
from pedecg.models.contract import Rows, Training
from pedecg.tabular.shared import design, layers

Values = NDArray[np.float64]

_MAX_STEPS = 2000  # of L-BFGS; scikit-learn warns where a fit needs more


class Settings(Section):
    """Settings of a logistic model."""

    strength: float = Field(
        description="inverse strength of the L2 penalty (C of scikit-learn); larger: less "
        "shrinkage",
        gt=0,
        le=1e6,
    )


@dataclass(frozen=True)
class LogisticModel(design.ScaledModel):
    """Logistic models over features of one name and scale each.

    Attributes
    ----------
    intercepts : per target.
    coefficients : per target, first of the scaled features, then of their being unknown.
    """

    intercepts: Mapping[str, float]
    coefficients: Mapping[str, tuple[float, ...]]

    @classmethod
    def learn(cls, rows: Rows, settings: Settings, training: Training) -> Self:
        """Fit one model per target on the rows whose label is known; the seed changes nothing."""
        table = cls.table(rows)
        scale = features.scale(table)
        x = design.design(scale, table)
        fitted = {}
        for target, y in zip(rows.targets, rows.labels.T.astype(np.float64), strict=True):
            known = ~np.isnan(y)
            fitted[target] = _fit(x[known], y[known], settings.strength)
        return cls(
            name=training.name, seed=training.seed, targets=rows.targets, scale=scale,
            intercepts={target: intercept for target, (intercept, _) in fitted.items()},
            coefficients={target: each for target, (_, each) in fitted.items()},
        )  # fmt: skip

    def predict(self, rows: Rows) -> Values:
        """Return raw probabilities, shape (n_rows, n_targets)."""
        coefficients = np.array([self.coefficients[target] for target in self.targets])
        # Not `@`: its last bits depend on how many threads there are.
        sums = np.einsum("nf,tf->nt", self.design(rows), coefficients)
        return np.asarray(special.expit(sums + [self.intercepts[each] for each in self.targets]))

    def head(self) -> layers.Logistic:
        """Return the layers from the design to probabilities."""
        each = [self.coefficients[target] for target in self.targets]
        intercepts = [self.intercepts[target] for target in self.targets]
        return layers.Logistic(np.array(each, np.float64), np.array(intercepts, np.float64))


def _fit(x: Values, y: Values, strength: float) -> tuple[float, tuple[float, ...]]:
    """Return intercept and coefficients; a target with one class alone has its share's log odds."""
    if len(np.unique(y)) < 2:
        share = (y.sum() + 0.5) / (len(y) + 1.0)
        return float(special.logit(share)), (0.0,) * x.shape[1]
    with threadpool_limits(1, "blas"):  # the same bytes however many cores there are
        model = LogisticRegression(C=strength, max_iter=_MAX_STEPS, tol=1e-6).fit(x, y)
    return float(model.intercept_[0]), tuple(map(float, model.coef_[0]))
