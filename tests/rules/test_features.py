"""The table of rules: one checked row per stored record, whatever was found in it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg import norms, tables
from pedecg.records import LEADS
from pedecg.rules import features
from pedecg.signals import store

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))


@pytest.fixture
def rules(record, tmp_path):
    """Three stored records: one of a boy, one of unknown age and sex, one without waves."""
    waves, signal = record()
    counts = store.to_counts(signal)
    mask = np.ones(12, bool)
    store.write_store(tmp_path, 500, LEADS, [(name, counts, mask) for name in "abc"])
    all_waves = pd.concat([waves.assign(record_id="a"), waves.assign(record_id="b")])
    records = pd.DataFrame({"record_id": list("cba")})
    records["age_days"] = pd.array([900, None, 400], "Int64")
    records["sex"] = pd.array(["female", None, "male"], "string")
    children = features.examinations(store.open_store(tmp_path), all_waves, records)
    rows = [features.of_record(child, str(tmp_path), LIMITS) for child in children]
    return features.table(rows), records


def test_every_record_has_a_row_that_fits_the_schema(rules):
    table, _ = rules
    checked = tables.check(table, tables.RULES, "rules")
    assert list(checked["record_id"]) == ["a", "b", "c"]
    assert checked.loc[0, "heart_rate_bpm"] == pytest.approx(120)
    assert checked.loc[0, "z_heart_rate"] == pytest.approx(0, abs=0.5)


def test_without_an_age_there_are_measures_but_no_z_scores(rules):
    table, _ = rules
    assert table.loc[1, "heart_rate_bpm"] == pytest.approx(120)
    assert table.filter(like="z_").loc[1].isna().all()
    assert pd.isna(table.loc[1, "rule_tachycardia"])


def test_without_waves_everything_is_null(rules):
    table, _ = rules
    assert table.drop(columns="record_id").loc[2].isna().all()


def test_the_summary_counts_what_was_measured_fired_and_untold(rules):
    table, records = rules
    summary = features.summary(table, records)
    assert summary["measured"]["heart_rate_bpm"] == pytest.approx(2 / 3)
    assert summary["medians"]["1-4 y"]["records"] == 2
    assert summary["cannot_be_told"]["tachycardia"] == 2
