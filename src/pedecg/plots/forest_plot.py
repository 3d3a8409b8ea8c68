"""The forest plot: every model on every target, with its interval."""

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
_CHANCE = 0.5  # AUROC of a guess
_GAP = 1.2  # rows between the blocks of two targets


def auroc(
    metrics: pd.DataFrame,
    title: str,
    note: str,
    path: Path,
    cohort: str,
    baselines: Sequence[str] = (),
) -> None:
    """Draw the AUROC of every model (or cohort) on every target and on average.

    Where there is one target, each row bears the name of its model, and there is no legend.

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
    block = len(models) + _GAP

    width = 7.5 if len(targets) == 1 else 9.0
    figure = Figure(figsize=(width, 1.6 + 0.27 * block * len(targets)), layout="constrained")
    axes = figure.add_subplot()
    centres = []
    for number, target in enumerate(targets):
        rows = shown[shown["target"] == target].set_index("model")
        top = number * block
        centres.append(top + (len(models) - 1) / 2)
        if number % 2 == 0:
            axes.axhspan(top - _GAP / 1.2, top + len(models) - 0.2, color="0.95", lw=0)
        for step, model in enumerate(models):
            colour = COLOURS[0] if len(targets) == 1 else COLOURS[step % len(COLOURS)]
            fill = "white" if model in baselines else colour
            label = model if number == 0 else None
            _row(axes, top + step, rows.loc[model], (colour, fill), label)
    axes.axvline(_CHANCE, color="0.4", lw=1, ls=":")
    axes.annotate(
        "chance", (_CHANCE, 0), xycoords=("data", "axes fraction"), xytext=(4, 4),
        textcoords="offset points", color="0.4", fontsize=8,
    )  # fmt: skip
    if len(targets) == 1:
        axes.set_yticks(range(len(models)), models)
    else:
        axes.set_yticks(centres, [_name(shown, target) for target in targets])
    axes.set_ylim(block * len(targets) - 1, -1.2)
    axes.set_xlim(min(0.45, _lowest(shown) - 0.02), 1.0)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("AUROC (point: probability averaged over seeds; bar: 95% interval)")
    hollow = "; hollow markers: baselines without signals" if set(baselines) & set(models) else ""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    axes.text(
        0, 1.01, f"{note}; intervals by resampling patients" + hollow,
        transform=axes.transAxes, va="bottom", fontsize=9, color="0.3",
    )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    if len(targets) > 1:
        figure.legend(loc="outside lower center", ncols=min(len(models), 4), frameon=False)
    figures.save(figure, path, cohort)


def _row(
    axes: Axes, height: float, row: pd.Series, colours: tuple[str, str], label: str | None
) -> None:
    colour, fill = colours
    if pd.isna(row["value"]):
        axes.text(_CHANCE + 0.01, height, "too few cases", va="center", fontsize=8, color="0.5")
        axes.plot([], [], marker="o", color=colour, mfc=fill, label=label)
        return
    axes.plot([row["low"], row["high"]], [height, height], color=colour, lw=2, clip_on=False)
    axes.plot(
        [row["value"]], [height], marker="o", ms=6, color=colour, mfc=fill, lw=2, label=label,
        clip_on=False,
    )  # fmt: skip
    text = f"{row['value']:.3f}"
    if pd.notna(row["low"]):
        text += f" ({row['low']:.3f}-{row['high']:.3f})"
    axes.text(
        1.01, height, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8,
        color=colour,
    )  # fmt: skip


def _name(shown: pd.DataFrame, target: str) -> str:
    rows = shown[shown["target"] == target]
    if rows["n"].isna().any():
        return f"{target}\n(mean of targets)"
    counts = [f"{p:,} of {n:,}" for p, n in zip(rows["positives"], rows["n"], strict=True)]
    return "\n".join([target, *dict.fromkeys(counts)])


def _lowest(shown: pd.DataFrame) -> float:
    there = shown[["value", "low"]].to_numpy(np.float64)
    return float(np.nanmin(there)) if np.isfinite(there).any() else _CHANCE
