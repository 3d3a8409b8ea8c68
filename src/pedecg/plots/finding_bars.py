"""Mean size of what each finding adds to a probability, one panel per target."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.plots.forest_plot import COLOURS

_COLUMNS = 3  # panels beside each other, as wide as the page


def draw(sizes: pd.DataFrame, model: str, path: Path, cohort: str) -> None:
    """Draw bars, the largest on top; the title names what moves the first target most.

    Parameters
    ----------
    sizes : as `explain.finding_contributions.mean_sizes` returns it.
    """
    targets = list(dict.fromkeys(sizes["target"]))
    columns = min(_COLUMNS, max(1, len(targets)))
    rows = max(1, -(-len(targets) // columns))
    figure = Figure(figsize=(max(7.0, 4.2 * columns), 1.2 + 3.0 * rows), layout="constrained")
    figure.supxlabel("mean change of the probability, absolute", fontsize=9)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    for axes, target in zip(grid.flat, targets, strict=False):
        own = sizes[sizes["target"] == target].sort_values("mean", kind="stable")
        axes.barh(own["finding"], own["mean"], color=COLOURS[0])
        axes.set_title(f"{target} ({own['records'].iloc[0]} records)", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    title = f"{model}: what each finding adds to or takes from the probability"
    if targets:
        first = sizes[sizes["target"] == targets[0]]
        most = first.loc[first["mean"].idxmax(), "finding"]
        title = f"{model}: {most} moves the probability of {targets[0]} most"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
    figures.save(figure, path, cohort)
