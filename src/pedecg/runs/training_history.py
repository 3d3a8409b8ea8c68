"""Learning curves of experiments from the outputs of each commit."""

import io
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from pedecg.plots.training_curves import Training
from pedecg.runs import run_outputs
from pedecg.runs.experiment_history import Run
from pedecg.runs.run_rows import RunRow
from pedecg.runs.run_table import Table

_MODELS, _CURVES, _CARD = "models", "curves.csv", "model.json"
_SUMMED = ("val_loss", "val_auroc", "val_f1")


def trainings(rows: Sequence[RunRow], folder: Path = Path()) -> tuple[list[Training], list[str]]:
    """Read the curves of each row; what cannot be read is reported in one line each.

    Returns
    -------
    The trainings in the order of the rows and seeds, and the lines.
    """
    found: list[Training] = []
    lines: list[str] = []
    for run in {id(row.run): row.run for row in rows}.values():
        models = [row.model for row in rows if row.run is run]
        curves, missing = _of_run(run, models, folder)
        found += curves
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
