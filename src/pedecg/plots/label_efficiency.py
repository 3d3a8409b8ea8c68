"""AUROC of models over the number of labelled patients that they learn from."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.plots.forest_plot import COLOURS

_COLUMNS = 3  # panels side by side
_APART = 0.03  # decades between the markers of two models, so that their intervals can be seen
_CHANCE = 0.5  # AUROC of a guess


def draw(table: pd.DataFrame, note: str, path: Path, cohort: str) -> None:
    """Draw one panel per target and one of their mean; targets without a figure have none.

    Parameters
    ----------
    table : columns model, share, patients, target, metric, value, low, high and seeds.
    note : what the figures rest on.
    cohort : its name in the parameters.
    """
    shown = table[(table["metric"] == "auroc") & table["value"].notna()]
    targets = list(dict.fromkeys(shown["target"]))
    models = list(dict.fromkeys(table["model"]))
    ticks = sorted(set(table["patients"]))
    columns = max(1, min(_COLUMNS, len(targets)))
    n_rows = math.ceil(max(1, len(targets)) / columns)
    figure = Figure(figsize=(1.5 + 3.6 * columns, 1.6 + 3.0 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel in panels[len(targets) :]:
        panel.set_axis_off()
    for panel, target in zip(panels, targets, strict=False):
        for k, model in enumerate(models):
            own = shown[(shown["target"] == target) & (shown["model"] == model)]
            _line(panel, own.sort_values("patients"), model, k, len(models))
        panel.axhline(_CHANCE, color="0.4", lw=1, ls=":")
        panel.set(title="mean over targets" if target == "macro" else target, xscale="log")
        panel.set_xticks(ticks, labels=[f"{n:.0f}" for n in ticks])
        panel.set_xticks([], minor=True)
        panel.tick_params(labelbottom=True)
    figure.supxlabel("labelled patients (training and validation)", fontsize=10)
    figure.supylabel("AUROC, test", fontsize=10)
    handles = {
        label: handle
        for panel in panels
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8
        )
    figure.suptitle(
        f"AUROC by number of labelled patients\n{note}; bars: 95% interval over test patients",
        fontsize=10,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figures.save(figure, path, cohort)


def _line(panel: Axes, own: pd.DataFrame, model: str, k: int, n_models: int) -> None:
    if own.empty:
        return
    x = own["patients"].to_numpy(np.float64) * 10 ** (_APART * (k - (n_models - 1) / 2))
    value = own["value"].to_numpy(np.float64)
    below, above = value - own["low"].to_numpy(np.float64), own["high"].to_numpy(np.float64) - value
    panel.errorbar(
        x, value, np.maximum([below, above], 0), label=model, color=COLOURS[k % len(COLOURS)],
        marker="o", markersize=4, linewidth=1.2, elinewidth=0.8, capsize=2,
    )  # fmt: skip
