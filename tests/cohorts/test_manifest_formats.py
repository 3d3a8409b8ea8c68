"""A hospital's export of mixed formats: one manifest, every file as what it is."""

import format_files
import pytest
import vendor_files

from pedecg.core.records import LEADS

COLUMNS = ("patient_id", "path", "chd")
NAMES = {
    "manifest__columns": {
        "record_id": None, "patient_id": "patient_id", "path": "path", "age": None, "sex": None,
        "acquired_at": None, "split": None, "fold": None,
    },
    "manifest__labels": ["chd"],
    "manifest__features": [],
}  # fmt: skip
# With age and sex in the file, and all twelve leads.
WHOLE = {name: form for name, form in format_files.WRITERS.items() if form.age_days is not None}


@pytest.fixture
def hospital(tmp_path, csv_writer):
    """Write one file of each format and the manifest; returns the root."""
    rows = []
    for number, (name, form) in enumerate(WHOLE.items()):
        leads = vendor_files.ecg_mv(500)
        # One sample differs: the same signal twice would be reported.
        leads["V6"] = leads["V6"].copy()
        leads["V6"][0] += number * vendor_files.STEP_MV
        path = f"export/{number:02d}_{name.replace(' ', '_')}{form.suffix}"
        (tmp_path / "export").mkdir(exist_ok=True)
        form.write(tmp_path / path, leads, 500)
        rows.append({"patient_id": f"P{number}", "path": path, "chd": str(number % 2)})
    csv_writer(tmp_path / "manifest.csv", COLUMNS, rows)
    return tmp_path


def test_every_format_of_an_export_becomes_a_record(hospital, run):
    found = run("manifest", hospital, **NAMES)
    assert found.quarantine.empty
    assert len(found.records) == len(WHOLE)
    ages = dict(zip(found.records["record_id"], found.records["age_days"], strict=True))
    expected = [form.age_days for form in WHOLE.values()]
    assert [ages[record] for record in sorted(ages)] == expected
    assert set(found.records["sex"]) == {"female"}
    assert set(found.records["leads"]) == {" ".join(LEADS)}
    assert set(found.records["fs_hz"]) == {500}
    assert found.metrics["identical_signals"]["groups"] == 0


def test_no_table_of_a_run_holds_a_word_about_the_person(hospital, run):
    found = run("manifest", hospital, **NAMES)
    for table in (found.records, found.labels, found.quarantine, found.findings, found.quality):
        text = table.to_csv().lower()
        for word in vendor_files.PERSON:
            assert word.lower() not in text


def test_one_damaged_file_of_each_format_costs_that_record_alone(hospital, run):
    # Where a text was cut at the end of a sample, nobody can tell: CSV has no count of samples.
    files = sorted(file for file in (hospital / "export").iterdir() if file.suffix != ".csv")
    for file in files[::2]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found = run("manifest", hospital, **NAMES)
    lost = {f"export_{file.stem}" for file in files[::2]}
    assert set(found.quarantine["record_id"]) == lost
    assert len(found.records) == len(WHOLE) - len(lost)


def test_a_childs_further_leads_are_leads_of_its_record(hospital, run, tmp_path):
    file = next((hospital / "export").glob("*MUSE*.xml"))
    text = file.read_text()
    lead = text[text.rindex("<LeadData>") : text.rindex("</LeadData>") + len("</LeadData>")]
    more = "".join(lead.replace(">V6<", f">{name}<") for name in ("V3R", "V4R", "V7"))
    at = text.rindex("</Waveform>")
    file.write_text(text[:at] + more + text[at:])
    found = run("manifest", hospital, **NAMES)
    assert found.quarantine.empty
    by_record = found.records.set_index("record_id")["leads"]
    record = f"export_{file.stem}"
    assert by_record[record] == " ".join((*LEADS, "V3R", "V4R", "V7"))
    assert set(by_record.drop(record)) == {" ".join(LEADS)}
    assert set(found.quality.query("record_id == @record")["lead"]) == {*LEADS, "V3R", "V4R", "V7"}
