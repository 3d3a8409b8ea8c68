"""`pedecg manifest` drafts what ingest reads, and asks what no file says."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import format_files
import pandas as pd
import pytest

from pedecg.cohorts import cohort_settings
from pedecg.cohorts.ingest import ingest, require_enough
from pedecg.cohorts.record_check import IngestSettings
from pedecg.commands import presets
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.intake import column_guesses, dry_run, table_dialects
from pedecg.intake.found_files import FoundRecording

PARAMS = Path(__file__).parents[2] / "params.yaml"
N_FORMATS = len(format_files.WRITERS)


@pytest.fixture
def ingested(tmp_path):
    """Ingest a draft by its preset alone, as `pedecg run PRESET ingest` does."""

    def run(preset: Path):
        from dvc.utils import hydra

        file = tmp_path / "params.yaml"
        shutil.copy(PARAMS, file)
        hydra.apply_overrides(file, presets.overrides(preset))
        settings = params.load("ingest", IngestSettings, file)
        found = ingest(cohort_settings.load("cohort", file), settings)
        require_enough(found, settings)
        return found

    return run


def table(folder: Path, text: str, name: str = "patients.csv", encoding: str = "utf-8") -> None:
    (folder / name).write_bytes(text.encode(encoding))


def patients(header: str, cells: str, separator: str = ",") -> str:
    """Return a table of the folder's files; `cells` may hold {n}, {patient} and {label}."""
    lines = [header]
    for number, form in enumerate(format_files.WRITERS.values()):
        name = f"{number:02d}{form.suffix}"
        lines.append(cells.format(file=name, n=number, patient=number // 2, label=number % 2))
    return "\n".join(line.replace("|", separator) for line in lines) + "\n"


@pytest.mark.slow
def test_a_folder_of_mixed_formats_without_a_table_runs_through_ingest(
    pedecg, mixed_folder, ingested
):
    done = pedecg("manifest", mixed_folder, "--records", "3")
    assert done.exit_code == 0, done.output
    presets.check(PARAMS.parent, presets.overrides(mixed_folder / "manifest.yaml"))
    found = ingested(mixed_folder / "manifest.yaml")
    assert found.quarantine.empty
    assert len(found.records) == N_FORMATS
    expected = [form.age_days for form in format_files.WRITERS.values()]
    ages = found.records.sort_values("record_id")["age_days"]
    assert [None if pd.isna(age) else age for age in ages] == expected
    assert "Which recordings belong to one patient?" in done.stdout
    assert "Is there a table of patients and labels?" in done.stdout
    pictures = sorted((mixed_folder / "manifest_pictures").iterdir())
    assert len(pictures) == 3
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_a_table_gives_patients_ages_sexes_dates_and_labels(pedecg, mixed_folder, ingested):
    text = patients(
        "Datei|Patienten-ID|Alter (Monate)|Geschlecht|Untersuchungsdatum|CHD|Befund",
        "{file}|P{patient}|{n},5|w|2024-03-0{label}|{label}|Anna hat nichts",
        ";",
    )
    table(mixed_folder, text, encoding="cp1252")
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert done.exit_code == 0, done.output
    found = ingested(mixed_folder / "manifest.yaml")
    assert found.quarantine.empty
    records = found.records.sort_values("record_id")
    assert records["age_days"].tolist() == [
        round((n + 0.5) * 365.25 / 12) for n in range(N_FORMATS)
    ]
    assert set(records["sex"]) == {"female"}
    assert records["patient_id"].tolist() == [f"P{n // 2}" for n in range(N_FORMATS)]
    assert found.labels.sort_values("record_id")["chd"].tolist() == [
        n % 2 for n in range(N_FORMATS)
    ]
    assert "Befund" in done.stdout
    assert "Anna" not in (mixed_folder / "manifest.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_age_without_a_unit_is_a_question_and_never_read(pedecg, mixed_folder, ingested):
    table(mixed_folder, patients("file|patient|age|chd", "{file}|P{patient}|{n}|{label}"))
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert f"In which unit are the ages of column 'age' (numbers up to {N_FORMATS - 1})?" in (
        done.stdout
    )
    assert "# Open question: In which unit" in (mixed_folder / "manifest.yaml").read_text()
    records = ingested(mixed_folder / "manifest.yaml").records
    from_files = [form.age_days for form in format_files.WRITERS.values()]
    assert records["age_days"].isna().sum() == from_files.count(None)
    answered = pedecg(
        "manifest", mixed_folder, "--records", "1", "--replace", "--age-unit", "weeks"
    )
    assert "In which unit" not in answered.stdout
    records = ingested(mixed_folder / "manifest.yaml").records.sort_values("record_id")
    # 0 weeks are any day of the first week.
    assert records["age_days"].tolist()[1:] == [7 * n for n in range(1, N_FORMATS)]
    assert pd.isna(records["age_days"].tolist()[0])


def test_numbers_that_can_only_be_days_are_read_and_the_reason_is_said(pedecg, mixed_folder):
    table(mixed_folder, patients("file|patient|age", "{file}|P{patient}|3{n:02d}"))
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert "age: days, since one is over 250" in done.stdout
    assert "300 days" in (mixed_folder / "manifest.csv").read_text()


@pytest.mark.slow
def test_codes_of_the_sex_are_a_question(pedecg, mixed_folder, ingested):
    table(mixed_folder, patients("file|patient|sex|chd", "{file}|P{patient}|{label}|{label}"))
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert "Which codes of column 'sex' are female, which male (0, 1)?" in done.stdout
    pedecg("manifest", mixed_folder, "--records", "1", "--replace", "--female", "1", "--male", "0")
    records = ingested(mixed_folder / "manifest.yaml").records.sort_values("record_id")
    assert records["sex"].tolist() == [("male", "female")[n % 2] for n in range(N_FORMATS)]


@pytest.mark.slow
def test_what_cannot_be_read_is_left_out_with_its_reason_and_ingest_runs(
    pedecg, mixed_folder, ingested
):
    (mixed_folder / "notes.xml").write_text("<letter>Dear Dr. Quxworthy</letter>")
    muse = mixed_folder / "export" / "00.xml"
    muse.write_bytes(muse.read_bytes()[:3000])
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert done.exit_code == 0
    assert f"Left out, 2 of {N_FORMATS + 1} recordings that were opened" in done.stdout
    listed = pd.read_csv(mixed_folder / "manifest_left_out.csv")
    assert dict(zip(listed["path"], listed["reason"], strict=True)) == {
        "export/00.xml": "malformed-xml",
        "notes.xml": "unknown-vendor",
    }
    found = ingested(mixed_folder / "manifest.yaml")
    assert len(found.records) == N_FORMATS - 1
    assert set(found.quarantine["reason"]) == {"unlisted-record"}


@pytest.mark.slow
def test_rows_without_a_file_and_files_without_a_row_are_said(pedecg, mixed_folder, ingested):
    lines = patients("file|patient|chd", "{file}|P{patient}|{label}").splitlines()
    table(mixed_folder, "\n".join([*lines[:-1], "lost.xml,P99,1"]) + "\n")
    done = pedecg("manifest", mixed_folder, "--records", "1")
    assert "1 recordings are in no row of patients.csv" in done.stdout
    assert (
        "1 rows of patients.csv name no file that is there, or several, and are left out: lost.xml"
        in (done.stdout)
    )
    assert len(ingested(mixed_folder / "manifest.yaml").records) == N_FORMATS


def test_two_exports_of_one_ecg_are_told_apart_by_their_suffix(tmp_path):
    found = [FoundRecording(path, "x") for path in ("a/r.dcm", "a/r.scp", "a/q.xml", "b/q.xml")]
    names = ("r.dcm", "R.SCP", "a/q", "b\\q.xml", "r", "q.xml")
    cells = table_dialects.Table(
        tmp_path / "t.csv", ("file",), tuple({"file": name} for name in names), ""
    )
    files = column_guesses.files_of(cells, found)
    assert files is not None
    assert files.row_of == {"a/r.dcm": 0, "a/r.scp": 1, "a/q.xml": 2, "b/q.xml": 3}
    assert files.without_file == (4, 5), "names that two recordings have"


def test_a_hospitals_own_manifest_is_never_overwritten(pedecg, mixed_folder):
    table(mixed_folder, "file,patient\n00.xml,P1\n", name="manifest.csv")
    before = (mixed_folder / "manifest.csv").read_bytes()
    for arguments in ((), ("--replace",)):
        fault = pedecg("manifest", mixed_folder, *arguments).exception
        assert isinstance(fault, PedecgError)
        assert "--file" in str(fault)
    done = pedecg("manifest", mixed_folder, "--records", "1", "--file", "draft.csv")
    assert done.exit_code == 0, done.output
    assert (mixed_folder / "manifest.csv").read_bytes() == before
    assert (mixed_folder / "draft.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--column", "patient=Nobody"), "column 'Nobody' not found"),
        (("--column", "patients=file"), "did you mean patient?"),
        (("--female", "1"), "expected codes of both"),
        (("--labels", "patient"), "expected 0, 1 or empty"),
        (("--file", "../m.csv"), "without a folder"),
    ],
)
def test_a_wrong_answer_is_one_line_and_nothing_is_written(pedecg, mixed_folder, arguments, said):
    table(mixed_folder, patients("file|patient|chd", "{file}|P{patient}|{label}"))
    fault = pedecg("manifest", mixed_folder, *arguments).exception
    assert isinstance(fault, PedecgError)
    assert said in str(fault)
    assert "\n" not in str(fault)
    assert not (mixed_folder / "manifest.csv").exists()


def test_an_empty_folder_is_one_line(pedecg, tmp_path):
    fault = pedecg("manifest", tmp_path).exception
    assert "no recording in it" in str(fault)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("folder", ["xml", "more/dicom", "more/schiller_xml", "more/sph"])
def test_vendors_files_run_through_ingest(pedecg, shared_data, tmp_path, ingested, folder):
    root = tmp_path / "hospital"
    shutil.copytree(shared_data / folder, root)
    done = pedecg("manifest", root, "--records", "1")
    assert done.exit_code == 0, done.output
    found = ingested(root / "manifest.yaml")
    assert len(found.records) >= 1
    assert set(found.quarantine["reason"]) <= {"unlisted-record"}


def test_the_defaults_of_the_dry_run_are_those_of_the_pipeline():
    assert params.load("ingest", IngestSettings, PARAMS) == dry_run.DEFAULTS


def test_of_a_large_folder_some_of_each_format_are_opened_and_all_where_asked():
    forms = ["WFDB"] * 700 + ["DICOM ECG"] * 3
    found = [FoundRecording(f"{n}", form) for n, form in enumerate(forms)]
    some = dry_run.opened(found, 10, every=False)
    assert [one.form for one in some].count("DICOM ECG") == 3
    assert len({one.path for one in some}) == 10
    assert dry_run.opened(found, 10, every=True) == found
    assert dry_run.opened(found[:500], 10, every=False) == found[:500]


@pytest.mark.parametrize(
    ("data", "separator"),
    [
        ("file,patient\na,1\n", "commas"),
        ("sep=;\nfile;patient\na;1\n", "semicolons"),
        ("file\tpatient\na\t1\n", "tabs"),
        ("file,patient,,\na,1,,\n", "commas"),
        ("# a comment\nfile,patient\r\n\r\na,1\r\n\0\0", "commas"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_any_dialect_is_read(tmp_path, data, separator, encoding):
    table(tmp_path, data, encoding=encoding)
    found = table_dialects.read(tmp_path / "patients.csv")
    assert found.columns == ("file", "patient")
    assert found.rows == ({"file": "a", "patient": "1"},)
    assert found.dialect.endswith(separator)


@pytest.mark.parametrize(
    ("text", "encoding"), [("name,性别\na,女\n", "gb18030"), ("name,Größe\na,süß\n", "cp1252")]
)
def test_letters_of_other_encodings_are_kept(tmp_path, text, encoding):
    table(tmp_path, text, encoding=encoding)
    assert table_dialects.read(tmp_path / "patients.csv").columns[1] in text


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("Age (months)", "months"), ("age_days", "days"), ("Alter [Jahre]", "years"),
        ("age in weeks", "weeks"), ("age", None), ("stage", None), ("AGE_Y", "years"),
        ("age_years", "years"), ("ageInDays", "days"), ("age_at_ecg", None), ("age_group", None),
    ],
)  # fmt: skip
def test_an_age_and_its_unit_are_read_from_a_columns_name(tmp_path, column, unit):
    assert column_guesses.unit_in_name(column) == unit
    table(tmp_path, f"file,{column}\na.hea,5\nb.hea,7\n")
    found = column_guesses.role(table_dialects.read(tmp_path / "patients.csv"), "age", {"file"})
    assert (found is None) == (column in ("stage", "age_group"))


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_labels_with_another_name_need_no_quotes_in_a_shell(tmp_path, shell):
    code = "import sys; print(sys.argv[1])"
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} "
    done = subprocess.run(
        [shell, "-c", line + "cohort.manifest.labels=[norm:NORM,chd:CHD]"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    from dvc.utils import hydra

    file = tmp_path / "params.yaml"
    shutil.copy(PARAMS, file)
    hydra.apply_overrides(file, [done.stdout.strip()])
    manifest = cohort_settings.load("cohort", file)
    block = params.parse(
        params.read_section("cohort.manifest", file),
        "cohort.manifest", cohort_settings.ManifestSettings, "params.yaml",
    )  # fmt: skip
    assert manifest.root
    assert block.targets() == {"norm": "NORM", "chd": "CHD"}
