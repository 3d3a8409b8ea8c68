"""Many random trees over rule features, age and sex: what measures tell without a network.

Geurts P et al. Extremely randomized trees. Machine Learning 2006;63:3-42. The trees share their
splits among all targets; a probability is the mean over trees of a leaf's share of positives. They
are kept as plain tables of numbers, so that another version of scikit-learn gives the same answer.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.ensemble import ExtraTreesRegressor

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.tabular import linear

Values = NDArray[np.float64]

RULES_TREES = "rules_trees"
REFIT = (
    "true: grown again on training and validation records together; what calibrates it are the "
    "answers on validation records that it gave before"
)
_MADE_BY = "pedecg.tabular.random_trees"


class TreesSettings(Section):
    """Section `models.rules_trees`."""

    trees: int = Field(description="number of trees", ge=1, le=10_000)
    min_leaf: int = Field(description="records in a leaf, at least", ge=1, le=10_000)
    feature_share: float = Field(
        description="share of all features, drawn anew at each split, that the best is taken of",
        gt=0,
        le=1,
    )
    balance: float = Field(
        0.0,
        description="0: every record weighs the same; 1: as much as its rarest target is rare; "
        "more: the rare ones more",
        ge=0,
        le=3,
    )
    refit: bool = Field(False, description=REFIT)


@dataclass(frozen=True)
class Trees:
    """Grown trees and the scale of their features.

    Attributes
    ----------
    features, mean, sd : n_features; those of the training split, see `naive.design`.
    roots : shape (n_trees,), node that each tree begins with.
    feature : shape (n_nodes,), column of the design that a node looks at; -1: a leaf.
    threshold : shape (n_nodes,); up to it the left branch is taken.
    left, right : shape (n_nodes,), the next nodes.
    shares : shape (n_nodes, n_targets), share of positives in a leaf.
    """

    seed: int
    targets: tuple[str, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    shares: NDArray[np.float32]

    def predict(self, features: pd.DataFrame) -> Values:
        """Return probabilities of shape (n, n_targets).

        Raises
        ------
        PedecgError
            A feature that the trees were grown on is no column.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise PedecgError(f"{RULES_TREES}: grown on {', '.join(missing[:5])}; not found here")
        table = features[list(self.features)]
        x = linear.design(table, np.array(self.mean), np.array(self.sd)).astype(np.float32)
        total = np.zeros((len(x), len(self.targets)))
        for root in self.roots:
            total += self.shares[
                leaves(x, root, self.feature, self.threshold, self.left, self.right)
            ]
        return np.clip(total / len(self.roots), 0.0, 1.0)

    def save(self, folder: str | Path) -> None:
        """Write ``trees.safetensors``: the tables, and the names and scale beside them."""
        names = ("roots", "feature", "threshold", "left", "right", "shares")
        scale = {"mean": np.array(self.mean), "sd": np.array(self.sd)}
        tables_ = {name: getattr(self, name) for name in names} | scale
        about = {
            "made_by": _MADE_BY,
            "seed": self.seed,
            "targets": self.targets,
            "features": self.features,
        }
        checkpoint.write_tensors(
            Path(folder) / "trees.safetensors",
            {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in tables_.items()},
            {"about": json.dumps(about)},  # one entry: several would come in any order
        )


def leaves(
    x: NDArray[np.float32],
    root: int,
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Return the leaf in which each row of the design ends, shape (n,); see `Trees`."""
    every, node = np.arange(len(x)), np.full(len(x), root)
    while (inner := feature[node] >= 0).any():
        low = x[every, np.maximum(feature[node], 0)] <= threshold[node]
        node = np.where(inner, np.where(low, left[node], right[node]), node)
    return node


def load(folder: str | Path) -> Trees:
    """Read what `Trees.save` wrote, or raise a `PedecgError`."""
    path = Path(folder) / "trees.safetensors"
    tensors, metadata = checkpoint.read_tensors(path, torch.device("cpu"))
    about: dict[str, Any] = json.loads(metadata.get("about", "{}"))
    if about.get("made_by") != _MADE_BY:
        raise PedecgError(f"{path}: holds no trees")
    own: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
    own |= {name: tuple(own[name].tolist()) for name in ("mean", "sd")}
    own |= {name: tuple(about[name]) for name in ("targets", "features")}
    return Trees(seed=about["seed"], **own)


def features(rules: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return rule features, age in days and sex, NaN where unknown, one row for each of `rules`."""
    about = records.set_index("record_id").reindex(rules["record_id"])
    own = {
        "age_days": about["age_days"].to_numpy(np.float64, na_value=np.nan),
        "female": (about["sex"] == "female").to_numpy(np.float64, na_value=np.nan),
    }
    return linear.rule_features(rules).assign(**own)


def train(
    table: pd.DataFrame,
    record_ids: pd.Series,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seed: int,
    settings: TreesSettings,
) -> tuple[Trees, pd.DataFrame]:
    """Grow trees on the training split and predict every record of a split.

    A label that is unknown counts as the share of positives: it tells nothing. Targets are divided
    by their SD, so that a rare one has as much say in the splits as a common one.

    Parameters
    ----------
    table : one row for each of `record_ids`, see `features`.

    Raises
    ------
    PedecgError
        The labels hold no target.
    """
    targets = tuple(str(column) for column in labels.columns if column != "record_id")
    if not targets:
        raise PedecgError("train: the cohort has no target (cohort.manifest.labels names columns)")
    rows = table.set_index(pd.Index(record_ids)).reindex(splits["record_id"])
    known = labels.set_index("record_id").reindex(splits["record_id"])[list(targets)]
    training = (splits["split"] == "train").to_numpy()
    mean, sd = linear.scale(rows[training])
    x = linear.design(rows[training], mean, sd)
    truth = known[training].astype("Float64").astype("float64")
    share = truth.mean().fillna(0.0)
    y = truth.fillna(share).to_numpy(np.float64)
    spread = np.maximum(y.std(axis=0), 1e-3)
    forest = ExtraTreesRegressor(
        n_estimators=settings.trees,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.feature_share,
        random_state=seed,
        n_jobs=1,
    ).fit(x, y / spread, sample_weight=weights(y, settings.balance))
    grown = _tables([each.tree_ for each in forest.estimators_], spread)
    scale = (tuple(map(str, rows.columns)), tuple(mean.tolist()), tuple(sd.tolist()))
    model = Trees(seed, targets, *scale, **grown)
    return model, linear.predictions(targets, splits, seed, model.predict(rows))


def grow(
    train: Callable[..., tuple[Any, pd.DataFrame]],
    table: pd.DataFrame,
    record_ids: pd.Series,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seed: int,
    settings: Any,
) -> tuple[Any, pd.DataFrame]:
    """Return the model and predictions of `train`; with `refit`, of all but the test records.

    Nothing here is stopped early, so that validation records are for calibration alone. Their
    predictions stay those of the model that has not seen them.

    Parameters
    ----------
    train : `train` of this room or of `boosted`; `settings` are its own, the rest goes to it.
    """
    model, predictions = train(table, record_ids, labels, splits, seed, settings)
    if not settings.refit:
        return model, predictions
    all_but_test = splits.assign(split=splits["split"].replace("validation", "train"))
    model, again = train(table, record_ids, labels, all_but_test, seed, settings)
    unseen = predictions["split"] == "validation"
    kept = predictions["probability"].where(unseen, again["probability"])
    return model, predictions.assign(probability=kept)


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


def _tables(grown: list[Any], spread: Values) -> dict[str, Any]:
    """Put scikit-learn's trees one after another, with node numbers of the whole."""
    roots = np.cumsum([0, *(tree.node_count for tree in grown)])[:-1].astype(np.int32)
    pairs = list(zip(roots, grown, strict=True))
    own = nodes(pairs)
    values = np.concatenate([tree.value[:, :, 0] for tree in grown])
    shares = np.where(own["feature"][:, None] < 0, values * spread, 0.0).astype(np.float32)
    return {"roots": roots, **own, "shares": shares}


def nodes(pairs: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    """Return the tables of nodes, see `Trees`, of scikit-learn's trees with their root's number."""
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
