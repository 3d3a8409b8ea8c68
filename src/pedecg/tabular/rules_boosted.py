"""Gradient-boosted trees on rule features, for independent targets or exclusive classes.

Friedman JH. Stochastic gradient boosting. Comput Stat Data Anal 2002;38:367-378. Each target has a
sum of small trees. Of exclusive classes a probability is the softmax of the sums; targets side by
side are grown each by itself, on the records that are known of it, and a probability is the
sigmoid of its sum. Several such models, each grown with a seed of its own, are averaged: with a few
hundred records one alone depends on its draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.ensemble import GradientBoostingClassifier

from pedecg.core import elementary
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models import features
from pedecg.models.contract import Rows, Training
from pedecg.tabular.shared import design, layers, tree_arrays
from pedecg.tabular.shared.base import REFIT
from pedecg.tabular.shared.design import Values

READS = frozenset({"rules", "demographics"})


class Settings(Section):
    """Section `models.rules_boosted`."""

    models: int = Field(
        description="number of models that are averaged, each with its own seed", ge=1, le=100
    )
    rounds: int = Field(description="number of trees per target in each model", ge=1, le=10_000)
    learning_rate: float = Field(description="learning rate (shrinkage)", gt=0, le=1)
    depth: int = Field(description="maximum tree depth", ge=1, le=16)
    min_leaf: int = Field(
        description="smallest number of records in a leaf; more is smoother", ge=1, le=10_000
    )
    record_share: float = Field(
        description="share of the records that each tree is trained on", gt=0, le=1
    )
    feature_share: float = Field(
        description="share of the features that are considered at each split, drawn at random",
        gt=0,
        le=1,
    )
    balance: float = Field(
        description="0: all records have the same weight; 1: all classes, or present and absent "
        "records of a target, have the same total weight; above 1: rare ones weigh "
        "more",
        ge=0,
        le=3,
    )
    refit: bool = Field(False, description=REFIT)


@dataclass(frozen=True)
class Model(tree_arrays.TreeModel):
    """Sums of trees.

    Attributes
    ----------
    exclusive : exactly one target holds.
    starts : shape (n_models, n_targets), the sums before the first tree.
    roots : shape (n_models, n_rounds, n_targets), node that each tree begins with.
    leaf : shape (n_nodes,), what is added to the sum of the tree's target.
    """

    exclusive: bool
    starts: NDArray[np.float32]
    roots: NDArray[np.int32]
    leaf: NDArray[np.float32]

    @classmethod
    def table(cls, rows: Rows) -> pd.DataFrame:
        """Return rule features, age and sex, one row per record."""
        return design.with_age_and_sex(rows)

    @classmethod
    def learn(cls, rows: Rows, settings: Settings, training: Training) -> Self:
        """Grow trees on the rows of which a label is known.

        Raises
        ------
        PedecgError
            Of exclusive targets a row has none or two, or all rows have the same.
        """
        known = rows.take(np.flatnonzero(~np.isnan(rows.labels).all(axis=1)))
        y = known.labels.astype(np.float64)
        if training.exclusive:
            _check_exclusive(y, training.name)
        table = cls.table(known)
        scale = features.scale(table)
        x = design.design(scale, table)
        sums = _of_classes if training.exclusive else _of_targets
        seeds = np.random.SeedSequence(training.seed).generate_state(settings.models)
        grown = [sums(x, y, int(seed), settings) for seed in seeds]
        return cls(
            training.name, training.seed, rows.targets, scale,
            exclusive=training.exclusive, **_arrays(grown, settings),
        )  # fmt: skip

    def predict(self, rows: Rows) -> Values:
        """Return raw probabilities, shape (n_rows, n_targets)."""
        x = self.design(rows).astype(np.float32)
        total = np.zeros((len(x), len(self.targets)))
        for start, rounds in zip(self.starts, self.roots, strict=True):
            sums = np.tile(start.astype(np.float64), (len(x), 1))
            for roots in rounds:
                for k, root in enumerate(roots):
                    sums[:, k] += self.leaf[self.leaves(x, root)]
            total += _shares(sums) if self.exclusive else special.expit(sums)
        return np.asarray(total / len(self.roots))

    def head(self) -> layers.SumsOfTrees:
        """Return the layers from the design to probabilities."""
        leaves = self.leaf_layer(self.roots.ravel())
        return layers.SumsOfTrees(leaves, self.leaf, self.starts, self.exclusive)


def _check_exclusive(y: Values, model: str) -> None:
    if not len(y) or not (y.sum(axis=1) == 1).all():  # a sum with an unknown one is not a number
        raise PedecgError(f"{model}: each training record must have exactly one class")
    if y.any(axis=0).sum() < 2:
        raise PedecgError(f"{model}: the training records must have two classes or more")


@dataclass(frozen=True)
class _Sums:
    """One model as scikit-learn grew it.

    Attributes
    ----------
    starts : shape (n_targets,).
    trees : of each target, one for each round; none where there was nothing to learn.
    """

    starts: Values
    trees: list[list[Any]]


def _of_classes(x: Values, y: Values, seed: int, settings: Settings) -> _Sums:
    """Grow all classes together; those without a record start at -inf."""
    there = np.flatnonzero(y.any(axis=0))
    weight = tree_arrays.weights(y, settings.balance)
    model = _grow(x, y.argmax(axis=1), weight, seed, settings)
    first = model._raw_predict_init(x[:1])[0]
    starts = np.full(y.shape[1], -np.inf)
    each: list[list[Any]] = [[] for _ in starts]
    stump = len(there) == 2  # scikit-learn grows one tree for two classes: the second's
    starts[there] = (0.0, first[0]) if stump else first
    for column, k in enumerate(there[1:] if stump else there):
        each[k] = list(model.estimators_[:, column])
    return _Sums(starts, each)


def _of_targets(x: Values, y: Values, seed: int, settings: Settings) -> _Sums:
    """Grow each target by itself; one that is always or never there gets its share's log odds."""
    starts = np.zeros(y.shape[1])
    each: list[list[Any]] = []
    for k, column in enumerate(y.T):
        known = ~np.isnan(column)
        own = column[known].astype(np.int64)
        if len(np.unique(own)) < 2:
            starts[k] = special.logit((own.sum() + 0.5) / (len(own) + 1.0))
            each.append([])
            continue
        weight = tree_arrays.weights(np.eye(2)[own], settings.balance)
        model = _grow(x[known], own, weight, seed, settings)
        starts[k] = model._raw_predict_init(x[:1])[0, 0]
        each.append(list(model.estimators_[:, 0]))
    return _Sums(starts, each)


def _shares(sums: Values) -> Values:
    """Return the softmax of each row; SciPy's has NumPy's exponential, see `elementary`."""
    part = elementary.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(part / part.sum(axis=1, keepdims=True))


def _grow(
    x: Values, y: NDArray[np.int64], weight: Values | None, seed: int, settings: Settings
) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(
        n_estimators=settings.rounds,
        learning_rate=settings.learning_rate,
        max_depth=settings.depth,
        min_samples_leaf=settings.min_leaf,
        subsample=settings.record_share,
        max_features=settings.feature_share,
        random_state=seed % 2**31,
    ).fit(x, y, sample_weight=weight)


def _arrays(grown: Sequence[_Sums], settings: Settings) -> dict[str, Any]:
    """Put scikit-learn's trees one after another; a target without trees gets one that adds 0."""
    shape = (len(grown), settings.rounds, len(grown[0].starts))
    roots, single, first = np.full(shape, -1), [], 0
    for own, model in zip(roots, grown, strict=True):
        for k, of_target in enumerate(model.trees):
            for one_round, tree in enumerate(of_target):
                own[one_round, k] = first
                single.append((first, tree.tree_))
                first += tree.tree_.node_count
    single.append((first, _NOTHING))
    nodes = tree_arrays.nodes(single)
    leaf = settings.learning_rate * np.concatenate([tree.value[:, 0, 0] for _, tree in single])
    return {
        "starts": np.stack([model.starts for model in grown]).astype(np.float32),
        "roots": np.where(roots < 0, first, roots).astype(np.int32),
        **nodes,
        "leaf": np.where(nodes["feature"] < 0, leaf, 0.0).astype(np.float32),
    }


_NOTHING = SimpleNamespace(  # a tree that is one leaf, as scikit-learn keeps it
    children_left=np.array([-1]),
    children_right=np.array([-1]),
    feature=np.array([-2]),
    threshold=np.array([0.0]),
    value=np.zeros((1, 1, 1)),
)
