"""Patients that may be one are found by their ids and signals, and no split parts them."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.cohorts import same_patient, splits
from pedecg.core import patient_keys, tables


def groups(*patients, digests=None):
    return same_patient.groups(patients, digests or [str(i).encode() for i in range(len(patients))])


@pytest.mark.parametrize(
    "alike",
    [("12", "12.0"), ("12", "P12"), ("P12", "p12"), ("0012", "12"), ("P-12", "P12"),
     ("12", "patient 12"), ("12.", "12"), ("ab", "AB"), ("12", "P12", "p012", "12.0")],
)  # fmt: skip
def test_ids_that_differ_only_in_form_may_be_one_patient(alike):
    assert groups(*alike, "13") == dict.fromkeys(alike, min(alike))


@pytest.mark.parametrize(
    "apart", [("12", "13"), ("A12", "B12"), ("12", "120"), ("12", "1.2"), ("12", "12a"), ("a", "b")]
)
def test_ids_that_differ_in_more_are_two_patients(apart):
    assert groups(*apart) == {}


def test_the_same_signal_under_two_patients_links_them_and_those_they_are_linked_to():
    found = groups("a", "b", "7", "P7", "c", "a", digests=[b"1", b"1", b"2", b"3", b"2", b"9"])
    assert found == {"a": "a", "b": "a", "7": "7", "P7": "7", "c": "7"}


def test_a_patient_with_the_same_signal_twice_is_alone():
    assert groups("a", "a", digests=[b"1", b"1"]) == {}


@given(st.permutations([("12", b"a"), ("P12", b"b"), ("x", b"b"), ("y", b"c"), ("z", b"c")]))
@settings(deadline=None)
def test_groups_do_not_depend_on_the_order_of_the_records(rows):
    patients, digests = zip(*rows, strict=True)
    assert same_patient.groups(patients, digests) == {
        "12": "12", "P12": "12", "x": "12", "y": "y", "z": "y"
    }  # fmt: skip


@pytest.fixture
def doubled(cohort):
    """A cohort in which the patients at even places are linked with the ones after them."""
    records, labels = cohort()
    names = sorted(set(records["patient_id"]))
    pairs = {name: names[i // 2 * 2] for i, name in enumerate(names[:80])}
    records["split_group"] = records["patient_id"].map(pairs).astype("string")
    return tables.check(records, tables.RECORDS, "records"), labels


@pytest.mark.parametrize("changed", [{}, {"folds": 5, "fold": 1}])
def test_no_split_parts_patients_that_may_be_one(doubled, split_settings, changed):
    records, labels = doubled
    assignment = splits.by_patient(records, labels, split_settings(**changed))
    assert same_patient.in_two_splits(assignment, records) == 0
    alone = records.drop(columns="split_group")
    before = splits.by_patient(alone, labels, split_settings(**changed))
    assert same_patient.in_two_splits(before, records) > 0  # a test that could fail


def test_they_are_listed_with_the_reason(run, tmp_path, recorder, csv_writer):
    names = ["12", "P12", "copy", "x", "y"]
    rows = [
        {"record_id": f"r{i}", "patient_id": name, "path": f"r{i}", "age": "300d", "sex": "F"}
        for i, name in enumerate(names)
    ]
    csv_writer(tmp_path / "manifest.csv", ("record_id", "patient_id", "path", "age", "sex"), rows)
    shifted = recorder(tmp_path / "r0")
    for i in (1, 2, 3, 4):
        recorder(tmp_path / f"r{i}", counts=shifted + (0 if i == 2 else i))
    records = run("manifest", tmp_path).records
    table = same_patient.listed(records)
    assert table.to_dict("list") == {
        "group": ["12"] * 3,
        "patient_id": ["12", "P12", "copy"],
        "records": [1, 1, 1],
        "why": [same_patient.BY_FORM, same_patient.BY_FORM, same_patient.BY_SIGNAL],
    }
    assert same_patient.listed(records.drop(columns="split_group")).empty
    assert isinstance(patient_keys.of(records), pd.Series)
