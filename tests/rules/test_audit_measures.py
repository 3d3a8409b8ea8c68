"""The cohort beside the limits: who lies outside, and pictures that say so."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.plots import measures_over_age
from pedecg.rules import audit_measures, norms

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))


@pytest.fixture
def cohort():
    """A hundred children at the median, ten of whose hearts are too fast, five not measured."""
    n = 100
    ids = [f"r{i:03}" for i in range(n)]
    ages = np.linspace(12, 5400, n).astype(int)  # medians are stated from day 11 on
    records = pd.DataFrame({"record_id": ids, "age_days": pd.array(ages, "Int64")})
    records["sex"] = pd.array(["female", "male"] * (n // 2), "string")
    rules = pd.DataFrame({"record_id": ids})
    for measure in audit_measures.SHOWN:
        column = LIMITS.column(measure)
        middle = [
            LIMITS.percentiles(measure, age, sex).p50
            for age, sex in zip(ages, records["sex"], strict=True)
        ]
        rules[column] = middle
        rules[f"valid_{column}"] = True
        rules[f"z_{measure}"] = 0.0
    rules.loc[:9, ["heart_rate_bpm", "z_heart_rate"]] = 250.0, 5.0
    rules.loc[95:, "valid_pr_ms"] = False
    rules.loc[95:, "z_pr"] = np.nan
    return rules, records


def test_shares_outside_the_limits_are_counted_by_age(cohort):
    counted = audit_measures.outside(audit_measures.children(*cohort)).set_index(["measure", "age"])
    everyone = counted.loc[("heart_rate", "all ages")]
    assert everyone["records"] == 100
    assert everyone["above_share"] == pytest.approx(0.1)
    assert everyone["below_share"] == 0
    assert counted.loc[("heart_rate", "8-12 y"), "above_share"] == 0
    assert counted.loc[("pr", "all ages"), "records"] == 95


def test_an_unknown_age_is_in_no_group(cohort):
    rules, records = cohort
    records.loc[0, "age_days"] = pd.NA
    counted = audit_measures.outside(audit_measures.children(rules, records))
    groups = counted[(counted["measure"] == "qrs") & (counted["age"] != "all ages")]
    assert groups["records"].sum() == 99


def test_the_lines_are_the_percentiles_of_the_file():
    lines = audit_measures.lines(LIMITS, "qrs", "male")
    at = lines.iloc[120]
    assert at["p98"] == LIMITS.percentiles("qrs", at["age_days"], "male").p98
    stated = lines.dropna(subset=["p2"])  # from 16 years on QRS has an upper limit alone
    assert (stated["p2"] < stated["p98"]).all()


def test_each_measure_has_a_picture_with_the_same_bytes_every_time(cohort, tmp_path):
    table = audit_measures.children(*cohort)
    counted = audit_measures.outside(table)
    for folder in (tmp_path / "a", tmp_path / "b"):
        measures_over_age.draw(table, counted, LIMITS, folder, "simulated")
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert names == sorted(f"{measure}.png" for measure in audit_measures.SHOWN)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_measure_that_no_child_has_has_no_picture(cohort, tmp_path):
    rules, records = cohort
    rules["valid_qrs_ms"] = False
    rules["z_qrs"] = np.nan
    table = audit_measures.children(rules, records)
    measures_over_age.draw(table, audit_measures.outside(table), LIMITS, tmp_path, "ours")
    assert not (tmp_path / "qrs.png").exists()
