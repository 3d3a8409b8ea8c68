"""A calibration file holds curves that can be, or is refused in one line."""

import json
import math

import pytest

from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, curve_check
from pedecg.evaluation.calibration import METHODS, Calibration, Curve

GOOD = {
    "none": {},
    "platt": {"slope": [1.5], "intercept": [-0.2]},
    "isotonic": {"raw": [0.1, 0.5], "calibrated": [0.2, 0.2]},
}
BAD = [
    ("none", {"slope": [1.0]}),
    ("magic", {}),
    ("platt", {"slope": [1.0]}),
    ("platt", {"slope": [0.0], "intercept": [0.0]}),
    ("platt", {"slope": [-1.0], "intercept": [0.0]}),
    ("platt", {"slope": [1.0, 2.0], "intercept": [0.0]}),
    ("platt", {"slope": [math.nan], "intercept": [0.0]}),
    ("platt", {"slope": [True], "intercept": [0.0]}),
    ("platt", {"slope": "1", "intercept": [0.0]}),
    ("platt", {"slope": [10**400], "intercept": [0.0]}),
    ("isotonic", {"raw": [], "calibrated": []}),
    ("isotonic", {"raw": [0.1], "calibrated": [0.2, 0.3]}),
    ("isotonic", {"raw": [0.5, 0.1], "calibrated": [0.2, 0.3]}),
    ("isotonic", {"raw": [0.1, 0.5], "calibrated": [0.3, 0.2]}),
    ("isotonic", {"raw": [0.1, 0.5], "calibrated": [0.3, 1.2]}),
]


def test_every_method_has_its_parameters_named():
    assert set(curve_check.PARAMETERS) == set(METHODS)


@pytest.mark.parametrize(("method", "values"), GOOD.items())
def test_a_curve_that_can_be_is_read_as_it_is(method, values):
    assert curve_check.parameters(method, values) == values


@pytest.mark.parametrize(("method", "values"), BAD)
def test_a_curve_that_none_can_be_is_refused(method, values):
    with pytest.raises(ValueError, match=r"\w"):
        curve_check.parameters(method, values)


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan, "0.5", True, [0.5]])
def test_a_threshold_lies_between_0_and_1(value):
    with pytest.raises(ValueError, match="threshold"):
        curve_check.threshold(value)


def test_a_file_of_other_targets_or_without_the_mean_is_refused(tmp_path):
    file = tmp_path / "m.json"
    curve = Curve("platt", GOOD["platt"], 0.4, {"f1": math.inf, "youden": math.nan})
    both = {"0": {"chd": curve}, "mean": {"chd": curve}}
    Calibration("m", ("chd",), False, "f1", both).save(file)
    found = calibration.load(file).curves["mean"]["chd"]
    assert (found.threshold, found.thresholds["f1"]) == (0.4, math.inf)
    whole = json.loads(file.read_text())
    for change in (
        {"targets": ["chd", "more"]}, {"targets": []}, {"exclusive": "no"}, {"curves": {}},
        {"curves": {"mean": {"chd": None}}}, {"curves": []},
    ):  # fmt: skip
        file.write_text(json.dumps(whole | change))
        with pytest.raises(PedecgError, match=r"m\.json: not a calibration file") as caught:
            calibration.load(file)
        assert "\n" not in str(caught.value)
