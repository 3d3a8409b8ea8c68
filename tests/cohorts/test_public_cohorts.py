"""One contract for every public data set that is read by its description."""

import numpy as np
import pytest

import public_data_sets
from pedecg.cohorts import (
    accepted_records,
    ages,
    label_table,
    public_description,
    readers,
    splits,
)
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.downloads import data_sets

NAMES = sorted(public_data_sets.WRITERS)
NO_PERSON = {"mimic_iv_ecg"}  # publishes no age and no sex
ADULT_DAYS = 6574  # 18 years


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Write each data set once."""
    written = {}

    def get(name):
        if name not in written:
            root = tmp_path_factory.mktemp(name)
            written[name] = (root, public_data_sets.WRITERS[name](root, 10))
        return written[name]

    return get


@pytest.fixture(scope="module")
def known():
    """What was ingested of a whole data set: three tests look at it."""
    return {}


@pytest.fixture
def whole(made, run, known):
    def found(name):
        if name not in known:
            known[name] = run(name, made(name)[0], **required(name))
        return known[name]

    return found


def required(name):
    return {} if name not in NO_PERSON else {"require_age": False, "require_sex": False}


def test_every_description_has_a_fake_data_set():
    assert list(public_description.names()) == NAMES
    assert set(NAMES) <= set(readers.READERS)


@pytest.mark.parametrize("name", NAMES)
def test_the_registry_of_downloads_agrees(name):
    described = public_description.read(name)
    entry = data_sets.read(described.data_set)
    assert None in (entry.licence, described.licence) or entry.licence == described.licence
    assert described.source == entry.address
    assert len(described.checked) > 100, "says what the description rests on"


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_read_as_it_was_written(name, made, whole):
    (root, truth), found = made(name), whole(name)
    quarantined = dict(zip(found.quarantine["record_id"], found.quarantine["reason"], strict=True))
    assert quarantined == truth.quarantined
    records = found.records.set_index("record_id")
    assert set(records.index) == set(truth.records)
    labels = found.labels.set_index("record_id")
    for record_id, true in truth.records.items():
        row = records.loc[record_id]
        assert row["patient_id"] == true.patient_id
        assert (None if np.isnan(row["age_days"] or np.nan) else row["age_days"]) == true.age_days
        assert row["sex"] == true.sex
        assert row["fs_hz"] == true.fs_hz
        assert row["leads"].split() == list(LEADS)
        got = {
            target: None if value is None or value != value else int(value)
            for target, value in labels.loc[record_id].astype("object").where(
                labels.loc[record_id].notna(), None
            ).items()
        }  # fmt: skip
        assert got == true.labels, record_id
        signal = accepted_records.read_signal(row["path"], root).signal
        assert signal.shape == true.signal_mv.shape
        np.testing.assert_allclose(signal, true.signal_mv, atol=true.tolerance_mv)
    assert sum(found.metrics["unknown_codes"].get("snomed", {}).values()) == sum(
        truth.unknown_codes.values() if "snomed" in found.metrics["unknown_codes"] else [0]
    )
    assert found.metrics["unlisted_records"] == 0


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_PERSON])
def test_one_parameter_keeps_the_children(name, made, run):
    root, truth = made(name)
    found = run(name, root, max_age_days=ADULT_DAYS - 1)
    young = {
        record_id
        for record_id, true in truth.records.items()
        if true.age_days is not None and true.age_days < ADULT_DAYS
    }
    assert set(found.records["record_id"]) == young
    assert young
    assert found.metrics["excluded"]["age-out-of-range"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_patients_are_split_and_none_is_in_two_splits(name, whole, split_settings):
    found = whole(name)
    split = splits.by_patient(found.records, found.labels, split_settings())
    assert (split.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(split["record_id"]) == set(found.records["record_id"])


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_reported_in_one_line(name, tmp_path, run):
    public_data_sets.WRITERS[name](tmp_path, 4)
    described = public_description.read(name)
    if described.headers is not None:
        for header in tmp_path.rglob("*.hea"):
            header.write_text(header.read_text().replace("#Dx:", "#Diagnosis:"))
        expected = "no WFDB header with #Dx:"
    else:
        table = tmp_path / described.tables[0]
        column = described.named_columns()[0]
        first, rest = table.read_text().split("\n", 1)
        table.write_text(first.replace(column, "renamed", 1) + "\n" + rest)
        expected = f"column '{column}' not found"
    with pytest.raises(PedecgError, match=expected):
        run(name, tmp_path, **required(name))


def test_a_cohort_without_ages_refuses_to_require_them(made, run):
    root, _ = made("mimic_iv_ecg")
    with pytest.raises(PedecgError, match="require_age: true, but mimic_iv_ecg publishes no age"):
        run("mimic_iv_ecg", root)


def test_parts_leave_out_what_a_model_has_seen(made, run):
    root, truth = made("cinc2021")
    found = run("cinc2021", root, public__parts=["georgia"])
    assert set(found.records["record_id"]) == {r for r in truth.records if r.startswith("E")}
    assert found.metrics["unlisted_records"] == 0
    with pytest.raises(PedecgError, match=r"'boston' not found; parts are georgia, ningbo"):
        run("cinc2021", root, public__parts=["boston"])
    with pytest.raises(PedecgError, match="sph has no parts"):
        run("sph", made("sph")[0], public__parts=["georgia"])


def test_tracings_without_ids_need_a_table_of_their_length(tmp_path, run):
    public_data_sets.sami_trop(tmp_path, 4)
    table = tmp_path / "exams.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(PedecgError, match=r"exams.hdf5: 4 tracings; expected 3, the rows"):
        run("sami_trop", tmp_path)


def test_a_flag_that_is_neither_true_nor_false_is_quarantined(tmp_path, run):
    public_data_sets.code15(tmp_path, 4)
    table = tmp_path / "exams.csv"
    table.write_text(table.read_text().replace("False,False,False", "False,maybe,False", 1))
    found = run("code15", tmp_path)
    assert list(found.quarantine["reason"]) == ["bad-cell"]


def test_a_name_without_a_description_is_refused(tmp_path, run):
    with pytest.raises(PedecgError, match="did you mean cinc2021"):
        run("cinc2022", tmp_path)


def test_hidden_ages_are_those_that_the_sources_document():
    column = public_description.read("cinc2021").age
    assert column is not None
    assert column.hidden == ["300"]
    assert ages.read("1.5", column.unit).days == 548


TABLES = sorted(file.name for file in label_table.FOLDER.glob("labels_*.csv"))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_labels_is_used_and_sound(name):
    users = [public_description.read(one) for one in NAMES]
    patterns = {one.patterns for one in users if one.labels == name}
    assert len(patterns) == 1, "one way of reading a table"
    assert label_table.read(name, patterns.pop()).targets


def test_the_aha_codes_are_those_of_zzu():
    """SPH writes the statements of ZZU-pECG's table without their letter: their words agree."""
    from pedecg.cohorts import code_vocabularies

    table = label_table.read("labels_aha.csv")
    for code in ("1", "22", "104", "142", "161"):
        meaning = table.meaning(code)
        assert meaning is not None
        keys = {f"{letter}{code}" for letter in "ACDEFGHIJKLM"}
        (found,) = [
            finding
            for key in keys
            for finding in code_vocabularies.findings(f"'{key}'", "aha")
            if finding.known
        ]
        assert found.description == meaning.description


@pytest.mark.parametrize(
    ("codes", "labels"),
    [
        (["426783006"], {"abnormal": 0, "norm": 1, "cd": 0}),
        (["426783006", "426177001"], {"abnormal": 1, "abnormal_beyond_rate": 0, "norm": 1}),
        (["427393009"], {"abnormal": 0, "norm": None}),
        (["164889003"], {"abnormal": 1, "norm": 0, "cd": None}),
        (["164909002", "164889003"], {"cd": 1, "mi": 0, "norm": 0}),
        (["164909002", "0"], {"cd": 1, "mi": None, "abnormal": 1}),
        (["426783006", "0"], {"abnormal": None, "norm": None, "cd": None}),
        (["53741008"], {"abnormal": None, "mi": None}),
        ([], {"abnormal": None, "norm": None, "mi": None}),
    ],
)
def test_what_is_not_known_is_not_negative(codes, labels):
    found = label_table.read("labels_snomed.csv").labels(codes)
    assert {target: found[target] for target in labels} == labels


@pytest.mark.real
def test_real_headers_of_the_challenges(shared_data, tmp_path, run):
    for name, folder in (("a", "wfdb_misc/cinc2021"), ("b", "more/cinc2021_more")):
        (tmp_path / "training").mkdir(exist_ok=True)
        (tmp_path / "training" / name).symlink_to(shared_data / folder)
    found = run("cinc2021", tmp_path, require_age=False, require_sex=False)
    assert found.metrics["records"] == 40
    assert found.metrics["unknown_codes"] == {}
    ages_known = found.records.set_index("record_id")["age_days"]
    assert ages_known["A0001"] == round(74 * 365.25)
    labels = found.labels.set_index("record_id")
    assert labels.loc["A0001", "cd"] == 1, "right bundle branch block"
    assert labels.loc["E00001", "norm"] == 1, "sinus rhythm alone"


@pytest.mark.real
def test_real_records_of_sph(shared_data, tmp_path, run):
    """The table beside the real records has `.h5` in its ids, which the original has not."""
    (tmp_path / "records").symlink_to(shared_data / "more" / "sph")
    text = (shared_data / "more" / "sph" / "metadata.csv").read_text().replace(".h5", "")
    (tmp_path / "metadata.csv").write_text(text)
    found = run("sph", tmp_path)
    assert found.metrics["records"] == 4
    assert found.metrics["unknown_codes"] == {}


def test_a_damaged_annotation_file_is_quarantined(tmp_path, run):
    public_data_sets.WRITERS["leipzig"](tmp_path, 4)
    file = sorted(tmp_path.glob("*.atr"))[0]
    file.write_bytes(b"\xff" * 7)
    found = run("leipzig", tmp_path)
    faults = dict(zip(found.quarantine["record_id"], found.quarantine["reason"], strict=True))
    assert faults == {file.stem: "damaged-file"}
