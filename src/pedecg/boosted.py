"""Boosted trees over rule features, for classes of which exactly one holds.

Friedman JH. Stochastic gradient boosting. Comput Stat Data Anal 2002;38:367-378. Each class has a
sum of small trees, and its probability is the softmax of the sums. Several such models, each grown
with a seed of its own, are averaged: with a few hundred records one alone depends on its draws.
They are kept as plain tables of numbers, as those of `trees` are.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.ensemble import GradientBoostingClassifier

from pedecg import naive, trees
from pedecg.errors import PedecgError
from pedecg.learning import checkpoint
from pedecg.params import Section

Values = NDArray[np.float64]

RULES_BOOSTED = "rules_boosted"
_MADE_BY = "pedecg.boosted"
_TABLES = ("starts", "roots", "feature", "threshold", "left", "right", "leaf")


class BoostedSettings(Section):
    """Section `models.rules_boosted`."""

    models: int = Field(description="models that are averaged, each of another seed", ge=1, le=100)
    rounds: int = Field(description="trees of each class in one model", ge=1, le=10_000)
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
        description="0: every record weighs the same; 1: every class; more: the rare ones more",
        ge=0,
        le=3,
    )
    refit: bool = Field(False, description=trees.REFIT)


@dataclass(frozen=True)
class Boosted:
    """Grown trees and the scale of their features.

    Attributes
    ----------
    features, mean, sd : n_features; those of the training split, see `naive.design`.
    starts : shape (n_models, n_classes), the sums before the first tree.
    roots : shape (n_models, n_rounds, n_classes), node that each tree begins with.
    feature, threshold, left, right : shape (n_nodes,), as in `trees.Trees`.
    leaf : shape (n_nodes,), what is added to the sum of the tree's class.
    """

    seed: int
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
        """Return probabilities of shape (n, n_targets), which sum to 1.

        Raises
        ------
        PedecgError
            A feature that the trees were grown on is no column.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise PedecgError(f"{RULES_BOOSTED}: grown on {', '.join(missing[:5])}; not found here")
        table = features[list(self.features)]
        x = naive.design(table, np.array(self.mean), np.array(self.sd)).astype(np.float32)
        found = np.zeros((len(x), len(self.targets)))
        for start, rounds in zip(self.starts, self.roots, strict=True):
            sums = np.tile(start.astype(np.float64), (len(x), 1))
            for roots in rounds:
                for k, root in enumerate(roots):
                    at = trees.leaves(x, root, self.feature, self.threshold, self.left, self.right)
                    sums[:, k] += self.leaf[at]
            found += special.softmax(sums, axis=1)
        return np.asarray(found / len(self.roots))

    def save(self, folder: str | Path) -> None:
        """Write ``boosted.safetensors``: the tables, and the names and scale beside them."""
        arrays = {name: getattr(self, name) for name in _TABLES}
        arrays |= {"mean": np.array(self.mean), "sd": np.array(self.sd)}
        about = {
            "made_by": _MADE_BY,
            "seed": self.seed,
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
    return Boosted(seed=about["seed"], **own)


def train(
    table: pd.DataFrame,
    record_ids: pd.Series,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seed: int,
    settings: BoostedSettings,
) -> tuple[Boosted, pd.DataFrame]:
    """Grow trees on the training split and predict every record of a split.

    Parameters
    ----------
    table : one row for each of `record_ids`, see `trees.features`.

    Raises
    ------
    PedecgError
        A training record has no class or two, or there is but one class.
    """
    targets = tuple(str(column) for column in labels.columns if column != "record_id")
    rows = table.set_index(pd.Index(record_ids)).reindex(splits["record_id"])
    known = labels.set_index("record_id").reindex(splits["record_id"])[list(targets)]
    one_hot = known.astype("Float64").astype("float64").to_numpy()
    training = (splits["split"] == "train").to_numpy() & ~np.isnan(one_hot).any(axis=1)
    if not training.any() or (one_hot[training].sum(axis=1) != 1).any():
        raise PedecgError(f"{RULES_BOOSTED}: each training record must have exactly one class")
    mean, sd = naive.scale(rows[training])
    x = naive.design(rows[training], mean, sd)
    y = one_hot[training].argmax(axis=1)
    there = np.flatnonzero(one_hot[training].any(axis=0))
    if len(there) < 2:
        raise PedecgError(f"{RULES_BOOSTED}: the training records must have two classes or more")
    weight = trees.weights(one_hot[training], settings.balance)
    grown = [
        _grow(x, y, weight, int(own), settings)
        for own in np.random.SeedSequence(seed).generate_state(settings.models)
    ]
    scale = (tuple(map(str, rows.columns)), tuple(mean.tolist()), tuple(sd.tolist()))
    model = Boosted(seed, targets, *scale, **_tables(grown, there, len(targets)))
    return model, naive.predictions(targets, splits, seed, model.predict(rows))


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


def _tables(
    grown: list[GradientBoostingClassifier], there: NDArray[np.int64], n_classes: int
) -> dict[str, Any]:
    """Put scikit-learn's trees one after another; classes that were not there start at -inf."""
    starts = np.full((len(grown), n_classes), -np.inf)
    roots, single, first = [], [], 0
    stump = len(there) == 2  # scikit-learn grows one tree for two classes: the second's
    for model, start in zip(grown, starts, strict=True):
        sums = model._raw_predict_init(np.zeros((1, model.n_features_in_)))[0]
        start[there] = (0.0, sums[0]) if stump else sums
        for one_round in model.estimators_:
            of_round = np.full(n_classes, -1)
            for k, tree in zip(there[1:] if stump else there, one_round, strict=True):
                of_round[k] = first
                single.append((first, tree.tree_, model.learning_rate))
                first += tree.tree_.node_count
            roots.append(of_round)
    nothing = first  # a leaf that adds nothing, for classes without trees
    nodes = trees.nodes([(root, tree) for root, tree, _ in single])
    leaf = np.concatenate([rate * tree.value[:, 0, 0] for _, tree, rate in single])
    extra = {"feature": -1, "threshold": 0.0, "left": 0, "right": 0}
    nodes = {k: np.append(each, extra[k]).astype(each.dtype) for k, each in nodes.items()}
    leaf = np.append(np.where(nodes["feature"][:-1] < 0, leaf, 0.0), 0.0)
    shape = (len(grown), -1, n_classes)
    placed = np.stack(roots).reshape(shape)
    return {
        "starts": starts.astype(np.float32),
        "roots": np.where(placed < 0, nothing, placed).astype(np.int32),
        **nodes,
        "leaf": leaf.astype(np.float32),
    }
