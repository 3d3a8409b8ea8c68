"""The readers on real records of three data sets."""

import csv
from pathlib import Path

import numpy as np
import pytest

from pedecg.cohorts import accepted_records, code_vocabularies, zzu

pytestmark = pytest.mark.real


def test_real_children_are_read_whole(shared_data, run):
    found = run("zzu", shared_data / "zzu_sample")
    assert (found.metrics["records"], found.metrics["quarantined"]) == (15, 0)
    assert found.metrics["checksums_verified"] == 15
    assert found.metrics["unlisted_records"] == 0
    assert found.metrics["unknown_codes"] == {}
    counts = {name: label["present"] for name, label in found.metrics["labels"].items()}
    assert counts == {
        "abnormal": 9,
        "abnormal_beyond_rate": 4,  # the other five have rate findings and benign ones alone
        "chd": 5,
        "myocarditis": 0,
        "cardiomyopathy": 1,
        "kawasaki": 1,
    }
    for path in found.records["path"]:
        signal = accepted_records.read_signal(path, shared_data / "zzu_sample")
        assert (np.abs(signal.signal[3:6]).max(axis=1) > 0.1).all(), "aVR, aVL, aVF hold a signal"


def test_saturated_leads_are_flagged_and_their_leads_stay_in_use(shared_data, run):
    quality = run("zzu", shared_data / "zzu_sample").quality
    saturated = quality[quality["flaw"] == "partly-saturated"].groupby("record_id")["lead"].agg(set)
    assert set(saturated.index) == {"P01062_E01", "P01128_E02", "P09066_E01"}
    assert saturated["P01062_E01"] == {"V5"}
    assert len(saturated["P09066_E01"]) == 11
    assert "III" not in saturated["P09066_E01"]
    assert quality["usable"].all()


def test_every_published_row_is_parsed(shared_data, cohort_settings):
    settings = cohort_settings("zzu", shared_data)
    with (shared_data / "zzu_attributes_real_rows.csv").open(newline="") as file:
        rows = [zzu.parse(cells, settings) for cells in csv.DictReader(file)]
    assert len(rows) == 25
    findings = [finding for row in rows for finding in row.findings]
    assert [finding.code for finding in findings if not finding.known] == ["F64"]
    assert sum(row.labels["myocarditis"] or 0 for row in rows) == 4
    assert sum(row.labels["chd"] or 0 for row in rows) == 6
    unlisted = [row for row in rows if any(f.code == "Q24.9" for f in row.findings)]
    assert [row.labels["chd"] for row in unlisted] == [None]  # a heart defect of no listed kind
    assert all(len(row.source_quality) == 12 for row in rows)


@pytest.mark.parametrize(
    ("folder", "records", "missing"), [("records100", 350, 0), ("records500", 120, 230)]
)
def test_ptbxl_is_read_at_both_rates(shared_data, run, folder, records, missing):
    found = run("ptbxl", shared_data / "ptbxl_subset", ptbxl__records=folder)
    assert found.metrics["records"] == found.metrics["checksums_verified"] == records
    assert found.metrics["quarantined_by_reason"].get("missing-header", 0) == missing
    assert found.metrics["unlisted_records"] == 0
    if not missing:
        counts = {name: label["present"] for name, label in found.metrics["labels"].items()}
        assert counts == {"norm": 208, "mi": 51, "sttc": 67, "cd": 55, "hyp": 28}
        assert found.metrics["identical_signals"]["groups"] == 1, "459 is 460 again"


def test_challenge_records_are_read_by_a_manifest(shared_data, tmp_path, run, csv_writer):
    (tmp_path / "ecg").symlink_to(shared_data / "wfdb_misc" / "cinc2021")
    names = sorted(header.stem for header in (tmp_path / "ecg").glob("*.hea"))
    columns = ("record_id", "patient_id", "path", "age", "sex", "chd")
    rows = [
        dict(zip(columns, (name, name, f"ecg/{name}", "1826", "f", ""), strict=True))
        for name in names
    ]
    csv_writer(tmp_path / "manifest.csv", columns, rows)
    found = run("manifest", tmp_path, manifest__labels=["chd"])
    assert found.metrics["records"] == found.metrics["checksums_verified"] == 12
    flat = found.quality[found.quality["flaw"] == "flat"]
    assert list(zip(flat["record_id"], flat["lead"], strict=True)) == [
        ("JS20008", "V2"),
        ("JS20008", "V4"),
        ("JS20008", "V6"),
    ]


def test_the_code_tables_are_the_published_ones(shared_data: Path):
    published = {
        "ECGCode.csv": code_vocabularies.ECG_CODES,
        "DiseaseCode.csv": code_vocabularies.DISEASE_CODES,
    }
    for name, ours in published.items():
        assert ours.read_bytes() == (shared_data / "zzu_sample" / name).read_bytes()
