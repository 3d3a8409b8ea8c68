"""Which records an epoch shows, and how often."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Sampler = Literal["natural", "balanced"]


def frequencies(labels: NDArray[np.float32], sampler: Sampler) -> NDArray[np.float64]:
    """Return how often each record is drawn against the others, mean 1, shape (n,).

    `balanced` draws a kind first, then one of its records: each target is a kind (the records in
    which it is present), and so are the records without any. Whoever belongs to several kinds is
    drawn for each of them.

    Parameters
    ----------
    labels : shape (n, k) of the training records.
    """
    if sampler == "natural":
        return np.ones(len(labels))
    present = labels == 1
    kinds = np.column_stack([present, ~present.any(axis=1)])
    size = kinds.sum(axis=0)
    each: NDArray[np.float64] = (kinds[:, size > 0] / size[size > 0]).sum(axis=1)
    relative: NDArray[np.float64] = each / each.mean()
    return relative


def order(n_crops: int, often: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw which of n records each of the epoch's crops is of, shape (n_crops,).

    Where all are drawn alike, each comes equally often and the order alone is drawn.
    """
    n = len(often)
    if (often == often[0]).all():
        return rng.permutation(np.resize(np.arange(n), n_crops))
    return rng.choice(n, n_crops, p=often / often.sum())
