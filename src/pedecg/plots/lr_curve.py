"""The loss over the learning rate, as the learning-rate finder measured it."""

from pathlib import Path

from matplotlib.figure import Figure

from pedecg.learning.lr_find import RateTest


def draw(test: RateTest, name: str, path: Path) -> None:
    """Draw the loss over the learning rate, with the suggestion."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(test.curve["lr"], test.curve["loss"], color="#c9c9c9", label="each batch")
    axes.plot(test.curve["lr"], test.curve["smoothed"], color="#2a6fbb", label="running mean")
    axes.axvline(test.suggestion, color="#b3261e", linestyle="--", label="falls fastest here")
    axes.set(
        xscale="log", xlabel="learning rate", ylabel="training loss",
        title=f"{name}: the loss falls fastest at a learning rate of {test.suggestion:.1e}",
    )  # fmt: skip
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})
