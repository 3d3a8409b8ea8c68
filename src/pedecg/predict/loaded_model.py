"""A trained model for `pedecg predict`: its trainings, calibration and preprocessing.

``models/<name>`` in the folder of a pipeline that has run, one ``seed<k>`` of it, or a bundle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from pedecg.bundle import (
    assemble,
    bundle_form,
    ecg_files,
    graph_answers,
    inference_steps,
    input_checks,
    provenance,
)
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.core import params, schema_versions, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, prediction_sets, training_distance
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.prediction_sets import PredictionSets
from pedecg.evaluation.training_distance import TrainingDistance
from pedecg.explain import explain_tables, normal_beats
from pedecg.learning import network_model
from pedecg.models import contract, registry
from pedecg.predict.prepared_recording import Exam, Recipe
from pedecg.rules import norms
from pedecg.signals import filters
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.signals.quality import LeadLimits
from pedecg.waves.delineate import DelineateSettings

BUNDLE = "bundle.json"
SETS = prediction_sets.FOLDER  # where stage prediction_sets has run
NORMAL_BEATS = "data/features/normal_beats.parquet"  # where stage normal_beats has run
BUNDLE_CODE = {
    "filters": filters,
    "inference_steps": inference_steps,
    "graph_answers": graph_answers,
    "input_checks": input_checks,
    "bundle_form": bundle_form,
    "ecg_files": ecg_files,
}  # ours, not the bundle's


class Training(Protocol):
    """One training of a model, or several that predict as one."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets in the order of the probabilities."""

    def ask(self, exam: Exam) -> NDArray[np.float64]:
        """Return raw probabilities of one recording, shape (n_targets,)."""


@dataclass(frozen=True)
class Trained:
    """One training, of whatever family."""

    model: contract.Model

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets in the order of the probabilities."""
        return self.model.targets

    def ask(self, exam: Exam) -> NDArray[np.float64]:
        """Return raw probabilities of one recording, shape (n_targets,)."""
        rows = exam.rows(self.model.reads, self.model.feature_names)
        return np.asarray(self.model.predict(rows)[0])


@dataclass(frozen=True)
class Model:
    """A model that predicts.

    Attributes
    ----------
    seed : of the one training that predicts; None: the mean of all.
    children : description of the training patients.
    cohort : what its pipeline trained on: how a manifest is read; None for a bundle.
    normals : the normal heart by age that its maps start from; None: the mean signal.
    sets : prediction sets of the mean of all trainings; None: the pipeline makes none.
    distance : from the training records; None: the pipeline measures none.
    """

    name: str
    trainings: tuple[Training, ...]
    seed: int | None
    fitted: Calibration
    recipe: Recipe
    children: str
    cohort: CohortSettings | None
    normals: normal_beats.Normals | None = None
    sets: PredictionSets | None = None
    distance: TrainingDistance | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets in the order of the probabilities."""
        return self.fitted.targets

    def conforming(
        self, raw: NDArray[np.float64], age_days: float | None
    ) -> dict[str, NDArray[np.bool_]] | None:
        """Return the prediction set of each target, shape (2,): absent, present.

        None without prediction sets, or where one training predicts alone.

        Parameters
        ----------
        raw : what `ask` returned.
        """
        if self.sets is None:
            return None
        group = self.sets.groups(pd.Series([age_days], dtype="Float64"))
        p = raw.mean(axis=0)
        return {
            target: self.sets.of(target, p[k : k + 1], group)[0]
            for k, target in enumerate(self.targets)
        }

    @property
    def networks(self) -> tuple[network_model.Model, ...]:
        """Its networks, if it is made of networks whose layers can be explained."""
        each = (one.model for one in self.trainings if isinstance(one, Trained))
        return tuple(model for model in each if isinstance(model, network_model.Model))

    def ask(self, exam: Exam) -> NDArray[np.float64]:
        """Return raw probabilities of each training, shape (n_trainings, n_targets)."""
        probabilities = []
        for training in self.trainings:
            answer = training.ask(exam)
            if not np.isfinite(answer).all():
                raise PedecgError(f"{self.name}: the output is not a number; weights are damaged")
            p = dict(zip(training.targets, answer, strict=True))
            probabilities.append([p[target] for target in self.targets])
        return np.array(probabilities)

    def calibrated(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n_targets,), of what `ask` returned."""
        return np.asarray(self.fitted.apply(raw.mean(axis=0)[None], self.seed)[0])


@lru_cache(maxsize=1)
def load(folder: Path) -> Model:
    """Open a model.

    Raises
    ------
    PedecgError
        There is none, its pipeline has not run to the end, or has changed since.
    """
    if (folder / BUNDLE).is_file():
        return _bundle(folder)
    return _of_pipeline(folder)


def _of_pipeline(folder: Path) -> Model:
    if not folder.is_dir():
        raise PedecgError(f"--model {folder}: not found; expected models/<name> or a bundle")
    seed = folder.name.removeprefix("seed") if folder.name.startswith("seed") else ""
    one = int(seed) if seed.isdecimal() else None
    trained = folder.resolve() if one is None else folder.resolve().parent
    project = next((up for up in trained.parents if (up / params.PARAMS_FILE).is_file()), None)
    if project is None:
        raise PedecgError(
            f"--model {folder}: no {params.PARAMS_FILE} above it; expected models/<name> of a "
            "pipeline that has run, or a bundle"
        )
    folders = [folder] if one is not None else _seeds(folder)
    torch.set_num_threads(1)  # one ECG is too little to share, and processes share the cores
    opened = tuple(Trained(registry.load(each, accelerator="cpu")) for each in folders)
    made = provenance.read(project)
    fitted = calibration.load(project / "calibration" / f"{trained.name}.json")
    _require_same(folder, opened, fitted)
    about = made.about() | {"leads": made.preprocess.leads}
    recipe = Recipe(
        about, made.ingest, made.preprocess, made.delineate,
        norms.load(made.limits, made.thresholds),
        _numbers(name for one in opened for name in one.model.feature_names),
    )  # fmt: skip
    cohort = params.load("cohort", CohortSettings, project / params.PARAMS_FILE)
    children = about["training_data"]["children"]
    beats = project / NORMAL_BEATS
    normals = None
    if beats.is_file():
        normals = normal_beats.from_table(tables.read(beats, explain_tables.NORMAL_BEATS))
    sets = None if one is not None else _sets(project / SETS / f"{trained.name}.json", fitted)
    return Model(
        trained.name, opened, one, fitted, recipe, children, cohort, normals, sets,
        _distance(project / training_distance.FILE),
    )  # fmt: skip


def _distance(file: Path) -> TrainingDistance | None:
    return training_distance.load(file) if file.is_file() else None


def _sets(file: Path, fitted: Calibration) -> PredictionSets | None:
    """Return the prediction sets in a file, where it is there and of the model's targets."""
    if not file.is_file():
        return None
    found = prediction_sets.load(file)
    if sorted(found.scores) != sorted(fitted.targets):
        raise PedecgError(
            f"{file}: sets of {', '.join(found.scores)}; the model answers "
            f"{', '.join(fitted.targets)}; run the stage prediction_sets"
        )
    return found


def _numbers(features: Iterable[str]) -> tuple[str, ...]:
    """Return the manifest's numbers among features, each once."""
    found = (name.removeprefix("x_") for name in features if name.startswith("x_"))
    return tuple(dict.fromkeys(found))


def _seeds(folder: Path) -> list[Path]:
    found = [each for each in folder.glob("seed*") if each.name[4:].isdecimal()]
    if not found:
        raise PedecgError(f"--model {folder}: no trained model in it; expected seed0, seed1, …")
    return sorted(found, key=lambda each: int(each.name[4:]))


def _require_same(folder: Path, opened: tuple[Trained, ...], fitted: Calibration) -> None:
    for training in opened:
        if sorted(training.targets) != sorted(fitted.targets):
            raise PedecgError(
                f"{folder}: answers {', '.join(training.targets)}; calibrated for "
                f"{', '.join(fitted.targets)}; run the stage evaluate"
            )


@dataclass(frozen=True)
class _Bundled:
    """All trainings of a bundle, run by our copy of its runner; the prediction is their mean."""

    runner: Any

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.runner.about["targets"])

    def ask(self, exam: Exam) -> NDArray[np.float64]:
        about, own = self.runner.about, exam.recording
        names = tuple(self.runner.feature_names)
        table = exam.rows(frozenset(about["reads"]), names).features
        counts, mask = exam.signals.counts(0), exam.signals.lead_mask[0]
        values = {str(name): float(value) for name, value in table.iloc[0].items()}
        missing = [name for name in names if name not in values]
        if missing:
            raise PedecgError(
                f"rule features: the bundle was made with {len(names)}, of which {len(missing)} "
                f"are not made by this version: {', '.join(missing[:5])}"
            )
        subject = graph_answers.Subject(mask, own.age_days, own.sex, values, counts.shape[1])
        return np.asarray(self.runner.probabilities(counts, subject))


def _bundle(folder: Path) -> Model:
    try:
        from pedecg.bundle import run
    except ModuleNotFoundError as error:
        raise PedecgError(
            f"--model {folder}: a bundle needs {error.name}; pip install '.[export]'"
        ) from None
    try:
        runner = run.Bundle(folder, code=BUNDLE_CODE)
    except run.RefusedError as fault:
        raise PedecgError(f"--model {folder}: {fault}") from None
    about: Mapping[str, Any] = runner.about
    schema_versions.check("bundle", about.get(schema_versions.KEY), folder / "bundle.json")
    source = f"{folder}/{BUNDLE}"
    prepared = params.parse(about["preprocess"], "preprocess", PreprocessSettings, source)
    waves = about.get("delineate", {"method": "learned", "leads": prepared.leads})
    files = [folder / "limits.csv", folder / "thresholds.csv"]
    if not all(file.is_file() for file in files):
        files = [norms.LIMITS, norms.THRESHOLDS]
    recipe = Recipe(
        about, params.parse(about["lead_limits"], "lead_limits", LeadLimits, source), prepared,
        params.parse(waves, "delineate", DelineateSettings, source), norms.load(*files),
        _numbers(runner.feature_names),
    )  # fmt: skip
    fitted = calibration.load(folder / "calibration.json")
    values = str(about["training_data"].get("children", "unknown"))
    return Model(
        about["model"], (_Bundled(runner),), None, fitted, recipe, values, None,
        sets=_sets(folder / assemble.SETS, fitted), distance=_distance(folder / assemble.DISTANCE),
    )  # fmt: skip
