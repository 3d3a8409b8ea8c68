"""The first label candidates: the recorded label and the out-of-fold probability of each."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pedecg.core import figures

FIRST = 40  # rows that a figure can name
_GIVEN = {0: ("#0072B2", "recorded as absent"), 1: ("#D55E00", "recorded as present")}


def draw(ranked: pd.DataFrame, path: str | Path, cohort: str) -> None:
    """Draw the out-of-fold probability of the `FIRST` candidates against the recorded label.

    Parameters
    ----------
    ranked : `tables.CANDIDATES`.
    cohort : its name in the parameters.
    """
    shown = ranked.head(FIRST)
    figure = Figure(figsize=(9.0, 1.6 + 0.22 * max(len(shown), 4)), layout="constrained")
    axes = figure.add_subplot()
    height = np.arange(len(shown))
    for given, (colour, name) in _GIVEN.items():
        here = (shown["given"] == given).to_numpy()
        probability = shown.loc[here, "probability"]
        axes.hlines(height[here], given, probability, color=colour, lw=1.5, alpha=0.6)
        axes.plot(probability, height[here], "o", color=colour, ms=6, label=name)
        axes.plot(np.full(here.sum(), given), height[here], "|", color=colour, ms=9, mew=2)
    names = [f"{row.rank}  {row.record_id}  {row.label}" for row in shown.itertuples()]
    axes.set_yticks(height, names, fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("out-of-fold probability (bar: recorded label)")
    flagged = int(ranked["flagged"].sum())
    axes.set_title(
        f"{flagged:,} of {len(ranked):,} labels are suspect; the first {len(shown)}",
        loc="left", fontsize=12, fontweight="bold",
    )  # fmt: skip
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figures.save(figure, path, cohort)
