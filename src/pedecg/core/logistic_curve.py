"""A logistic curve of one number, fitted by Newton's method: the same bits on every processor.

SciPy's and scikit-learn's solvers add through BLAS, whose order of sums depends on the processor.
Two unknowns need no such solver.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]

_MOST_STEPS = 100  # Newton's; a fit that has not ended by then does not end
_SMALLEST_STEP = 1e-12  # of both unknowns; Newton's steps shrink quadratically
_HALVINGS = 40  # of a step: 2**-40 of it changes nothing that is reported
_ROUND = 1e-12  # added to the curvature, where no step has a sense along a flat direction
ANYTHING = (-np.inf, np.inf)


def line(
    x: Values,
    y: Values,
    start: tuple[float, float],
    slopes: tuple[float, float],
    intercepts: tuple[float, float] = ANYTHING,
    penalty: float = 0.0,
) -> tuple[float, float]:
    """Return the intercept and slope of log odds that make the labels likeliest, within bounds.

    Least is the mean negative log likelihood plus half of `penalty` times both squares.

    Parameters
    ----------
    x, y : shape (n,); y between 0 and 1.
    start : intercept and slope to begin with, within the bounds.
    """
    lowest = np.array([intercepts[0], slopes[0]])
    highest = np.array([intercepts[1], slopes[1]])
    now = np.array(start, np.float64)
    value = _loss(x, y, now, penalty)
    for _ in range(_MOST_STEPS):
        step = _newton(x, y, now, penalty, lowest, highest)
        for halving in range(_HALVINGS):
            there = np.clip(now + step / 2**halving, lowest, highest)
            least = _loss(x, y, there, penalty)
            if least < value:
                break
        else:
            break
        moved = np.abs(there - now).max()
        now, value = there, least
        if moved < _SMALLEST_STEP:
            break
    return float(now[0]), float(now[1])


def _loss(x: Values, y: Values, now: Values, penalty: float) -> float:
    logit = now[0] + now[1] * x
    likelihood = np.mean(np.logaddexp(0.0, logit) - y * logit)
    return float(likelihood + 0.5 * penalty * (now[0] * now[0] + now[1] * now[1]))


def _newton(
    x: Values, y: Values, now: Values, penalty: float, lowest: Values, highest: Values
) -> Values:
    """Return the step to the minimum of the parabola here, along what no bound holds."""
    p = special.expit(now[0] + now[1] * x)
    wrong, curved = p - y, p * (1 - p)
    down = -np.array([wrong.mean(), (wrong * x).mean()]) - penalty * now
    first, second = curved.mean() + penalty + _ROUND, (curved * x * x).mean() + penalty + _ROUND
    held = ((now <= lowest) & (down < 0)) | ((now >= highest) & (down > 0))
    if held.any():
        return np.where(held, 0.0, down / np.array([first, second]))
    both = (curved * x).mean()
    whole = first * second - both * both
    steps = [second * down[0] - both * down[1], first * down[1] - both * down[0]]
    return np.array(steps) / max(float(whole), _ROUND * _ROUND)
