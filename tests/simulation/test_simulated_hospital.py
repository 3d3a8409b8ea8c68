"""The simulated cohort keeps the layout of ZZU-pECG, and its truth stays apart."""

import csv
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pedecg.cohorts import code_vocabularies
from pedecg.core import tables
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.simulation import case_mix, children, physiology, zzu_cohort, zzu_layout
from pedecg.simulation.conditions import GROUPS, conditions

TOKENS = re.compile(r"'[^';]+'(;'[^';]+')*")
QUALITY = re.compile(r"'I':(\d\.\d{3}|Null)(;'(II|III|aV[RLF]|V[1-6])':(\d\.\d{3}|Null)){11}")

RATE = {"C21", "C22"}


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


def attributes(raw: Path) -> pd.DataFrame:
    return pd.read_csv(raw / "AttributesDictionary.csv", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("section", ["seed", "jobs"])
def test_same_seed_gives_the_same_bytes_with_any_number_of_processes(
    settings, tmp_path, monkeypatch, section
):
    first = settings.model_copy(update={"patients": 5})
    again = first.model_copy(update={"seed": first.seed + 1}) if section == "seed" else first
    for name, jobs, some in (("a", "1", first), ("b", "2", again)):
        monkeypatch.setenv("PEDECG_JOBS", jobs)
        zzu_cohort.write(some, tmp_path / name / "raw", tmp_path / name / "truth")
    same = digest(tmp_path / "a") == digest(tmp_path / "b")
    assert same == (section == "jobs")


def test_a_larger_cohort_has_other_children_but_the_same_layout(settings):
    plan = children.plan(settings.model_copy(update={"patients": 1000}))
    assert [child.number for child in plan] == list(range(1, 1001))
    for group in GROUPS:
        share = np.mean([child.disease == group for child in plan])
        assert share == pytest.approx(getattr(settings.prevalence, group), abs=0.0006)


def test_every_row_has_its_files_and_every_file_its_row(hospital):
    raw, _ = hospital
    table = attributes(raw)
    named = {f"{name}{end}" for name in table["Filename"] for end in (".hea", ".dat")}
    found = {str(p.relative_to(raw / "Child_ecg")) for p in raw.rglob("*.???") if "_E" in p.name}
    assert named == found


def test_raw_holds_only_what_the_published_data_set_holds(hospital):
    raw, _ = hospital
    assert sorted(p.name for p in raw.iterdir()) == [
        "AttributesDictionary.csv", "Child_ecg", "DiseaseCode.csv", "ECGCode.csv",
    ]  # fmt: skip
    text = "".join(p.read_text() for p in raw.rglob("*") if p.suffix in {".hea", ".csv"})
    assert not re.search("severity|wrong|true_|recovered", text)


def test_cells_are_written_as_published(hospital):
    raw, _ = hospital
    table = attributes(raw)
    assert tuple(table.columns) == zzu_layout.COLUMNS
    assert table["Age"].str.fullmatch(r"\d+d").all()
    assert table["Gender"].isin(["'Male'", "'Female'"]).all()
    assert table["Lead"].isin(["9", "12"]).all()
    assert table["Acquisition_date"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").all()
    for column in ("AHA_code", "CHN_code", "ICD-10 code"):
        assert table[column].str.fullmatch(TOKENS).all()
    for column in ("pSQI", "basSQI", "bSQI"):
        assert table[column].str.fullmatch(QUALITY).all()
    nine = table[table["Lead"] == "9"]
    assert nine["pSQI"].str.contains("'V2':Null").all()


def test_every_token_is_in_the_code_table(hospital):
    raw, _ = hospital
    with (raw / "ECGCode.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    known = {cell.replace(" ", "") for row in rows for cell in row[1:]} | {row[0] for row in rows}
    for column in ("AHA_code", "CHN_code"):
        for cell in attributes(raw)[column]:
            for token in cell.split(";"):
                whole = token.strip("'")
                assert whole in known or set(whole.split("+")) <= known, whole


def test_code_tables_are_the_published_ones(hospital):
    raw, _ = hospital
    assert (raw / "ECGCode.csv").read_bytes() == code_vocabularies.ECG_CODES.read_bytes()
    assert (raw / "DiseaseCode.csv").read_bytes() == code_vocabularies.DISEASE_CODES.read_bytes()


def test_headers_are_written_as_published_and_wfdb_reads_them(hospital):
    raw, _ = hospital
    for row in attributes(raw).to_dict("records"):
        record = wfdb.rdrecord(str(raw / "Child_ecg" / row["Filename"]), physical=False)
        leads = LEADS if row["Lead"] == "12" else NINE_LEADS
        assert record.sig_name == [name.upper() if "aV" in name else name for name in leads]
        assert (record.fs, record.sig_len) == (500, int(row["Sampling_point"]))
        assert set(record.fmt) == {"16"}
        assert set(record.adc_zero) == {0}
        assert record.comments[0] == f"{row['Gender'].strip(chr(39))} {row['Age'][:-1]}"
        assert len(record.comments) == 3
        assert record.checksum == [int(c) % 65536 for c in record.d_signal.sum(axis=0)]
        assert record.init_value == list(record.d_signal[0])


@hypothesis_settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    scale=st.floats(0.01, 30),
    offset=st.floats(-20, 20),
    flat=st.booleans(),
)
def test_wfdb_reads_back_the_millivolts_that_were_written(
    seed, scale, offset, flat, tmp_path_factory
):
    root = tmp_path_factory.mktemp("record")
    rng = np.random.default_rng(seed)
    wanted = offset + scale * rng.standard_normal((9, 300))
    wanted[4] = 0.0 if flat else wanted[4]
    stored = zzu_layout.write_record(root, "P00001_E01", wanted, NINE_LEADS, ("a", "b", "c"))
    read = wfdb.rdrecord(str(root / "Child_ecg/P00/P00001/P00001_E01")).p_signal.T
    assert np.array_equal(read, stored)
    assert np.abs(read - wanted).max() <= np.ptp(wanted, axis=1).max() / 65000


def test_more_newborns_come_than_published_and_some_have_v6(settings):
    large = settings.model_copy(update={"patients": 1000})
    planned = children.plan(large)
    newborns = [child for child in planned if child.age_days < 28]
    assert len(newborns) > 50
    assert 0.4 < children.nine_lead_share(10, "", large) < 0.8
    published = large.model_copy(update={"newborn_factor": 1.0})
    assert sum(child.age_days < 28 for child in children.plan(published)) < 25


def test_nine_lead_share_is_the_published_one_at_every_age(settings):
    settings = settings.model_copy(update={"newborn_nine_lead_odds": 1.0})
    mix = case_mix.case_mix()
    for row in mix.to_dict("records"):
        age = (row["age_from_days"] + row["age_to_days"]) // 2
        defects = row["chd"] / row["records"]
        share = defects * children.nine_lead_share(age, "chd", settings)
        share += (1 - defects) * children.nine_lead_share(age, "", settings)
        assert share == pytest.approx(row["nine_lead_share"], abs=0.01)


def test_lengths_are_varied_and_30_s_is_the_commonest(settings):
    rng = np.random.default_rng(0)
    lengths = [children._length(False, settings.mode_length_fraction, rng) for _ in range(4000)]
    values, counts = np.unique(lengths, return_counts=True)
    assert values.min() >= 2500
    assert values.max() <= 60_000
    assert values.size >= 50
    assert values[counts.argmax()] == 15_000


def test_wrong_flags_say_where_the_written_labels_differ_from_the_true_ones(hospital):
    raw, truth_folder = hospital
    truth = tables.read(truth_folder / "records.parquet", tables.TRUTH).set_index("record_id")
    group_of = {c.icd10: c.group for c in conditions().values() if c.icd10}
    for row in attributes(raw).to_dict("records"):
        true = truth.loc[row["ECG_ID"]]
        keys = [token.strip("'") for token in row["ICD-10 code"].split(";")]
        written = {group_of[key] for key in keys if key in group_of}
        for group in GROUPS:
            assert ((group in written) != bool(true[f"true_{group}"])) == true[f"wrong_{group}"]
        found = {token.strip("'").partition("+")[0] for token in row["AHA_code"].split(";")}
        found -= {"A1", "A2", "C23", "L155"}  # normal verdicts and benign findings
        for target, counted in (("abnormal", found), ("abnormal_beyond_rate", found - RATE)):
            assert (bool(counted) != bool(true[f"true_{target}"])) == true[f"wrong_{target}"]


def test_a_recovered_child_is_well_and_still_has_its_diagnosis(settings):
    some = settings.model_copy(update={"recovered_fraction": 1.0, "missed_fraction": 0.0})
    rng = np.random.default_rng(3)
    for visit in children.visits(children.Child(1, 900, "chd"), "male", some, rng):
        assert visit.coded["chd"]
        assert not visit.true["chd"]
        assert visit.severity["chd"] == 0


def test_sinus_tachycardia_is_written_only_where_the_rate_is_high_for_the_age(hospital):
    raw, truth_folder = hospital
    truth = tables.read(truth_folder / "records.parquet", tables.TRUTH).set_index("record_id")
    for row in attributes(raw).to_dict("records"):
        if "'C21'" in row["AHA_code"]:
            sex = row["Gender"].strip("'").lower()
            limit = physiology.percentiles("heart_rate", int(row["Age"][:-1]), sex)[2]
            assert truth.loc[row["ECG_ID"], "heart_rate_bpm"] > 0.95 * limit


def test_true_fiducials_are_ordered_waves_of_the_record(hospital):
    _, truth_folder = hospital
    waves = tables.read(truth_folder / "fiducials.parquet", tables.WAVES)
    assert (waves["onset_s"] < waves["peak_s"]).all()
    assert (waves["peak_s"] < waves["offset_s"]).all()
    assert set(waves["wave"]) == {"P", "QRS", "T"}
