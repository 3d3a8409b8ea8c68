"""AUROC by subgroup: one column per target, one row per group, with intervals."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.evaluation.subgroups import ALL

_COLOUR = "#0072B2"


def draw(table: pd.DataFrame, title: str, note: str, path: Path, cohort: str) -> None:
    """Draw the AUROC of every group of single factors.

    Parameters
    ----------
    table : of one model, as `subgroups.look` returns it.
    title : a sentence that says what is seen.
    note : how many records and patients it rests on.
    """
    shown = table[(table["metric"] == "auroc") & ~table["factor"].str.contains(" x ")]
    targets = list(dict.fromkeys(shown["target"]))
    lines = list(dict.fromkeys(zip(shown["factor"], shown["group"], strict=True)))
    heights, height, before = {}, 0.0, None
    for factor, name in lines:
        height += 1.0 if before in (None, factor) else 1.7
        heights[factor, name], before = height, factor

    size = (2.4 + 2.5 * len(targets), 1.7 + 0.22 * height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, max(1, len(targets)), sharey=True, squeeze=False)[0]
    for panel, target in zip(axes, targets, strict=True):
        rows = shown[shown["target"] == target].set_index(["factor", "group"])
        _column(panel, rows, heights)
        panel.set_title(target, fontsize=10)
    labels = [name if name == ALL else f"{factor}: {name}" for factor, name in lines]
    axes[0].set_yticks(list(heights.values()), labels, fontsize=8)
    axes[0].set_ylim(height + 1, 0)
    figure.supxlabel(
        "AUROC (95% interval over patients); right: positives of ECGs; dotted: all records",
        fontsize=9,
    )
    figure.suptitle(f"{title}\n{note}", x=0.01, ha="left", fontsize=10.5)
    figures.save(figure, path, cohort)


def _column(axes: Axes, rows: pd.DataFrame, heights: dict[tuple[str, str], float]) -> None:
    by_group: dict[Any, dict[Any, Any]] = rows.to_dict("index")
    overall = by_group["all", ALL]["value"]
    if pd.notna(overall):
        axes.axvline(overall, color="0.5", lw=0.8, ls=":")
    for key, height in heights.items():
        row = by_group[key]
        counts = f"{row['positives']}/{row['n']}"
        axes.text(
            1.02, height, counts, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5,
            color="0.35",
        )  # fmt: skip
        if pd.isna(row["value"]):
            axes.text(0.5, height, "too few", va="center", ha="center", fontsize=6.5, color="0.6")
            continue
        axes.plot([row["low"], row["high"]], [height, height], color=_COLOUR, lw=1.4)
        axes.plot([row["value"]], [height], marker="o", ms=4, color=_COLOUR)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
