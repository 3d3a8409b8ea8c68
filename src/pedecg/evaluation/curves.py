"""Curves that ``dvc plots show`` draws: ROC, precision-recall and calibration, in long form."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from pedecg.evaluation import calibration_metrics
from pedecg.evaluation.cases import Cases

MAX_POINTS = 120  # more corners than a plot of this size can show
Z95 = float(special.ndtri(0.975))


def roc(y: NDArray[np.float64], p: NDArray[np.float64]) -> pd.DataFrame:
    """Return the ROC curve, from (0, 0) to (1, 1): its corners, at most `MAX_POINTS` of them.

    Parameters
    ----------
    y, p : shape (n,), labels 0 or 1 and probabilities; both classes present.
    """
    hits, predicted = _sweep(y, p)
    positives = y.sum()
    frame = pd.DataFrame(
        {
            "false_positive_rate": np.append(0, (predicted - hits) / (len(y) - positives)),
            "true_positive_rate": np.append(0, hits / positives),
        }
    )
    steps = np.diff(frame.to_numpy(), axis=0)
    turn = steps[1:, 0] * steps[:-1, 1] != steps[:-1, 0] * steps[1:, 1]
    return _thinned(frame[np.concatenate([[True], turn, [True]])])


def precision_recall(y: NDArray[np.float64], p: NDArray[np.float64]) -> pd.DataFrame:
    """Return precision at each recall that occurs, thinned to `MAX_POINTS` rows.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    hits, predicted = _sweep(y, p)
    found = np.diff(hits, prepend=0) > 0
    frame = pd.DataFrame(
        {"recall": hits[found] / y.sum(), "precision": hits[found] / predicted[found]}
    )
    return _thinned(frame)


def calibration(y: NDArray[np.float64], p: NDArray[np.float64]) -> pd.DataFrame:
    """Return what was predicted and what was observed in bins of about equally many records.

    The interval of the observed share is Wilson's, over records.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    bins = calibration_metrics.bins(p)
    rows = []
    for one in np.unique(bins):
        here = bins == one
        low, high = wilson(float(y[here].sum()), int(here.sum()))
        rows.append((p[here].mean(), y[here].mean(), low, high, int(here.sum())))
    return pd.DataFrame(rows, columns=list(CURVES["calibration"][1]))


Curve = Callable[[NDArray[np.float64], NDArray[np.float64]], pd.DataFrame]
CURVES: dict[str, tuple[Curve, tuple[str, ...]]] = {
    "roc": (roc, ("false_positive_rate", "true_positive_rate")),
    "precision_recall": (precision_recall, ("recall", "precision")),
    "calibration": (
        calibration,
        ("predicted", "observed", "observed_low", "observed_high", "records"),
    ),
}
_KEYS = ("model", "target", "panel")


def all_targets(
    cases: Cases, p: NDArray[np.float64], counted: NDArray[np.bool_], model: str
) -> dict[str, pd.DataFrame]:
    """Return every curve by name, one block of rows per target that has enough cases.

    Parameters
    ----------
    p : shape (n, n_targets), probabilities averaged over seeds.
    """
    blocks: dict[str, list[pd.DataFrame]] = {
        name: [pd.DataFrame(columns=[*_KEYS, *columns])] for name, (_, columns) in CURVES.items()
    }
    for k, target in enumerate(cases.targets):
        if not counted[k]:
            continue
        known = ~np.isnan(cases.y[:, k])
        y = cases.y[known, k]
        panel = f"{target}: {int(y.sum())} of {len(y)} records"
        for name, (curve, columns) in CURVES.items():
            block = curve(y, p[known, k]).assign(model=model, target=target, panel=panel)
            blocks[name].append(block[[*_KEYS, *columns]])
    return {name: together(parts) for name, parts in blocks.items()}


def before_and_after(
    cases: Cases,
    probabilities: Mapping[str, NDArray[np.float64]],
    counted: NDArray[np.bool_],
    model: str,
) -> pd.DataFrame:
    """Return the calibration curves before and after calibration, column ``calibrated`` says which.

    Parameters
    ----------
    probabilities : before and after -> probabilities averaged over seeds, shape (n, n_targets).
    """
    parts = [
        all_targets(cases, p, counted, model)["calibration"].assign(calibrated=word)
        for word, p in probabilities.items()
    ]
    return together(parts)


def learning(folder: Path, seeds: Sequence[int]) -> pd.DataFrame:
    """Return the learning curves of all trainings in long form; no rows for a model without them.

    Parameters
    ----------
    folder : ``models/<model>``, whose ``seed<k>/curves.csv`` has one row per epoch.
    """
    columns = ["model", "seed", "epoch", "curve", "value"]
    parts = []
    for seed in seeds:
        file = folder / f"seed{seed}" / "curves.csv"
        if file.is_file():
            wide = pd.read_csv(file).assign(model=folder.name, seed=seed)
            keys = ["model", "seed", "epoch"]
            parts.append(wide.melt(id_vars=keys, var_name="curve", value_name="value"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def of_models(models: Sequence[str], folder: Path) -> dict[str, pd.DataFrame]:
    """Return the curves of all models by kind, each kind in one table.

    Parameters
    ----------
    folder : of the plots of stage evaluate, one folder per model.
    """
    found: dict[str, pd.DataFrame] = {}
    for name in (*CURVES, "learning", "classes"):
        files = [folder / model / f"{name}.csv" for model in models]
        parts = [pd.read_csv(file) for file in files if file.exists()]  # classes: of one task alone
        if parts:
            found[name] = together(parts)
    return found


def together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables of one kind; those without rows only lend their columns."""
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else parts[0]


def _sweep(
    y: NDArray[np.float64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true positives and predicted positives at each distinct probability from the top."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    return np.cumsum(y[order])[last], (last + 1).astype(np.float64)


def _thinned(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= MAX_POINTS:
        return frame.reset_index(drop=True)
    kept = np.unique(np.linspace(0, len(frame) - 1, MAX_POINTS).round().astype(np.int64))
    return frame.iloc[kept].reset_index(drop=True)


def wilson(positives: float, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a share. Wilson EB. J Am Stat Assoc 1927;22:209-212."""
    share, z2 = positives / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))
