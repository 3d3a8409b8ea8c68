"""AUROC by subgroup: one column per target, one row per group, with intervals."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import age_text, figures
from pedecg.evaluation.subgroups import ALL

_COLOUR = "#0072B2"
_COLUMNS = 3  # panels side by side; more make the text too small on a page or a phone
_AGES = re.compile(r"(\d+)(?:-(\d+) d| d and older)")


def draw(table: pd.DataFrame, title: str, note: str, path: Path, cohort: str) -> None:
    """Draw the AUROC of every group of single factors.

    Parameters
    ----------
    table : of one model, as `subgroups.score` returns it.
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

    columns = min(_COLUMNS, max(1, len(targets)))
    rows_of_panels = -(-max(1, len(targets)) // columns)
    size = (2.4 + 2.6 * columns, 1.5 + (0.6 + 0.23 * height) * rows_of_panels)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows_of_panels, columns, sharey=True, squeeze=False)
    for panel in axes.flat[len(targets) :]:
        panel.set_visible(False)
    for panel, target in zip(axes.flat, targets, strict=False):
        rows = shown[shown["target"] == target].set_index(["factor", "group"])
        _column(panel, rows, heights)
        panel.set_title(target, fontsize=11)
    labels = [name if name == ALL else f"{factor}: {_in_words(name)}" for factor, name in lines]
    for first in axes[:, 0]:
        first.set_yticks(list(heights.values()), labels, fontsize=9)
    axes[0, 0].set_ylim(height + 1, 0)
    figure.supxlabel(
        "AUROC (95% interval over patients); right: positives of ECGs; dotted: all records",
        fontsize=10,
    )
    text = "\n".join(textwrap.wrap(title, round(10.5 * size[0])))
    figure.suptitle(f"{text}\n{note}", x=0.01, ha="left", fontsize=10.5)
    figures.save(figure, path, cohort)


def _in_words(group: str) -> str:
    """Return the name of a group, an age of `age_groups.names` in weeks, months or years."""
    found = _AGES.fullmatch(group)
    if found is None:
        return group
    if found[2] is None:
        return f"{age_text.in_words(float(found[1]))} and older"
    return age_text.range_in_words(float(found[1]), float(found[2]) + 1)


def _column(axes: Axes, rows: pd.DataFrame, heights: dict[tuple[str, str], float]) -> None:
    by_group: dict[Any, dict[Any, Any]] = rows.to_dict("index")
    overall = by_group["all", ALL]["value"]
    if pd.notna(overall):
        axes.axvline(overall, color="0.5", lw=0.8, ls=":")
    for key, height in heights.items():
        row = by_group[key]
        counts = f"{row['positives']}/{row['n']}"
        axes.text(
            1.02, height, counts, transform=axes.get_yaxis_transform(), va="center", fontsize=8,
            color="0.35",
        )  # fmt: skip
        if pd.isna(row["value"]):
            axes.text(0.5, height, "too few", va="center", ha="center", fontsize=8, color="0.6")
            continue
        axes.plot([row["low"], row["high"]], [height, height], color=_COLOUR, lw=1.4)
        axes.plot([row["value"]], [height], marker="o", ms=4, color=_COLOUR)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
