"""Selection of the models for later stages: named by a parameter, or best on validation.

The best is the one with the largest macro AUROC on validation records; test records choose nothing.
Every stage that takes a model reads ``data/selected/<stage>`` and nothing else of the models, so
that it runs again when another model is selected, and not when any model is trained again.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ENSEMBLE
from pedecg.core.run_models import OPTIONAL, RunModels
from pedecg.evaluation import calibration
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.evaluate import MACRO

FOLDER = Path("data/selected")
METRICS = Path("metrics/evaluate")
_LIST = "models.json"
BEST = "largest macro AUROC on validation records"
# Stages that take one model, with all its trainings.
TAKE_ONE = ("explain", "explain_findings", "external_validation")
SUBGROUPS = "subgroups"


@dataclass(frozen=True)
class Selection:
    """What one stage takes.

    Attributes
    ----------
    models : names.
    by : the parameter that names them, or `BEST`.
    validation_auroc : macro AUROC on validation records of each of `models`; None: no figure.
    candidates : models that the stage could take.
    """

    models: list[str]
    by: str
    validation_auroc: dict[str, float | None]
    candidates: list[str]


def validation_aurocs(models: Iterable[str], folder: Path = METRICS) -> dict[str, float | None]:
    """Return the macro AUROC of each model on validation records, from ``metrics/evaluate``."""
    figures = {
        model: json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))
        for model in models
    }
    return {model: of["validation"][MACRO]["auroc"]["value"] for model, of in figures.items()}


def select(
    run: RunModels, values: Mapping[str, Any], aurocs: Mapping[str, float | None]
) -> dict[str, Selection]:
    """Return what each stage takes.

    Parameters
    ----------
    values : sections of ``params.yaml``; of stages that are no part of the pipeline, none.
    aurocs : macro AUROC on validation records of every model.
    """
    found: dict[str, Selection] = {}
    for section in TAKE_ONE:
        if section in values:
            able, named = run.candidates(section), values[section].get("model")
            if not able and not named and section in OPTIONAL:
                found[section] = Selection([], "no model of the run can serve", {}, [])
                continue
            usual = [name for name in able if name not in run.references] or able
            chosen = [named] if named else [_best(usual, aurocs)]
            by = f"parameter {section}.model" if named else BEST
            found[section] = Selection(chosen, by, {m: aurocs[m] for m in chosen}, able)
    if SUBGROUPS in values:
        listed = values[SUBGROUPS].get("models")
        chosen = listed or _of_each_kind(run, aurocs)
        by = f"parameter {SUBGROUPS}.models" if listed else f"{BEST}, of each kind"
        found[SUBGROUPS] = Selection(chosen, by, {m: aurocs[m] for m in chosen}, run.names)
    return found


def _of_each_kind(run: RunModels, aurocs: Mapping[str, float | None]) -> list[str]:
    """Return the best model without signals, the best one with signals, and the ensemble."""
    kinds = [run.baselines, [model.name for model in run.models if model.reads_signals]]
    best = [_best(models, aurocs) for models in kinds if models]
    return [*best, *([ENSEMBLE] if run.members else [])]


def _best(models: Sequence[str], aurocs: Mapping[str, float | None]) -> str:
    """Return the model with the largest AUROC; of equal ones, or without any, the first."""
    figures = {model: aurocs[model] for model in models}
    return max(models, key=lambda model: -1.0 if figures[model] is None else figures[model] or 0.0)


def as_metrics(selected: Mapping[str, Selection]) -> dict[str, Any]:
    """Return the selections for a metrics file."""
    return {stage: asdict(selection) for stage, selection in selected.items()}


def copy(
    selected: Mapping[str, Selection],
    seeds: Sequence[int],
    members: Sequence[str] = (),
    folder: Path = FOLDER,
) -> None:
    """Copy what each stage takes of its models: predictions, calibration, perhaps trainings.

    Parameters
    ----------
    members : of the ensemble. Its trainings are read from those of its members, so that they lie
        alongside it.
    """
    for stage, selection in selected.items():
        for model in selection.models:
            own = folder / stage / model
            own.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(f"predictions/{model}.parquet", own / "predictions.parquet")
            shutil.copyfile(f"calibration/{model}.json", own / "calibration.json")
            trained = [model, *(members if model == ENSEMBLE else ())]
            for each, seed in product(trained, seeds) if stage in TAKE_ONE else ():
                training = Path(each, f"seed{seed}")
                shutil.copytree("models" / training, folder / stage / training, dirs_exist_ok=True)
        text = json.dumps(selection.models) + "\n"
        tables.write_text(text, folder / stage / _LIST)


@dataclass(frozen=True)
class Selected:
    """One model that a stage takes, in its folder below ``data/selected``."""

    name: str
    folder: Path

    @property
    def source(self) -> str:
        """Return the name of its predictions, for messages."""
        return str(self.folder / "predictions.parquet")

    def predictions(self) -> pd.DataFrame:
        """Return its `tables.PREDICTIONS`, all seeds and splits."""
        return tables.read(self.source, tables.PREDICTIONS)

    def calibration(self) -> Calibration:
        """Return its calibration and thresholds."""
        return calibration.load(self.folder / "calibration.json")

    def trainings(self, seeds: Sequence[int]) -> tuple[Path, ...]:
        """Return the folder of each training."""
        return tuple(self.folder / f"seed{seed}" for seed in seeds)


def read(stage: str, folder: Path = FOLDER) -> list[Selected]:
    """Return the models that a stage takes.

    Raises
    ------
    PedecgError
        Stage select_models has not run.
    """
    listed = folder / stage / _LIST
    try:
        names = json.loads(listed.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{listed}: not found; stage select_models writes it") from None
    return [Selected(name, folder / stage / name) for name in names]


def read_one(stage: str) -> Selected:
    """Return the one model that a stage takes; see `read`."""
    return read(stage)[0]
