"""The map of a cohort by its embeddings, coloured by age and by each target."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import figures

_COLUMNS = 3  # panels in a row of the page
_ABSENT, _PRESENT, _MISSED, _WRONG = "#d0d0d0", "#b2182b", "#b2182b", "#2166ac"


def draw(
    atlas: pd.DataFrame, thresholds: dict[str, float], path: str | Path, title: str, cohort: str
) -> None:
    """Draw the atlas coloured by age and by each target, with the mistakes on test records.

    Parameters
    ----------
    atlas : columns x, y, split, age_days (NaN where unknown), and of each target its
        ``label_…`` (NaN where unknown) and calibrated ``probability_…``.
    thresholds : by target.
    """
    panels = len(thresholds) + 1
    rows = -(-panels // _COLUMNS)
    figure = Figure(figsize=(4.3 * _COLUMNS, 4.1 * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    _by_age(figure, axes[0], atlas)
    for panel, (target, threshold) in zip(axes[1:], thresholds.items(), strict=False):
        _by_target(panel, atlas, target, threshold)
    for panel in axes[:panels]:
        panel.set(xticks=[], yticks=[], aspect="equal")
        panel.set_xlabel("t-SNE 1 (no unit)", fontsize=8, color="0.4")
        panel.set_ylabel("t-SNE 2 (no unit)", fontsize=8, color="0.4")
        panel.spines[:].set_color("0.85")
    for panel in axes[panels:]:
        panel.axis("off")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    figures.save(figure, path, cohort, dpi=100)


def _by_age(figure: Figure, axes: Axes, atlas: pd.DataFrame) -> None:
    known = atlas[atlas["age_days"].notna()]
    drawn = axes.scatter(
        known["x"], known["y"], c=np.log10(known["age_days"].clip(lower=1)), s=9, cmap="viridis",
        linewidths=0,
    )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, ticks=np.log10([1, 30, 365, 3652]))
    bar.ax.set_yticklabels(["1 day", "1 month", "1 year", "10 years"], fontsize=8)
    axes.set_title(f"Age ({len(known):,} ECGs)", fontsize=10, loc="left")


def _by_target(axes: Axes, atlas: pd.DataFrame, target: str, threshold: float) -> None:
    label = atlas[f"label_{target}"]
    is_test = atlas["split"] == "test"
    predicted = atlas[f"probability_{target}"] >= threshold
    groups: list[tuple[str, pd.Series[Any], dict[str, Any]]] = [
        ("absent", label == 0, {"color": _ABSENT, "s": 8}),
        ("present", label == 1, {"color": _PRESENT, "s": 12}),
        ("false negative (test)", is_test & ~predicted & (label == 1),
         {"facecolors": "none", "edgecolors": _MISSED, "s": 46, "linewidths": 0.9}),
        ("false positive (test)", is_test & predicted & (label == 0),
         {"color": _WRONG, "s": 24, "marker": "x", "linewidths": 1.0}),
    ]  # fmt: skip
    for name, here, style in groups:
        style = {"linewidths": 0} | style
        axes.scatter(atlas.loc[here, "x"], atlas.loc[here, "y"],
                     label=f"{name}: {int(here.sum())}", **style)  # fmt: skip
    axes.set_title(target, fontsize=10, loc="left")
    axes.legend(fontsize=7, loc="best", framealpha=0.85, borderpad=0.3, handletextpad=0.2)
