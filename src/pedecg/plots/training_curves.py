"""Learning curves of several trainings in one picture, a panel per column."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pedecg.core import figures
from pedecg.core.errors import PedecgError

# Columns that are drawn, with the words on their axes; a training draws those that it has.
_SETS = {"train": "training", "val": "validation"}
_FIGURES = ("loss", "AUROC", "AUPRC", "F1", "accuracy", "sensitivity", "specificity")
PANELS = {
    **{f"{of}_{name.lower()}": f"{set_} {name}" for name in _FIGURES for of, set_ in _SETS.items()},
    "lr": "learning rate",
}
_LOGARITHMIC = {"lr"}


@dataclass(frozen=True)
class Training:
    """One training of one run, and its curves with a row per epoch."""

    run: str
    model: str
    seed: int
    curves: pd.DataFrame
    best_epoch: int | None


def draw(trainings: Sequence[Training], file: Path, cohort: str) -> None:
    """Draw all trainings into one picture, a panel per column and a colour per run and model."""
    if not trainings:
        raise PedecgError(f"{file}: no learning curves to draw")
    columns = [name for name in PANELS if any(name in training.curves for training in trainings)]
    figure = Figure(figsize=(12, 3.2 * ((len(columns) + 2) // 3)), layout="constrained")
    panels = figure.subplots(-(-len(columns) // 3), 3, squeeze=False).ravel()
    groups = list(dict.fromkeys((training.run, training.model) for training in trainings))
    several = len({model for _, model in groups}) > 1
    for panel, name in zip(panels, columns, strict=False):
        for training in trainings:
            if name not in training.curves:
                continue
            at = groups.index((training.run, training.model))
            of_group = (one for one in trainings if (one.run, one.model) == groups[at])
            first = next(of_group) is training
            label = f"{training.run} {training.model}" if several else training.run
            line = panel.plot(
                training.curves["epoch"], training.curves[name], color=f"C{at % 10}", linewidth=1.2,
                linestyle=("-", "--", ":")[at // 10 % 3], label=label if first else None,
            )[0]  # fmt: skip
            best = training.curves[training.curves["epoch"] == training.best_epoch]
            panel.plot(best["epoch"], best[name], "o", color=line.get_color(), markersize=4)
        panel.set(xlabel="epoch", ylabel=PANELS[name])
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name in _LOGARITHMIC:
            panel.set_yscale("log")
    for panel in panels[len(columns) :]:
        panel.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"Each line is one of {len(trainings)} trainings, the dot its best epoch")
    file.parent.mkdir(parents=True, exist_ok=True)
    figures.save(figure, file, cohort)
