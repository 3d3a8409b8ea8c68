"""Fusion of several models' probabilities by non-negative weights, fitted with shrinkage.

Stacking (Wolpert DH. Stacked generalization. Neural Networks 1992;5:241-259) with non-negative
weights (Breiman L. Stacked regressions. Machine Learning 1996;24:49-64). What a model says of a
record is its evidence: its logit minus that of the prevalence. The fused logit is that of the
prevalence plus the weighted evidence, so that a model which tells nothing moves nothing. On a
hundred validation records free weights for each target would follow noise: they are shrunk to
those that all targets share, which a hundred records do determine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from pedecg.core.errors import PedecgError

Values = NDArray[np.float64]

_SMALLEST = 1e-4  # probability; a model that is surer than this must not decide alone
_LEAST_SD = 1e-3  # of evidence; a model that does not vary is not scaled up


@dataclass(frozen=True)
class Fusion:
    """Weights of `n_models` models for `n_targets` targets.

    Attributes
    ----------
    exclusive : exactly one target holds: probabilities are a softmax over the targets.
    prior : shape (n_targets,), logits of the prevalences.
    weights : shape (n_models, n_targets), of the evidence; not negative.
    bias : shape (n_targets,), added to the fused logits.
    """

    exclusive: bool
    prior: Values
    weights: Values
    bias: Values

    def apply(self, probabilities: Values) -> Values:
        """Return fused probabilities of shape (n, n_targets).

        Parameters
        ----------
        probabilities : shape (n_models, n, n_targets).
        """
        evidence = _logits(probabilities, self.exclusive) - self.prior
        z = self.prior + self.bias + (evidence * self.weights[:, None]).sum(axis=0)
        return _probabilities(z, self.exclusive)


def prior(labels: Values, exclusive: bool) -> Values:
    """Return the logits of the prevalences, shape (n_targets,), finite where one is 0 or 1.

    Parameters
    ----------
    labels : shape (n, n_targets); 1 present, 0 absent, NaN unknown.
    """
    present, known = np.nansum(labels, axis=0), (~np.isnan(labels)).sum(axis=0)
    if exclusive:  # Laplace's rule of succession: one record more of each class
        return np.asarray(np.log((present + 1) / (known + len(known))))
    return np.asarray(special.logit((present + 1) / (known + 2)))


def fit(
    probabilities: Values, labels: Values, prior: Values, exclusive: bool, shrinkage: float
) -> Fusion:
    """Fit the weights on records that none of the models was fitted on.

    Minimises the log-loss plus half of `shrinkage` times squares: of the deviations of each
    target's weights from the shared ones, where evidence has the SD 1, and of the biases.

    Parameters
    ----------
    probabilities : shape (n_models, n, n_targets).
    labels : shape (n, n_targets); 1 present, 0 absent, NaN unknown.
    prior : of the training records, see `prior`.
    shrinkage : > 0.

    Raises
    ------
    PedecgError
        No label is known; of exclusive targets, those of no record.
    """
    known = ~np.isnan(labels)
    if exclusive:
        known &= known.all(axis=1, keepdims=True)
    if not known.any():
        raise PedecgError("fusion: no known label among validation records to fit the weights on")
    evidence = _logits(probabilities, exclusive) - prior
    sd = np.maximum(np.sqrt(evidence.var(axis=1).mean(axis=1)), _LEAST_SD)
    x, y = evidence / sd[:, None, None], np.nan_to_num(labels)
    n_models, _, n_targets = x.shape
    parts = np.cumsum([n_models, n_models * n_targets])

    def unpack(parameters: Values) -> tuple[Values, Values, Values]:
        shared, own, bias = np.split(parameters, parts)
        return shared, own.reshape(n_models, n_targets), bias

    def loss(parameters: Values) -> tuple[float, Values]:
        shared, own, bias = unpack(parameters)
        z = prior + bias + (x * own[:, None]).sum(axis=0)
        error = np.where(known, _probabilities(z, exclusive) - y, 0.0)
        apart = own - shared[:, None]
        gradient = (
            -shrinkage * apart.sum(axis=1),
            (x * error).sum(axis=1) + shrinkage * apart,
            error.sum(axis=0) + shrinkage * bias,
        )
        misfit = np.where(known, _log_loss(z, y, exclusive), 0.0).sum()
        value = misfit + shrinkage / 2 * ((apart**2).sum() + (bias**2).sum())
        return float(value), np.concatenate([part.ravel() for part in gradient])

    start = np.full(n_models + n_models * n_targets, 1 / n_models)
    limits = [(0.0, None)] * len(start) + [(None, None)] * n_targets
    found = optimize.minimize(
        loss, np.append(start, np.zeros(n_targets)), jac=True, bounds=limits, method="L-BFGS-B"
    )
    _, weights, bias = unpack(found.x)
    return Fusion(exclusive, prior, weights / sd[:, None], bias)


def _logits(probabilities: Values, exclusive: bool) -> Values:
    p = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(p) if exclusive else special.logit(p))


def _probabilities(z: Values, exclusive: bool) -> Values:
    return np.asarray(special.softmax(z, axis=1) if exclusive else special.expit(z))


def _log_loss(z: Values, y: Values, exclusive: bool) -> Values:
    """Return the part of each record and target, shape (n, n_targets)."""
    if exclusive:
        return np.asarray(-y * special.log_softmax(z, axis=1))
    return np.asarray(np.logaddexp(0.0, z) - y * z)
