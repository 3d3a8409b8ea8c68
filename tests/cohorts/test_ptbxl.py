"""PTB-XL: superclasses, folds, hidden ages, and the choice of sampling rate."""

import pytest

from pedecg.core.errors import PedecgError

COLUMNS = (
    "ecg_id", "patient_id", "age", "sex", "recording_date", "scp_codes", "strat_fold",
    "filename_lr", "filename_hr",
)  # fmt: skip
STATEMENTS = [
    {"": "NORM", "description": "normal ECG", "diagnostic": "1.0", "diagnostic_class": "NORM"},
    {"": "IMI", "description": "inferior MI", "diagnostic": "1.0", "diagnostic_class": "MI"},
    {"": "SR", "description": "sinus rhythm", "diagnostic": "", "diagnostic_class": ""},
]


@pytest.fixture
def ptbxl(tmp_path, recorder, csv_writer):
    """Write one record and its row with some cells changed; returns the root."""

    def write(**cells: str):
        row = {
            "ecg_id": "7",
            "patient_id": "13243.0",
            "age": "17.0",
            "sex": "1",
            "recording_date": "1984-11-14 12:55:37",
            "scp_codes": "{'IMI': 0.0, 'SR': 0.0}",
            "strat_fold": "9",
            "filename_lr": "records100/00000/00007_lr",
            "filename_hr": "records500/00000/00007_hr",
        }
        csv_writer(tmp_path / "ptbxl_database.csv", COLUMNS, [row | cells])
        csv_writer(tmp_path / "scp_statements.csv", tuple(STATEMENTS[0]), STATEMENTS)
        recorder(tmp_path / "records100/00000/00007_lr", fs="100")
        return tmp_path

    return write


def test_a_record_carries_its_fold_superclasses_and_statements(ptbxl, run):
    found = run("ptbxl", ptbxl())
    record = found.records.iloc[0]
    assert (record["record_id"], record["patient_id"], record["fold"]) == ("7", "13243", 9)
    assert (record["age_days"], record["sex"], record["fs_hz"]) == (6209, "female", 100)
    assert found.labels.iloc[0, 1:].to_dict() == {"norm": 0, "mi": 1, "sttc": 0, "cd": 0, "hyp": 0}
    assert list(found.findings["code"]) == ["IMI", "SR"]
    assert list(found.findings["likelihood"]) == [0.0, 0.0]


@pytest.mark.parametrize("age", ["300.0", "300", ""])
def test_a_hidden_age_is_null_and_no_fault(ptbxl, run, age):
    records = run("ptbxl", ptbxl(age=age)).records
    assert records["age_days"].isna().all()
    assert len(records) == 1


@pytest.mark.parametrize("age", ["0", "0.0"])
def test_an_age_of_no_whole_year_is_an_infant_of_unknown_day(ptbxl, run, age):
    found = run("ptbxl", ptbxl(age=age), max_age_days=6573)
    assert found.records["age_days"].isna().all()
    assert found.metrics["age_below_one_unit"] == len(found.records) == 1


def test_an_age_limit_excludes_hidden_ages_and_says_so(ptbxl, run):
    found = run("ptbxl", ptbxl(age="300.0"), max_age_days=6573)
    assert found.metrics["excluded"] == {"age-unknown": 1}


@pytest.mark.parametrize(("age", "kept"), [("17.0", 1), ("18.0", 0)])
def test_under_eighteen_is_at_most_6573_days(ptbxl, run, age, kept):
    assert len(run("ptbxl", ptbxl(age=age), max_age_days=6573).records) == kept


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"scp_codes": "{'NORM': "}, "bad-cell"),
        ({"scp_codes": "__import__('os')"}, "bad-cell"),
        ({"sex": "2"}, "unknown-sex"),
        ({"age": "-4"}, "invalid-age"),
        ({"patient_id": ""}, "missing-patient-id"),
        ({"strat_fold": "nine"}, "bad-cell"),
    ],
)
def test_a_row_at_fault_is_quarantined(ptbxl, run, cells, reason):
    assert list(run("ptbxl", ptbxl(**cells)).quarantine["reason"]) == [reason]


def test_without_a_diagnostic_statement_labels_are_unknown(ptbxl, run):
    labels = run("ptbxl", ptbxl(scp_codes="{'SR': 0.0, 'XYZ': 100.0}"))
    assert labels.labels.iloc[0, 1:].isna().all()
    assert labels.metrics["unknown_codes"] == {"scp": {"XYZ": 1}}


def test_a_code_of_no_table_leaves_the_unnamed_superclasses_unknown(ptbxl, run):
    labels = run("ptbxl", ptbxl(scp_codes="{'NORM': 80.0, 'XYZ': 100.0}")).labels.iloc[0, 1:]
    assert labels["norm"] == 1
    assert labels.drop("norm").isna().all()


def test_without_the_table_of_statements_the_run_ends_in_one_line(ptbxl, run):
    root = ptbxl()
    (root / "scp_statements.csv").unlink()
    with pytest.raises(PedecgError, match=r"scp_statements.csv: not found; expected the table"):
        run("ptbxl", root)


def test_a_rate_without_files_is_quarantined(ptbxl, run):
    found = run("ptbxl", ptbxl(), ptbxl__records="records500")
    assert list(found.quarantine["reason"]) == ["missing-header"]


def test_another_rate_is_refused(ptbxl, run):
    with pytest.raises(PedecgError, match="must be records100 or records500"):
        run("ptbxl", ptbxl(), ptbxl__records="records250")
