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
    used = [*rows, *(row for group in LIMITS.thresholds.values() for row in group)]
    assert {row.status for row in used} <= {"primary", "secondary", "own"}
    known = norms.sources()
    for row in used:
        if row.status == "own":
            assert "this project" in row.source
            continue
        about = known[row.source]
        assert all(value.strip() for value in about.values()), row.source
        assert about["checked"].startswith(("primary", "secondary: "))
        assert about["kind"] in {"percentile", "range", "convention"}


def test_rows_without_a_source_that_could_be_checked_are_off_and_named():
    assert {row.measure for row in LIMITS.off} == {"rs_ratio_v1", "rs_ratio_v6"}
    assert all(norms.sources()[row.source]["checked"].startswith("unchecked") for row in LIMITS.off)
    assert "rs_ratio_v1" not in LIMITS.units
    docs = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
    for name in [*norms.sources(), *{row.measure for row in LIMITS.off}]:
        assert name in docs


def test_a_hospital_turns_a_row_on_by_another_status_in_its_own_file(tmp_path):
    row = "rs_ratio_v1,any,0,6000,0.5,1,3,ratio,ours,"
    assert norms.load(written(tmp_path, row + "own", A)).units == {
        "rs_ratio_v1": "ratio",
        "pr": "ms",
    }
    off = norms.load(written(tmp_path, row + "unchecked", A))
    assert (off.units, len(off.off)) == ({"pr": "ms"}, 1)


@given(age=ages, sex=st.sampled_from(["female", "male"]))
def test_exactly_one_row_holds_at_every_age_from_birth(age, sex):
    for measure in ("heart_rate", "pr", "qrs", "qrs_axis", "r_v1", "s_v6"):
        assert len(LIMITS.rows_for(measure, age, sex)) == 1
    assert len(LIMITS.rows_for("qtc_bazett", age, sex)) == (age >= 11)


def test_in_the_middle_of_an_age_group_the_limit_is_the_published_one():
    middle = (365 + 1096) / 2
    assert LIMITS.rows_for("heart_rate", middle, "male")[0].p98 == pytest.approx(155)
    assert LIMITS.rows_for("r_v6", (1096 + 1827) / 2, None)[0].p98 == pytest.approx(2.4)


def test_between_two_middles_the_limit_lies_between_theirs():
    before, after = (LIMITS.rows_for("heart_rate", age, "male")[0].p98 for age in (364, 365))
    assert 155 < after < before < 194
    assert before - after < 0.3


def test_the_first_week_has_limits_of_its_own_and_no_invented_median():
    """Rijnbeek's children were at least 11 days old; 120 bpm is usual on the first days."""
    row = LIMITS.rows_for("heart_rate", 0, "female")[0]
    assert (row.p2, row.p98, row.kind) == (90, 160, "range")
    assert math.isnan(row.p50)
    assert math.isnan(norms.z_score(LIMITS, "heart_rate", 120, 3, "female"))
    assert LIMITS.rows_for("heart_rate", 21, "female")[0].p2 == pytest.approx(136)


def test_a_range_of_a_voltage_has_its_median_between_the_square_roots():
    known = LIMITS.percentiles("r_v1", 3.5, "male")
    assert known.p50 == pytest.approx(((0.5**0.5 + 2.6**0.5) / 2) ** 2)


@given(age=st.integers(6575, 40_000), sex=st.sampled_from(["female", "male"]))
def test_conventions_of_adults_are_the_same_at_every_age(age, sex):
    limits = {m: LIMITS.rows_for(m, age, sex)[0] for m in ("heart_rate", "pr", "qrs", "qrs_axis")}
    assert (limits["heart_rate"].p2, limits["heart_rate"].p98) == (50, 100)
    assert (limits["pr"].p2, limits["pr"].p98) == (120, 200)
    assert (limits["qrs_axis"].p2, limits["qrs_axis"].p98) == (-30, 90)
    assert limits["qrs"].p98 == 110
    assert {limit.ages for limit in limits.values()} == {"adults"}
    qtc = LIMITS.rows_for("qtc_bazett", age, sex)[0]
    assert qtc.p98 == (460 if sex == "female" else 450)


@pytest.mark.parametrize(
    ("measure", "age", "p2", "p98"),
    [
        ("r_v6", 2375, 0.4, 2.6), ("r_v6", 3650, 0.4, 2.5), ("r_v1", 3650, 0.0, 1.4),
        ("s_v1", 3.5, 0.0, 2.3), ("r_v1", 5114, 0.0, 1.4), ("r_v6", 3.5, 0.0, 1.2),
    ],
)  # fmt: skip
def test_voltage_limits_are_those_of_the_public_table(measure, age, p2, p98):
    row = LIMITS.rows_for(measure, age, None)[0]
    assert row.p2 == pytest.approx(p2, abs=0.01)
    assert row.p98 == pytest.approx(p98, abs=0.02)


def test_limits_reach_to_eighteen_years():
    assert all(LIMITS.rows_for(measure, 6574, "male") for measure in LIMITS.units)


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
    ("line", "stated"),
    [
        ("x,any,0,,abc,ms,us,own", "line 2: value must be a number"),
        ("x,any,9,3,1,ms,us,own", "age_from_days"),
        ("x,boy,0,,1,ms,us,own", "sex must be"),
        (",any,0,,1,ms,us,own", "name and source must be named"),
    ],
)
def test_a_wrong_threshold_is_refused_in_one_line(tmp_path, line, stated):
    file = tmp_path / "own.csv"
    file.write_text(f"{THRESHOLDS}\n{line}\n")
    with pytest.raises(PedecgError) as fault:
        norms.load(SHIPPED, file)
    assert stated in str(fault.value)
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
    again = norms.z_score(LIMITS, "qrs_axis", value + 360, age, "male")
    assert z == pytest.approx(again, nan_ok=True)


def test_an_extreme_axis_of_a_newborn_lies_to_the_right():
    assert norms.z_score(LIMITS, "qrs_axis", -150, 25, "male") > 2.5


@pytest.mark.parametrize("age", [None, float("nan"), 6575, 30000])
def test_an_age_that_is_unknown_or_has_conventions_alone_has_no_z_score(age):
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
    ("lines", "stated"),
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
def test_a_wrong_line_is_refused_in_one_line(tmp_path, lines, stated):
    with pytest.raises(PedecgError) as fault:
        norms.load(written(tmp_path, *lines))
    assert stated in str(fault.value)
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


@pytest.mark.parametrize("name", ["paced", "strip_slow"])
def test_a_file_of_thresholds_that_lacks_one_is_refused_in_one_line(tmp_path, name):
    text = norms.THRESHOLDS.read_text(encoding="utf-8")
    own = tmp_path / "own.csv"
    own.write_text(
        "".join(line for line in text.splitlines(True) if not line.startswith(f"{name},"))
    )
    with pytest.raises(PedecgError, match=rf"own\.csv: lacks {name}; copy these rows"):
        norms.load(norms.LIMITS, own)
