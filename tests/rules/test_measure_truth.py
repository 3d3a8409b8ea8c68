"""Measured against true, where a simulation knows: bias, spread and what was invented."""

import numpy as np
import pandas as pd
import pytest

from pedecg.rules import measure, measurement_error

RECORDS = 40


@pytest.fixture
def tables_of():
    """Measures that are off by 2 with an SD of 1, of children of all ages."""

    def make(off=2.0, sd=1.0):
        rng = np.random.default_rng(0)
        ids = [f"r{i:02}" for i in range(RECORDS)]
        rules, true = {"record_id": ids}, {"record_id": ids}
        for name in measurement_error.tolerances():
            true[f"read_{name}"] = np.full(RECORDS, 100.0)
            rules[name] = 100.0 + off + sd * rng.normal(size=RECORDS)
            rules[f"valid_{name}"] = np.ones(RECORDS, bool)
        ages = np.linspace(1, 5000, RECORDS).astype(int)
        records = pd.DataFrame({"record_id": ids, "age_days": pd.array(ages, "Int64")})
        return pd.DataFrame(rules), pd.DataFrame(true), records

    return make


def row(compared, name, age=measurement_error.ALL):
    return compared[(compared["measure"] == name) & (compared["age"] == age)].iloc[0]


def test_bias_and_sd_are_of_measured_minus_true(tables_of):
    pr = row(measurement_error.table(*tables_of()), "pr_ms")
    assert pr["bias"] == pytest.approx(2.0, abs=0.5)
    assert pr["sd"] == pytest.approx(1.0, abs=0.3)
    assert pr["within"]


def test_a_large_bias_is_outside_the_tolerance(tables_of):
    compared = measurement_error.table(*tables_of(off=30.0))
    assert not row(compared, "pr_ms")["within"]
    summary = measurement_error.summary(compared)
    assert summary["within"] == 0
    assert "pr_ms, 10 y and over" in summary["age_groups_outside"]
    oldest = summary["by_age"]["10 y and over"]
    assert 0 == oldest["within"] < oldest["judged"] == summary["measures"]


def test_an_axis_is_compared_the_short_way_round(tables_of):
    rules, true, records = tables_of(sd=0.0)
    true["read_qrs_axis_deg"], rules["qrs_axis_deg"] = 179.0, -179.0
    assert row(measurement_error.table(rules, true, records), "qrs_axis_deg")[
        "bias"
    ] == pytest.approx(2)


def test_what_is_not_valid_is_not_compared_and_what_is_not_there_is_invented(tables_of):
    rules, true, records = tables_of()
    rules.loc[:9, "valid_pr_ms"] = False
    true.loc[20:24, "read_pr_ms"] = np.nan
    pr = row(measurement_error.table(rules, true, records), "pr_ms")
    assert (pr["records"], pr["valid"], pr["invented"]) == (35, 25, 5)


def test_too_few_records_of_an_age_have_no_verdict(tables_of):
    rules, true, records = tables_of()
    newborns = row(measurement_error.table(rules, true, records), "qrs_ms", "0-27 d")
    assert newborns["valid"] == 1
    assert newborns["within"] is None or pd.isna(newborns["within"])


def test_the_truth_of_another_cohort_says_nothing(tables_of):
    rules, true, records = tables_of()
    other = true.assign(record_id="x" + true["record_id"])
    assert measurement_error.summary(measurement_error.table(rules, other, records)) == {
        "records": 0, "within": None, "reason": "the truth belongs to another cohort",
    }  # fmt: skip


def test_every_tolerance_is_of_a_measure():
    assert measurement_error.tolerances().keys() <= set(measure.COLUMNS)
