"""What a split promises."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from pedecg.cohorts import splits
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError

AGE_EDGES = [28, 365, 1826, 3652]


def largest_deviation(assignment, records, labels):
    table = splits.balance_table(assignment, records, labels, AGE_EDGES)
    return splits.balance(assignment, table)["largest_deviation"]


def at_random(records, seed):
    patients = records["patient_id"].unique()
    shuffled = np.random.default_rng(seed).permutation(patients)
    cut = round(0.6 * len(patients)), round(0.8 * len(patients))
    part = np.repeat(
        np.array(tables.SPLITS_IN_ORDER), [cut[0], cut[1] - cut[0], len(patients) - cut[1]]
    )
    of = dict(zip(shuffled, part, strict=True))
    return records[["record_id", "patient_id"]].assign(split=records["patient_id"].map(of))


@given(
    patients=st.integers(5, 120), seed=st.integers(0, 1000), unknown=st.sampled_from([0, 0.5, 1])
)
@budget(max_examples=25, deadline=None)
def test_every_record_is_in_one_split_and_every_patient_too(
    cohort, split_settings, patients, seed, unknown
):
    records, labels = cohort(patients, seed, unknown)
    assignment = splits.by_patient(records, labels, split_settings(seed=seed))
    tables.check(assignment, tables.SPLITS, "splits")
    assert list(assignment["record_id"]) == list(records["record_id"])
    per_patient = assignment.groupby("patient_id")["split"].nunique()
    assert (per_patient == 1).all()
    in_split = assignment.groupby("split")["patient_id"].nunique()
    assert in_split.sum() == patients
    for split, share in zip(tables.SPLITS_IN_ORDER, (0.6, 0.2, 0.2), strict=True):
        assert abs(in_split[split] - share * patients) < 1


def test_the_same_seed_gives_the_same_split_in_any_order_of_the_rows(cohort, split_settings):
    records, labels = cohort()
    shuffled = records.sample(frac=1, random_state=1).reset_index(drop=True)
    relabelled = labels.sample(frac=1, random_state=2).reset_index(drop=True)
    first = splits.by_patient(records, labels, split_settings())
    second = splits.by_patient(shuffled, relabelled, split_settings())
    pd.testing.assert_frame_equal(
        first, second.sort_values("record_id").reset_index(drop=True), check_dtype=False
    )


def test_another_seed_gives_another_split(cohort, split_settings):
    records, labels = cohort()
    one, other = (
        splits.by_patient(records, labels, split_settings(seed=s))["split"] for s in (1, 2)
    )
    assert (one != other).mean() > 0.2


def test_splits_are_more_alike_than_random_ones(cohort, split_settings):
    records, labels = cohort(400)
    ours = [
        largest_deviation(
            splits.by_patient(records, labels, split_settings(seed=s)), records, labels
        )
        for s in range(5)
    ]
    random = [largest_deviation(at_random(records, s), records, labels) for s in range(20)]
    assert max(ours) < min(random)
    assert np.mean(ours) < 0.015


def test_a_rare_label_is_in_every_split(cohort, split_settings):
    records, labels = cohort(300, unknown=0)
    labels["rare"] = pd.array([0] * len(labels), "Int8")
    few = records.drop_duplicates("patient_id")["record_id"].iloc[:10]
    labels.loc[labels["record_id"].isin(few), "rare"] = 1
    assignment = splits.by_patient(records, labels, split_settings())
    found = assignment[assignment["record_id"].isin(few)]["split"].value_counts()
    assert dict(found) == {"train": 6, "validation": 2, "test": 2}


def test_the_report_names_the_largest_deviation_and_counts_positives(cohort, split_settings):
    records, labels = cohort()
    assignment = splits.by_patient(records, labels, split_settings())
    table = splits.balance_table(assignment, records, labels, AGE_EDGES)
    report = splits.balance(assignment, table)
    assert report["largest_deviation"] == pytest.approx(table["deviation"].abs().max())
    split, rest = report["largest_deviation_at"].split(", ")
    assert split in tables.SPLITS_IN_ORDER
    assert set(table["group"]) == {"target", "age", "leads", "sex"}
    assert rest.split(" ", 1)[0] in set(table["group"])
    positives = sum(report[split]["positives"]["chd"] for split in tables.SPLITS_IN_ORDER)
    assert positives == (labels["chd"] == 1).sum()
    assert sum(report[split]["patients"] for split in tables.SPLITS_IN_ORDER) == 300


def test_unknown_labels_are_no_negatives_in_the_shares(cohort, split_settings):
    records, labels = cohort()
    labels["chd"] = labels["chd"].mask(labels["chd"] == 0)
    assignment = splits.by_patient(records, labels, split_settings())
    table = splits.balance_table(assignment, records, labels, AGE_EDGES)
    assert (table.loc[table["value"] == "chd", "share"] == 1).all()


def test_folds_are_of_patients_and_alike(cohort):
    records, labels = cohort()
    fold = splits.folds(records, labels, 5, 3, AGE_EDGES)
    assert list(fold.index) == list(records["record_id"])
    assert sorted(fold.unique()) == [0, 1, 2, 3, 4]
    patient = records.set_index("record_id")["patient_id"]
    assert fold.groupby(patient).nunique().max() == 1
    assert (patient.groupby(fold).nunique() == 60).all()
    chd = labels.set_index("record_id")["chd"]
    assert chd.groupby(fold).mean().astype(float).std() < 0.02


def test_twelve_thousand_patients_are_split_in_ten_seconds_of_cpu_time(cohort, split_settings):
    records, labels = cohort(12_000)
    start = time.process_time()
    assignment = splits.by_patient(records, labels, split_settings())
    assert time.process_time() - start < 10
    assert largest_deviation(assignment, records, labels) < 0.002


def test_the_data_sets_own_folds_are_taken(cohort, split_settings):
    records, labels = cohort()
    number = records["patient_id"].str[1:].astype(int)
    records["fold"] = (number % 10 + 1).astype("Int64")
    assignment = splits.by_patient(records, labels, split_settings(source="dataset"))
    expected = records["fold"].map(lambda fold: {9: "validation", 10: "test"}.get(fold, "train"))
    assert list(assignment["split"]) == list(expected)


def test_the_data_sets_own_split_column_goes_before_its_folds(cohort, split_settings):
    records, labels = cohort()
    number = records["patient_id"].str[1:].astype(int)
    records["source_split"] = np.array(tables.SPLITS_IN_ORDER)[number % 3]
    records["fold"] = pd.array([1] * len(records), "Int64")
    assignment = splits.by_patient(records, labels, split_settings(source="dataset"))
    assert list(assignment["split"]) == list(records["source_split"])


def test_a_patient_in_two_of_the_data_sets_splits_is_named(cohort, split_settings):
    records, labels = cohort()
    number = records["patient_id"].str[1:].astype(int)
    records["fold"] = (number % 10 + 1).astype("Int64")
    patient = records["patient_id"][records["patient_id"].duplicated()].iloc[0]
    records.loc[records[records["patient_id"] == patient].index[0], "fold"] = 9
    records.loc[records[records["patient_id"] == patient].index[1], "fold"] = 10
    with pytest.raises(PedecgError, match=f"patient {patient} is in test and"):
        splits.by_patient(records, labels, split_settings(source="dataset"))


@pytest.mark.parametrize(("fold", "found"), [(11, "11; expected one of 1, 2"), (None, "<NA>")])
def test_a_record_whose_fold_has_no_use_is_named(cohort, split_settings, fold, found):
    records, labels = cohort()
    records["fold"] = pd.array([1] * len(records), "Int64")
    records.loc[5, "fold"] = fold
    with pytest.raises(PedecgError, match=f"fold of R00005 is {found}"):
        splits.by_patient(records, labels, split_settings(source="dataset"))


def test_too_few_patients_are_refused(cohort, split_settings):
    records, labels = cohort(2)
    with pytest.raises(PedecgError, match="2 patients cannot fill 3 parts"):
        splits.by_patient(records, labels, split_settings())


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"fractions": [0.6, 0.3, 0.2]}, "split.fractions must sum to 1 (found 0.6 + 0.3 + 0.2 ="),
        ({"fractions": [0.8, 0.2, 0.0]}, "split.fractions must all be above 0 (found 0.8 + 0.2 +"),
        ({"age_edges_days": [365, 28]}, "split.age_edges_days must ascend from above 0"),
        ({"test_folds": [9]}, "fold 9 in two of its lists"),
        ({"source": "random"}, "split.source must be stratified or dataset (found 'random')"),
        ({"sed": 1}, "unknown key split.sed; did you mean seed?"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_reported_in_one_line(split_settings, changed, line):
    values = {**split_settings().model_dump(), **changed}
    with pytest.raises(PedecgError) as fault:
        params.parse(values, "split", splits.SplitSettings, "params.yaml")
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)
