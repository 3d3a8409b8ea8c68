"""Corrected waves, exported, are what the delineation pipeline reads: exact to a sample."""

import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import wfdb
from ruamel.yaml import YAML
from typer.testing import CliRunner
from ward import HOSTILE, ROOT

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.delineator import annotated_library, annotation_sources, record_split
from pedecg.review_app import wave_export, wave_journal
from pedecg.review_app.wave_marks import GLOBAL, Wave
from pedecg.waves import annotations

sys.path.insert(0, str(ROOT / "stages"))


def samples_of(record, lead):
    """The marks of a lead in samples, rows of kind, onset, peak, offset."""
    waves = record.marks[record.leads.index(lead)].waves
    return [
        Wave(["P", "QRS", "T"][int(kind)], *(None if np.isnan(t) else round(t * record.fs_hz)
                                             for t in times))
        for kind, *times in waves
    ]  # fmt: skip


@pytest.fixture
def corrected(ecgs, editor):
    """A record with one boundary moved in lead V2 and one in all leads, checked."""
    about = ecgs.get("A1").about
    waves = editor.view("A1", about, "Anna")["waves"]
    qrs = next(w for w in waves["V2"] if w.kind == "QRS" and w.onset and w.offset)
    editor.move("A1", about, "Anna", 0, "V2", qrs, "onset", qrs.onset - 3)
    waves = editor.view("A1", about, "Anna")["waves"]
    t = next(w for w in waves[GLOBAL] if w.kind == "T" and w.offset)
    editor.move("A1", about, "Anna", 2, GLOBAL, t, "offset", t.offset + 5)
    editor.check("A1", about, "Anna", 3)
    return editor


def test_an_export_is_read_with_every_boundary_on_its_sample(corrected, ecgs, tmp_path):
    marked = corrected.records()
    table = wave_export.write(marked, ecgs.source, tmp_path / "waves")
    (record,) = annotation_sources.read(tmp_path / "waves")
    assert (record.record_id, record.source, record.patient_id) == (
        "reviewed/A1", "reviewed", "reviewed/A",
    )  # fmt: skip
    for lead in record.leads:
        assert samples_of(record, lead) == marked[0].waves[lead], lead
    assert len(table) == sum(len(rows) for rows in marked[0].waves.values())
    recording = ecgs.recording("A1")
    rows = [recording.leads.index(lead) for lead in record.leads]
    assert np.abs(record.signal_mv - recording.signal_mv[rows]).max() <= 0.00051  # half a count


def test_an_export_opens_as_ludb_and_by_wfdb_alone(corrected, ecgs, tmp_path):
    wave_export.write(corrected.records(), ecgs.source, tmp_path / "waves")
    (record,) = annotations.read_ludb(tmp_path / "waves")
    waves = corrected.records()[0].waves
    assert samples_of(record, "V2") == waves["V2"]
    found = wfdb.rdann(str(tmp_path / "waves" / "A1"), "v2")
    wave = waves["V2"][1]
    place = list(found.sample).index(wave.onset)
    assert found.symbol[place : place + 3] == ["(", {"P": "p", "QRS": "N", "T": "t"}[wave.kind],
                                               ")"]  # fmt: skip
    assert list(found.sample[place : place + 3]) == list(wave[1:])
    assert found.fs == 500


def test_the_pipelines_ingest_reads_an_export(corrected, ecgs, tmp_path, monkeypatch):
    import delineation_ingest

    wave_export.write(corrected.records(), ecgs.source, tmp_path / "waves")
    shutil.copyfile(ROOT / "pipelines" / "delineation" / "params.yaml", tmp_path / "params.yaml")
    yaml = YAML()
    parameters = yaml.load(tmp_path / "params.yaml")
    parameters["cohort"]["root"] = "waves"
    yaml.dump(parameters, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    delineation_ingest.main()
    (record,) = annotated_library.read(tmp_path / "data" / "interim" / "library" / "cohort")
    assert samples_of(record, "V2") == corrected.records()[0].waves["V2"]
    assert record.patient_id == "reviewed/A"


def test_records_that_nobody_checked_are_not_exported(corrected, ecgs, tmp_path):
    about = ecgs.get("B1").about
    waves = corrected.view("B1", about, "Anna")["waves"]
    corrected.remove("B1", about, "Anna", 0, GLOBAL, waves[GLOBAL][0])
    table = wave_export.write(corrected.records(), ecgs.source, tmp_path / "waves")
    assert set(table["record_id"]) == {"A1"}
    with pytest.raises(PedecgError, match="no record whose waves are checked; 1 have"):
        wave_export.write(corrected.records()[1:], ecgs.source, tmp_path / "none")


def test_other_files_are_not_deleted_and_another_signal_is_refused(corrected, ecgs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(PedecgError, match="holds other files"):
        wave_export.write(corrected.records(), ecgs.source, tmp_path / "mine")
    wave_export.write(corrected.records(), ecgs.source, tmp_path / "waves")
    wave_export.write(corrected.records(), ecgs.source, tmp_path / "waves")  # made anew

    def shorter(record_id):
        found = ecgs.source(record_id)
        cut = replace(found.recording, signal_mv=found.recording.signal_mv[:, :-1])
        return replace(found, recording=cut)

    with pytest.raises(PedecgError, match="its waves were marked in 5000"):
        wave_export.write(corrected.records(), shorter, tmp_path / "other")


def test_a_hostile_name_becomes_one_of_wfdb(ecgs, editor, tmp_path):
    editor.check(HOSTILE, ecgs.get(HOSTILE).about, "Anna", 0)
    wave_export.write(editor.records(), ecgs.source, tmp_path / "waves")
    (record,) = annotation_sources.read(tmp_path / "waves")
    assert record.record_id == f"reviewed/{HOSTILE}"
    assert wave_export.name_of("a b") != wave_export.name_of("a_b")


def test_records_of_one_child_are_in_one_split():
    ids = [f"reviewed/{k}" for k in range(40)]
    patients = [f"reviewed/p{k // 4}" for k in range(40)]
    records = pd.DataFrame({"record_id": ids, "patient_id": patients, "source": "reviewed"})
    for held_out in ({}, {"reviewed": [5]}):
        settings = record_split.Settings(
            seed=1, fractions=[0.6, 0.2, 0.2], held_out=held_out, folds=0, fold=0
        )
        found = record_split.by_record(records, settings)
        assert found.groupby("patient_id")["split"].nunique().max() == 1
        assert found["split"].nunique() == 3
    assert set(found.loc[found["patient_id"] == "reviewed/p1", "split"]) == {"test"}


def test_the_command_writes_the_folder(corrected, ward, monkeypatch, tmp_path):
    entries = wave_journal.read(tmp_path / "waves_of_the_page.jsonl")
    corrected.close()
    again = wave_journal.WaveJournal(tmp_path / "j_waves.jsonl")
    for entry in entries:
        again.append(entry)
    again.close()
    monkeypatch.chdir(ward.folder)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli.app, ["review", "waves", "--journal", str(tmp_path / "j.jsonl"), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "1 records" in done.stderr
    assert (out / annotations.REVIEWED_TABLE).is_file()
