"""What cross-validation by a parameter promises."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from pedecg.cohorts import splits
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.delineator import record_split

EDGES = [28, 365, 1826, 3652]


@given(
    patients=st.integers(8, 90),
    folds=st.integers(2, 8),
    seed=st.integers(0, 1000),
    unknown=st.sampled_from([0, 0.5, 1]),
)
@budget(max_examples=20, deadline=None)
def test_every_patient_is_in_exactly_one_test_fold_and_in_one_split_of_each(
    cohort, split_settings, patients, folds, seed, unknown
):
    records, labels = cohort(patients, seed, unknown)
    tested: list[str] = []
    for fold in range(folds):
        assignment = splits.by_patient(
            records, labels, split_settings(seed=seed, folds=folds, fold=fold)
        )
        tables.check(assignment, tables.SPLITS, "splits")
        assert list(assignment["record_id"]) == list(records["record_id"])
        assert assignment.groupby("patient_id")["split"].nunique().max() == 1
        test = assignment.loc[assignment["split"] == "test", "patient_id"].unique()
        assert abs(len(test) - patients / folds) < 1
        assert set(assignment["split"]) == set(tables.SPLITS_IN_ORDER)
        tested += list(test)
    assert sorted(tested) == sorted(records["patient_id"].unique())


def test_folds_keep_labels_ages_leads_and_sexes_alike(cohort, split_settings):
    records, labels = cohort(400)
    for fold in range(5):
        assignment = splits.by_patient(records, labels, split_settings(folds=5, fold=fold))
        table = splits.balance_table(assignment, records, labels, EDGES)
        assert splits.balance(assignment, table)["largest_deviation"] < 0.03


def test_the_rest_is_divided_as_the_fractions_of_training_and_validation_are(
    cohort, split_settings
):
    records, labels = cohort(300)
    assignment = splits.by_patient(records, labels, split_settings(folds=5, fold=2))
    assert dict(assignment.groupby("split")["patient_id"].nunique()) == {
        "test": 60, "train": 180, "validation": 60,
    }  # fmt: skip


def test_without_folds_the_split_is_that_of_the_fractions(cohort, split_settings):
    records, labels = cohort(100)
    assignment = splits.by_patient(records, labels, split_settings())
    part = splits._assign(records, labels, [0.6, 0.2, 0.2], 7, EDGES)
    assert list(assignment["split"]) == list(np.array(tables.SPLITS_IN_ORDER)[part])


@given(n=st.integers(6, 60), folds=st.integers(2, 6), seed=st.integers(0, 100))
@budget(max_examples=30, deadline=None)
def test_every_labelled_record_is_tested_once_and_those_held_out_always(n, folds, seed):
    ids = [f"ludb/{i}" for i in range(n)]
    records = pd.DataFrame({"record_id": ids, "patient_id": ids, "source": "ludb"})
    tested: list[str] = []
    for fold in range(folds):
        settings = record_split.Settings(
            seed=seed, fractions=[0.7, 0.15, 0.15], held_out={"ludb": [0]}, folds=folds, fold=fold
        )
        found = record_split.by_record(records, settings)
        assert list(found["record_id"]) == list(records["record_id"])
        test = set(found.loc[found["split"] == "test", "record_id"])
        assert "ludb/0" in test
        assert abs(len(test) - 1 - (n - 1) / folds) < 1
        tested += sorted(test - {"ludb/0"})
    assert sorted(tested) == sorted(set(records["record_id"]) - {"ludb/0"})


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"folds": 1}, "split.folds must be 0, or 2 and more (found 1)"),
        ({"folds": 5, "fold": 5}, "split.fold must be below folds, which is 5 (found 5)"),
        ({"fold": 1}, "split.fold must be below folds, which is 0 (found 1)"),
        ({"folds": 5, "source": "dataset"}, "split.folds asks for source stratified"),
    ],
)
def test_a_fold_that_is_none_is_reported_in_one_line(split_settings, changed, line):
    values = {**split_settings().model_dump(), **changed}
    with pytest.raises(PedecgError) as fault:
        params.parse(values, "split", splits.SplitSettings, "params.yaml")
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)
