"""Every preset fits its pipeline; those that need data or a GPU of their own run in small."""

import shutil
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


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_the_parameters_of_every_preset_fit_together(preset: Path, tmp_path: Path) -> None:
    pipeline = preset.parents[1].relative_to(ROOT)
    project = Project(tmp_path, pipeline.as_posix())
    project.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / pipeline / "params.yaml", project.folder)
    (tmp_path / "src").symlink_to(ROOT / "src")
    project.edit_params(settings_of(preset))
    parameter_sections.check(project.folder / "params.yaml")


# On top of the smoke preset and the preset itself: as few patients, epochs and seeds as possible.
SMALL: dict[str, Any] = {
    "cohort.root": "data/raw/simulated",
    "simulate.patients": 40,
    "experiment.seeds": [0],
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.batch_size": 16,
    "train.accelerator": "cpu",
    "train.precision": "float32",
    "pretrain.accelerator": "cpu",
}


def run_in_small(root: Path, preset: str, changes: dict[str, Any], commands: Path) -> Project:
    """Return the root pipeline with a preset, made small, ready to run in forks."""
    project = fresh_project(root, commands=commands)  # with the smoke preset
    project.edit_params({**settings_of(ROOT / "presets" / preset), **SMALL, **changes})
    project.run("pedecg", "params", "--check")
    return project


@pytest.mark.slow
def test_zzu_on_a_gpu_runs_in_small(forked_stages: Path, tmp_path: Path) -> None:
    project = run_in_small(
        tmp_path / "project", "zzu_gpu.yaml",
        {"models.resnet1d_medium.width": 4, "models.resnet1d_medium.blocks": [1, 1, 1, 1, 1]},
        forked_stages,
    )  # fmt: skip
    ran = project.repro()
    assert {"train@resnet1d_medium-0", "external_validation", "report"} <= ran
    assert_every_model_is_scored(project)


@pytest.mark.slow
def test_ptbxl_runs_in_small(forked_stages: Path, tmp_path: Path) -> None:
    project = run_in_small(
        tmp_path / "project", "ptbxl.yaml",
        {"cohort.root": "data/raw/ptbxl", "split.train_folds": [1, 2, 3, 4, 5, 6],
         "split.validation_folds": [7, 8], "split.test_folds": [9, 10]},
        forked_stages,
    )  # fmt: skip
    project.repro("simulate")
    write_ptbxl(project.folder / "data/raw/simulated", project.folder / "data/raw/ptbxl")
    assert "report" in project.repro()
    assert_every_model_is_scored(project)


def assert_every_model_is_scored(project: Project) -> None:
    models = [*project.parameters()["experiment"]["models"], "ensemble"]
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
