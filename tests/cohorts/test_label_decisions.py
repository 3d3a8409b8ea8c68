"""What reviewers decide reaches training and validation labels, and never the test."""

import pandas as pd
import pytest

from pedecg.cohorts import label_decisions
from pedecg.core import tables
from pedecg.core.errors import PedecgError


@pytest.fixture
def labels() -> pd.DataFrame:
    table = pd.DataFrame(
        {"record_id": ["a", "b", "c", "d"], "chd": [1, 0, 1, None], "kawasaki": [0, 0, 1, 1]}
    )
    return tables.check(table, tables.LABELS, "labels")


@pytest.fixture
def splits() -> pd.DataFrame:
    split = ["train", "validation", "test", "train"]
    return pd.DataFrame({"record_id": list("abcd"), "patient_id": list("ABCD"), "split": split})


@pytest.fixture
def decided(tmp_path):
    def write(*rows: str):
        file = tmp_path / "labels.csv"
        lines = ["record_id,label,decision,reviewer,reason", *rows]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    return write


def test_no_decision_changes_nothing(labels, splits, decided):
    pd.testing.assert_frame_equal(label_decisions.apply(labels, splits, decided()), labels)


def test_flip_unknown_and_keep_do_what_they_say(labels, splits, decided):
    file = decided("a,chd,flip,AB,recovered", "b,chd,unknown,AB,noise", "a,kawasaki,keep,AB,")
    cleaned = label_decisions.apply(labels, splits, file)
    assert cleaned["chd"].tolist()[0] == 0
    assert cleaned["chd"].isna().tolist() == [False, True, False, True]
    assert cleaned["kawasaki"].tolist() == [0, 0, 1, 1]
    tables.check(cleaned, tables.LABELS, "cleaned")


def test_a_label_that_another_test_decides_may_become_unknown_and_is_never_turned(
    labels, splits, decided
):
    file = decided("a,chd,unknown,AB,", "b,kawasaki,flip,AB,")
    cleaned = label_decisions.apply(labels, splits, file, not_from_ecg=["chd"])
    assert cleaned["chd"].isna().tolist() == [True, False, False, True]
    assert cleaned["kawasaki"].tolist() == [0, 1, 1, 1]
    for row in ("b,chd,flip,AB,", "c,chd,flip,AB,"):  # also of a test record
        with pytest.raises(
            PedecgError, match=r"line 2: chd is not decided by the ECG .*found flip"
        ):
            label_decisions.apply(labels, splits, decided(row), not_from_ecg=["chd"])


def test_test_labels_stay_as_they_came(labels, splits, decided):
    cleaned = label_decisions.apply(
        labels, splits, decided("c,chd,flip,AB,", "c,kawasaki,unknown,AB,")
    )
    pd.testing.assert_frame_equal(cleaned, labels)


def test_the_given_table_is_left_alone(labels, splits, decided):
    before = labels.copy()
    label_decisions.apply(labels, splits, decided("a,chd,flip,AB,"))
    pd.testing.assert_frame_equal(labels, before)


@pytest.mark.parametrize(
    ("rows", "reported"),
    [
        (["z,chd,keep,AB,"], "line 2: record z is not in this cohort's splits"),
        (["a,chf,keep,AB,"], "line 2: label 'chf' is not a target; targets are chd, kawasaki"),
        (["a,chd,keep,AB,", "b,chd,drop,AB,"], "line 3: decision must be keep, flip, unknown"),
        (["d,chd,flip,AB,"], "line 2: chd of d is unknown; it cannot be flipped"),
        (["a,chd,flip,AB,", "a,chd,flip,CD,"], "two decisions on chd of a"),
    ],
)
def test_a_fault_is_reported_in_one_line(labels, splits, decided, rows, reported):
    with pytest.raises(PedecgError) as fault:
        label_decisions.apply(labels, splits, decided(*rows))
    assert reported in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("record,label,decision,reviewer,reason\n", "column 'record_id' not found; did you mean"),
        ("record_id;label;decision;reviewer;reason\n", "separated by semicolons"),
        ("record_id,label,decision,reviewer,reason\na,chd,flip\n", "line 2: 3 fields; expected 5"),
        (
            "record_id,label,decision,reviewer,reason\na,chd,flip,AB,wide QRS, notched\n",
            "line 2: 6 fields; expected 5",
        ),
        ("", "empty"),
    ],
)
def test_a_file_of_another_form_is_reported(labels, splits, tmp_path, text, reported):
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PedecgError, match=reported):
        label_decisions.apply(labels, splits, file)


def test_a_missing_file_is_reported(labels, splits, tmp_path):
    with pytest.raises(PedecgError, match="not found"):
        label_decisions.apply(labels, splits, tmp_path / "none.csv")


def test_rows_of_the_candidate_table_may_be_copied_as_they_are(labels, splits, tmp_path):
    file = tmp_path / "labels.csv"
    text = "rank,record_id,label,given,decision,reviewer,reason\r\n1,a,chd,1,flip,AB,recovered\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert label_decisions.apply(labels, splits, file)["chd"].tolist()[0] == 0
