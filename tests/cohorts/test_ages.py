"""An age is a number of days or unknown, and a number without a unit is never guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.cohorts import ages, cohort_scan, recordings
from pedecg.cohorts.formats import wfdb_notes
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError


@pytest.mark.parametrize(
    ("cell", "unit", "days"),
    [
        ("572d", "", 572), ("18 months", "", 548), ("3M", "", 91), ("72h", "", 3), ("3 wk", "", 21),
        ("2y 3mo", "", 822), ("1.5", "years", 548), ("0.08", "years", 29), ("0d", "", 0),
        ("0", "days", 0), ("5 Years", "", 1826), ("090", "days", 90),
    ],
)  # fmt: skip
def test_an_age_with_its_unit_is_a_number_of_days(cell, unit, days):
    assert ages.read(cell, unit) == ages.Age(days)


@pytest.mark.parametrize(
    ("cell", "unit", "below", "word"),
    [("0", "years", 366, "year"), ("0y", "", 366, "year"), ("0.0", "years", 366, "year"),
     ("0 months", "", 31, "month"), ("0w", "days", 8, "week")],
)  # fmt: skip
def test_zero_whole_years_are_the_first_year_and_no_day_of_it(cell, unit, below, word):
    found = ages.read(cell, unit)
    assert (found.days, found.below_days) == (None, below)
    assert f"below one {word}" in found.note
    with pytest.raises(RecordFault, match="the day is not known"):
        ages.in_days(cell, unit)


@pytest.mark.parametrize(
    "cell", ["7,5", ">89", "-1", "1e2", "½", "５", "NaN", "7 moons", "14", "124 y", "1_0 d", ""]
)
def test_an_age_that_cannot_be_read_is_a_fault_and_says_what_was_found(cell):
    with pytest.raises(RecordFault) as fault:
        ages.read(cell)
    assert fault.value.reason == "invalid-age"
    assert repr(cell) in fault.value.detail


def test_an_age_of_400_digits_is_a_fault_in_a_short_line():
    with pytest.raises(RecordFault, match="expected 0 to 45000 days") as fault:
        ages.read("9" * 400 + "y")
    assert len(fault.value.detail) < 100


@given(days=st.integers(0, ages.OLDEST_DAYS))
@settings(deadline=None)
def test_days_are_read_as_they_are_written(days):
    assert ages.read(f"{days} d").days == days


@pytest.mark.parametrize(
    ("cells", "largest"),
    [
        (["14", "7", "0"], "14"), (["60", "89"], "89"), (["3M", "7"], "7"), (["216", "5"], "216"),
        (["14", "900"], None), (["14y", "7d"], None), (["", "NaN"], None), ([], None),
    ],
)  # fmt: skip
def test_bare_numbers_that_could_be_years_or_months_are_ambiguous(cells, largest):
    assert ages.ambiguous(cells) == largest


@pytest.mark.parametrize(
    ("comments", "days", "sex", "note"),
    [
        (("Age: 0", "Sex: Male"), None, "male", "below one year"),
        (("0 F 12 3 x1",), None, "female", "below one year"),
        (("<age>: 0  <sex>: M",), None, "male", "below one year"),
        (("<age>: 28  <sex>: M  <Height>: 170",), 10227, "male", ""),
        (("Age: 7 Sex: M",), 2557, "male", ""),
        (("age: 3y", "gender: w"), 1096, "female", ""),
        (("female 67 years",), 24472, "female", ""),
        (("Age: 8 months",), 244, None, ""),
        (("Age: 5d",), 5, None, ""),
        (("Male 45",), None, "male", "'45' has no unit"),
        (("Female 2740",), 2740, "female", ""),
        (("Age: >89", "Sex: Weiblich"), None, "female", "'>89'"),
        (("Age: 300",), None, None, "expected 0 to 45000 days"),
        (("Dx: 426783006",), None, None, ""),
    ],
)
def test_a_header_says_the_age_or_why_it_is_unknown(comments, days, sex, note):
    found = wfdb_notes.patient(comments, "r")
    assert (found.age.days, found.sex) == (days, sex)
    assert note in found.age.note
    assert bool(note) == bool(found.age.note)


def test_a_bare_age_of_the_published_children_is_in_days():
    assert wfdb_notes.patient(("Male 45",), "P00001_E01").age.days == 45


def hospital(root, recorder, csv_writer, *cells, comments=()):
    rows = [
        {"record_id": f"r{i}", "patient_id": f"p{i}", "path": f"r{i}", "age": cell, "sex": "F"}
        for i, cell in enumerate(cells)
    ]
    csv_writer(root / "manifest.csv", ("record_id", "patient_id", "path", "age", "sex"), rows)
    for i in range(len(cells)):
        recorder(root / f"r{i}")
        header = root / f"r{i}.hea"
        kept = [x for x in header.read_text().splitlines() if not x.startswith("#")]
        header.write_text("\n".join([*kept, *comments]) + "\n")
    return root


def test_ages_that_could_be_years_end_the_run_with_one_question(
    tmp_path, recorder, csv_writer, run
):
    root = hospital(tmp_path, recorder, csv_writer, "14", "7", "0")
    with pytest.raises(PedecgError, match=r"'age' holds ages without a unit, at most 14: days,"):
        run("manifest", root)
    found = run("manifest", root, manifest__age_unit="years").records["age_days"]
    assert found.tolist()[:2] == [5114, 2557]
    assert found.isna().tolist() == [False, False, True]


def test_a_column_that_no_years_reach_is_in_days(tmp_path, recorder, csv_writer, run):
    root = hospital(tmp_path, recorder, csv_writer, "14", "2600")
    assert run("manifest", root).records["age_days"].tolist() == [14, 2600]


def test_an_infant_of_unknown_day_is_kept_counted_and_inside_the_age_range(
    tmp_path, recorder, csv_writer, run
):
    root = hospital(tmp_path, recorder, csv_writer, "0y", "20y")
    found = run("manifest", root, max_age_days=6573)
    assert found.records["record_id"].tolist() == ["r0"]
    assert found.metrics["age_below_one_unit"] == 1
    assert run("manifest", root, min_age_days=28).records["record_id"].tolist() == ["r1"]


def test_ages_of_wfdb_headers_serve_a_cohort_whose_table_has_none(
    tmp_path, recorder, csv_writer, run
):
    root = hospital(tmp_path, recorder, csv_writer, "", "", comments=("#Age: 8y", "#Sex: F"))
    unsaid = {"manifest__columns__age": None, "manifest__columns__sex": None}
    found = run("manifest", root, **unsaid).records
    assert found["age_days"].tolist() == [2922, 2922]
    assert set(found["sex"]) == {"female"}


def test_a_folder_whose_ages_have_no_unit_is_not_measured_until_it_is_said(
    tmp_path, recorder, csv_writer
):
    root = hospital(tmp_path, recorder, csv_writer, "14", "0")
    places, faults = recordings.find([root])
    assert not places
    assert "at most 14: days, weeks, months or years?" in str(faults[0])
    (alone,), _ = recordings.find([root / "r0.hea"])
    assert "days, weeks, months or years?" in recordings.read(alone).age_note
    places, faults = recordings.find([root], "years")
    assert not faults
    assert [place.age_days for place in places] == [5114, None]
    assert "below one year" in recordings.read(places[1]).age_note


def test_a_folder_is_measured_in_the_unit_of_the_project_that_trains_on_it(
    tmp_path, recorder, csv_writer, monkeypatch
):
    (tmp_path / "cohort").mkdir()
    root = hospital(tmp_path / "cohort", recorder, csv_writer, "14")
    text = f"cohort: {{root: {root}, manifest: {{age_unit: years}}}}\n"
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    (place,), _ = recordings.find([root])
    assert place.age_days == 5114


def test_an_age_range_leaves_out_whom_it_may_not_hold():
    row = cohort_scan.CohortRow("r", "p", "r", None, None, age_below_days=366)

    class Range:
        min_age_days, max_age_days = 0, 100

    assert cohort_scan.outside_age_range(row, Range) == "age-out-of-range"
