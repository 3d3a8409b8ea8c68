"""The columns of a print make one record: leads from their column, the heart from all."""

import math

import pytest

from pedecg.predict import measured_print
from pedecg.rules import measure

LIMB, CHEST = ("I", "II", "III"), ("V1", "V2", "V3")


def column(**values):
    """Measures of one column; what is not given is not measured. A pair: value, validity."""
    found = {}
    for name in measure.COLUMNS:
        value, valid = values.get(name, (math.nan, False))
        found |= {name: value, f"spread_{name}": 1.0, f"valid_{name}": valid}
    return found


def combined(first, second):
    return measured_print.combined([first, second], [LIMB, CHEST])


def test_a_lead_is_measured_in_its_own_column_only():
    found = combined(column(r_ii_mv=(1.1, True), r_v1_mv=(9.0, True)), column(r_v1_mv=(0.4, True)))
    assert (found["r_ii_mv"], found["r_v1_mv"]) == (1.1, 0.4)
    assert found["valid_r_v1_mv"]


def test_what_belongs_to_the_heart_is_the_median_of_the_valid_columns():
    found = combined(column(qrs_ms=(80.0, True)), column(qrs_ms=(84.0, True)))
    assert found["qrs_ms"] == 82.0
    doubtful = combined(column(qrs_ms=(80.0, True)), column(qrs_ms=(140.0, False)))
    assert (doubtful["qrs_ms"], doubtful["valid_qrs_ms"]) == (80.0, True)


def test_a_measure_that_is_valid_in_no_column_is_not_valid():
    found = combined(column(pr_ms=(120.0, False)), column())
    assert (found["pr_ms"], found["valid_pr_ms"]) == (120.0, False)
    assert math.isnan(found["qt_ms"])
    assert not found["valid_qt_ms"]


def test_angles_are_joined_on_the_circle():
    found = combined(column(t_axis_deg=(170.0, True)), column(t_axis_deg=(-170.0, True)))
    assert abs(found["t_axis_deg"]) == pytest.approx(180.0)


@pytest.mark.parametrize(
    ("name", "lead"),
    [("r_v1_mv", "V1"), ("rs_ratio_avl", "aVL"), ("q_ii_ms", "II"), ("r_peak_v6_ms", "V6"),
     ("qrs_ms", None), ("sv1_rv6_mv", None), ("qrs_axis_deg", None)],
)  # fmt: skip
def test_the_lead_of_a_measure_is_in_its_name(name, lead):
    assert measured_print.lead_of(name) == lead
