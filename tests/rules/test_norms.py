"""Limits are data: checked when read, smooth in age, and z-scores mean what they say."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core.errors import PedecgError
from pedecg.rules import norms

SHIPPED = Path(norms.__file__).with_name("limits.csv")
LIMITS = norms.load(SHIPPED)
HEADER = ",".join(norms.COLUMNS)
ages = st.integers(0, 6574)


def written(tmp_path, *lines, header=HEADER):
    file = tmp_path / "own.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def test_every_shipped_limit_names_its_source_and_how_far_to_trust_it():
    rows = [row for group in LIMITS.rows.values() for row in group]
    assert len(rows) > 150
    assert all(row.source and row.status in {"second-hand", "CHECK"} for row in rows)


@given(age=ages, sex=st.sampled_from(["female", "male"]))
def test_exactly_one_row_holds_at_every_age_from_birth(age, sex):
    for measure in ("heart_rate", "pr", "qrs", "qtc_bazett", "qrs_axis", "r_v1", "s_v6"):
        assert len(LIMITS.rows_for(measure, age, sex)) == 1


def test_the_day_a_row_ends_belongs_to_the_next():
    assert LIMITS.rows_for("heart_rate", 30, "male")[0].p98 == 192
    assert LIMITS.rows_for("heart_rate", 31, "male")[0].p98 == 187


def test_the_first_week_has_limits_of_its_own():
    """Rijnbeek's children were at least 11 days old; 120 bpm is usual on the first days."""
    assert LIMITS.rows_for("heart_rate", 0, "female")[0].p2 == 90
    assert LIMITS.rows_for("heart_rate", 8, "female")[0].p2 == 136


def test_limits_reach_to_eighteen_years():
    assert {measure for measure in LIMITS.units if not LIMITS.rows_for(measure, 6574, "male")} == (
        set()
    )


def test_files_say_which_version_they_are(tmp_path):
    assert LIMITS.version
    row = "pr,any,0,6000,80,120,160,ms,our ward 2024,own"
    assert norms.load(written(tmp_path, row)).version == ""
    file = tmp_path / "dated.csv"
    file.write_text(f"# version: ours 3,,,\n{HEADER}\n{row}\n")
    assert norms.load(file).version == "ours 3"
    file.write_text(f"# version: ours 3\n{HEADER}\n{row}\nbad\n")
    with pytest.raises(PedecgError, match="line 4: expected 10 fields"):
        norms.load(file)


THRESHOLDS = ",".join(norms.THRESHOLD_COLUMNS)


def test_every_threshold_has_a_source_and_a_status_and_its_ages_do_not_overlap():
    for name, rows in LIMITS.thresholds.items():
        assert all(row.source for row in rows)
        assert {row.status for row in rows} <= {"CONF", "second-hand", "CHECK", "MEM", "own"}
        for age in (0, 7, 8, 100, 364, 365, 1460, 1461, 4382, 4383, 5844, 30000):
            for sex in ("female", "male"):
                fit = [
                    row
                    for row in rows
                    if row.age_from_days <= age < row.age_to_days and row.sex in ("any", sex)
                ]
                assert len(fit) <= 1, (name, age, sex)


def test_a_threshold_without_ages_needs_no_age_and_others_do():
    assert LIMITS.threshold("qtc_long", None, None).value == 470
    assert LIMITS.threshold("qrs_complete_block", None, "male") is None
    assert LIMITS.threshold("qtc_borderline", 100, None) is None
    assert LIMITS.threshold("upright_t_v1", 7, "male") is None
    assert LIMITS.threshold("upright_t_v1", 8, "male").value == 0.05


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,any,0,,abc,ms,us,own", "line 2: value must be a number"),
        ("x,any,9,3,1,ms,us,own", "age_from_days"),
        ("x,boy,0,,1,ms,us,own", "sex must be"),
        (",any,0,,1,ms,us,own", "name and source must be named"),
    ],
)
def test_a_wrong_threshold_is_refused_in_one_line(tmp_path, line, said):
    file = tmp_path / "own.csv"
    file.write_text(f"{THRESHOLDS}\n{line}\n")
    with pytest.raises(PedecgError) as fault:
        norms.load(SHIPPED, file)
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


@given(age=ages, sex=st.sampled_from(["female", "male", None]))
def test_the_limits_lie_at_z_two_and_the_median_at_zero(age, sex):
    for measure in LIMITS.units:
        known = LIMITS.percentiles(measure, age, sex)
        if known is None or known.p50 != known.p50:
            continue
        assert norms.z_score(LIMITS, measure, known.p50, age, sex) == pytest.approx(0, abs=1e-9)
        if known.p98 > known.p50:
            assert norms.z_score(LIMITS, measure, known.p98, age, sex) == pytest.approx(2.0537)
        if known.p2 < known.p50:
            assert norms.z_score(LIMITS, measure, known.p2, age, sex) == pytest.approx(-2.0537)


@given(age=st.integers(1, 5842))
def test_heart_rate_limits_change_little_from_one_day_of_age_to_the_next(age):
    before, after = (LIMITS.percentiles("heart_rate", a, "male") for a in (age, age + 1))
    assert before is not None
    assert after is not None
    assert abs(before.p98 - after.p98) <= 0.1 * before.p98 / max(age, 1) ** 0.5 + 0.5


@given(value=st.floats(-180, 180), age=ages)
def test_an_axis_is_compared_the_short_way_round(value, age):
    z = norms.z_score(LIMITS, "qrs_axis", value, age, "male")
    assert z == pytest.approx(norms.z_score(LIMITS, "qrs_axis", value + 360, age, "male"))


def test_an_extreme_axis_of_a_newborn_lies_to_the_right():
    assert norms.z_score(LIMITS, "qrs_axis", -150, 5, "male") > 2.5


@pytest.mark.parametrize("age", [None, float("nan"), 6575, 30000])
def test_an_age_unknown_or_beyond_the_table_has_no_z_score(age):
    z = norms.z_score(LIMITS, "heart_rate", 100, age, "male")
    assert z != z


def test_a_value_that_was_not_measured_has_no_z_score():
    z = norms.z_score(LIMITS, "heart_rate", float("nan"), 100, "male")
    assert z != z


def test_a_limit_that_is_not_stated_gives_no_z_score(tmp_path):
    limits = norms.load(written(tmp_path, "qrs,any,0,6000,,80,100,ms,us,x"))
    assert math.isnan(norms.z_score(limits, "qrs", 60, 100, "male"))
    assert norms.z_score(limits, "qrs", 100, 100, "male") == pytest.approx(norms.SD_AT_LIMITS)


def test_without_the_sex_the_limits_are_the_mean_of_both():
    both = LIMITS.percentiles("qrs", 1000, None)
    girl, boy = (LIMITS.percentiles("qrs", 1000, sex) for sex in ("female", "male"))
    assert both.p98 == pytest.approx((girl.p98 + boy.p98) / 2)


def test_a_hospital_can_put_in_its_own_limits(tmp_path):
    own = norms.load(written(tmp_path, "pr,any,0,6000,80,120,160,ms,our ward 2024,own"))
    assert norms.z_score(own, "pr", 160, 10, None) == pytest.approx(2.0537)


A = "pr,any,0,30,80,100,120,ms,x,CHECK"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([A, "pr,any,20,60,80,100,120,ms,x,CHECK"], "overlap"),
        ([A, "pr,any,40,60,80,100,120,ms,x,CHECK"], "gap"),
        ([A, A], "overlap"),
        (["pr,any,0,30,80,abc,120,ms,x,CHECK"], "line 2: p50 must be a number (found 'abc')"),
        (["pr,any,0,30,80,nan,120,ms,x,CHECK"], "p50 must be a number"),
        (["pr,any,0,30,130,100,120,ms,x,CHECK"], "p2 <= p50 <= p98"),
        (["pr,any,30,30,80,100,120,ms,x,CHECK"], "age_from_days"),
        (["pr,boy,0,30,80,100,120,ms,x,CHECK"], "sex must be female, male, any (found 'boy')"),
        (["pr,any,0,30,80,100,120,s,x,CHECK"], "unit must be"),
        (["pr,any,0,30,80,100"], "expected 10 fields"),
        ([A, "pr,male,0,30,80,100,120,ms,x,CHECK"], "'any' beside"),
        ([], "holds no limits"),
    ],
)
def test_a_wrong_line_is_refused_in_one_line(tmp_path, lines, said):
    with pytest.raises(PedecgError) as fault:
        norms.load(written(tmp_path, *lines))
    assert said in str(fault.value)
    assert "own.csv" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_renamed_column_is_named(tmp_path):
    with pytest.raises(PedecgError, match="p97"):
        norms.load(written(tmp_path, A, header=HEADER.replace("p98", "p97")))


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path):
    file = written(tmp_path, A)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert norms.load(file).units == {"pr": "ms"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PedecgError, match="not found"):
        norms.load(tmp_path / "none.csv")
