"""The audit counts what is there, for any cohort."""

import numpy as np
import pandas as pd
import pytest

from pedecg.cohorts import audit
from pedecg.core import age_groups
from pedecg.plots import audit_figures


@pytest.fixture(scope="module")
def tables(ingested):
    return audit.tables_of(**ingested())


def by(table, key, value):
    return table.set_index(key).loc[value]


def test_diagnoses_of_a_targets_chapter_that_are_no_key_are_counted(ingested):
    tables = ingested()
    ids = tables["records"]["record_id"]
    codes = ["Q25.1", "Q25.1", "Q21.0", "I42.8", "R18", "I40.0"]
    rows = {"record_id": ids[: len(codes)], "vocabulary": "icd10", "code": codes}
    tables["findings"] = pd.concat([tables["findings"], pd.DataFrame(rows)], ignore_index=True)
    audited = audit.tables_of(**tables)
    counted = audited["unlisted_diagnoses"].to_records(index=False).tolist()
    assert counted == [
        ("cardiomyopathy", "I42.8", 1), ("chd", "Q25.1", 2), ("myocarditis", "I40.0", 1)
    ]  # fmt: skip
    summed = audit.summary(tables["records"], tables["quality"], audited)["unlisted_diagnoses"]
    assert summed == {"cardiomyopathy": 1, "chd": 2, "myocarditis": 1}


def test_classes_count_positives_negatives_and_unknowns(ingested, tables):
    chd = ingested()["labels"]["chd"]
    row = by(tables["classes"], "target", "chd")
    assert row["positive"] == (chd == 1).sum()
    assert row["negative"] == (chd == 0).sum()
    assert row["unknown"] == chd.isna().sum()
    assert row["share"] == pytest.approx((chd == 1).sum() / chd.notna().sum())


def test_several_positive_targets_are_counted(ingested, tables):
    positive = ingested()["labels"].drop(columns="record_id").eq(1).fillna(False).sum(axis=1)
    counted = tables["labels_per_record"].set_index("positive_targets")["records"]
    assert counted.to_dict() == positive.value_counts().to_dict()
    both = ingested()["labels"][["abnormal", "chd"]].eq(1).fillna(False).all(axis=1).sum()
    assert by(tables["co_occurrence"], "target", "abnormal")["chd"] == both


def test_every_record_is_in_one_age_group(ingested, tables):
    table = tables["ages_and_leads"]
    records = ingested()["records"]
    assert table["records"].sum() == len(records)
    present = set(table["age"])
    assert list(table["age"]) == [n for n in age_groups.ZZU_PECG.names if n in present]
    newborn = records[records["age_days"] <= 30]
    assert table.set_index("age")["records"].get("0-30 d", 0) == len(newborn)
    assert (table["leads_9"] + table["leads_12"] == table["records"]).all()


def test_patients_whose_examinations_disagree_are_counted_and_listed():
    known = pd.DataFrame(
        {"chd": [1, 0, 1, 1, 0, np.nan, 1]}, index=pd.Index(list("abcdefg"), name="record_id")
    )
    patient = pd.Series(dict(zip("abcdefg", ["P", "P", "Q", "Q", "R", "R", "S"], strict=True)))
    row = by(audit.disagreement(known, patient), "target", "chd")
    assert (row["repeated_patients"], row["disagreeing"]) == (2, 1)
    listed = audit.disagreeing_patients(known, patient)
    assert listed.to_numpy().tolist() == [["chd", "P", 2, 1]]


def test_our_quality_is_put_beside_the_sources(tables):
    row = by(tables["quality_agreement"], "measure", "psqi")
    assert row["leads_with_both"] > 1000
    assert row["spearman"] > 0.9


def test_findings_and_quarantine_are_counted(ingested, tables):
    findings = tables["findings"]
    assert findings["records"].sum() == len(ingested()["records"])
    assert findings["records"].is_monotonic_decreasing
    assert tables["quarantine"].to_numpy().tolist() == [["corrupt-signal", 2]]


ODD_COHORTS = {
    "other targets": {"targets": ("norm", "mi", "sttc", "cd", "hyp"), "nine_leads": False},
    "one target, no age, no quality of its own": {
        "targets": ("ctrcd",),
        "ages": False,
        "source_quality": False,
    },
    "three patients": {"patients": 3},
    "one patient": {"patients": 1},
    "no targets": {"targets": ()},
}


@pytest.mark.parametrize("changed", ODD_COHORTS.values(), ids=ODD_COHORTS)
def test_any_cohort_can_be_audited_and_drawn(ingested, tmp_path, changed):
    cohort = ingested(**changed)
    tables = audit.tables_of(**cohort)
    summary = audit.summary(cohort["records"], cohort["quality"], tables)
    assert summary["records"] == len(cohort["records"])
    audit_figures.draw(tables, cohort["quality"], tmp_path, "zzu")
    drawn = {file.stem for file in tmp_path.iterdir()}
    assert {"ages", "lengths", "quality_by_lead"} <= drawn
    assert ("classes" in drawn) == (changed.get("targets") != ())
    assert ("quality_agreement" in drawn) == changed.get("source_quality", True)


def test_a_clean_cohort_without_findings_or_quarantine_is_audited(ingested, tmp_path):
    cohort = ingested()
    cohort["findings"] = cohort["findings"].iloc[:0]
    cohort["quarantine"] = cohort["quarantine"].iloc[:0]
    cohort["quality"] = cohort["quality"].assign(usable=True, flaw=None)
    tables = audit.tables_of(**cohort)
    assert audit.summary(cohort["records"], cohort["quality"], tables)["quarantined"] == 0
    audit_figures.draw(tables, cohort["quality"], tmp_path, "zzu")


def test_the_same_cohort_gives_the_same_pictures(ingested, tables, tmp_path):
    for name in "ab":
        audit_figures.draw(tables, ingested()["quality"], tmp_path / name, "zzu")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
