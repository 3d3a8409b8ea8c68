"""Decision trees as plain arrays, and the weights of the records that they are grown on.

Scikit-learn's trees are not saved as objects. Arrays are read without trusting code, load in
milliseconds where thousands of objects take seconds, and have the same bytes on every run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.tabular.shared import layers
from pedecg.tabular.shared.design import ScaledModel, Values


@dataclass(frozen=True)
class TreeModel(ScaledModel):
    """A model of many trees, node after node.

    Attributes
    ----------
    feature : shape (n_nodes,), column of the design that a node compares; -1: a leaf.
    threshold : shape (n_nodes,); up to it the left branch is taken.
    left, right : shape (n_nodes,), the next nodes.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]

    def leaves(self, x: NDArray[np.float32], root: int) -> NDArray[np.int64]:
        """Return the leaf of one tree in which each row of the design ends, shape (n,)."""
        every, node = np.arange(len(x)), np.full(len(x), root)
        while (inner := self.feature[node] >= 0).any():
            low = x[every, np.maximum(self.feature[node], 0)] <= self.threshold[node]
            node = np.where(inner, np.where(low, self.left[node], self.right[node]), node)
        return node

    def leaf_layer(self, roots: NDArray[np.int32]) -> layers.Leaves:
        """Return `leaves` of these trees, shape (n_trees,), as a layer."""
        return layers.Leaves(self.feature, self.threshold, self.left, self.right, roots)


def nodes(pairs: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    """Return the arrays of `TreeModel` from scikit-learn's trees with their root's number."""
    leaf = np.concatenate([tree.children_left < 0 for _, tree in pairs])
    feature = np.concatenate([tree.feature for _, tree in pairs])
    left, right = (
        np.concatenate([root + getattr(tree, side) for root, tree in pairs])
        for side in ("children_left", "children_right")
    )
    threshold = np.concatenate([tree.threshold for _, tree in pairs])
    # A double between two floats must send both the same way: round towards the lower one.
    low = threshold.astype(np.float32)
    low = np.where(low > threshold, np.nextafter(low, np.float32(-np.inf)), low)
    return {
        "feature": np.where(leaf, -1, feature).astype(np.int32),
        "threshold": low.astype(np.float32),
        "left": np.where(leaf, 0, left).astype(np.int32),
        "right": np.where(leaf, 0, right).astype(np.int32),
    }


def weights(y: Values, balance: float) -> Values | None:
    """Return a weight for each record, mean 1; None where all weigh the same.

    The share of each target's positives, against the mean share, to the power of minus `balance`;
    a record counts with the rarest of its targets, and one without any as one that is common.

    Parameters
    ----------
    y : shape (n, n_targets), 1, 0, or between where unknown.
    """
    if balance == 0:
        return None
    share = y.mean(axis=0)
    there = share > 0
    times = share[there].mean() / np.where(there, share, 1.0)
    # One by one: NumPy's power of an array is another where there is AVX-512.
    rare = np.where(there, [math.pow(each, balance) for each in times], 0.0)
    own = np.where(y == 1, rare, 0.0).max(axis=1)
    weight = np.where(own > 0, own, rare[there].min())
    return np.asarray(weight / weight.mean())
