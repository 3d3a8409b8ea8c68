"""The simulated heart follows the child's age, and each disease moves it in its own direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pedecg.core.records import LEADS
from pedecg.simulation import beat_times, physiology, qrs, torso, traits, zzu_cohort
from pedecg.simulation.children import Visit
from pedecg.simulation.conditions import conditions

AGES_DAYS = [3, 60, 730, 2370, 4745]


def examine(age_days, severities=None, seed=0, n_samples=3000):
    rng = np.random.default_rng(seed)
    place = traits.personal(rng)
    visit = Visit(
        ecg_id="P00001_E01", patient_id="P00001", age_days=age_days, sex="male",
        acquired_at="", severities=severities or {}, severity={}, true={}, coded={}, icd10=[],
        nine_leads=False, n_samples=n_samples,
    )  # fmt: skip
    return zzu_cohort.examine(visit, place, seed, rng)


def median(measure, age_days, severities=None, n=24):
    return np.median([examine(age_days, severities, seed, 1500)[1][measure] for seed in range(n)])


@hypothesis_settings(max_examples=15, deadline=None)
@given(age_days=st.integers(1, 5474), seed=st.integers(0, 10_000))
def test_noise_free_leads_obey_einthoven_and_goldberger(age_days, seed):
    leads = dict(zip(LEADS, examine(age_days, seed=seed)[0].leads_mv, strict=True))
    one, two = leads["I"], leads["II"]
    assert np.allclose(leads["III"], two - one, atol=1e-12)
    assert np.allclose(leads["aVR"], -(one + two) / 2, atol=1e-12)
    assert np.allclose(leads["aVL"], one - two / 2, atol=1e-12)
    assert np.allclose(leads["aVF"], two - one / 2, atol=1e-12)


def test_leads_from_electrodes_obey_the_same_laws():
    leads = dict(zip(LEADS, torso.from_electrodes(), strict=True))
    assert np.allclose(leads["aVR"], -(leads["I"] + leads["II"]) / 2)
    assert np.allclose(leads["III"], leads["II"] - leads["I"])
    assert np.allclose(torso.from_electrodes().sum(axis=1), 0), "a common voltage is not seen"


@pytest.mark.parametrize("age_days", AGES_DAYS)
@pytest.mark.parametrize(
    ("measure", "curve", "tolerance"),
    [
        ("heart_rate_bpm", "heart_rate", 8),
        ("pr_ms", "pr", 9),
        ("qrs_ms", "qrs", 5),
        ("qrs_axis_deg", "qrs_axis", 15),
        ("r_v1_mv", "r_v1", 0.25),
        ("s_v1_mv", "s_v1", 0.25),
        ("r_v6_mv", "r_v6", 0.25),
        ("t_v1_mv", "t_v1", 0.08),
    ],
)
def test_medians_follow_the_curve_of_the_age(age_days, measure, curve, tolerance):
    wanted = physiology.percentiles(curve, age_days, "male")[1]
    assert median(measure, age_days) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize(
    ("condition", "age_days", "measure", "direction"),
    [
        ("vsd", 200, "r_v6_mv", 1),
        ("vsd", 200, "s_v1_mv", 1),
        ("asd", 2000, "qrs_axis_deg", 1),
        ("asd", 2000, "late_mv", 1),
        ("asd", 2000, "pr_ms", 1),
        ("avsd", 300, "qrs_axis_deg", -1),
        ("tetralogy", 300, "r_v1_mv", 1),
        ("tetralogy", 300, "qrs_axis_deg", 1),
        ("tetralogy", 300, "t_v1_mv", 1),
        ("pulmonary_valve_stenosis", 1500, "r_v1_mv", 1),
        ("viral_myocarditis", 3000, "r_v6_mv", -1),
        ("viral_myocarditis", 3000, "t_v6_mv", -1),
        ("fulminant_myocarditis", 3000, "st_mv", 1),
        ("acute_myocarditis", 3000, "qtc_bazett_ms", 1),
        ("dilated", 3000, "r_v6_mv", 1),
        ("dilated", 3000, "la_mv", 1),
        ("hypertrophic", 4000, "q_v6_mv", 1),
        ("hypertrophic", 4000, "t_v6_mv", -1),
        ("kawasaki", 800, "heart_rate_bpm", 1),
        ("kawasaki", 800, "t_v6_mv", -1),
        ("kawasaki", 800, "qtc_bazett_ms", 1),
    ],
)
def test_a_disease_moves_its_measure_in_the_known_direction_by_its_severity(
    condition, age_days, measure, direction
):
    none, half, full = (
        median(measure, age_days, {condition: severity}, n=8) for severity in (0.0, 0.5, 1.0)
    )
    assert direction * (half - none) > 0
    assert direction * (full - half) > 0


def test_every_condition_can_be_drawn_at_every_age():
    for number, name in enumerate(conditions()):
        for age_days in (2, 400, 4000):
            clean, measured, _, _ = examine(age_days, {name: 1.0}, number)
            assert np.isfinite(clean.leads_mv).all()
            given = [x for key, x in measured.items() if not key.startswith("read_")]
            assert np.isfinite(given).all()


def test_a_perfect_reader_finds_what_the_heart_was_given():
    _, measured, *_ = examine(2000, seed=5)
    for name in ("heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "qt_ms", "qrs_axis_deg", "r_v1_mv"):
        assert measured[f"read_{name}"] == pytest.approx(measured[name], rel=0.02, abs=0.5), name
    assert measured["read_qtc_bazett_ms"] == pytest.approx(measured["qtc_bazett_ms"])
    assert measured["read_t_v1_mv"] == pytest.approx(measured["t_v1_mv"], abs=0.02)


@pytest.mark.parametrize("rhythm", ["fibrillation", "junctional", "complete_block"])
def test_a_perfect_reader_finds_no_pr_where_there_is_none(rhythm):
    _, measured, *_ = examine(2000, {rhythm: 1.0}, seed=5)
    assert np.isnan(measured["read_pr_ms"])
    assert np.isnan(measured["read_p_ms"]) == (rhythm != "complete_block")


@hypothesis_settings(max_examples=15, deadline=None)
@given(age_days=st.integers(1, 5474), seed=st.integers(0, 10_000))
def test_qrs_lasts_as_long_on_the_drawing_as_in_the_truth(age_days, seed):
    rng = np.random.default_rng(seed)
    own = traits.draw(age_days, "female", traits.personal(rng), {}, rng)
    waves, _ = qrs.qrs(own, rng)
    time = np.arange(-0.05, 0.25, 0.0005)
    seen = time[(np.abs(torso.to_leads(waves.at(time))) > 0.02).any(axis=0)]
    assert seen[0] == pytest.approx(0, abs=0.001)
    assert 1000 * (seen[-1] - seen[0]) == pytest.approx(own["qrs_ms"], abs=1.5)


@hypothesis_settings(max_examples=15, deadline=None)
@given(age_days=st.integers(1, 5474), seed=st.integers(0, 10_000))
def test_t_ends_before_the_next_p_begins_in_sinus_rhythm(age_days, seed):
    clean, *_ = examine(age_days, {"sinus_tachycardia": 0.8}, seed, 5000)
    waves = clean.fiducials
    ends = waves.loc[waves["wave"] == "T", "offset_s"].to_numpy()
    starts = waves.loc[waves["wave"] == "P", "onset_s"].to_numpy()
    gaps = [starts[starts > end - 0.1].min() - end for end in ends if (starts > end - 0.1).any()]
    assert min(gaps) > -0.05


def test_qrs_fiducials_stand_where_the_signal_is_steepest():
    clean, *_ = examine(2000, seed=4, n_samples=5000)
    waves = clean.fiducials
    steep = np.abs(np.diff(clean.leads_mv, axis=1)).max(axis=0)
    inside = np.zeros(steep.size, bool)
    for onset, offset in waves.loc[waves["wave"] == "QRS", ["onset_s", "offset_s"]].to_numpy():
        inside[int(onset * 500) - 1 : int(offset * 500) + 2] = True
    assert np.flatnonzero(steep > 0.25 * steep.max()).size > 20
    edge = slice(200, -200)  # a beat that the record cuts has no fiducials
    assert inside[edge][steep[edge] > 0.25 * steep.max()].all()


@pytest.mark.parametrize("rate", [45.0, 90.0, 150.0, 220.0])
def test_the_rhythm_has_the_rate_of_the_child(rate):
    own = {"rate": rate, "rsa": 0.05, "breathing": 20.0, "pr_ms": 100.0}
    beats = beat_times.sinus(own, 30.0, np.random.default_rng(0))
    inside = beats.qrs_s[(beats.qrs_s >= 0) & (beats.qrs_s < 30)]
    assert 60 / np.diff(inside).mean() == pytest.approx(rate, rel=0.03)


def test_breathing_moves_the_rate_of_a_schoolchild_and_hardly_that_of_a_newborn():
    def spread(age_days):
        return median("rr_sd_ms", age_days) * median("heart_rate_bpm", age_days) / 60_000

    assert spread(3) < 0.015
    assert spread(3650) > 2 * spread(3)


def test_in_complete_block_atria_beat_faster_than_ventricles():
    own = {"rate": 110.0, "rsa": 0.02, "breathing": 20.0, "pr_ms": 110.0}
    beats = beat_times.complete_block(own, 30.0, np.random.default_rng(0))
    assert beats.p_s.size > 1.7 * beats.qrs_s.size
