"""Decision curves: net benefit over threshold probabilities.

Vickers AJ, Elkin EB. Med Decis Making 2006;26:565-574.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.evaluation import bootstrap, evaluate
from pedecg.evaluation.cases import Cases

ALL, NONE = "treat all", "treat none"
THRESHOLDS = np.linspace(0.01, 0.99, 99)
_COLUMNS = ("model", "target", "panel", "threshold", "net_benefit", "low", "high")

Floats = NDArray[np.float64]


def net_benefit(y: Floats, p: Floats, weights: Floats, thresholds: Floats) -> Floats:
    """Return true positives less false positives at their price, per record.

    Parameters
    ----------
    y, p : shape (n,), labels 0 or 1 and calibrated probabilities.
    weights : shape (n, n_weightings), how often each record counts.
    thresholds : shape (n_thresholds,), threshold probabilities; at 0.1 nine
        false alarms outweigh one found.

    Returns
    -------
    shape (n_weightings, n_thresholds).
    """
    acted = p[:, None] >= thresholds
    price = thresholds / (1 - thresholds)
    worth = np.where(y[:, None] == 1, acted, -price * acted)
    return np.asarray(weights.T @ worth / weights.sum(axis=0)[:, None])


def curves(
    subjects: Cases,
    probabilities: Mapping[str, Floats],
    counted: NDArray[np.bool_],
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Return the net benefit of every model, of treating all and of treating none.

    Parameters
    ----------
    probabilities : model -> calibrated probabilities, shape (n, n_targets).
    counted : shape (n_targets,), False for a target with too few cases.

    Returns
    -------
    Columns model, target, panel, threshold, net_benefit, low, high (95%, over patients).
    """
    weights = bootstrap.counts(subjects.patients, resamples, seed).astype(np.float64)
    sources = {**probabilities, ALL: np.ones_like(subjects.y), NONE: np.zeros_like(subjects.y)}
    blocks = [pd.DataFrame(columns=list(_COLUMNS))]
    for k, target in enumerate(subjects.targets):
        known = ~np.isnan(subjects.y[:, k])
        y = subjects.y[known, k]
        if not counted[k]:
            continue
        panel = f"{target}: {int(y.sum())} of {len(y)} records"
        for model, p in sources.items():
            once = np.ones((len(y), 1))
            value = net_benefit(y, p[known, k], once, THRESHOLDS)[0]
            drawn = net_benefit(y, p[known, k], weights[known], THRESHOLDS)
            low, high = np.array([bootstrap.interval(column) for column in drawn.T]).T
            block = {"threshold": THRESHOLDS, "net_benefit": value, "low": low, "high": high}
            about = {"model": model, "target": target, "panel": panel}
            blocks.append(pd.DataFrame(block).assign(**about)[list(_COLUMNS)])
    return pd.concat(blocks[1:], ignore_index=True) if len(blocks) > 1 else blocks[0]


def of_models(
    subjects: Cases, probabilities: Mapping[str, Floats], settings: evaluate.Scoring
) -> pd.DataFrame:
    """Return the curves of every model over the targets with enough cases; see `curves`.

    Parameters
    ----------
    probabilities : model -> shape (n, n_targets), calibrated.
    """
    counted = evaluate.enough(subjects, settings.min_positives)
    return curves(subjects, probabilities, counted, settings.bootstrap, settings.seed)


def prevalences(subjects: Cases, counted: NDArray[np.bool_]) -> dict[str, float]:
    """Return the share of positive records, among those of known label, of each counted target.

    Parameters
    ----------
    counted : shape (n_targets,).
    """
    known = [column[~np.isnan(column)] for column in subjects.y.T]
    return {
        target: float((y == 1).sum() / len(y))
        for target, y, enough in zip(subjects.targets, known, counted, strict=True)
        if enough
    }


def sentence(table: pd.DataFrame) -> str:
    """Return which model helps over the widest range of thresholds, of all targets together."""
    shares = widths(table)
    if shares.empty:
        return "No target has enough cases for a decision curve"
    winner = str(shares.idxmax())
    more = (
        f"{winner} has a higher net benefit than treating all or none at {shares[winner]:.0%} of "
        "thresholds"
    )
    return f"{more}, the largest share of all models" if len(shares) > 1 else more


def widths(table: pd.DataFrame) -> pd.Series:
    """Return for each model the share of targets' thresholds at which it beats all and none."""
    others = table[~table["model"].isin((ALL, NONE))]
    best = (
        table[table["model"].isin((ALL, NONE))]
        .groupby(["target", "threshold"])["net_benefit"]
        .max()
    )
    reference = best.reindex(pd.MultiIndex.from_frame(others[["target", "threshold"]])).to_numpy()
    helps = others.assign(helps=others["net_benefit"].to_numpy() > reference + 1e-12)
    return helps.groupby("model", sort=False)["helps"].mean()
