"""Premature beats, blocked P waves, flutter, fibrillation, pacing: measured as they were made."""

import numpy as np
import pandas as pd
import pytest
import rhythm_records
from rhythm_records import FS_HZ, make

from pedecg.core import tables
from pedecg.core.records import LEADS
from pedecg.rules import (
    beat_origin,
    criteria,
    criterion_logic,
    measure,
    norms,
    rhythm_measures,
)
from pedecg.signals import pacing_spikes

LIMITS = norms.load(norms.LIMITS)
CHILD = 8 * 365.25


def measured(waves, signal, fs_hz=FS_HZ, leads=LEADS):
    spikes_s = pacing_spikes.of_pacemaker(signal, fs_hz)
    return measure.measure(waves, signal, fs_hz, leads, spikes_s=spikes_s)


def met(found, age_days=CHILD):
    child = criterion_logic.MeasuredChild(found, age_days, "male", LIMITS)
    return {name for name, verdict in criteria.judge(child).items() if verdict.met}


def beats(*rr, times=1, start=0.5):
    return start + np.append(0, np.cumsum(np.tile(rr, times)))


@pytest.mark.parametrize("n_pairs", [5, 7, 8])
def test_ventricular_bigeminy(n_pairs):
    r = beats(0.42, 0.78, times=n_pairs)
    early = range(1, len(r), 2)
    found = measured(*make(r, p_s=r[::2] - 0.16, wide=early))
    assert found["heart_rate_bpm"] == pytest.approx(100, abs=0.5)
    assert found["valid_qt_ms"]
    assert np.isnan(found["qtc_bazett_ms"])  # every measured beat follows a pause
    assert not found["valid_qtc_bazett_ms"]
    assert found["ventricular_ectopic_share"] == pytest.approx(len(early) / len(r))
    assert found["qrs_ms"] == pytest.approx(90, abs=1)
    assert {"bigeminy", "ventricular_premature_beats", "irregular_rhythm"} <= met(found)
    assert not met(found) & {
        "tachycardia",
        "long_qtc",
        "short_qtc",
        "atrial_premature_beats",
        "pause",
    }


@pytest.mark.parametrize(
    ("rr", "steady"), [([0.6, 0.6], True), ([0.6] * 3, True), ([0.5, 0.7], False)]
)
def test_a_few_beats_have_a_rate_and_a_qtc_where_they_are_regular(rr, steady):
    r = beats(*rr)
    found = measured(*make(r, p_s=r - 0.16))
    assert found["heart_rate_bpm"] == pytest.approx(100, abs=0.5)
    assert found["valid_qt_ms"]
    assert found["valid_qtc_bazett_ms"] == steady


def test_atrial_bigeminy_has_the_usual_qrs():
    r = beats(0.45, 0.75, times=7)
    found = measured(*make(r, p_s=r - 0.16))
    assert found["ventricular_ectopic_share"] == 0
    assert {"bigeminy", "atrial_premature_beats"} <= met(found)


def test_a_pause_is_seen_in_bigeminy():
    r = beats(0.42, 0.78, times=4)
    r = np.append(r, r[-1] + 2.6 + beats(0.42, 0.78, times=4, start=0))
    even = np.flatnonzero(np.isin(np.arange(len(r)), [*range(0, 9, 2), *range(9, len(r), 2)]))
    odd = [k for k in range(len(r)) if k not in even]
    found = measured(*make(r, p_s=r[even] - 0.16, wide=odd))
    assert {"pause", "ventricular_premature_beats"} <= met(found)


def test_trigeminy():
    r = beats(0.6, 0.4, 0.8, times=6)
    found = measured(*make(r, p_s=np.delete(r, np.s_[2::3]) - 0.16, wide=range(2, len(r), 3)))
    assert found["heart_rate_bpm"] == pytest.approx(100, abs=0.5)
    assert {"trigeminy", "ventricular_premature_beats"} <= met(found)
    assert "bigeminy" not in met(found)


@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_single_ventricular_premature_beat_is_found_and_not_measured(at):
    r = beats(0.7, times=13)
    r[at] -= 0.22
    p = np.delete(r, at) - 0.16
    found = measured(*make(r, p_s=p, wide=[at]))
    assert found["ventricular_ectopic_share"] == pytest.approx(1 / 14)
    assert found["base_rr_cv"] < 0.03
    assert "ventricular_premature_beats" in met(found)
    plain = measured(*make(beats(0.7, times=13), p_s=beats(0.7, times=13) - 0.16))
    assert found["r_v5_mv"] == pytest.approx(plain["r_v5_mv"], abs=0.03)


def test_sinus_rhythm_that_varies_with_breathing_has_no_premature_beats():
    rr = 0.7 + 0.12 * np.sin(2 * np.pi * np.arange(20) / 6)
    r = 0.5 + np.append(0, np.cumsum(rr))
    found = measured(*make(r, p_s=r - 0.16))
    assert found["ectopic_share"] == 0
    assert "sinus_arrhythmia" in met(found)
    assert not met(found) & {"irregular_rhythm", "atrial_fibrillation", "pause"}


def test_a_wide_beat_after_a_pause_is_an_escape_beat_and_not_premature():
    r = np.append(beats(0.7, times=8), beats(0.7, times=8)[-1] + 1.3)
    r = np.append(r, r[-1] + np.cumsum([0.7, 0.7, 0.7]))
    found = measured(*make(r, p_s=np.delete(r, 9) - 0.16, wide=[9]))
    assert found["ventricular_ectopic_share"] == 0


@pytest.mark.parametrize("pr_s", [0.22, 0.28, 0.34])
def test_a_long_pr_that_the_delineator_did_not_see_is_measured(pr_s):
    r = beats(0.95, times=10)
    waves, signal = make(r, p_s=r - 0.03 - pr_s + 0.045, shown_p=())
    found = measured(waves, signal)
    assert found["pr_ms"] == pytest.approx(1000 * pr_s, abs=22)
    assert found["valid_pr_ms"]
    assert found["p_share"] == 1
    assert "first_degree_block" in met(found)


@pytest.mark.parametrize("seed", range(8))
def test_fibrillation_has_no_p_and_no_pr(seed):
    rng = np.random.default_rng(seed)
    r = 0.5 + np.append(0, np.cumsum(rng.uniform(0.4, 0.95, 16)))
    waves, signal = make(r, seed=seed)
    times = np.arange(signal.shape[1]) / FS_HZ
    phase = np.cumsum(2 * np.pi * (6.5 + rng.normal(0, 1.5, len(times)).cumsum() * 0.01)) / FS_HZ
    found = measured(waves, signal + 0.05 * np.sin(phase + 0 * times))
    assert not found["valid_pr_ms"]
    assert {"atrial_fibrillation", "irregular_rhythm"} <= met(found)
    assert not met(found) & {"sinus_arrhythmia", "first_degree_block", "atrial_premature_beats"}


@pytest.mark.parametrize(("rate", "conducted"), [(300, 2), (280, 3), (260, 4), (300, 4)])
def test_flutter_is_named_and_gives_no_pr(rate, conducted):
    r = beats(60 / rate * conducted, times=round(9 * rate / 60 / conducted))
    waves, signal = make(r, p_s=r[::2] - 0.12, p_mv=0.0, t=False)
    found = measured(waves, rhythm_records.flutter_waves(signal, rate))
    assert found["atrial_rate_bpm"] == pytest.approx(rate, rel=0.05)
    assert not found["valid_pr_ms"]
    assert "atrial_flutter" in met(found)
    assert not met(found) & {"atrial_fibrillation", "supraventricular_tachycardia"}


@pytest.mark.parametrize("rate", [60, 90, 120])
def test_a_sinus_rhythm_is_no_flutter(rate):
    r = beats(60 / rate, times=round(9 * rate / 60))
    found = measured(*make(r, p_s=r - 0.12))
    assert "atrial_flutter" not in met(found)
    assert found["valid_pr_ms"]


@pytest.mark.parametrize("rate", [235, 260, 300])
def test_beyond_230_per_minute_no_p_is_reported_from_t(rate):
    r = beats(60 / rate, times=round(8 * rate / 60))
    waves, signal = make(r, p_s=r - 0.08, t=False)
    found = measured(waves, signal)
    assert found["heart_rate_bpm"] == pytest.approx(rate, abs=1)
    assert np.isnan(found["pr_ms"])
    assert "supraventricular_tachycardia" in met(found, age_days=60)


def test_p_within_t_is_t():
    r = beats(0.4, times=20)
    waves, signal = make(r, p_s=r[:-1] + 0.24)
    assert np.isnan(measured(waves, signal)["pr_ms"])


def test_complete_block():
    r = beats(1.2, times=8)
    p = np.arange(0.3, r[-1], 0.53)
    apart = np.abs(p[:, None] - r).min(axis=1)
    found = measured(*make(r, p_s=p, shown_p=p[(apart > 0.12)][::2]))
    assert "complete_block" in met(found)
    assert not found["valid_pr_ms"]


def wenckebach(cycles):
    """Return R and P peaks of 4:3 block: PR 160, 240, 290 ms, then a P without QRS."""
    p = 0.4 + 0.56 * np.arange(4 * cycles)
    pr = np.tile([0.16, 0.24, 0.29, np.nan], cycles)
    return (p + pr)[np.isfinite(pr)], p


def test_wenckebach():
    r, p = wenckebach(4)
    found = measured(*make(r, p_s=p, shown_p=p[np.arange(len(p)) % 4 != 3]))
    assert found["blocked_p_share"] > 0.1
    assert not found["valid_pr_ms"]
    assert {"second_degree_block", "irregular_rhythm"} <= met(found)


def test_two_to_one_block():
    p = 0.4 + 0.6 * np.arange(20)
    r = p[::2] + 0.16
    found = measured(*make(r, p_s=p, shown_p=p[::2]))
    assert found["blocked_p_share"] == pytest.approx(0.5, abs=0.1)
    assert "second_degree_block" in met(found)


@pytest.mark.parametrize("rate", [55, 75, 100, 140])
def test_sinus_rhythm_with_and_without_a_sinus_pause_has_no_blocked_p(rate):
    rr = 60 / rate
    r = beats(rr, times=round(9 / rr))
    assert measured(*make(r, p_s=r - 0.16))["blocked_p_share"] == 0
    r = np.append(r, r + r[-1] - r[0] + 3 * rr)
    found = measured(*make(r, p_s=r - 0.16))
    assert found["blocked_p_share"] == 0
    assert found["av_dissociation"] == 0


@pytest.mark.parametrize(("before_s", "form"), [(0.035, "ventricular"), (0.2, "atrial")])
def test_paced_beats(before_s, form):
    r = beats(0.75, times=10)
    waves, signal = make(r, p_s=() if form == "ventricular" else r - 0.15)
    found = measured(waves, rhythm_records.spikes(signal, r - before_s))
    assert found["paced_share"] == 1
    assert found["ventricular_paced_share"] == (1 if form == "ventricular" else 0)
    assert "paced" in met(found)
    unpaced = measured(waves, signal)
    assert unpaced["paced_share"] == 0
    assert "paced" not in met(unpaced)


def test_a_slow_recorder_cannot_show_a_spike_and_says_so():
    r = beats(0.75, times=10)
    waves, signal = make(r, p_s=r - 0.15)
    found = measured(waves, signal[:, ::5], FS_HZ / 5)
    assert np.isnan(found["paced_share"])
    assert not found["valid_paced_share"]


def test_without_the_raw_signal_nothing_is_known_of_pacing():
    r = beats(0.75, times=10)
    waves, signal = make(r, p_s=r - 0.15)
    found = measure.measure(waves, rhythm_records.spikes(signal, r - 0.2), FS_HZ, LEADS)
    assert np.isnan(found["paced_share"])
    assert criteria.judge(
        criterion_logic.MeasuredChild(found, CHILD, "male", LIMITS)
    )["paced"].met is None  # fmt: skip


def test_a_step_is_no_spike():
    r = beats(0.75, times=10)
    waves, signal = make(r, p_s=r - 0.15)
    signal[:, 2000:] += 1.0
    assert measured(waves, signal)["paced_share"] == 0


def test_padding_is_no_pause_and_asystole_is_one():
    r = beats(0.8, times=3)
    waves, signal = make(r, p_s=r - 0.16, length_s=12.0)
    found = measured(waves, signal)
    assert found["longest_rr_ms"] == pytest.approx(1000 * (12 - r[-1]), abs=1)
    assert "pause" in met(found)
    padded = signal.copy()
    padded[:, round(3.6 * FS_HZ) :] = 0.0
    assert measured(waves, padded)["heart_rate_bpm"] == pytest.approx(75, abs=0.5)
    assert "pause" not in met(measured(waves, padded))


def test_the_rhythm_of_a_single_lead_is_measured():
    r = beats(0.42, 0.78, times=7)
    found = measured(*make(r, wide=range(1, len(r), 2), leads=("II",)), leads=("II",))
    assert found["ventricular_ectopic_share"] > 0.4


def test_without_leads_there_is_a_rate_and_no_origin_of_beats():
    r = beats(0.8, times=10)
    waves, signal = make(r, p_s=r - 0.16)
    found = measure.measure(waves, signal, FS_HZ, LEADS, np.zeros(12, bool))
    assert found["heart_rate_bpm"] == pytest.approx(75)
    assert found["valid_heart_rate_bpm"]


def test_every_measure_of_rhythm_stands_in_the_table_of_rules():
    assert set(rhythm_measures.COLUMNS) <= set(tables.RULES.columns)


@pytest.mark.parametrize(("n", "rate"), [(3, 66.7), (4, 76.6)])
def test_wenckebach_is_no_atrial_bigeminy(n, rate):
    """Of 3 P waves 2 are conducted: QRS complexes come in pairs, and P waves come on time."""
    p = np.arange(0.3, 14, 0.6)
    k = np.arange(len(p)) % n
    r = (p + np.array([0.14, 0.2, 0.26, 0.0])[k])[k < n - 1]
    found = measured(*make(r, p_s=p, shown_p=p[k < n - 1]))
    assert found["heart_rate_bpm"] == pytest.approx(rate, abs=0.2)
    assert found["ectopic_share"] == 0
    assert not found["valid_pr_ms"]
    assert {"second_degree_block", "irregular_rhythm"} <= met(found)
    assert not met(found) & {"atrial_premature_beats", "bigeminy", "trigeminy", "complete_block"}


def test_in_three_to_one_block_the_second_blocked_p_is_seen():
    p = np.arange(0.3, 14, 0.45)
    conducted = p[::3]
    found = measured(*make(conducted + 0.15, p_s=p, shown_p=conducted))
    assert found["heart_rate_bpm"] == pytest.approx(44.4, abs=0.2)
    assert "second_degree_block" in met(found)


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_beat_without_a_deflection_at_the_edge_of_the_record_does_not_count(edge):
    r = beats(1.0, times=8, start=0.6)
    at = r[0] - 0.55 if edge == "start" else r[-1] + 0.55
    waves, signal = make(r, p_s=r - 0.16, length_s=r[-1] + 0.6)
    empty = (
        waves[waves["wave"] == "QRS"]
        .iloc[:1]
        .assign(onset_s=at - 0.03, peak_s=at, offset_s=at + 0.04)
    )
    waves = pd.concat([waves, empty]).sort_values("peak_s", ignore_index=True)
    assert measured(waves, signal)["heart_rate_bpm"] == pytest.approx(60, abs=0.3)


@pytest.mark.parametrize("n_times", [20, 91])
def test_forms_are_as_alike_together_as_one_by_one(n_times):
    """What does not depend on the form is prepared once; each beat's likeness has the same bits."""
    complexes = np.random.default_rng(n_times).normal(size=(3, 12, n_times)).cumsum(axis=2)
    complexes[:, 4] = np.nan
    prepared = beat_origin._Shifted(complexes)
    for beat in (0, 7):
        form = complexes[:, beat]
        likeness = prepared.likeness(form)
        shift = min(n_times // 3, max(1, n_times // 8))
        inner = form[:, shift : n_times - shift]
        inner = inner - inner.mean(axis=1, keepdims=True)
        best = np.full(12, -np.inf)
        for move in range(-shift, shift + 1, max(1, shift // 4)):
            part = complexes[:, :, shift + move : n_times - shift + move]
            part = part - part.mean(axis=2, keepdims=True)
            along = (part * inner[:, None]).sum(axis=(0, 2))
            size = np.sqrt((part**2).sum(axis=(0, 2))) * np.sqrt((inner**2).sum())
            best = np.fmax(best, along / np.maximum(size, 1e-9))
        best[4] = np.nan
        assert np.array_equal(likeness, best, equal_nan=True)
        assert likeness[beat] > 0.9
