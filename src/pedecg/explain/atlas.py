"""Two-dimensional map of the cohort by the embeddings of a network.

Principal components first, then t-SNE from their first two (Kobak D, Berens P. Nat Commun
2019;10:5416): the same embeddings give the same map. Distances between far groups mean little.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from pedecg.evaluation.calibration import Calibration
from pedecg.explain.explain_settings import AtlasSettings
from pedecg.learning.batches import Signals, Subjects, window_batches
from pedecg.learning.trained_network import BATCH_SIZE, Trained
from pedecg.signals.signal_store import SignalStore

NEIGHBOURS = 10  # of a record, whose labels are compared with its own


def embeddings(
    trained: Trained,
    store: SignalStore,
    positions: NDArray[np.int64],
    age_days: NDArray[np.float32],
    sex: NDArray[np.int64],
    features: pd.DataFrame,
) -> NDArray[np.float64]:
    """Return what the last linear layer of a network is given, mean over windows, (n, n_features).

    Parameters
    ----------
    positions, age_days, sex, features : n rows, as `Trained.predict` takes them.
    """
    network = trained.network
    signals = Signals(store, trained.card.normalisation, torch.device("cpu"))
    subjects = Subjects(positions, age_days, sex, trained.card.scale.apply(features))
    rows: list[NDArray[np.int64]] = []
    seen: list[NDArray[np.float32]] = []
    last = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    handle = last.register_forward_pre_hook(lambda _, given: seen.append(_mean(given[0])))
    try:
        with torch.inference_mode():
            for row, batch in window_batches(
                signals, subjects,
                crop=trained.card.crop, overlap=0.0, batch_size=BATCH_SIZE,
            ):  # fmt: skip
                network(batch)
                rows.append(row)
    finally:
        handle.remove()
    row, values = np.concatenate(rows), np.concatenate(seen).astype(np.float64)
    total = np.zeros((len(positions), values.shape[1]))
    np.add.at(total, row, values)
    return total / np.bincount(row, minlength=len(positions))[:, None]


def _mean(given: Tensor) -> NDArray[np.float32]:
    """Return one vector per window, also where the layer is given several."""
    flat = given.flatten(1, -2).mean(1) if given.ndim > 2 else given
    return np.asarray(flat.float().numpy())


def choose(splits: pd.DataFrame, settings: AtlasSettings) -> pd.DataFrame:
    """Return the rows of `tables.SPLITS` that are mapped: test records, then others, drawn."""
    is_test = (splits["split"] == "test").to_numpy()
    rng = np.random.default_rng(settings.seed)
    others = rng.permutation(np.flatnonzero(~is_test))
    order = np.concatenate([np.flatnonzero(is_test), others])[: settings.records]
    return splits.iloc[np.sort(order)].reset_index(drop=True)


def place(values: NDArray[np.float64], settings: AtlasSettings) -> pd.DataFrame:
    """Return x, y (t-SNE) and pc1, pc2 of embeddings of shape (n, n_features)."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    n_components = min(settings.components, *scaled.shape)
    components = PCA(n_components, svd_solver="full").fit_transform(scaled)
    start = components[:, :2] / components[:, 0].std() * 1e-4
    perplexity = min(settings.perplexity, (len(values) - 1) / 3)
    near = TSNE(
        2, perplexity=perplexity, init=start, method="barnes_hut", random_state=0, n_jobs=1
    ).fit_transform(components)
    return pd.DataFrame(
        {"x": near[:, 0], "y": near[:, 1], "pc1": components[:, 0], "pc2": components[:, 1]}
    ).astype("float64")


def table(
    mapped: pd.DataFrame,
    age_days: NDArray[np.float32],
    placed: pd.DataFrame,
    labels: pd.DataFrame,
    predictions: pd.DataFrame,
    fitted: Calibration,
) -> pd.DataFrame:
    """Return `explain_tables.ATLAS`: place, age, labels, calibrated probabilities of the mean.

    Parameters
    ----------
    age_days : shape (n,), of the rows of `mapped`; NaN where unknown.
    """
    ids = list(mapped["record_id"])
    known = labels.set_index("record_id").loc[ids].astype("float64")
    targets = tuple(map(str, known.columns))
    mean = predictions.pivot_table("probability", "record_id", "label").loc[ids, list(targets)]
    p = pd.DataFrame(fitted.only(targets).apply(mean.to_numpy(np.float64)), columns=list(targets))
    return pd.concat(
        [
            mapped[["record_id", "patient_id", "split"]].assign(age_days=age_days.astype(float)),
            placed,
            known.add_prefix("label_").reset_index(drop=True),
            p.add_prefix("probability_"),
        ],
        axis=1,
    )


def as_metrics(atlas: pd.DataFrame, model: str, targets: list[str]) -> dict[str, Any]:
    """Return how much the labels cluster on the map."""
    return {
        "model": model,
        "records": len(atlas),
        "meaning": f"share of a target among the {NEIGHBOURS} neighbours (other patients) of the "
        "records that have it, and among all records",
        "targets": {target: neighbours_agree(atlas, target) for target in targets},
    }


def sentence(atlas: pd.DataFrame, model: str, targets: list[str]) -> str:
    """Return the title: which target clusters most."""
    agree = {target: neighbours_agree(atlas, target) for target in targets}
    ratio = {
        target: (one["among_neighbours"] or 0.0) / one["among_all"]
        for target, one in agree.items()
        if one["among_all"]
    }
    if not ratio:
        return f"{model}: {len(atlas):,} ECGs by their embeddings"
    best = max(ratio, key=lambda target: ratio[target])
    return (
        f"{model}: {best} clusters most, {ratio[best]:.1f} times as common among the neighbours of "
        f"its own as among all {len(atlas):,} ECGs"
    )


def neighbours_agree(atlas: pd.DataFrame, target: str) -> dict[str, float | int | None]:
    """Return how common a target is among the neighbours of those that have it, and of all.

    Neighbours of the same patient are not counted: two ECGs of one child are alike anyway.
    """
    label = atlas[f"label_{target}"].to_numpy(np.float64)
    known = np.flatnonzero(~np.isnan(label))
    has = np.flatnonzero(label == 1)
    if len(has) == 0 or len(known) <= NEIGHBOURS + 1:
        return {"records": len(has), "among_neighbours": None, "among_all": None}
    points = atlas[["x", "y"]].to_numpy(np.float64)
    patients = atlas["patient_id"].to_numpy()
    tree = NearestNeighbors(n_neighbors=min(len(known), 4 * NEIGHBOURS)).fit(points[known])
    _, found = tree.kneighbors(points[has])
    shares = []
    for one, near in zip(has, known[found], strict=True):
        others = near[patients[near] != patients[one]][:NEIGHBOURS]
        shares.append(float(label[others].mean()))
    return {
        "records": len(has),
        "among_neighbours": float(np.mean(shares)),
        "among_all": float(label[known].mean()),
    }
