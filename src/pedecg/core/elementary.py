"""Small sums and functions that give the same bits on every processor.

Matrix products and solvers of BLAS and LAPACK add in an order that depends on the processor and on
the number of threads; with AVX-512 NumPy has another ``exp``, ``log`` and ``arctan2`` than without.
What is built here of additions, multiplications, divisions and square roots of whole arrays, each
of which IEEE 754 rounds exactly and NumPy never fuses, has one result everywhere.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_PER_LOG_2 = 1.4426950408889634
# The logarithm of 2 in two parts; a whole number up to 2**20 times the first is exact.
_LOG_2_HIGH, _LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SMALLEST = -708.0  # its exponential is the smallest normal number, about 3e-308
# 1 / k! of the Taylor series; beyond the last the rest is below 1e-17 for |x| < log(2) / 2.
_TAYLOR = (
    1 / 6227020800, 1 / 479001600, 1 / 39916800, 1 / 3628800, 1 / 362880, 1 / 40320, 1 / 5040,
    1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0,
)  # fmt: skip


def exp(x: Values) -> Values:
    """Return e to the power of x, within 1e-15 of it; 0 below -708.

    Parameters
    ----------
    x : any shape, up to 700; minus infinity may be, NaN may not.
    """
    none = x < _SMALLEST
    x = np.maximum(x, _SMALLEST)
    doublings = np.rint(x * _PER_LOG_2)
    rest = x - doublings * _LOG_2_HIGH
    rest -= doublings * _LOG_2_LOW
    result = np.full_like(rest, _TAYLOR[0])
    for coefficient in _TAYLOR[1:]:
        result *= rest
        result += coefficient
    # A float64 whose exponent is k + 1023 and whose other bits are 0 is two to the power of k.
    result *= ((doublings.astype(np.int64) + 1023) << 52).view(np.float64)
    result[none] = 0.0
    return result


def angle_deg(x: Values, y: Values) -> Values:
    """Return the direction of plane vectors, -180 to 180 degrees, from x towards y.

    NumPy's ``arctan2`` is another where there is AVX-512; this is the C library's.

    Parameters
    ----------
    x, y : of the same shape, any.
    """
    pairs = zip(np.ravel(x).tolist(), np.ravel(y).tolist(), strict=True)
    angles = np.array([math.atan2(rise, run) for run, rise in pairs], np.float64)
    return np.asarray(np.degrees(angles).reshape(np.shape(x)))


def product(matrix: Values, rows: Values | Sequence[Values]) -> Values:
    """Return the matrix product, each sum taken in the order of the rows.

    Parameters
    ----------
    matrix : shape (..., n_rows); few rows.
    rows : shape (n_rows, n).

    Returns
    -------
    shape (..., n).
    """
    total = matrix[..., 0, None] * rows[0]
    for k in range(1, matrix.shape[-1]):
        total += matrix[..., k, None] * rows[k]
    return np.asarray(total)


def norm(vectors: Values, axis: int) -> Values:
    """Return the Euclidean length along an axis.

    Parameters
    ----------
    vectors : any shape.

    Returns
    -------
    That shape without `axis`.
    """
    return np.asarray(np.sqrt(np.square(vectors).sum(axis=axis)))


def median(values: Values, axis: int) -> Values:
    """Return what `numpy.median` does, to the bit, faster where many medians of few are wanted.

    Parameters
    ----------
    values : any shape; the median of what holds a NaN is NaN.
    axis : along which the few values lie, one at least.

    Returns
    -------
    That shape without `axis`.
    """
    ordered = np.sort(values, axis=axis)  # NaN last
    n = values.shape[axis]
    middle = np.take(ordered, n // 2, axis=axis)
    if n % 2 == 0:
        middle = (np.take(ordered, n // 2 - 1, axis=axis) + middle) / 2
    last = np.take(ordered, n - 1, axis=axis)
    return np.asarray(np.where(np.isnan(last), last, middle))


def correlation(first: Values, second: Values) -> float:
    """Return Pearson's correlation of two sequences, shape (n,), neither of them constant."""
    first, second = first - first.mean(), second - second.mean()
    size = np.sqrt(np.square(first).sum()) * np.sqrt(np.square(second).sum())
    return float(np.clip((first * second).sum() / size, -1.0, 1.0))


def least_squares(matrix: Values, wanted: Values) -> Values:
    """Solve ``matrix @ x = wanted`` in the sense of least squares, by modified Gram-Schmidt.

    The right-hand sides pass through the same steps as the columns, which keeps the result as
    accurate as a QR decomposition by reflections. Björck Å. BIT 1967;7:1-21.

    Parameters
    ----------
    matrix : shape (m, n), m >= n, columns independent.
    wanted : shape (m, k).

    Returns
    -------
    shape (n, k).
    """
    n = matrix.shape[1]
    # One row per column of both, so that every sum runs over neighbours in memory.
    rest = np.ascontiguousarray(np.hstack([matrix, wanted]).T)
    size = np.zeros(n)
    upper = np.zeros((n, len(rest)))
    for k in range(n):
        size[k] = np.sqrt(np.square(rest[k]).sum())
        unit = rest[k] / size[k]
        upper[k, k + 1 :] = (rest[k + 1 :] * unit).sum(axis=1)
        rest[k + 1 :] -= upper[k, k + 1 :, None] * unit
    x = upper[:, n:].copy()
    for k in reversed(range(n)):
        x[k] /= size[k]
        x[:k] -= upper[:k, k, None] * x[k]
    return x
