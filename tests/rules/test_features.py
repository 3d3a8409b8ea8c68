"""The table of rules: one checked row per stored record, whatever was found in it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.rules import norms, rule_features
from pedecg.signals import signal_notes, signal_store

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))


@pytest.fixture
def rules(record, tmp_path):
    """Three stored records: one of a boy, one of unknown age and sex, one without waves."""
    waves, signal = record()
    counts = signal_store.to_counts(signal)
    mask = np.ones(12, bool)
    signal_store.write_store(tmp_path, 500, LEADS, [(name, counts, mask) for name in "abc"])
    all_waves = pd.concat([waves.assign(record_id="a"), waves.assign(record_id="b")])
    records = pd.DataFrame({"record_id": list("cba"), "fs_hz": 500.0})
    records["age_days"] = pd.array([900, None, 400], "Int64")
    records["sex"] = pd.array(["female", None, "male"], "string")
    children = rule_features.delineated_records(
        signal_store.open_store(tmp_path), [all_waves], records
    )
    rows = [rule_features.of_record(child, str(tmp_path), LIMITS) for child in children]
    return rule_features.table(rows), records


def test_every_record_has_a_row_that_fits_the_schema(rules):
    table, _ = rules
    checked = tables.check(table, tables.RULES, "rules")
    assert list(checked["record_id"]) == ["a", "b", "c"]
    assert checked.loc[0, "heart_rate_bpm"] == pytest.approx(120)
    assert checked.loc[0, "z_heart_rate"] == pytest.approx(0, abs=0.5)


def test_a_measure_that_no_heart_has_is_null_and_stops_no_run(record, tmp_path):
    waves, signal = record()
    late_t = waves.copy()
    late_t.loc[late_t["wave"] == "T", "offset_s"] += 1.2
    late_p = waves.copy()
    late_p.loc[late_p["wave"] == "P", "onset_s"] += 0.13
    stored = [(name, signal_store.to_counts(signal), np.ones(12, bool)) for name in "ab"]
    signal_store.write_store(tmp_path, 500, LEADS, stored)
    both = pd.concat([late_t.assign(record_id="a"), late_p.assign(record_id="b")])
    records = pd.DataFrame(
        {"record_id": ["a", "b"], "fs_hz": 500.0, "age_days": 400.0, "sex": "male"}
    )
    children = rule_features.delineated_records(signal_store.open_store(tmp_path), [both], records)
    table = rule_features.table(
        [rule_features.of_record(c, str(tmp_path), LIMITS) for c in children]
    )
    checked = tables.check(table, tables.RULES, "rules")
    assert checked["qt_ms"].isna().tolist() == [True, False]
    # A P that begins after QRS is none; the one that stands in the signal is found instead.
    assert checked["pr_ms"].tolist() == pytest.approx([120, 120], abs=15)
    assert checked["heart_rate_bpm"].notna().all()


def test_waves_in_another_order_than_the_signals_are_refused(record, tmp_path):
    waves, signal = record()
    stored = [(name, signal_store.to_counts(signal), np.ones(12, bool)) for name in "ab"]
    signal_store.write_store(tmp_path, 500, LEADS, stored)
    signals = signal_store.open_store(tmp_path)
    records = pd.DataFrame(
        {"record_id": ["a", "b"], "fs_hz": 500.0, "age_days": 400.0, "sex": "male"}
    )
    parts = [waves.assign(record_id=name) for name in "ba"]
    with pytest.raises(PedecgError, match="record a is not in the order of the signal store"):
        list(rule_features.delineated_records(signals, parts, records))
    in_order = list(rule_features.delineated_records(signals, parts[::-1], records))
    assert [len(child.waves) > 0 for child in in_order] == [True, True]


def test_without_an_age_there_are_measures_but_no_z_scores(rules):
    table, _ = rules
    assert table.loc[1, "heart_rate_bpm"] == pytest.approx(120)
    assert table.filter(regex="^z_").loc[1].isna().all()
    assert pd.isna(table.loc[1, "rule_tachycardia"])


def test_without_waves_everything_is_null(rules):
    table, _ = rules
    row = table.drop(columns=["record_id", "why"]).loc[2]
    valid = row.index.str.startswith("valid_")
    assert row[~valid].isna().all()
    assert not row[valid].any()
    assert table.loc[2, "why"] == ""


def test_why_says_each_criterion_that_is_met_in_a_line(record, tmp_path):
    waves, signal = record(rr_s=0.3)
    waves = waves[waves["wave"] == "QRS"]
    signal_store.write_store(
        tmp_path, 500, LEADS, [("a", signal_store.to_counts(signal), np.ones(12, bool))]
    )
    records = pd.DataFrame({"record_id": ["a"], "fs_hz": 500.0, "age_days": 3000.0, "sex": "male"})
    children = rule_features.delineated_records(
        signal_store.open_store(tmp_path), [waves.assign(record_id="a")], records
    )
    table = rule_features.table(
        [rule_features.of_record(c, str(tmp_path), LIMITS) for c in children]
    )
    lines = table.loc[0, "why"].splitlines()
    fired = [c for c in table.columns if c.startswith("rule_") and table[c].fillna(False).all()]
    assert len(lines) == len(fired) > 0
    assert lines[0] == (
        "Tachycardia for age: heart rate 200 bpm, above the 98th percentile 106 bpm for age "
        "8 years (Rijnbeek 2001)"
    )


def test_the_summary_counts_what_was_measured_fired_and_untold(rules):
    table, records = rules
    summary = rule_features.summary(table, records, "7")
    assert summary["limits_version"] == "7"
    assert summary["valid"]["qrs_ms"] == pytest.approx(2 / 3)
    assert summary["measured"]["heart_rate_bpm"] == pytest.approx(2 / 3)
    assert summary["medians"]["1-4 y"]["records"] == 2
    assert summary["not_evaluable"]["tachycardia"] == 2


@pytest.mark.parametrize(("fs_hz", "paced"), [(500.0, [True, False]), (100.0, [None, None])])
def test_spikes_of_the_note_reach_the_features_and_no_note_means_not_paced(
    record, tmp_path, fs_hz, paced
):
    waves, signal = record()
    stored = [(name, signal_store.to_counts(signal), np.ones(12, bool)) for name in "ab"]
    signal_store.write_store(tmp_path, 500, LEADS, stored)
    onsets = waves.loc[(waves["lead"] == "global") & (waves["wave"] == "QRS"), "onset_s"]
    note = signal_notes.Note("paced", (), "-", tuple(onsets - 0.01 - signal.shape[1] / 1000))
    notes = pd.DataFrame(
        [("a", note.kind, None, signal_notes.times_text(note))],
        columns=["record_id", "kind", "leads", "from_middle_s"],
    )
    records = pd.DataFrame(
        {"record_id": ["a", "b"], "fs_hz": fs_hz, "age_days": 400.0, "sex": "male"}
    )
    both = pd.concat([waves.assign(record_id=name) for name in "ab"])
    children = rule_features.delineated_records(
        signal_store.open_store(tmp_path), [both], records, notes
    )
    rows = [rule_features.of_record(child, str(tmp_path), LIMITS) for child in children]
    table = tables.check(rule_features.table(rows), tables.RULES, "rules")
    assert [None if pd.isna(each) else each for each in table["paced"]] == paced
    assert [None if pd.isna(each) else each for each in table["rule_paced"]] == paced
    if fs_hz == 500:
        assert table["ventricular_paced_share"].tolist() == [1.0, 0.0]
        assert not table.loc[0, "valid_r_ii_mv"]


def test_a_table_keeps_the_columns_order_and_only_criteria_become_nullable() -> None:
    rows = [
        {"record_id": "a", "rule_x": True, "qrs_ms": 80.0, "valid_qrs_ms": True, "why": ""},
        {"record_id": "b", "rule_x": None, "qrs_ms": np.nan, "valid_qrs_ms": False, "why": "y"},
    ]
    found = rule_features.table(rows)
    assert list(found.columns) == list(rows[0])
    assert str(found["rule_x"].dtype) == "boolean"
    pd.testing.assert_frame_equal(found, pd.DataFrame(rows).astype({"rule_x": "boolean"}))


def test_the_table_is_what_pandas_makes_of_the_rows(rules):
    """Numbers and flags are put together in blocks: the values, types and order are the same."""
    made, _ = rules
    rows = [
        {key: None if value is pd.NA else value for key, value in row.items()}
        for row in made.to_dict("records")
    ]
    rows[1] |= {"r_v3r_mv": np.float64(1.5), "valid_r_v3r_mv": np.bool_(True)}
    wanted = pd.DataFrame(rows)
    fired = [name for name in wanted if name.startswith("rule_")]
    assert fired
    wanted = wanted.astype(dict.fromkeys(fired, "boolean"))
    pd.testing.assert_frame_equal(rule_features.table(rows), wanted, check_exact=True)
    assert rule_features.table([]).empty
