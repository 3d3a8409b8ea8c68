"""Criteria against the readers' codes: counts by hand, unknown is not negative."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pedecg.cohorts import code_vocabularies
from pedecg.core import tables
from pedecg.evaluation import curves, reader_agreement
from pedecg.rules.criteria import CRITERIA

TACHYCARDIA, NORMAL = ("aha", "C21", "Sinus tachycardia"), ("aha", "A1", "Normal ECG")
CHINESE, NO_TABLE = ("chn", "C13", "Sinus tachycardia"), ("aha", "Z999", None)


def cohort(read: list[list[tuple[str, str, str | None]]], met: list[bool | None], z: list[float]):
    """Records with these findings, verdicts on sinus tachycardia and z-scores of the rate."""
    ids = [f"r{number:02}" for number in range(len(read))]
    rules = pd.DataFrame({"record_id": ids, "z_heart_rate": z, "rr_cv": 0.1, "qrs_limb_mv": 1.0})
    for one in reader_agreement.comparisons():
        for name in one.criteria:
            rules[f"rule_{name}"] = pd.array([False] * len(ids), "boolean")
    rules["rule_sinus_tachycardia"] = pd.array(met, "boolean")
    rows = [(record, *each) for record, found in zip(ids, read, strict=True) for each in found]
    findings = pd.DataFrame(rows, columns=["record_id", "vocabulary", "code", "description"])
    records = pd.DataFrame({"record_id": ids, "patient_id": [f"p{record}" for record in ids]})
    return rules, findings, records


def test_the_table_names_codes_of_the_readers_and_criteria_that_there_are() -> None:
    rows = reader_agreement.comparisons()
    assert len({one.name for one in rows}) == len(rows)
    assert {code for one in rows for code in one.codes} <= code_vocabularies.finding_keys()
    assert {name for one in rows for name in one.criteria} <= {one.name for one in CRITERIA}
    ranked = {one.score for one in rows if one.score}
    assert all(score.split(" ")[0] in ("high", "low") for score in ranked)
    known = [pattern for pattern in tables.RULES.columns if not pattern.startswith("^.")]
    for column in {score.split(" ")[1] for score in ranked}:
        assert any(re.fullmatch(pattern.strip("^$"), column) for pattern in known), column


def test_rates_are_counts_over_the_records_that_were_read() -> None:
    read = [[TACHYCARDIA], [CHINESE], [TACHYCARDIA, NO_TABLE], [NORMAL], [NORMAL], [NO_TABLE], []]
    met = [True, None, False, False, True, True, True]
    found = reader_agreement.agreement(*cohort(read, met, [1.0] * 7))["sinus_tachycardia"]
    assert (found["records"], found["positives"], found["unknown"]) == (5, 3, 1)
    assert (found["sensitivity"]["hits"], found["sensitivity"]["of"]) == (1, 3)
    assert (found["specificity"]["hits"], found["specificity"]["of"]) == (1, 2)
    low, high = curves.wilson(1, 3)
    assert (found["sensitivity"]["low"], found["sensitivity"]["high"]) == (low, high)
    assert found["auroc"] is None  # too few


@pytest.mark.parametrize("way", ["high", "low"])
def test_the_measure_ranks_as_scikit_learn_says(way: str) -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(60) % 3 == 0
    z = rng.normal(truth * 1.0, 1.0)
    code = {"high": TACHYCARDIA, "low": ("aha", "C22", "Sinus bradycardia")}[way]
    sign, name = {"high": (1, "sinus_tachycardia"), "low": (-1, "sinus_bradycardia")}[way]
    read = [[code] if positive else [NORMAL] for positive in truth]
    rules, findings, records = cohort(read, [False] * 60, list(sign * z))
    rules.loc[:1, "z_heart_rate"] = np.nan
    found = reader_agreement.agreement(rules, findings, records)[name]["auroc"]
    assert found["value"] == pytest.approx(roc_auc_score(truth[2:], z[2:]))
    assert found["low"] < found["value"] < found["high"]


def test_perfect_separation_has_no_interval() -> None:
    read = [[TACHYCARDIA]] * 6 + [[NORMAL]] * 6
    found = reader_agreement.agreement(*cohort(read, [True] * 12, [*range(12, 0, -1)]))
    assert found["sinus_tachycardia"]["auroc"] == {"value": 1.0, "low": None, "high": None}


def test_a_cohort_that_nobody_read_in_these_codes_has_no_figures() -> None:
    read = [[("scp", "STACH", "sinus tachycardia")]] * 6
    assert reader_agreement.agreement(*cohort(read, [True] * 6, [1.0] * 6)) == {}
