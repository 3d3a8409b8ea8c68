"""The loss over a rising learning rate, as `pedecg lr-find` measures it."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pedecg.core import figures


def draw(curve: pd.DataFrame, suggestion: float, name: str, path: Path) -> None:
    """Draw the loss over the learning rate, with the suggestion.

    Parameters
    ----------
    curve : columns lr, loss and smoothed (running mean of the loss), a row per step.
    suggestion : learning rate at which the smoothed loss falls fastest.
    name : of the model, for the title.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve["lr"], curve["loss"], color="#c9c9c9", label="each batch")
    axes.plot(curve["lr"], curve["smoothed"], color="#2a6fbb", label="running mean")
    axes.axvline(suggestion, color="#b3261e", linestyle="--", label="falls fastest here")
    axes.set(
        xscale="log", xlabel="learning rate", ylabel="training loss",
        title=f"{name}: the loss falls fastest at a learning rate of {suggestion:.1e}",
    )  # fmt: skip
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figures.save(figure, path, cohort="", dpi=120)
