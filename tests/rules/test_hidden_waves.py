"""Blocked P in T, flutter of newborns, QT and ST that cannot be read: right, or not valid."""

import numpy as np
import pytest
import rhythm_records
from judged_child import HEALTHY, LIMITS
from rhythm_records import FS_HZ, make

from pedecg.core.records import LEADS
from pedecg.rules import atrial_waves, criteria, criterion_logic, measure

CHILD = 8 * 365.25


def measured(waves, signal):
    return measure.measure(waves, signal, FS_HZ, LEADS, spikes_s=np.empty(0))


def judged(found, age_days=CHILD):
    child = criterion_logic.MeasuredChild(found, age_days, "male", LIMITS)
    return {name: verdict.met for name, verdict in criteria.judge(child).items()}


def regular(rr_s, n):
    return 0.5 + rr_s * np.arange(n)


@pytest.mark.parametrize("rr_s", [0.86, 0.94, 1.06])
def test_two_to_one_block_with_the_blocked_p_within_t(rr_s):
    r = regular(rr_s, 11)
    conducted = r - 0.16
    found = measured(*make(r, p_s=np.append(conducted, conducted + rr_s / 2), shown_p=conducted))
    assert found["blocked_p_share"] == 0.5
    verdicts = judged(found)
    assert verdicts["second_degree_block"]
    assert not verdicts["sinus_bradycardia"]  # the ventricles are slow, the sinus node is not
    assert found["valid_pr_ms"]  # the conducted P waves keep their distance

    without = measured(*make(r, p_s=conducted))
    assert without["blocked_p_share"] == 0
    assert not judged(without)["second_degree_block"]


def test_a_bump_in_t_that_is_not_half_way_is_no_blocked_p():
    r = regular(0.94, 11)
    conducted = r - 0.16
    bump = conducted + 0.94 / 2 - 0.04
    found = measured(*make(r, p_s=np.append(conducted, bump), shown_p=conducted))
    assert found["blocked_p_share"] == 0


def test_pr_is_constant_in_two_to_one_block_and_is_none_in_dissociation():
    p = 0.4 + 0.6 * np.arange(20)
    found = measured(*make(p[::2] + 0.16, p_s=p, shown_p=p[::2]))
    assert found["blocked_p_share"] > 0.4
    assert found["valid_pr_ms"]
    # Of a rhythm in 5:3 relation most beats have one of three PR intervals by turns.
    r, p = regular(1.25, 9), np.arange(0.3, 11, 0.75)
    apart = np.abs(p[:, None] - r).min(axis=1)
    found = measured(*make(r, p_s=p, shown_p=p[apart > 0.1]))
    assert found["av_dissociation"] == 1
    assert not found["valid_pr_ms"]


@pytest.mark.parametrize(
    ("rate", "conducted", "p_seen"),
    [(440, 4, False), (480, 3, False), (340, 3, True), (300, 4, True)],
)
def test_flutter_of_a_newborn_and_flutter_waves_that_look_like_p(rate, conducted, p_seen):
    r = regular(60 / rate * conducted, 24)
    waves, signal = make(r, p_s=r - 0.1 if p_seen else (), p_mv=0.0, t=False)
    found = measured(waves, rhythm_records.flutter_waves(signal, rate))
    assert found["atrial_rate_bpm"] == pytest.approx(rate, rel=0.02)
    assert judged(found)["atrial_flutter"]
    assert not found["valid_pr_ms"]
    assert not found["valid_qt_ms"]
    assert not found["valid_st_ii_mv"]


@pytest.mark.parametrize(
    ("atrial", "ventricular", "p_share", "expected"),
    [(300, 150, 0.0, True), (460, 230, 0.0, False), (440, 110, 0.0, True), (330, 110, 1.0, True)],
)
def test_a_supraventricular_tachycardia_is_no_flutter_at_twice_its_rate(
    atrial, ventricular, p_share, expected
):
    found = {"flutter_regularity": 0.95, "atrial_rate_bpm": float(atrial)}
    assert atrial_waves.is_flutter(found, ventricular, p_share) is expected


def test_a_t_wave_that_has_not_ended_gives_no_qt():
    r = regular(0.8, 10)
    waves, signal = make(r, p_s=r - 0.16)
    assert measured(waves, signal)["valid_qt_ms"]
    cut = waves.copy()
    t = cut["wave"] == "T"
    cut.loc[t, "offset_s"] = cut.loc[t, "peak_s"] + 0.02
    found = measured(cut, signal)
    assert not found["valid_qt_ms"]
    assert not found["valid_qtc_bazett_ms"]
    assert found["valid_qrs_ms"]


def test_in_a_very_fast_heart_st_is_t_and_qtc_is_not_judged():
    r = regular(60 / 260, 40)
    waves, signal = make(r, t=False)
    times = np.arange(signal.shape[1]) / FS_HZ
    gain = np.array([rhythm_records.GAIN[lead] for lead in LEADS])[:, None]
    for at in r:
        signal += gain * 0.4 * np.exp(-0.5 * ((times - at - 0.12) / 0.02) ** 2)
    rows = waves[waves["wave"] == "QRS"].assign(wave="T", onset_s=r + 0.07, peak_s=r + 0.12)
    waves = waves._append(rows.assign(offset_s=r + 0.16)).sort_values("peak_s", ignore_index=True)
    found = measured(waves, signal)
    assert found["heart_rate_bpm"] == pytest.approx(260, abs=1)
    assert found["st_ii_mv"] > 0.1
    assert not found["valid_st_ii_mv"]
    verdicts = judged(found)
    for name in ("st_elevation", "short_qtc", "long_qtc", "qtc_borderline", "schwartz_qt"):
        assert verdicts[name] is None, name


def test_qtc_is_judged_up_to_200_bpm():
    short = HEALTHY | {"qtc_bazett_ms": 300}
    assert judged(short | {"heart_rate_bpm": 199})["short_qtc"]
    assert judged(short | {"heart_rate_bpm": 201})["short_qtc"] is None


def test_pr_is_not_taken_from_the_few_beats_in_which_t_or_noise_looks_like_p():
    r = regular(0.4, 24)
    shown = r[::3] - 0.1
    found = measured(*make(r, p_s=shown))
    assert not found["valid_pr_ms"]
    assert found["valid_qrs_ms"]
