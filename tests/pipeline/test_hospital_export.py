"""A hospital's export of mixed formats, as a new user runs it: folder, manifest, report."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scratch import FEW_MODELS, ROOT, Project, fresh_project, settings_of

from fake_patients import ecg, people
from pedecg.core.records import LEADS

sys.path.insert(0, str(ROOT / "tests/cohorts"))
import format_files
import vendor_files

FIXED = ("SPH", "CODE-15%")  # of one rate, without ids of patients


def write_export(root: Path) -> list[str]:
    """Write two patients per format and a table of them in the dialect of a German spreadsheet."""
    rows = ["Datei;Patient;Alter (Monate);Geschlecht;abnormal"]
    names = list(format_files.WRITERS)
    for person in people(2 * len(names), ["normal", "cd", "hyp", "normal"]):
        name = names[person.number % len(names)]
        form = format_files.WRITERS[name]
        fs_hz = format_files.FIXED_RATE.get(name, 500)
        steps = np.rint(ecg(person, fs_hz, 10) / (2 * vendor_files.STEP_MV))
        leads = dict(zip(LEADS, steps * 2 * vendor_files.STEP_MV, strict=True))
        leads["III"] = leads["II"] - leads["I"]
        leads["aVR"] = -(leads["I"] + leads["II"]) / 2
        leads["aVL"], leads["aVF"] = leads["I"] - leads["II"] / 2, leads["II"] - leads["I"] / 2
        file = root / f"export_{person.number % 3}" / f"{person.number:03d}{form.suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        form.write(file, leads, fs_hz)
        months = f"{person.days / 30.4375:.1f}".replace(".", ",")
        ill = int(person.kind != "normal")
        rows.append(f"{file.name};P{person.number};{months};{person.sex[0]};{ill}")
    (root / "Patienten.csv").write_bytes("\r\n".join(rows).encode("cp1252"))
    return names


def damage(root: Path, suffix: str) -> str:
    """Cut the first file of a suffix in half; returns its name without suffix."""
    file = sorted(root.rglob(f"*{suffix}"))[0]
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    return file.stem


def said(project: Project) -> dict[str, str]:
    """Return all that the run made, as text, by file."""
    found = {}
    for folder in ("data/interim", "data/features", "metrics", "plots", "predictions", "report",
                   "models", "data/processed"):  # fmt: skip
        for file in (project.folder / folder).rglob("*"):
            if file.suffix == ".parquet":
                table = pd.read_parquet(file).select_dtypes(exclude="number")
                found[str(file)] = table.to_csv(index=False).lower()
            elif file.is_file():
                found[str(file)] = file.read_bytes().decode("latin-1").lower()
    return found


@pytest.mark.parametrize(
    "last",
    [pytest.param("rule_features", marks=pytest.mark.slow),
     pytest.param("report", marks=pytest.mark.nightly)],
)  # fmt: skip
def test_an_export_of_mixed_formats_runs_from_its_folder_to_the_report(
    last: str, forked_stages: Path, tmp_path: Path
) -> None:
    export = tmp_path / "export"
    names = write_export(export)
    project = fresh_project(tmp_path / "project", commands=forked_stages)
    cut_before = damage(export, ".dcm")
    told = project.run("pedecg", "manifest", str(export), "--records", "2")
    assert f"{2 * len(names) - 1} " in told
    left_out = pd.read_csv(export / "manifest_left_out.csv")
    assert [Path(path).stem for path in left_out["path"]] == [cut_before]
    cut_edf, cut_scp = damage(export, ".edf"), damage(export, ".scp")

    project.edit_params(FEW_MODELS | settings_of(export / "manifest.yaml"))
    project.set("ingest.max_quarantine_fraction", 0.2)
    project.run("pedecg", "params", "--check")
    ran = project.repro("audit", last)
    assert {"ingest", "rule_features", last} <= ran

    folder = project.folder
    quarantine = pd.read_csv(folder / "data/interim/quarantine.csv", dtype=str)
    reasons = dict(zip(quarantine["record_id"], quarantine["reason"], strict=True))
    by_file = {name.split("_")[-1].split(".")[0]: reason for name, reason in reasons.items()}
    assert by_file == {
        cut_before: "unlisted-record", cut_edf: "truncated-signal", cut_scp: "corrupt-signal"
    }  # fmt: skip
    records = pd.read_parquet(folder / "data/interim/records.parquet")
    assert len(records) == 2 * len(names) - len(quarantine)
    assert records["age_days"].notna().all()
    counted = json.loads((folder / "metrics/ingest.json").read_text())
    assert counted["records"] == len(records)
    rules = pd.read_parquet(folder / "data/features/rules.parquet")
    assert rules["heart_rate_bpm"].notna().mean() > 0.9
    if last == "report":
        assert (folder / "report/report.html").stat().st_size > 50_000

    texts = said(project)
    assert len(texts) > 10
    for word in vendor_files.PERSON:
        assert not [file for file, text in texts.items() if word.lower() in text], word
