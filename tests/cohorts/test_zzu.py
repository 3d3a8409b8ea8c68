"""ZZU-pECG: each row of the table ends as a record or in quarantine, with the right labels."""

import numpy as np
import pandas as pd
import pytest

from pedecg.cohorts.ingest import ingest
from pedecg.core.errors import PedecgError

NINE = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V3", "V5")


def test_a_sound_record_becomes_a_row_of_every_table(zzu, run):
    zzu.add(pSQI="'I':0.532;'aVR':0.4;'V2':Null", **{"ICD-10 code": "'(F) I40.0';'R18'"})
    zzu.write()
    found = run("simulated", zzu.root)
    record = found.records.iloc[0]
    assert record["record_id"] == "P00001_E01"
    assert record["path"] == "Child_ecg/P00/P00001/P00001_E01"
    assert (record["age_days"], record["sex"]) == (572, "female")
    assert record["leads"].split()[3:6] == ["aVR", "aVL", "aVF"]
    assert found.labels.iloc[0].to_dict() == {
        "record_id": "P00001_E01",
        "abnormal": 1,
        "abnormal_beyond_rate": 0,
        "chd": 0,
        "myocarditis": 1,
        "cardiomyopathy": 0,
        "kawasaki": 0,
    }
    quality = found.quality.set_index("lead")
    assert quality.loc["aVR", "source_psqi"] == 0.4
    assert np.isnan(quality.loc["V2", "source_psqi"])
    assert list(found.findings["code"]) == ["C21", "(F) I40.0", "R18"]


@pytest.mark.parametrize(
    ("cell", "abnormal"),
    [
        ("'A1'", 0),
        ("'A2';'C21'", 0),
        ("'C23'", 0),
        ("'C23';'L155'", 0),
        ("'C22';'C23'", 1),
        ("'Left ventricular high voltage'", 1),
        ("'Z999'", None),
        ("'C23';'Z999'", None),
        ("'C22';'Z999'", 1),
        ("'A1';'Z999'", 0),
        ("", None),
    ],
)
def test_abnormal_is_what_the_reader_found_beyond_the_benign(zzu, run, cell, abnormal):
    zzu.add(AHA_code=cell)
    zzu.write()
    [label] = run("zzu", zzu.root).labels["abnormal"]
    assert label is pd.NA if abnormal is None else label == abnormal


@pytest.mark.parametrize(
    ("cell", "abnormal", "beyond_rate"),
    [
        ("'C21'", 1, 0), ("'C22';'C23'", 1, 0), ("'C21';'I105'", 1, 1), ("'C23'", 0, 0),
        ("'A2';'C21'", 0, 0), ("'C22';'Z999'", 1, None), ("'Z999'", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_rate_findings_alone_are_no_abnormality_beyond_the_rate(
    zzu, run, cell, abnormal, beyond_rate
):
    zzu.add(AHA_code=cell)
    zzu.write()
    labels = run("zzu", zzu.root).labels.iloc[0]
    for target, wanted in (("abnormal", abnormal), ("abnormal_beyond_rate", beyond_rate)):
        assert labels[target] is pd.NA if wanted is None else labels[target] == wanted


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("Q24.9", "chd"), ("Q25.1", "chd"), ("Q20.3", "chd"), ("Q22.5", "chd"), ("Q21.8", "chd"),
        ("Q26.2", "chd"), ("I40.0", "myocarditis"), ("I40.8", "myocarditis"),
        ("I41.0", "myocarditis"), ("I42.8", "cardiomyopathy"), ("I43.1", "cardiomyopathy"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("policy", "label"), [("unknown", None), ("negative", 0), ("positive", 1)])
def test_a_diagnosis_of_a_targets_chapter_that_is_no_key_is_not_negative(
    zzu, run, code, target, policy, label
):
    zzu.add(**{"ICD-10 code": f"'{code}';'R18'"})
    zzu.write()
    found = run("zzu", zzu.root, zzu__unlisted_diagnoses=policy).labels.iloc[0]
    assert found[target] is pd.NA if label is None else found[target] == label
    others = {"chd", "myocarditis", "cardiomyopathy", "kawasaki"} - {target}
    assert (found[list(others)] == 0).all()


def test_a_listed_key_is_positive_beside_another_of_its_chapter(zzu, run):
    zzu.add(**{"ICD-10 code": "'Q24.9';'Q21.0'"})
    zzu.add("P00002", **{"ICD-10 code": "'Q24.8'"})  # a cardiomyopathy of the study
    zzu.write()
    labels = run("zzu", zzu.root).labels
    assert list(labels["chd"]) == [1, 0]
    assert list(labels["cardiomyopathy"]) == [0, 1]


def test_a_quality_outside_its_range_is_null_and_the_record_stays(zzu, run):
    zzu.add(pSQI="'I':2.5;'II':0.7;'V1':-0.1", bSQI="'I':inf")
    zzu.write()
    quality = run("zzu", zzu.root).quality.set_index("lead")
    assert quality["source_psqi"].notna().tolist() == [False, True] + 10 * [False]
    assert quality["source_bsqi"].isna().all()


def test_the_chinese_vocabulary_counts_where_the_other_is_empty(zzu, run):
    zzu.add(AHA_code="", CHN_code="'C15'")
    zzu.add("P00002", AHA_code="", CHN_code="'H74'")
    zzu.write()
    assert list(run("zzu", zzu.root).labels["abnormal"]) == [0, 1]


def test_a_code_of_no_table_in_one_vocabulary_is_settled_by_the_other(zzu, run):
    zzu.add(AHA_code="'C23'", CHN_code="'F64'")
    zzu.write()
    assert list(run("zzu", zzu.root).labels["abnormal"]) == [0]


def test_a_diagnosis_that_cannot_be_read_leaves_the_unnamed_diseases_unknown(zzu, run):
    zzu.add(**{"ICD-10 code": "'(XX) Q9';'Q21.0'"})
    zzu.write()
    labels = run("zzu", zzu.root).labels
    assert list(labels["chd"]) == [1]
    assert labels[["myocarditis", "cardiomyopathy", "kawasaki"]].isna().all(axis=None)


def test_an_empty_diagnosis_cell_is_unknown_and_not_negative(zzu, run):
    zzu.add(**{"ICD-10 code": ""})
    zzu.write()
    labels = run("zzu", zzu.root).labels
    assert labels[["chd", "myocarditis", "cardiomyopathy", "kawasaki"]].isna().all(axis=None)


def test_codes_of_no_table_are_kept_and_counted(zzu, run):
    zzu.add(CHN_code="'F64';'F55+Sometimes'")
    zzu.write()
    found = run("zzu", zzu.root)
    assert found.metrics["unknown_codes"] == {"chn": {"F55+Sometimes": 1, "F64": 1}}
    chinese = found.findings[found.findings["vocabulary"] == "chn"]
    assert list(chinese["code"]) == ["F64", "F55"]
    assert chinese["description"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Age": ""}, "missing-age"),
        ({"Age": "572"}, "invalid-age"),
        ({"Age": "-3d"}, "invalid-age"),
        ({"Age": "old"}, "invalid-age"),
        ({"Age": "99999d"}, "invalid-age"),
        ({"Gender": "'Unknown'"}, "unknown-sex"),
        ({"Gender": ""}, "unknown-sex"),
        ({"Patient_ID": ""}, "missing-patient-id"),
        ({"Sampling_point": "999"}, "sample-count-mismatch"),
        ({"Sampling_point": "many"}, "bad-cell"),
        ({"Lead": "9"}, "lead-count-mismatch"),
        ({"pSQI": "'Z9':0.5"}, "bad-cell"),
    ],
)
def test_a_row_at_fault_is_quarantined_with_its_reason(zzu, reasons, cells, reason):
    zzu.add("P00001", **cells)
    zzu.add("P00002")
    assert reasons(zzu) == {"P00001_E01": reason}


def test_a_file_name_cannot_lead_out_of_the_root(zzu, reasons):
    zzu.add(files=False, Filename="../../../etc/passwd")
    assert reasons(zzu) == {"P00001_E01": "path-outside-root"}


def test_a_row_without_an_id_is_named_by_its_number(zzu, reasons):
    zzu.add(ECG_ID="")
    assert reasons(zzu) == {"AttributesDictionary.csv row 1": "missing-record-id"}


def test_unknown_age_and_sex_may_be_kept_as_null(zzu, run):
    zzu.add(Age="", Gender="'?'")
    zzu.write()
    found = run("zzu", zzu.root, require_age=False, require_sex=False)
    assert found.records[["age_days", "sex"]].isna().all(axis=None)
    assert (found.metrics["age_unknown"], found.metrics["sex_unknown"]) == (1, 1)


def test_of_equal_rows_the_first_stays(zzu, run):
    zzu.add()
    zzu.rows.append(dict(zzu.rows[0]))
    zzu.write()
    found = run("zzu", zzu.root)
    assert list(found.records["record_id"]) == ["P00001_E01"]
    assert list(found.quarantine["reason"]) == ["duplicate-row"]


def test_rows_that_contradict_each_other_are_both_refused(zzu, run):
    zzu.add()
    zzu.rows.append(zzu.rows[0] | {"Age": "900d"})
    zzu.add("P00002")
    zzu.rows.append(zzu.rows[2] | {"ECG_ID": "P00003_E01", "Patient_ID": "P00003"})
    zzu.write()
    found = run("zzu", zzu.root)
    assert found.records.empty
    assert list(found.quarantine["reason"]) == ["conflicting-rows"] * 4


@pytest.mark.parametrize("spelling", ["./{}", "x/../{}", "{}.hea", "{}.dat"])
def test_one_file_spelt_in_two_ways_is_one_file(zzu, reasons, spelling):
    zzu.add("P00001")
    zzu.add("P00002", files=False, Filename=spelling.format(zzu.rows[0]["Filename"]))
    assert reasons(zzu) == {
        "P00001_E01": "conflicting-rows",
        "P00002_E01": "conflicting-rows",
    }


def test_rows_without_files_and_files_without_rows_are_named(zzu, reasons, recorder):
    zzu.add("P00001", files=False)
    zzu.add("P00002")
    recorder(zzu.root / "Child_ecg/P00/P00003/P00003_E01")
    orphan = zzu.root / "Child_ecg/P00/P00004/P00004_E01.dat"
    orphan.parent.mkdir()
    orphan.write_bytes(b"")
    assert reasons(zzu) == {
        "P00001_E01": "missing-header",
        "P00003_E01": "unlisted-record",
        "P00004_E01": "unlisted-record",
    }


def test_nine_leads_are_found_by_name(zzu, run, recorder):
    stem = zzu.add(Lead="9")
    recorder(stem, NINE)
    zzu.write()
    found = run("zzu", zzu.root)
    assert found.records["leads"].iloc[0] == "I II III aVR aVL aVF V1 V3 V5"
    assert found.metrics["records_by_lead_count"] == {"09": 1}


def test_an_unknown_channel_quarantines_unless_it_is_named(
    zzu, run, recorder, cohort_settings, ingest_settings
):
    stem = zzu.add(Lead="9")
    recorder(stem, (*NINE, "AUX"))
    zzu.write()
    assert list(run("zzu", zzu.root).quarantine["reason"]) == ["unknown-lead"]
    lenient = ingest_settings.model_copy(update={"ignore_channels": ["AUX"]})
    assert len(ingest(cohort_settings("zzu", zzu.root), lenient).records) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("Filename", "ECG_ID", "Patient_ID", "age"), "column 'Age' not found; did you mean 'age'"),
        (("Filename",), "column 'ECG_ID' not found"),
        (("Filename", "Filename"), "column 'Filename' appears twice"),
    ],
)
def test_a_missing_or_renamed_column_ends_the_run_in_one_line(zzu, run, columns, message):
    zzu.add()
    zzu.write(columns)
    with pytest.raises(PedecgError, match=message.replace("'", ".")) as caught:
        run("zzu", zzu.root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        ("Filename,Größe\n".encode("latin-1"), "not UTF-8"),
        (b'"never closed', "not a CSV table"),
        (None, "not found"),
    ],
)
def test_a_table_that_cannot_be_read_ends_the_run_in_one_line(zzu, run, data, message):
    file = zzu.write()
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(PedecgError, match=message):
        run("zzu", zzu.root)


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(zzu, run, separator, name):
    zzu.add()
    file = zzu.write()
    file.write_text(file.read_text().replace(",", separator))
    with pytest.raises(PedecgError, match=f"separated by {name}; expected commas"):
        run("zzu", zzu.root)


def test_a_table_saved_by_a_spreadsheet_is_read(zzu, run):
    zzu.add()
    file = zzu.write()
    text = file.read_text().replace("\r\n", "\n").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(run("zzu", zzu.root).records) == 1


def test_a_table_that_cannot_be_opened_is_reported(zzu, run):
    (zzu.root / "AttributesDictionary.csv").mkdir(parents=True)
    with pytest.raises(PedecgError, match=r"AttributesDictionary.csv: cannot be read \("):
        run("zzu", zzu.root)


def test_a_line_with_a_field_too_many_is_named(zzu, run):
    zzu.add()
    file = zzu.write()
    file.write_text(file.read_text().rstrip("\r\n") + ",surplus\r\n")
    with pytest.raises(PedecgError, match="line 2: 15 fields; expected 14"):
        run("zzu", zzu.root)


def test_an_absent_root_is_named(tmp_path, run):
    with pytest.raises(PedecgError, match="folder not found"):
        run("zzu", tmp_path / "nowhere")


def test_a_root_that_the_system_refuses_is_reported_in_one_line(tmp_path, run):
    with pytest.raises(PedecgError, match=r"cannot be read \(File name too long\)"):
        run("zzu", tmp_path / ("x" * 5000))


def test_a_file_that_the_system_refuses_is_quarantined(zzu, reasons):
    zzu.add("P00001", files=False, Filename="x" * 5000)
    assert reasons(zzu) == {"P00001_E01": "unreadable-file"}


def test_a_misspelled_benign_finding_is_refused(tmp_path, cohort_settings):
    with pytest.raises(PedecgError, match=r"cohort.zzu must name AHA codes .*found 'C2'"):
        cohort_settings("zzu", tmp_path, zzu__benign_findings=["C2"])
