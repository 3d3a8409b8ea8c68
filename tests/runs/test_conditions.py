"""What can be asked of a run, and how a wrong question is answered."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core.errors import PedecgError
from pedecg.runs import where_conditions
from pedecg.runs.experiment_history import Run
from pedecg.runs.run_rows import RunRow

ROW = RunRow(
    Run(
        "puffy-lark",
        params={
            "train.learning_rate": 1e-3,
            "experiment.seeds": [0, 3],
            "train.loss": "focal",
            "train.use_decisions": True,
            "cohort.max_age_days": None,
            "models.cnn.width": 48,
            "models.gru.width": 64,
        },
        by_model={"cnn": {"test.macro.auroc": 0.81, "test_classes.f1 normal": 0.6}},
    ),
    "cnn",
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("learning_rate between 1e-5 and 1e-3", True),
        ("learning_rate between 1e-3 and 1e-5", True),
        ("train.learning_rate = 0.001", True),
        ("learning_rate=1e-3", True),
        ("learning_rate < 1e-3", False),
        ("auroc > 0.8 and model = cnn", True),
        ("auroc > 0.9 or model = cnn", True),
        ("auroc > 0.9 or model = gru and auroc > 0", False),
        ("model in gru, cnn", True),
        ("model in [gru,lstm]", False),
        ("model != cnn", False),
        ("seeds has 3", True),
        ("seeds has 4", False),
        ("seeds = [0,3]", True),
        ("seeds = 3", False),
        ("loss ~ FOC", True),
        ("experiment ~ lark", True),
        ("use_decisions = true", True),
        ("use_decisions = 1", False),
        ("max_age_days = null", True),
        ("max_age_days > 3", False),
        ("max_age_days != 3", False),
        ("width >= 48 and width <= 48", True),
        ('"f1 normal" > 0.5', True),
        ("loss = 'focal'", True),
        ("between between 1 and 2 or auroc>.5", True),
    ],
)
def test_a_condition_is_answered(text, answer):
    assert where_conditions.holds(where_conditions.parse(text), ROW) is answer


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "ends where a column is expected"),
        ("auroc", "ends where =, !=, <,"),
        ("auroc >", "ends where a number is expected"),
        ("auroc > high", "found 'high'; expected a number"),
        ("auroc > 0.5 model = cnn", "found 'model'; expected and, or"),
        ("auroc between 1 or 2", "found 'or'; expected and"),
        ("auroc is 3", "found 'is'; expected one of ="),
        ("auroc = 'open", "cannot read"),
    ],
)
def test_a_wrong_condition_is_reported_in_one_line(text, line):
    with pytest.raises(PedecgError) as fault:
        where_conditions.parse(text)
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)


def test_text_is_not_compared_with_a_number():
    with pytest.raises(PedecgError, match="loss: is 'focal'; > asks for a number"):
        where_conditions.holds(where_conditions.parse("loss > 3"), ROW)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_one_line(text):
    with contextlib.suppress(PedecgError):
        assert where_conditions.names(where_conditions.parse(text))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 10), st.floats(0, 10))
def test_between_holds_exactly_inside_its_ends(value, below, above):
    row = RunRow(Run("x", params={"rate": value}), "")
    asked = where_conditions.parse(f"rate between {value - below!r} and {value + above!r}")
    assert where_conditions.holds(asked, row)
    outside = where_conditions.parse(f"rate > {value!r} or rate < {value!r}")
    assert not where_conditions.holds(outside, row)
