"""Every preset fits its pipeline; those that need data or a GPU of their own run in small."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import wfdb
from scipy import signal
from scratch import ROOT, Project, fresh_project, pipelines, settings_of

from pedecg.commands import parameter_sections
from pedecg.core.records import LEADS

PRESETS = sorted(
    file for pipeline in pipelines() for file in (ROOT / pipeline / "presets").glob("*.yaml")
)


def _name(preset: Path) -> str:
    return preset.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("preset", PRESETS, ids=_name)
def test_the_parameters_of_every_preset_fit_together(preset: Path, tmp_path: Path) -> None:
    pipeline = preset.parents[1].relative_to(ROOT)
    project = Project(tmp_path, pipeline.as_posix())
    project.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / pipeline / "params.yaml", project.folder)
    (tmp_path / "src").symlink_to(ROOT / "src")
    project.edit_params(settings_of(preset))
    parameter_sections.check(project.folder / "params.yaml")


@dataclass(frozen=True)
class Small:
    """What makes a preset small.

    Attributes
    ----------
    changes : on top of the smoke preset and the preset itself: few patients, epochs and seeds.
    runs : stages that must run.
    nightly : only in `make test-nightly`, where another preset of its kind runs in CI.
    """

    changes: dict[str, Any]
    runs: set[str]
    nightly: bool = True


TRAINED = {
    "experiment.seeds": [0],
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.batch_size": 16,
    "train.accelerator": "cpu",
    "train.precision": "float32",
}
CHILDREN = TRAINED | {
    "cohort.root": "data/raw/simulated",
    "simulate.patients": 40,
    "pretrain.accelerator": "cpu",
}
PTBXL_FOLDS = {
    "split.train_folds": [1, 2, 3, 4, 5, 6],
    "split.validation_folds": [7, 8],
    "split.test_folds": [9, 10],
}
ONE_BLOCK = {"width": 4, "blocks": [1, 1, 1, 1, 1]}
SHIPPED = {"simulate.records": 40, "train.steps": 20}
REPORTED = {"external_validation@second_hospital", "external_table", "report"}
SMALL = {
    "presets/zzu_gpu.yaml": Small(
        CHILDREN | {f"models.resnet1d_medium.{key}": value for key, value in ONE_BLOCK.items()},
        {"train@resnet1d_medium-0", *REPORTED},
        nightly=False,
    ),
    "presets/ptbxl.yaml": Small(
        CHILDREN | PTBXL_FOLDS | {"cohort.root": "data/raw/ptbxl"}, {"train@hybrid-0", *REPORTED}
    ),
    "pipelines/arrhythmia/presets/ablation.yaml": Small(
        TRAINED, {"train@transformer-0", "train_continued@frozen_lstm-0", "segments"}
    ),
    "pipelines/arrhythmia/presets/cinc2017.yaml": Small(
        TRAINED | {"cohort.root": "data/raw/simulated"}, {"train@rules_boosted-0", "segments"}
    ),
    "pipelines/delineation/presets/apart.yaml": Small(SHIPPED, {"train", "evaluate"}),
    "pipelines/delineation/presets/shipped.yaml": Small(SHIPPED, {"train", "evaluate"}),
    "pipelines/benchmarks/presets/tabular.yaml": Small({}, {"score_ptbxl", "score_cinc2017"}),
}
# A smoke preset is what test_smoke runs.
RUN_HERE = [name for name in map(_name, PRESETS) if not name.endswith("/smoke.yaml")]


def test_every_preset_is_run_in_small() -> None:
    assert sorted(SMALL) == sorted(RUN_HERE)


@pytest.mark.parametrize(
    "preset",
    [pytest.param(name, marks=pytest.mark.nightly if small.nightly else pytest.mark.slow)
     for name, small in SMALL.items()],
)  # fmt: skip
def test_a_preset_runs_in_small_from_end_to_end(
    preset: str, forked_stages: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    project = in_small(preset, tmp_path / "project", forked_stages)
    parameters = project.parameters()
    if sources := parameters["cohort"].get("also") if "cohort" in parameters else None:
        folder = request.getfixturevalue("shared_data")
        project.set("cohort.also", {name: str(folder / name) for name in sources})
    project.run("pedecg", "params", "--check")
    if parameters.get("cohort", {}).get("name") == "ptbxl":
        project.repro("simulate")
        write_ptbxl(project.folder / "data/raw/simulated", project.folder / "data/raw/ptbxl")
    ran = project.repro()
    assert SMALL[preset].runs <= ran
    if "experiment" in parameters:
        assert_every_model_is_scored(project)


def in_small(preset: str, root: Path, commands: Path) -> Project:
    """Return a project with the smoke preset, a preset and what makes it small."""
    pipeline = Path(preset).parents[1].as_posix()
    project = fresh_project(root, pipeline, commands)
    project.edit_params({**settings_of(ROOT / preset), **SMALL[preset].changes})
    return project


def assert_every_model_is_scored(project: Project) -> None:
    experiment = project.parameters()["experiment"]
    models = [*experiment["models"], *experiment.get("continued_models", []), "ensemble"]
    found = {file.stem for file in (project.folder / "predictions").glob("*.parquet")}
    assert found == set(models)


CLASSES = {"NORM": "NORM", "IMI": "MI", "NDT": "STTC", "LAFB": "CD", "LVH": "HYP"}


def write_ptbxl(simulated: Path, root: Path, n: int = 50) -> None:
    """Write simulated 12-lead records in the layout of PTB-XL, every class in every fold.

    Parameters
    ----------
    simulated : folder of a cohort in the layout of ZZU-pECG, 500 Hz.
    n : records of 10 s at 100 Hz, each of a patient of its own.
    """
    headers = sorted(simulated.rglob("*.hea"))
    twelve = [h for h in headers if wfdb.rdheader(str(h.with_suffix(""))).n_sig == len(LEADS)]
    (root / "records100").mkdir(parents=True)
    rows = []
    for i in range(n):
        record = wfdb.rdrecord(str(twelve[i % len(twelve)].with_suffix("")), sampto=5000)
        name = f"records100/{i:05d}_lr"
        wfdb.wrsamp(
            Path(name).name, fs=100, units=["mV"] * len(LEADS), sig_name=record.sig_name,
            p_signal=signal.resample_poly(record.p_signal, 1, 5), fmt=["16"] * len(LEADS),
            write_dir=str(root / "records100"),
        )  # fmt: skip
        code = list(CLASSES)[i % len(CLASSES)]
        rows.append(
            {"ecg_id": i, "patient_id": float(i), "age": 10 + i, "sex": i % 2,
             "recording_date": "1990-01-01 12:00:00", "scp_codes": str({code: 100.0}),
             "strat_fold": 1 + i // len(CLASSES) % 10, "filename_lr": name, "filename_hr": name}
        )  # fmt: skip
    pd.DataFrame(rows).to_csv(root / "ptbxl_database.csv", index=False)
    statements = pd.DataFrame({"description": CLASSES, "diagnostic": 1.0,
                               "diagnostic_class": CLASSES})  # fmt: skip
    statements.to_csv(root / "scp_statements.csv")
