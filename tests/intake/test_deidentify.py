"""`pedecg deidentify` copies samples, leads, age and sex, and no word about a person."""

import csv
import re
import stat
from pathlib import Path

import binary_format_files
import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import recordings, signal_files
from pedecg.core.errors import PedecgError
from pedecg.intake import wfdb_writer
from pedecg.plots import ecg_paper

# Names, address and free text as one family and one given name, so that every writer plants them.
LAST, FIRST = "Quxworthy_12-Elm-Street", "Zebedee fell from a horse"
PLANTED = (
    "quxworthy", "elm-street", "zebedee", "horse", "777123", "19871123", "11-23-1987",
    "1987-11-23", "23-nov-1987", "23.11.1987", "1988-04-30", "19880430", "30-apr-1988",
    "30.04.88", "04-30-1988", "30/04/1988", "ward seven", "1169160",
)  # fmt: skip
NAMED = "Quxworthy_Zebedee_1987-11-23"  # files and folders carry names, too
FORMATS = ("WFDB", *format_files.WRITERS)


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Write the ECG of every format with a person's data in it; returns the folder."""
    person = (LAST, FIRST, *vendor_files.PERSON[2:])
    monkeypatch.setattr(vendor_files, "PERSON", person)
    monkeypatch.setattr(format_files, "LAST", LAST)
    monkeypatch.setattr(format_files, "FIRST", FIRST)
    root = tmp_path / f"of_{NAMED}"
    for number, form in enumerate(FORMATS):
        folder = root / NAMED / f"{number:02d}"
        folder.mkdir(parents=True)
        plant(form, folder)
    return root


def plant(form: str, folder: Path) -> None:
    fs_hz = format_files.FIXED_RATE.get(form, 500)
    leads = vendor_files.ecg_mv(fs_hz)
    if form == "WFDB":
        plant_wfdb(folder / NAMED, leads)
        return
    file = folder / f"{NAMED}{format_files.WRITERS[form].suffix}"
    format_files.WRITERS[form].write(file, leads, fs_hz)
    if form in ("SPH", "CODE-15%"):
        import h5py

        with h5py.File(file, "a") as content:
            content.attrs["note"] = f"{FIRST} {LAST}, ward seven, MRN-777123"
    elif form == "DICOM":
        import pydicom

        data = pydicom.dcmread(file)
        data.PatientAddress, data.PatientComments = LAST, f"{FIRST}, ward seven"
        data.InstitutionName = "ward seven"
        data.save_as(file)
    elif form == "CSV with times":
        file.write_text(f"# note: {FIRST} {LAST}, 30.04.88\n" + file.read_text())


def plant_wfdb(stem: Path, leads: dict[str, np.ndarray]) -> None:
    counts = binary_format_files.counts(leads)
    lines = [f"{stem.name} 12 500 {counts.shape[1]} 08:00:00 30/04/1988"]
    lines += [
        f"{stem.name}.dat 16 {1 / vendor_files.STEP_MV:g}/mV 16 0 {row[0]} "
        f"{int(row.sum(dtype=int)) % 2**16} 0 {name} # {LAST}"
        for name, row in zip(leads, counts, strict=True)
    ]
    lines += [f"# {FIRST} {LAST}, MRN-777123, ward seven", "# Age: 152d  Sex: F"]
    stem.with_name(f"{stem.name}.hea").write_text("\n".join(lines) + "\n")
    stem.with_name(f"{stem.name}.dat").write_bytes(counts.T.tobytes())


def assert_clean(said: bytes, place: str) -> None:
    """Look for what was planted, as bytes of one and of two per letter."""
    plain = said.lower()
    for word in PLANTED:
        for encoding in ("ascii", "utf-16-le"):
            assert word.encode(encoding) not in plain, f"{word} in {place}"


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_search_finds_what_is_planted_in_a_file_of_every_format(export):
    files = [file for file in export.rglob("*.*") if file.suffix != ".dat"]
    assert len(files) == len(FORMATS)
    for file in files:
        with pytest.raises(AssertionError):
            assert_clean(file.read_bytes(), file.suffix)


@pytest.mark.slow
def test_nothing_of_the_person_is_in_any_output(pedecg, export, tmp_path, monkeypatch):
    out = tmp_path / "out"
    done = pedecg("deidentify", export, out)
    assert done.exit_code == 0, done.output
    assert_clean(done.stdout.encode() + done.stderr.encode(), "the messages")
    for file in out.rglob("*"):
        assert_clean(str(file.relative_to(tmp_path)).encode(), "a name of a file")
        if file.is_file():
            assert_clean(file.read_bytes(), str(file))
    titles = []
    drawn = ecg_paper.draw
    monkeypatch.setattr(
        ecg_paper, "draw", lambda *a, **k: titles.append((a[3:], k.get("note"))) or drawn(*a, **k)
    )
    some = rows_of(out / "manifest.csv")[:2]
    pictures = tmp_path / "pictures"
    measured = pedecg(
        "measure", *(out / row["path"] for row in some), "--method", "slopes", "--plot", pictures
    )
    assert measured.exit_code == 0, measured.output
    assert_clean(measured.output.encode(), "the report of measure")
    assert len(titles) == 2
    assert_clean(repr(titles).encode(), "the titles of the pictures")
    for file in pictures.iterdir():
        assert_clean(file.read_bytes() + file.name.encode(), "a picture")


def test_samples_leads_ages_and_sexes_are_those_of_the_files(pedecg, export, tmp_path):
    out = tmp_path / "out"
    assert pedecg("deidentify", export, out).exit_code == 0
    written = {row["record_id"]: row for row in rows_of(out / "manifest.csv")}
    mapping = rows_of(tmp_path / "out_mapping.csv")
    assert len(mapping) == len(FORMATS) == len(written)
    for row in mapping:
        number = int(Path(row["path"]).parent.name)
        form = format_files.WRITERS.get(FORMATS[number])
        new = signal_files.read(out, written[row["record_id"]]["path"])
        original = recordings.read(recordings.RecordingPath("x", Path(row["path"])))
        assert new.record.fs_hz == original.fs_hz
        assert new.record.leads == original.leads
        assert new.record.verified
        np.testing.assert_allclose(new.record.signal, original.signal_mv, atol=2e-6)
        expected = (152, "female") if form is None else (form.age_days, form.sex)
        assert (new.age_days, new.sex) == expected
        age = "" if expected[0] is None else f"{expected[0]}d"
        assert written[row["record_id"]]["age"] == age


def test_the_mapping_is_readable_by_its_owner_alone_and_leads_back(pedecg, export, tmp_path):
    assert pedecg("deidentify", export, tmp_path / "out").exit_code == 0
    mapping = tmp_path / "out_mapping.csv"
    assert stat.S_IMODE(mapping.stat().st_mode) == 0o600
    assert all(Path(row["path"]).exists() for row in rows_of(mapping))
    assert not list(tmp_path.glob(".out*"))


def test_new_ids_do_not_follow_the_order_of_the_old_ones(pedecg, export, tmp_path):
    orders = []
    for name in ("a", "b"):
        pedecg("deidentify", export, tmp_path / name)
        rows = rows_of(tmp_path / f"{name}_mapping.csv")
        orders.append([Path(row["path"]).parent.name for row in rows])
    assert orders[0] != orders[1]


@pytest.fixture
def cohort(tmp_path):
    """Two patients, three visits, a manifest with labels and a free text."""
    root = tmp_path / "cohort"
    root.mkdir()
    for number in range(3):
        plant_wfdb(root / f"e{number}", vendor_files.ecg_mv())
    text = "record_id,patient_id,path,age,sex,acquired_at,chd,note\n"
    text += "E0,Quxworthy,e0,100d,F,1988-04-30 08:00:00,1,horse\n"
    text += "E1,Quxworthy,e1,120d,F,1988-05-20 08:00:00,1,horse\n"
    text += "E2,Zebedee,e2,300d,M,1988-06-01 09:30:00,,\n"
    (root / "manifest.csv").write_text(text)
    return root


def test_patients_labels_and_the_time_between_visits_are_kept(pedecg, cohort, tmp_path):
    out = tmp_path / "out"
    done = pedecg("deidentify", cohort, out, "--labels", "chd", "--shift-dates")
    assert done.exit_code == 0, done.output
    old = {row["record_id"]: row["old_record_id"] for row in rows_of(tmp_path / "out_mapping.csv")}
    new = {old[row["record_id"]]: row for row in rows_of(out / "manifest.csv")}
    assert new["E0"]["patient_id"] == new["E1"]["patient_id"] != new["E2"]["patient_id"]
    assert [new[e]["age"] for e in ("E0", "E1", "E2")] == ["100d", "120d", "300d"]
    assert [new[e]["chd"] for e in ("E0", "E1", "E2")] == ["1", "1", ""]
    days = [np.datetime64(new[e]["acquired_at"], "s") for e in ("E0", "E1")]
    assert days[1] - days[0] == np.timedelta64(20, "D")
    assert not any("1988-04-30" in row["acquired_at"] for row in new.values())
    assert_clean((out / "manifest.csv").read_bytes(), "the manifest")


def test_a_column_of_words_is_no_label(pedecg, cohort, tmp_path):
    fault = pedecg("deidentify", cohort, tmp_path / "out", "--labels", "note").exception
    assert "'note' is neither 0, 1 nor empty" in str(fault)
    assert "horse" not in str(fault)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out_mapping.csv").exists()


def test_a_damaged_file_is_counted_without_its_name_and_the_others_are_written(
    pedecg, export, tmp_path
):
    file = next(export.rglob("*.dcm"))
    file.write_bytes(file.read_bytes()[:900])
    done = pedecg("deidentify", export, tmp_path / "out")
    assert done.exit_code == 1
    assert re.fullmatch(
        r"error: not written: 1 [a-z-]+; the mapping says which",
        done.stderr.strip().splitlines()[-1],
    )
    assert_clean(done.output.encode(), "the messages")
    lost = [row for row in rows_of(tmp_path / "out_mapping.csv") if row["not_written"]]
    assert [row["path"] for row in lost] == [str(file)]
    assert len(rows_of(tmp_path / "out" / "manifest.csv")) == len(FORMATS) - 1


@pytest.mark.parametrize("there", ["out", "out_mapping.csv"])
def test_nothing_is_overwritten(pedecg, export, tmp_path, there):
    (tmp_path / there).mkdir()
    fault = pedecg("deidentify", export, tmp_path / "out").exception
    assert isinstance(fault, PedecgError)
    assert "nothing is overwritten" in str(fault)
    assert list((tmp_path / there).iterdir()) == []


def test_every_examination_of_an_hdf5_file_is_written(pedecg, tmp_path):
    import h5py

    rows = np.zeros((2, 4096, 12), np.float32)
    rows[:, 100:900] = np.random.default_rng(2).normal(0, 0.5, (2, 800, 12))
    one, two = rows[..., 0], rows[..., 1]  # the limb leads tell in which of two orders they are
    rows[..., 2:6] = np.stack([two - one, -(one + two) / 2, one - two / 2, two - one / 2], axis=-1)
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in" / "exams_part0.hdf5", "w") as content:
        content["tracings"], content["exam_id"] = rows, np.array([1169160, 2873686])
    done = pedecg("deidentify", tmp_path / "in", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert len(rows_of(tmp_path / "out" / "manifest.csv")) == 2
    mapping = rows_of(tmp_path / "out_mapping.csv")
    assert {row["old_record_id"] for row in mapping} == {"1169160", "2873686"}


def test_the_mapping_must_lie_outside_the_output(pedecg, export, tmp_path):
    out = tmp_path / "out"
    fault = pedecg("deidentify", export, out, "--mapping", out / "m.csv").exception
    assert "kept apart" in str(fault)
    assert not out.exists()


def test_ages_over_89_years_are_one_category(tmp_path):
    assert wfdb_writer.age_days(101 * 365.25) == wfdb_writer.OLDEST_DAYS
    assert wfdb_writer.age_days(None) is None


@pytest.mark.parametrize("gain", [200.0, 204.8, 1000.0, 3333.0])
def test_any_scale_gaps_and_unknown_units_are_kept(tmp_path, gain):
    rng = np.random.default_rng(5)
    signal = (rng.integers(-3000, 3000, (2, 500)) / gain).astype(np.float32)
    signal[0, 10:20] = np.nan
    for calibrated in (True, False):
        made = recordings.Recording("x", signal, 500.0, ("I", "II"), calibrated=calibrated)
        name = f"r{calibrated:d}"
        wfdb_writer.write(made, tmp_path, name)
        found = recordings.read(recordings.RecordingPath("r", tmp_path / f"{name}.hea"))
        assert found.calibrated == calibrated
        step = 1 / gain if calibrated else 1 / recordings.ASSUMED_GAIN
        np.testing.assert_allclose(found.signal_mv[:2], signal, atol=step / 2 + 1e-6)
