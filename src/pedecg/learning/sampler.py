"""Sampling weights and order of the records of an epoch."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import WeightedRandomSampler

Sampler = Literal["natural", "balanced"]


def frequencies(labels: NDArray[np.float32], sampler: Sampler) -> NDArray[np.float64]:
    """Return how often each record is drawn relative to the mean record, shape (n,), mean 1.

    `balanced` draws a group first, then one of its records: each target is a group (the records in
    which it is present), and so are the records without any. A record of several groups is drawn
    for each of them.

    Parameters
    ----------
    labels : shape (n, k) of the training records.
    """
    if sampler == "natural":
        return np.ones(len(labels))
    present = labels == 1
    groups = np.column_stack([present, ~present.any(axis=1)])
    size = groups.sum(axis=0)
    each: NDArray[np.float64] = (groups[:, size > 0] / size[size > 0]).sum(axis=1)
    relative: NDArray[np.float64] = each / each.mean()
    return relative


def draw_order(
    n_crops: int, frequency: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw which of n records each of the epoch's crops is of, shape (n_crops,).

    Where all frequencies are equal, each record comes equally often and only the order is random.
    """
    n = len(frequency)
    if (frequency == frequency[0]).all():
        return rng.permutation(np.resize(np.arange(n), n_crops))
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    drawn = WeightedRandomSampler(frequency.tolist(), n_crops, generator=generator)
    return np.fromiter(drawn, np.int64, n_crops)
