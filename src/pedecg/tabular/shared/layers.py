"""Models of tables as torch layers, so that torch's exporter can write them as ONNX.

The same arithmetic as `predict`, in double precision; trees compare in single precision, as there.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedecg.models.features import Scale

OF_SUBJECT = ("age_days", "female")  # columns of a table that are not among the features


def female(sex: Tensor) -> Tensor:
    """Return 1 for female, 0 for male and NaN for unknown, shape (n, 1), float64.

    Parameters
    ----------
    sex : shape (n,); 0 female, 1 male, -1 unknown.
    """
    known = (sex == 0).double()
    return torch.where(sex < 0, torch.full_like(known, torch.nan), known).unsqueeze(1)


class Chosen(nn.Module):
    """The columns of a table, by name, from features, age and sex.

    Parameters
    ----------
    names : of the features; columns : of the table, some of `names` and `OF_SUBJECT`.
    """

    def __init__(self, names: Sequence[str], columns: Sequence[str]) -> None:
        super().__init__()
        place = {name: k for k, name in enumerate((*names, *OF_SUBJECT))}
        self.register_buffer("place", torch.tensor([place[name] for name in columns]))

    def forward(self, features: Tensor, age_days: Tensor, sex: Tensor) -> Tensor:
        """Return the table, shape (n, n_columns), float64, NaN where unknown."""
        own = torch.cat([features.double(), age_days.double().unsqueeze(1), female(sex)], dim=1)
        return own.index_select(1, self.get_buffer("place"))


class Scaled(nn.Module):
    """Columns, scaled and with whether each is unknown, given to a head; see `design.design`.

    Parameters
    ----------
    largest : SD; values farther from the mean are taken to be that far.
    columns : layers from features, age and sex to the table of `scale`.
    head : layers from the design to probabilities.
    """

    def __init__(self, scale: Scale, largest: float, columns: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.columns, self.head, self.largest = columns, head, largest
        self.register_buffer("mean", torch.tensor(scale.mean, dtype=torch.float64))
        self.register_buffer("sd", torch.tensor(scale.sd, dtype=torch.float64))

    def forward(self, features: Tensor, age_days: Tensor, sex: Tensor) -> Tensor:
        """Return probabilities, shape (n, n_targets), float64."""
        table = self.columns(features, age_days, sex)
        scaled = (table - self.get_buffer("mean")) / self.get_buffer("sd")
        unknown = scaled.isnan()
        kept = torch.where(unknown, torch.zeros_like(scaled), scaled)
        kept = kept.clamp(-self.largest, self.largest)
        found: Tensor = self.head(torch.cat([kept, unknown.double()], dim=1))
        return found


class Logistic(nn.Module):
    """Sigmoids of weighted sums.

    Parameters
    ----------
    weights : shape (n_targets, n_columns); intercepts : shape (n_targets,).
    """

    def __init__(self, weights: NDArray[np.float64], intercepts: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.from_numpy(np.ascontiguousarray(weights.T)))
        self.register_buffer("intercepts", torch.from_numpy(intercepts))

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities, shape (n, n_targets), float64, of x, shape (n, n_columns)."""
        return torch.sigmoid(x @ self.get_buffer("weights") + self.get_buffer("intercepts"))


class Leaves(nn.Module):
    """The leaf of each tree in which a row of the design ends; see `tree_arrays.TreeModel`.

    Parameters
    ----------
    feature, threshold, left, right : shape (n_nodes,), of all trees; a leaf's feature is -1.
    roots : shape (n_trees,), node that each tree begins with.
    """

    def __init__(
        self,
        feature: NDArray[np.int32],
        threshold: NDArray[np.float32],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        roots: NDArray[np.int32],
    ) -> None:
        super().__init__()
        own, leaf = np.arange(len(feature)), feature < 0
        # A leaf leads to itself: every tree is followed for as many steps as the deepest has.
        lower, upper = np.where(leaf, own, left), np.where(leaf, own, right)
        self.depth, reached = 0, np.unique(roots)
        while len(reached := reached[~leaf[reached]]):
            self.depth += 1
            reached = np.unique(np.concatenate([lower[reached], upper[reached]]))
        for name, values in (
            ("column", np.maximum(feature, 0)), ("lower", lower), ("upper", upper),
            ("roots", roots),
        ):  # fmt: skip
            self.register_buffer(name, torch.from_numpy(values.astype(np.int64)))
        self.register_buffer("threshold", torch.from_numpy(threshold.astype(np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        """Return nodes, shape (n, n_trees), of a design of shape (n, n_columns)."""
        x = x.float()
        column, threshold, lower, upper = map(
            self.get_buffer, ("column", "threshold", "lower", "upper")
        )
        node = self.get_buffer("roots").expand(x.shape[0], -1)
        for _ in range(self.depth):
            low = x.gather(1, column[node]) <= threshold[node]
            node = torch.where(low, lower[node], upper[node])
        return node


class MeanOfTrees(nn.Module):
    """The mean over trees of a leaf's shares, shape (n_nodes, n_targets)."""

    def __init__(self, leaves: Leaves, shares: NDArray[np.float32]) -> None:
        super().__init__()
        self.leaves = leaves
        self.register_buffer("shares", torch.from_numpy(shares))

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities, shape (n, n_targets), float64, of x, shape (n, n_columns)."""
        return self.get_buffer("shares")[self.leaves(x)].double().mean(dim=1).clamp(0.0, 1.0)


class SumsOfTrees(nn.Module):
    """The mean over models of probabilities of sums of trees; see `rules_boosted.Model`.

    Parameters
    ----------
    leaf : shape (n_nodes,); starts : shape (n_models, n_targets).
    leaves : of trees in the order of models, rounds, targets.
    """

    def __init__(
        self,
        leaves: Leaves,
        leaf: NDArray[np.float32],
        starts: NDArray[np.float32],
        exclusive: bool,
    ) -> None:
        super().__init__()
        self.leaves, self.exclusive = leaves, exclusive
        self.n_models, self.n_targets = starts.shape
        self.register_buffer("leaf", torch.from_numpy(leaf))
        self.register_buffer("starts", torch.from_numpy(starts).double())

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities, shape (n, n_targets), float64, of x, shape (n, n_columns)."""
        added = self.get_buffer("leaf")[self.leaves(x)].double()
        each = added.reshape(x.shape[0], self.n_models, -1, self.n_targets)
        sums = each.sum(dim=2) + self.get_buffer("starts")
        p = torch.softmax(sums, dim=2) if self.exclusive else torch.sigmoid(sums)
        return p.mean(dim=1)
