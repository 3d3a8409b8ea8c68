"""A hospital's own table: its columns by name, its units by parameter."""

import pytest

from pedecg.core.errors import PedecgError

COLUMNS = ("exam", "person", "file", "years", "gender", "CHD_flag", "set", "cv")
OWN_NAMES = {
    "manifest__columns": {
        "record_id": "exam",
        "patient_id": "person",
        "path": "file",
        "age": "years",
        "sex": "gender",
        "acquired_at": None,
        "split": "set",
        "fold": "cv",
    },
    "manifest__age_unit": "years",
    "manifest__labels": ["chd=CHD_flag"],
}


@pytest.fixture
def hospital(tmp_path, recorder, csv_writer):
    """Write one record and its row with some cells changed; returns the root."""

    def write(columns: tuple[str, ...] = COLUMNS, **cells: str):
        row = dict(zip(COLUMNS, ("a", "p1", "ecg/a.hea", "1.5", "F", "1", "val", "3"), strict=True))
        row = {column: (row | cells)[column] for column in columns}
        csv_writer(tmp_path / "manifest.csv", columns, [row])
        recorder(tmp_path / "ecg" / "a")
        return tmp_path

    return write


def test_a_hospital_maps_its_own_columns(hospital, run):
    found = run("manifest", hospital(), **OWN_NAMES)
    record = found.records.iloc[0]
    assert (record["record_id"], record["patient_id"], record["path"]) == ("a", "p1", "ecg/a.hea")
    assert (record["age_days"], record["sex"]) == (548, "female")
    assert (record["source_split"], record["fold"]) == ("validation", 3)
    assert found.labels.to_dict("list") == {"record_id": ["a"], "chd": [1]}
    assert found.quarantine.empty


@pytest.mark.parametrize(("cell", "days"), [("18 months", 548), ("572d", 572), ("3 w", 21)])
def test_a_cell_may_carry_its_own_unit(hospital, run, cell, days):
    assert run("manifest", hospital(years=cell), **OWN_NAMES).records["age_days"].iloc[0] == days


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"years": "-1"}, "invalid-age"),
        ({"years": "7 moons"}, "invalid-age"),
        ({"gender": "x"}, "unknown-sex"),
        ({"CHD_flag": "maybe"}, "bad-label"),
        ({"set": "holdout"}, "bad-cell"),
        ({"cv": "2.5"}, "bad-cell"),
        ({"person": ""}, "missing-patient-id"),
        ({"exam": ""}, "missing-record-id"),
        ({"file": "../secret"}, "path-outside-root"),
        ({"file": "ecg/b"}, "missing-header"),
    ],
)
def test_a_row_at_fault_is_quarantined(hospital, run, cells, reason):
    found = run("manifest", hospital(**cells), **OWN_NAMES)
    assert reason in set(found.quarantine["reason"])
    assert found.records.empty


def test_an_age_that_neither_table_nor_file_states_is_missing(hospital, run, replace_in):
    root = hospital(years="")
    replace_in(root / "ecg" / "a.hea", "# Female 360", "# Female")
    assert list(run("manifest", root, **OWN_NAMES).quarantine["reason"]) == ["missing-age"]


def test_an_empty_label_is_unknown(hospital, run):
    assert run("manifest", hospital(CHD_flag=""), **OWN_NAMES).labels["chd"].isna().all()


def test_ages_without_a_unit_need_one_by_parameter(hospital, run):
    found = run("manifest", hospital(), **(OWN_NAMES | {"manifest__age_unit": None}))
    assert list(found.quarantine["reason"]) == ["invalid-age"]


def test_a_renamed_column_ends_the_run_with_the_nearest_name(hospital, run):
    with pytest.raises(PedecgError, match=r"column 'CHD_flg' not found; did you mean 'CHD_flag'"):
        run("manifest", hospital(), **(OWN_NAMES | {"manifest__labels": ["chd=CHD_flg"]}))


def test_all_missing_columns_are_named_at_once_with_their_parameters(hospital, run):
    """Seen: five tries of half a minute each, one missing column a time."""
    columns = OWN_NAMES["manifest__columns"] | {"record_id": "record_id", "path": "file_name"}
    wrong = {"manifest__columns": columns, "manifest__labels": ["chd=CHD_flg"]}
    with pytest.raises(PedecgError) as caught:
        run("manifest", hospital(), **(OWN_NAMES | wrong))
    for expected in (
        "column 'record_id' not found",
        "(cohort.manifest.columns.record_id, null: the path is its name)",
        "column 'file_name' not found",
        "(cohort.manifest.columns.path)",
        "did you mean 'CHD_flag'? (cohort.manifest.labels)",
    ):
        assert expected in str(caught.value)
    assert str(caught.value).count("columns are") == 1


def test_a_cohort_without_labels_can_still_be_measured(hospital, run):
    found = run("manifest", hospital(), **(OWN_NAMES | {"manifest__labels": []}))
    assert list(found.labels.columns) == ["record_id"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "ptb-xl", "cohort.name must name a data set"),
        ("min_age_days", -1, "cohort.min_age_days must be"),
        ("max_age_days", "18y", "cohort.max_age_days must be"),
        ("require_age", "yes", "cohort.require_age must be"),
        ("colour", "red", "unknown key cohort.colour"),
        ("manifest__file", "../other.csv", "cohort.manifest.file must lie below cohort.root"),
        ("manifest__file", "/data/m.csv", "cohort.manifest.file must lie below cohort.root"),
        ("manifest__labels", ["chd", "chd=x"], "cohort.manifest.labels must name every target"),
        ("manifest__labels", ["=x"], "cohort.manifest.labels must name every target once"),
        ("manifest__labels", ["record_id"], "and none record_id"),
        ("manifest__columns__sexx", "s", "unknown key cohort.manifest.columns.sexx; did you mean"),
    ],
)
def test_wrong_parameters_end_the_run_in_one_line(hospital, cohort_settings, key, value, message):
    arguments = {"name": "manifest"} | {key: value}
    with pytest.raises(PedecgError, match=message) as caught:
        cohort_settings(arguments.pop("name"), hospital(), **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "name"),
    [("exam", "a\0"), ("exam", "x\u202ey"), ("person", "p\u2066"), ("person", "x" * 501)],
)
def test_an_identifier_that_hides_something_is_quarantined(hospital, run, column, name):
    root = hospital(**{column: name})
    (row,) = run("manifest", root, **OWN_NAMES).quarantine.to_dict("records")
    assert row["reason"] == "bad-identifier"
    assert not set(row["record_id"] + row["detail"]) & set("\0\u202e\u2066")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "../up", "@x", "-1"])
def test_an_identifier_of_any_other_form_is_read_as_it_is(hospital, run, name):
    found = run("manifest", hospital(exam=name, person=name), **OWN_NAMES)
    assert list(found.records["record_id"]) == [name]
    assert list(found.records["patient_id"]) == [name]


@pytest.mark.parametrize("target", ["../../../ESC=A", "LV/RV", "=1", "a\u202eb", "<b>", "x" * 61])
@pytest.mark.parametrize("key", ["labels", "features"])
def test_a_target_or_number_whose_name_forms_more_than_a_name_is_refused(
    hospital, run, target, key
):
    changes = OWN_NAMES | {f"manifest__{key}": [f"{target.replace('=', '+')}=CHD_flag"]}
    with pytest.raises(PedecgError, match="part of a file name"):
        run("manifest", hospital(), **changes)


@pytest.mark.parametrize("told", ["Quxworthy Zebedee", "Zebedee", "QUXWORTHY^Z"])
@pytest.mark.parametrize("place", ["channel", "unit", "gain", "record line", "format"])
def test_a_name_in_a_header_is_in_no_reason(hospital, run, told, place):
    root = hospital()
    header = root / "ecg" / "a.hea"
    text = header.read_text()
    word = told.replace(" ", "_")
    header.write_text(
        {
            "channel": text.replace(" 0 V6", f" 0 {told}"),
            "unit": text.replace("1000.5(7)/mV", f"1000.5(7)/{word}"),
            "gain": text.replace("1000.5(7)/mV", word),
            "record line": text.replace(" 500 ", f" {word} "),
            "format": text.replace(".dat 16 ", f".dat {word} "),
        }[place]
    )
    assert header.read_text() != text
    (row,) = run("manifest", root, **OWN_NAMES).quarantine.to_dict("records")
    for part in told.replace("^", " ").split():
        assert part.lower() not in row["detail"].lower()
