"""The forest plot: every model on every target, with its interval."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import figures

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#882255",
    "#999933",
    "#000000",
)  # Okabe and Ito
_COLOUR = COLOURS[0]
_CHANCE = 0.5  # AUROC of a guess
_COLUMNS = 3  # panels side by side


def auroc(
    metrics: pd.DataFrame,
    title: str,
    note: str,
    path: Path,
    cohort: str,
    baselines: Sequence[str] = (),
) -> None:
    """Draw the AUROC of every model (or cohort) on every target and on average.

    One panel per target; each row bears the name of its model.

    Parameters
    ----------
    metrics : as `evaluate.as_table` returns them.
    title : a sentence that says what is seen.
    note : how many records and patients it rests on.
    cohort : its name in the parameters.
    baselines : models that read no signals, drawn with hollow markers.
    """
    shown = metrics[(metrics["metric"] == "auroc") & (metrics["target"] != "micro")]
    targets = list(dict.fromkeys(shown["target"]))
    models = list(dict.fromkeys(shown["model"]))
    columns = min(_COLUMNS, max(1, len(targets)))
    rows_of_panels = -(-max(1, len(targets)) // columns)
    width = max(7.5, 1.6 + 3.0 * columns)
    height = 1.3 + rows_of_panels * (0.55 + 0.27 * max(1, len(models)))
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows_of_panels, columns, sharex=True, sharey=True, squeeze=False)
    for panel in axes.flat[len(targets) :]:
        panel.set_visible(False)
    for panel, target in zip(axes.flat, targets, strict=False):
        rows = shown[shown["target"] == target].set_index("model")
        for step, model in enumerate(models):
            if model not in rows.index:
                continue  # a cohort without a label of this target
            _row(panel, step, rows.loc[model], "white" if model in baselines else _COLOUR)
        panel.axvline(_CHANCE, color="0.4", lw=1, ls=":")
        if len(targets) > 1:
            panel.set_title(_name(shown, target), fontsize=10)
        panel.tick_params(axis="y", length=0)
        panel.tick_params(axis="x", labelbottom=True)
        panel.spines[["top", "right", "left"]].set_visible(False)
    axes[0, 0].set_yticks(range(len(models)), models)
    axes[0, 0].set_ylim(len(models) - 0.4, -0.6)
    axes[0, 0].set_xlim(min(0.45, _lowest(shown) - 0.02), 1.0)
    figure.supxlabel(
        "AUROC (point: probability averaged over seeds; bar: 95% interval; dotted: chance)",
        fontsize=9,
    )
    hollow = "; hollow markers: baselines without signals" if set(baselines) & set(models) else ""
    lines = [title, f"{note}; intervals by resampling patients{hollow}"]
    wrapped = [part for line in lines for part in textwrap.wrap(line, round(9.5 * width))]
    figure.suptitle("\n".join(wrapped), x=0.01, ha="left", fontsize=10.5)
    figures.save(figure, path, cohort)


def _row(axes: Axes, height: float, row: pd.Series, fill: str) -> None:
    if pd.isna(row["value"]):
        axes.text(_CHANCE + 0.01, height, "too few cases", va="center", fontsize=9, color="0.5")
        return
    axes.plot([row["low"], row["high"]], [height, height], color=_COLOUR, lw=2, clip_on=False)
    axes.plot(
        [row["value"]], [height], marker="o", ms=6, mfc=fill, color=_COLOUR, lw=2, clip_on=False
    )
    text = f"{row['value']:.2f}"
    if pd.notna(row["low"]):
        text += f" ({row['low']:.2f}-{row['high']:.2f})"
    axes.text(1.02, height, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)


def _name(shown: pd.DataFrame, target: str) -> str:
    rows = shown[shown["target"] == target]
    if rows["n"].isna().any():
        return f"{target} (mean of targets)"
    counts = [f"{p:,.0f} of {n:,.0f}" for p, n in zip(rows["positives"], rows["n"], strict=True)]
    return ", ".join([target, *dict.fromkeys(counts)])


def _lowest(shown: pd.DataFrame) -> float:
    there = shown[["value", "low"]].to_numpy(np.float64)
    return float(np.nanmin(there)) if np.isfinite(there).any() else _CHANCE
