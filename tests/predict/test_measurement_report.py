"""What is stated of an ECG is stated in words and units that a reader knows."""

import math

import pytest

from pedecg.predict import measurement_report
from pedecg.rules import measure


@pytest.mark.parametrize(
    ("age_days", "sex", "stated"),
    [(5, "female", "girl of 5 days"), (2922, "male", "boy of 8 years"),
     (20_000, "female", "woman of 54 years"), (30, None, "child of 30 days"),
     (None, "male", "male, age unknown"), (None, None, "age and sex unknown")],
)  # fmt: skip
def test_the_title_is_a_sentence_about_a_person(age_days, sex, stated):
    assert (
        measurement_report.sentence("r", age_days, sex, 99.6)
        == f"r: {stated}, 100 beats per minute"
    )


def test_no_heartbeat_is_no_rate():
    assert measurement_report.sentence("r", None, None, math.nan).endswith("no heartbeat found")


@pytest.mark.parametrize(
    ("column", "words", "unit"),
    [("heart_rate_bpm", "heart rate", "bpm"), ("qtc_bazett_ms", "QTc (Bazett)", "ms"),
     ("qrs_axis_deg", "QRS axis", "°"), ("r_v1_mv", "R in V1", "mV"),
     ("rs_ratio_v6", "R/S ratio in V6", ""), ("t_avf_mv", "T in aVF", "mV")],
)  # fmt: skip
def test_a_column_is_spoken_with_its_unit(column, words, unit):
    assert (measurement_report.in_words(column), measurement_report.unit_of(column)) == (
        words,
        unit,
    )


def test_every_measure_in_a_unit_says_it():
    """What has none is a ratio: those of RR are in units of the usual RR, or shares of beats."""
    ratios = ("ratio", "share", "change", "rr_", "flutter", "av_dissociation")
    for column in measure.COLUMNS:
        assert measurement_report.unit_of(column) or any(word in column for word in ratios)
