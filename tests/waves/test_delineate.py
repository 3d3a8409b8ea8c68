"""Waves are found where they are, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.records import LEADS
from pedecg.signals import signal_store
from pedecg.waves import delineate

SLOPES = delineate.DelineateSettings(method="slopes", leads=["I", "II", "V1", "V5"])


def found(signal, settings=SLOPES, mask=None, leads=LEADS):
    return delineate.delineate(signal, 250, leads, settings, mask)


def share(waves, wave, lead="global"):
    mine = waves[waves["lead"] == lead]
    beats = (waves[waves["lead"] == "global"]["wave"] == "QRS").sum()
    return (mine["wave"] == wave).sum() / beats


def test_waves_have_the_columns_of_the_table_and_stand_in_order(ecg):
    waves = found(ecg(90, 250, n_leads=12)[0])
    checked = tables.check(waves.assign(record_id="a"), tables.WAVES, "waves")
    assert set(checked["lead"]) == {"global", *SLOPES.leads}
    assert (checked["onset_s"] <= checked["peak_s"]).all()
    assert (checked["peak_s"] <= checked["offset_s"]).all()
    for _, lead in checked.groupby("lead"):
        assert lead["peak_s"].is_monotonic_increasing


@pytest.mark.parametrize("bpm", [50, 90, 130, 170])
def test_p_qrs_and_t_are_found_from_slow_to_fast_hearts(ecg, bpm):
    waves = found(ecg(bpm, 250, n_leads=12)[0])
    assert share(waves, "QRS") == 1
    assert share(waves, "P") > 0.85
    assert share(waves, "T") > 0.85


@pytest.mark.parametrize("bpm", [60, 120, 180, 240])
def test_one_qrs_row_per_beat_at_any_rate(ecg, bpm):
    signal, r = ecg(bpm, 250, n_leads=12)
    qrs = found(signal).query("lead == 'global' and wave == 'QRS'")
    assert len(qrs) == pytest.approx(len(r), abs=1)


@pytest.mark.parametrize("bpm", [60, 100, 220])
def test_a_p_wave_that_is_not_there_is_not_invented(ecg, bpm):
    waves = found(ecg(bpm, 250, n_leads=12, p_height=0)[0])
    assert share(waves, "P") <= 0.1


def test_qrs_duration_follows_the_signal(ecg):
    qrs = found(ecg(80, 250, n_leads=12)[0]).query("lead == 'global' and wave == 'QRS'")
    assert (qrs["offset_s"] - qrs["onset_s"]).median() == pytest.approx(0.08, abs=0.02)


def test_a_masked_lead_is_neither_used_nor_delineated(ecg):
    signal, _ = ecg(100, 250, n_leads=12)
    mask = np.ones(12, bool)
    mask[LEADS.index("V1")] = False
    spoilt = signal.copy()
    spoilt[LEADS.index("V1")] = 20 * np.random.default_rng(0).standard_normal(signal.shape[1])
    pd.testing.assert_frame_equal(found(signal, mask=mask), found(spoilt, mask=mask))
    assert "V1" not in set(found(signal, mask=mask)["lead"])


def test_nine_leads_are_found_by_name(ecg):
    nine = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V3", "V5")
    waves = found(ecg(140, 250, n_leads=9)[0], leads=nine)
    assert set(waves["lead"]) == {"global", "I", "II", "V1", "V5"}


def test_a_record_without_usable_leads_has_no_waves(ecg):
    assert found(np.zeros((12, 2500))).empty
    assert found(ecg(100, 250, n_leads=12)[0], mask=np.zeros(12, bool)).empty


@pytest.mark.parametrize("method", sorted(delineate.METHODS))
def test_every_method_gives_the_same_table(ecg, method):
    settings = delineate.DelineateSettings(method=method, leads=["II"])
    waves = found(ecg(75, 250, n_leads=12)[0], settings)
    tables.check(waves.assign(record_id="a"), tables.WAVES, "waves")
    assert share(waves, "QRS") == 1


def test_a_stored_record_is_delineated_as_the_array_is(ecg, tmp_path):
    signal, _ = ecg(100, 250, n_leads=12)
    counts = signal_store.to_counts(signal)
    signal_store.write_store(tmp_path, 250, LEADS, [("a", counts, np.ones(12, bool))])
    stored = delineate.stored(0, str(tmp_path), SLOPES)
    assert set(stored["record_id"]) == {"a"}
    pd.testing.assert_frame_equal(stored.drop(columns="record_id"), found(counts / 1000))


def test_the_summary_counts_records_without_beats(ecg):
    waves = found(ecg(100, 250, n_leads=12)[0]).assign(record_id="a")
    counts = delineate.Counts()
    assert sum(map(len, counts.of([waves, waves.iloc[:0], waves.iloc[:0]]))) == len(waves)
    summary = counts.summary()
    assert summary["records_without_beats"] == 2
    assert summary["share_found"]["global"]["QRS"] == 1
