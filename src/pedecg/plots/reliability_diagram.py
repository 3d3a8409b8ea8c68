"""The reliability diagram: predicted and observed frequencies, before and after calibration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pedecg.core import figures
from pedecg.evaluation.calibration import MEAN, Calibration

_COLOURS = {"before": "0.55", "after": "#0072B2"}
_BARS = 20  # of the histogram; 0.05 each where probabilities reach 1


def draw(
    curve: pd.DataFrame,
    probabilities: Mapping[str, NDArray[np.float64]],
    metrics: Mapping[str, Any],
    fitted: Calibration,
    note: str,
    path: Path,
    cohort: str,
) -> None:
    """Draw every target's curve before (grey) and after (blue), with the counts below.

    Parameters
    ----------
    curve : as `curves.before_and_after` returns it.
    probabilities : before and after -> probabilities, shape (n, n_targets).
    metrics : of ``metrics/evaluate/<model>.json``.
    note : how many records and patients it rests on.
    """
    targets = list(dict.fromkeys(curve["target"]))
    columns = max(1, len(targets))
    width = max(7.6, 2.0 + 2.6 * columns)  # one panel alone would cut the title
    figure = Figure(figsize=(width, 4.6), layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False, height_ratios=[3.2, 1], sharex="col")
    for number, target in enumerate(targets):
        rows = curve[curve["target"] == target]
        end = min(1.0, float(rows[["predicted", "observed_high"]].max().max()) * 1.05)
        _curves(axes[0, number], rows, end)
        column = fitted.targets.index(target)
        of_target = {word: p[:, column] for word, p in probabilities.items()}
        _counts(axes[1, number], of_target, end)
        method = fitted.curves[MEAN][target].method
        axes[0, number].set_title(f"{rows['panel'].iloc[0]}\n({method})", fontsize=9)
    axes[0, 0].set_ylabel("observed share (95% interval)")
    axes[1, 0].set_ylabel("ECGs")
    if targets:
        axes[0, 0].legend(frameon=False, fontsize=8, loc="upper left")
    figure.supxlabel("mean predicted probability", fontsize=10)
    title = f"{fitted.model}: {sentence(metrics)}"
    figure.suptitle(f"{title}\n{note}", x=0.01, ha="left", fontsize=10.5)
    figures.save(figure, path, cohort)


def sentence(metrics: Mapping[str, Any]) -> str:
    """Return what calibration on validation did to the calibration error on test."""
    before = [target["ece"] for target in metrics["test_before_calibration"].values()]
    if not before:
        return "no target has enough cases to judge its probabilities"
    change = f"{np.mean(before):.3f} to {metrics['test']['macro']['ece']['value']:.3f}"
    return f"calibration moves the mean calibration error (ECE) on test patients from {change}"


def _curves(axes: Axes, curve: pd.DataFrame, end: float) -> None:
    axes.plot([0, end], [0, end], color="0.7", lw=1, ls=":")
    for word, colour in _COLOURS.items():
        rows = curve[curve["calibrated"] == word]
        bars = [
            rows["observed"] - rows["observed_low"],
            rows["observed_high"] - rows["observed"],
        ]
        axes.errorbar(
            rows["predicted"], rows["observed"], np.maximum(bars, 0), color=colour, marker="o",
            ms=3.5, lw=1.2, elinewidth=0.8, label=f"{word} calibration",
        )  # fmt: skip
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _counts(axes: Axes, probabilities: Mapping[str, NDArray[np.float64]], end: float) -> None:
    edges = np.linspace(0, end, _BARS + 1).tolist()
    for word, p in probabilities.items():
        colour, filled = _COLOURS[word], word == "after"
        axes.hist(
            np.minimum(p, end), edges, color=colour, alpha=0.6 if filled else 1,
            histtype="stepfilled" if filled else "step",
        )  # fmt: skip
    axes.set_xlim(0, end)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
