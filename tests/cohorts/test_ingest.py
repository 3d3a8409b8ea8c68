"""Ingest loses no row, gives the same bytes however many processes run, and fails in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pedecg.cohorts.ingest import ingest, require_enough
from pedecg.core import tables
from pedecg.core.errors import PedecgError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def mixed(zzu):
    """Ten patients; two rows are at fault, and one record holds broken leads."""
    for number in range(1, 11):
        zzu.add(f"P{number:05d}", Age=f"{number * 300}d")
    zzu.rows[2]["Age"] = "soon"
    (zzu.root / "Child_ecg/P00/P00005/P00005_E01.dat").write_bytes(b"short")
    zzu.write()
    return zzu


def test_every_row_is_a_record_quarantined_or_excluded(mixed, run):
    found = run("zzu", mixed.root, max_age_days=2000)
    metrics = found.metrics
    assert metrics["rows"] == 10
    assert metrics["excluded"] == {"age-out-of-range": 4}
    assert metrics["quarantined_by_reason"] == {"invalid-age": 1, "truncated-signal": 1}
    assert metrics["records"] == len(found.records) == len(found.labels) == 4


def test_the_tables_keep_their_schemas_even_when_nothing_is_left(mixed, run):
    for changed in ({}, {"min_age_days": 40_000}):
        found = run("zzu", mixed.root, **changed)
        tables.check(found.records, tables.RECORDS, "records")
        tables.check(found.labels, tables.LABELS, "labels")
        tables.check(found.quarantine, tables.QUARANTINE, "quarantine")
        tables.check(found.findings, tables.FINDINGS, "findings")
        tables.check(found.quality, tables.QUALITY, "quality")


def test_records_are_sorted_whatever_the_order_of_rows(mixed, run):
    first = run("zzu", mixed.root)
    mixed.rows.reverse()
    mixed.write()
    second = run("zzu", mixed.root)
    assert list(first.records["record_id"]) == sorted(first.records["record_id"])
    assert first.records.equals(second.records)
    assert first.quality.equals(second.quality)


def test_the_number_of_processes_changes_nothing(
    mixed, cohort_settings, ingest_settings, monkeypatch
):
    cohort = cohort_settings("zzu", mixed.root)
    monkeypatch.setenv("PEDECG_JOBS", "1")
    one = ingest(cohort, ingest_settings)
    monkeypatch.setenv("PEDECG_JOBS", "2")
    two = ingest(cohort, ingest_settings)
    assert one.records.equals(two.records)
    assert one.quality.equals(two.quality)
    assert one.metrics == two.metrics


def test_a_flat_lead_is_masked_and_a_record_of_flat_leads_refused(zzu, run, recorder):
    noise = np.random.default_rng(1).integers(-300, 300, (1000, 12))
    half = zzu.add("P00001")
    recorder(half, counts=np.where(np.arange(12) == 7, 0, noise))
    dead = zzu.add("P00002")
    recorder(dead, counts=np.zeros((1000, 12), int))
    lost = zzu.add("P00003")
    recorder(lost, counts=np.full((1000, 12), -(2**15)))
    zzu.write()
    found = run("zzu", zzu.root)
    masked = found.quality[~found.quality["usable"]]
    assert list(masked["lead"]) == ["V2"]
    assert list(masked["flaw"]) == ["flat"]
    assert dict(zip(found.quarantine["record_id"], found.quarantine["reason"], strict=True)) == {
        "P00002_E01": "no-usable-lead",
        "P00003_E01": "no-usable-lead",
    }
    assert "12 not-finite" in found.quarantine["detail"].iloc[1]


def test_one_signal_under_two_patients_is_reported(zzu, run, recorder):
    for patient in ("P00001", "P00002"):
        recorder(zzu.add(patient), counts=np.random.default_rng(3).integers(-99, 99, (1000, 12)))
    zzu.write()
    assert run("zzu", zzu.root).metrics["identical_signals"] == {
        "groups": 1,
        "groups_between_patients": 1,
        "first_between_patients": ["P00001_E01", "P00002_E01"],
    }


def test_too_many_in_quarantine_fail_in_one_line(mixed, run, ingest_settings):
    with pytest.raises(PedecgError, match=r"2 of 10 rows \(20.0%\)") as caught:
        require_enough(run("zzu", mixed.root), ingest_settings, "quarantine.csv")
    assert "1 invalid-age, 1 truncated-signal" in str(caught.value)
    assert "each with its reason: quarantine.csv; cohort.manifest.age_unit" in str(caught.value)


def test_a_cohort_without_a_usable_record_says_where_its_rows_went(zzu, run, ingest_settings):
    settings = ingest_settings.model_copy(update={"max_quarantine_fraction": 1.0})
    zzu.write()
    with pytest.raises(PedecgError, match=r"no record left of 0 rows$"):
        require_enough(run("zzu", zzu.root), settings, "quarantine.csv")
    zzu.add("P00001", Age="")
    zzu.add("P00002")
    zzu.write()
    with pytest.raises(PedecgError, match=r"2 rows \(1 missing-age; excluded: 1 age-out-of-range"):
        require_enough(run("zzu", zzu.root, max_age_days=30), settings, "quarantine.csv")


@pytest.mark.parametrize("fs", ["1", "20", "0.001", "1e12"])
def test_a_rate_of_no_ecg_is_quarantined(zzu, reasons, recorder, fs):
    recorder(zzu.add(), fs=fs)
    assert reasons(zzu) == {"P00001_E01": "unusable-rate"}


def run_stage(folder: Path, cohort: str, root: Path, stage: str = "", **changed: object):
    yaml = YAML(typ="safe")
    values = yaml.load((REPOSITORY / "params.yaml").read_text())
    section = values["external_cohorts"]["second_hospital"] if stage else values["cohort"]
    section |= {"name": cohort, "root": str(root)}
    values["ingest"] |= changed
    with (folder / "params.yaml").open("w") as file:
        yaml.dump(values, file)
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "stages" / "ingest.py")],
        cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PEDECG_JOBS": "1", "DVC_STAGE": stage},
    )  # fmt: skip


def test_the_stage_keeps_the_quarantine_even_when_it_fails(mixed, tmp_path):
    ended = run_stage(tmp_path, "zzu", mixed.root)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("error: ingest: 2 of 10 rows")
    assert "Traceback" not in ended.stderr
    quarantine = tables.read(tmp_path / "data/interim/quarantine.parquet", tables.QUARANTINE)
    assert len(quarantine) == 2
    assert "data/interim/quarantine.csv" in ended.stderr
    assert "2 in quarantine, with reasons: data/interim/quarantine.csv" in ended.stdout
    as_text = pd.read_csv(tmp_path / "data/interim/quarantine.csv")
    pd.testing.assert_frame_equal(as_text, quarantine, check_dtype=False)


def test_the_stage_reads_the_external_cohort_too(mixed, tmp_path):
    ended = run_stage(
        tmp_path, "zzu", mixed.root, "ingest_external@second_hospital",
        max_quarantine_fraction=0.5,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    interim = tmp_path / "data/external_cohorts/second_hospital/interim"
    written = sorted(p.stem for p in interim.iterdir())
    assert written == [
        "findings", "labels", "notes", "quality", "quarantine", "quarantine", "records",
    ]  # fmt: skip
    records = tables.read(interim / "records.parquet", tables.RECORDS)
    metrics = tmp_path / "metrics/ingest_external/second_hospital.json"
    counted = json.loads(metrics.read_text("utf-8"))
    assert 0 < len(records) == counted["records"]
