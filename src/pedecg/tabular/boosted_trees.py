"""Boosted trees over rule features, for targets side by side or of which exactly one holds.

Friedman JH. Stochastic gradient boosting. Comput Stat Data Anal 2002;38:367-378. Each target has a
sum of small trees. Of exclusive classes a probability is the softmax of the sums; targets side by
side are grown each by itself, on the records that are known of it, and a probability is the
sigmoid of its sum. Several such models, each grown with a seed of its own, are averaged: with a few
hundred records one alone depends on its draws. They are kept as plain tables of numbers, as those
of `trees` are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.ensemble import GradientBoostingClassifier

from pedecg.core import checkpoint, elementary
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.tabular import linear
from pedecg.tabular import random_trees as trees

Values = NDArray[np.float64]

RULES_BOOSTED = "rules_boosted"
_MADE_BY = "pedecg.tabular.boosted_trees"
_TABLES = ("starts", "roots", "feature", "threshold", "left", "right", "leaf")


class BoostedSettings(Section):
    """Section `models.rules_boosted`."""

    models: int = Field(description="models that are averaged, each of another seed", ge=1, le=100)
    rounds: int = Field(description="trees of each target in one model", ge=1, le=10_000)
    learning_rate: float = Field(description="share of a tree's answer that counts", gt=0, le=1)
    depth: int = Field(description="questions from the root of a tree to a leaf", ge=1, le=16)
    min_leaf: int = Field(description="records in a leaf, at least", ge=1, le=10_000)
    record_share: float = Field(description="share of the records that a tree sees", gt=0, le=1)
    feature_share: float = Field(
        description="share of all features, drawn anew at each split, that the best is taken of",
        gt=0,
        le=1,
    )
    balance: float = Field(
        description="0: every record weighs the same; 1: every class, or a target's present as "
        "much as its absent records; more: the rare ones more",
        ge=0,
        le=3,
    )
    refit: bool = Field(False, description=trees.REFIT)


@dataclass(frozen=True)
class Boosted:
    """Grown trees and the scale of their features.

    Attributes
    ----------
    exclusive : exactly one target holds.
    features, mean, sd : n_features; those of the training split, see `naive.design`.
    starts : shape (n_models, n_targets), the sums before the first tree.
    roots : shape (n_models, n_rounds, n_targets), node that each tree begins with.
    feature, threshold, left, right : shape (n_nodes,), as in `trees.Trees`.
    leaf : shape (n_nodes,), what is added to the sum of the tree's target.
    """

    seed: int
    exclusive: bool
    targets: tuple[str, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    starts: NDArray[np.float32]
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf: NDArray[np.float32]

    def predict(self, features: pd.DataFrame) -> Values:
        """Return probabilities of shape (n, n_targets); those of exclusive targets sum to 1.

        Raises
        ------
        PedecgError
            A feature that the trees were grown on is no column.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise PedecgError(f"{RULES_BOOSTED}: grown on {', '.join(missing[:5])}; not found here")
        table = features[list(self.features)]
        x = linear.design(table, np.array(self.mean), np.array(self.sd)).astype(np.float32)
        found = np.zeros((len(x), len(self.targets)))
        for start, rounds in zip(self.starts, self.roots, strict=True):
            sums = np.tile(start.astype(np.float64), (len(x), 1))
            for roots in rounds:
                for k, root in enumerate(roots):
                    at = trees.leaves(x, root, self.feature, self.threshold, self.left, self.right)
                    sums[:, k] += self.leaf[at]
            found += _shares(sums) if self.exclusive else special.expit(sums)
        return np.asarray(found / len(self.roots))

    def save(self, folder: str | Path) -> None:
        """Write ``boosted.safetensors``: the tables, and the names and scale beside them."""
        arrays = {name: getattr(self, name) for name in _TABLES}
        arrays |= {"mean": np.array(self.mean), "sd": np.array(self.sd)}
        about = {
            "made_by": _MADE_BY,
            "seed": self.seed,
            "exclusive": self.exclusive,
            "targets": self.targets,
            "features": self.features,
        }
        checkpoint.write_tensors(
            Path(folder) / "boosted.safetensors",
            {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in arrays.items()},
            {"about": json.dumps(about)},
        )


def load(folder: str | Path) -> Boosted:
    """Read what `Boosted.save` wrote, or raise a `PedecgError`."""
    path = Path(folder) / "boosted.safetensors"
    tensors, metadata = checkpoint.read_tensors(path, torch.device("cpu"))
    about: dict[str, Any] = json.loads(metadata.get("about", "{}"))
    if about.get("made_by") != _MADE_BY:
        raise PedecgError(f"{path}: holds no boosted trees")
    own: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
    own |= {name: tuple(own[name].tolist()) for name in ("mean", "sd")}
    own |= {name: tuple(about[name]) for name in ("targets", "features")}
    return Boosted(seed=about["seed"], exclusive=about["exclusive"], **own)


def train(
    table: pd.DataFrame,
    record_ids: pd.Series,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seed: int,
    settings: BoostedSettings,
    *,
    exclusive: bool,
) -> tuple[Boosted, pd.DataFrame]:
    """Grow trees on the training split and predict every record of a split.

    Parameters
    ----------
    table : one row for each of `record_ids`, see `trees.features`.
    exclusive : exactly one target holds (`train.task` is multiclass).

    Raises
    ------
    PedecgError
        The labels hold no target; or, if exclusive, a training record has no class or two, or
        there is but one class.
    """
    targets = tuple(str(column) for column in labels.columns if column != "record_id")
    if not targets:
        raise PedecgError("train: the cohort has no target (cohort.manifest.labels names columns)")
    rows = table.set_index(pd.Index(record_ids)).reindex(splits["record_id"])
    known = labels.set_index("record_id").reindex(splits["record_id"])[list(targets)]
    y = known.astype("Float64").astype("float64").to_numpy()
    training = (splits["split"] == "train").to_numpy() & ~np.isnan(y).all(axis=1)
    if exclusive:
        _check_exclusive(y[training])
    mean, sd = linear.scale(rows[training])
    x = linear.design(rows[training], mean, sd)
    sums = _of_classes if exclusive else _of_targets
    grown = [
        sums(x, y[training], int(own), settings)
        for own in np.random.SeedSequence(seed).generate_state(settings.models)
    ]
    scale = (tuple(map(str, rows.columns)), tuple(mean.tolist()), tuple(sd.tolist()))
    model = Boosted(seed, exclusive, targets, *scale, **_tables(grown, settings))
    return model, linear.predictions(targets, splits, seed, model.predict(rows))


def _check_exclusive(y: Values) -> None:
    if not len(y) or not (y.sum(axis=1) == 1).all():  # a sum with an unknown one is no number
        raise PedecgError(f"{RULES_BOOSTED}: each training record must have exactly one class")
    if y.any(axis=0).sum() < 2:
        raise PedecgError(f"{RULES_BOOSTED}: the training records must have two classes or more")


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


def _of_classes(x: Values, y: Values, seed: int, settings: BoostedSettings) -> _Sums:
    """Grow all classes together; those without a record start at -inf."""
    there = np.flatnonzero(y.any(axis=0))
    weight = trees.weights(y, settings.balance)
    model = _grow(x, y.argmax(axis=1), weight, seed, settings)
    first = model._raw_predict_init(x[:1])[0]
    starts = np.full(y.shape[1], -np.inf)
    each: list[list[Any]] = [[] for _ in starts]
    stump = len(there) == 2  # scikit-learn grows one tree for two classes: the second's
    starts[there] = (0.0, first[0]) if stump else first
    for column, k in enumerate(there[1:] if stump else there):
        each[k] = list(model.estimators_[:, column])
    return _Sums(starts, each)


def _of_targets(x: Values, y: Values, seed: int, settings: BoostedSettings) -> _Sums:
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
        weight = trees.weights(np.eye(2)[own], settings.balance)
        model = _grow(x[known], own, weight, seed, settings)
        starts[k] = model._raw_predict_init(x[:1])[0, 0]
        each.append(list(model.estimators_[:, 0]))
    return _Sums(starts, each)


def _shares(sums: Values) -> Values:
    """Return the softmax of each row; SciPy's has NumPy's exponential, see `elementary`."""
    part = elementary.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(part / part.sum(axis=1, keepdims=True))


def _grow(
    x: Values, y: NDArray[np.int64], weight: Values | None, seed: int, settings: BoostedSettings
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


def _tables(grown: Sequence[_Sums], settings: BoostedSettings) -> dict[str, Any]:
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
    nodes = trees.nodes(single)
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
