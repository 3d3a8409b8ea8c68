"""Learning curves of experiments, from the outputs that DVC keeps for each commit."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pedecg.core import figures
from pedecg.core.errors import PedecgError
from pedecg.runs import run_outputs
from pedecg.runs.experiment_history import Run
from pedecg.runs.run_rows import Row
from pedecg.runs.run_table import Table

_MODELS, _CURVES, _CARD = "models", "curves.csv", "model.json"
# Columns that are drawn, with the words on their axes; a training draws those that it has.
PANELS = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_auroc": "validation AUROC",
    "val_auprc": "validation AUPRC",
    "val_f1": "validation F1",
    "lr": "learning rate",
}
_LOGARITHMIC = {"lr"}
_SUMMED = ("val_loss", "val_auroc", "val_f1")


@dataclass(frozen=True)
class Training:
    """One training of one run, and its curves with a row per epoch."""

    run: str
    model: str
    seed: int
    curves: pd.DataFrame
    best_epoch: int | None


def trainings(rows: Sequence[Row], folder: Path = Path()) -> tuple[list[Training], list[str]]:
    """Read the curves of each row; what cannot be read is said in a line each.

    Returns
    -------
    The trainings in the order of the rows and seeds, and the lines.
    """
    found: list[Training] = []
    lines: list[str] = []
    for run in {id(row.run): row.run for row in rows}.values():
        models = [row.model for row in rows if row.run is run]
        mine, missing = _of_run(run, models, folder)
        found += mine
        if missing:
            lines.append(missing)
    return found, lines


def summary(found: Sequence[Training]) -> Table:
    """Return a line per training: its epochs, the best one, and figures there and at the end."""
    head = ["experiment", "model", "seed", "epochs", "best_epoch"]
    head += [f"best {name}" for name in _SUMMED] + [f"last {name}" for name in _SUMMED]
    lines: list[list[Any]] = []
    for one in found:
        last = one.curves.iloc[-1]
        best = one.curves[one.curves["epoch"] == one.best_epoch]
        at_best: dict[Any, Any] = best.iloc[0].to_dict() if len(best) else {}
        line = [one.run, one.model, one.seed, int(last["epoch"])]
        values = [at_best.get(name) for name in _SUMMED] + [last.get(name) for name in _SUMMED]
        lines.append([*line, one.best_epoch, *(None if v is None else float(v) for v in values)])
    return Table(head, lines)


def draw(found: Sequence[Training], file: Path, cohort: str) -> None:
    """Draw all trainings into one picture, a panel per column and a colour per run and model."""
    if not found:
        raise PedecgError(f"{file}: no learning curves to draw")
    columns = [name for name in PANELS if any(name in one.curves for one in found)]
    figure = Figure(figsize=(12, 3.2 * ((len(columns) + 2) // 3)), layout="constrained")
    panels = figure.subplots(-(-len(columns) // 3), 3, squeeze=False).ravel()
    who = list(dict.fromkeys((one.run, one.model) for one in found))
    several = len({model for _, model in who}) > 1
    for panel, name in zip(panels, columns, strict=False):
        for one in found:
            if name not in one.curves:
                continue
            at = who.index((one.run, one.model))
            first = next(other for other in found if (other.run, other.model) == who[at]) is one
            label = f"{one.run} {one.model}" if several else one.run
            line = panel.plot(
                one.curves["epoch"], one.curves[name], color=f"C{at % 10}", linewidth=1.2,
                linestyle=("-", "--", ":")[at // 10 % 3], label=label if first else None,
            )[0]  # fmt: skip
            best = one.curves[one.curves["epoch"] == one.best_epoch]
            panel.plot(best["epoch"], best[name], "o", color=line.get_color(), markersize=4)
        panel.set(xlabel="epoch", ylabel=PANELS[name])
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name in _LOGARITHMIC:
            panel.set_yscale("log")
    for panel in panels[len(columns) :]:
        panel.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"Each line is one of {len(found)} trainings, the dot its best epoch")
    file.parent.mkdir(parents=True, exist_ok=True)
    figures.save(figure, file, cohort)


def _of_run(run: Run, models: Sequence[str], folder: Path) -> tuple[list[Training], str]:
    """Read the trainings of one run, and say in a line what is not there."""
    files = run_outputs.of(run, folder)
    found: list[Training] = []
    for model in models:
        for place in sorted(files.glob(f"{_MODELS}/{model}/seed*/{_CURVES}"), key=_seed):
            seed = PurePosixPath(place).parent
            try:
                card = json.loads(files.read(f"{seed}/{_CARD}"))
                curves = pd.read_csv(io.BytesIO(files.read(place)))
            except FileNotFoundError:
                continue
            found.append(Training(run.name, model, _seed(place), curves, card.get("best_epoch")))
    if found:
        return found, ""
    return found, f"{run.name}: its learning curves are not in DVC's cache, or it trained nothing"


def _seed(place: str) -> int:
    return int(PurePosixPath(place).parent.name.removeprefix("seed"))
