"""Extremely randomised trees on rule features, age and sex.

Geurts P et al. Extremely randomized trees. Machine Learning 2006;63:3-42. The trees share their
splits among all targets; a probability is the mean over trees of a leaf's share of positives.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from sklearn.ensemble import ExtraTreesRegressor

from pedecg.core.params import Section
from pedecg.models import features
from pedecg.models.contract import Rows, Training
from pedecg.tabular.shared import design, layers, tree_arrays
from pedecg.tabular.shared.base import REFIT

READS = frozenset({"rules", "demographics"})


class Settings(Section):
    """Section `models.rules_trees`."""

    trees: int = Field(description="number of trees", ge=1, le=10_000)
    min_leaf: int = Field(
        description="smallest number of records in a leaf; more is smoother", ge=1, le=10_000
    )
    feature_share: float = Field(
        description="share of the features that are considered at each split, drawn at random",
        gt=0,
        le=1,
    )
    balance: float = Field(
        0.0,
        description="0: all records have the same weight; 1: weight inverse to the prevalence of "
        "the rarest target of a record; above 1: rare targets weigh more",
        ge=0,
        le=3,
    )
    refit: bool = Field(False, description=REFIT)


@dataclass(frozen=True)
class Model(tree_arrays.TreeModel):
    """Random trees.

    Attributes
    ----------
    roots : shape (n_trees,), node that each tree begins with.
    shares : shape (n_nodes, n_targets), share of positives in a leaf.
    """

    roots: NDArray[np.int32]
    shares: NDArray[np.float32]

    @classmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return rule features, age and sex, one row per record."""
        return design.with_age_and_sex(rows)

    @classmethod
    def learn(cls, rows: Rows, settings: Settings, training: Training) -> Self:
        """Grow trees.

        A label that is unknown counts as the share of positives: it tells nothing. Targets are
        divided by their SD, so that a rare one counts as much in the splits as a common one.
        """
        table = cls.table(rows)
        scale = features.scale(table)
        truth = pd.DataFrame(rows.labels.astype(np.float64))
        y = truth.fillna(truth.mean().fillna(0.0)).to_numpy()
        spread = np.maximum(y.std(axis=0), 1e-3)
        forest = ExtraTreesRegressor(
            n_estimators=settings.trees,
            min_samples_leaf=settings.min_leaf,
            max_features=settings.feature_share,
            random_state=training.seed,
            n_jobs=1,
        ).fit(design.design(scale, table), y / spread, tree_arrays.weights(y, settings.balance))
        arrays = _arrays([each.tree_ for each in forest.estimators_], spread)
        return cls(training.name, training.seed, rows.targets, scale, **arrays)

    def predict(self, rows: Rows) -> design.Values:
        """Return raw probabilities, shape (n_rows, n_targets)."""
        x = self.design(rows).astype(np.float32)
        total = np.zeros((len(x), len(self.targets)))
        for root in self.roots:
            total += self.shares[self.leaves(x, root)]
        return np.clip(total / len(self.roots), 0.0, 1.0)

    def head(self) -> layers.MeanOfTrees:
        """Return the layers from the design to probabilities."""
        return layers.MeanOfTrees(self.leaf_layer(self.roots), self.shares)


def _arrays(grown: list[Any], spread: design.Values) -> dict[str, Any]:
    """Put scikit-learn's trees one after another, with node numbers of the whole."""
    roots = np.cumsum([0, *(tree.node_count for tree in grown)])[:-1].astype(np.int32)
    nodes = tree_arrays.nodes(list(zip(roots, grown, strict=True)))
    values = np.concatenate([tree.value[:, :, 0] for tree in grown])
    shares = np.where(nodes["feature"][:, None] < 0, values * spread, 0.0).astype(np.float32)
    return {"roots": roots, **nodes, "shares": shares}
