"""A manifest over vendors' XML: label and path from its rows, age and sex from the files."""

import pytest
import vendor_files

from pedecg.cohorts.ingest import ingest
from pedecg.core.errors import PedecgError

LEADS_MV = vendor_files.ecg_mv()
MUSE = vendor_files.muse(LEADS_MV)
COLUMNS = ("patient_id", "path_xml", "label", "dose")
NAMES = {
    "manifest__columns": {
        "record_id": None,
        "patient_id": "patient_id",
        "path": "path_xml",
        "age": None,
        "sex": None,
        "acquired_at": None,
        "split": None,
        "fold": None,
    },
    "manifest__labels": ["ctrcd=label"],
    "manifest__features": ["dose"],
}


@pytest.fixture
def hospital(tmp_path, csv_writer):
    """Write one file per row and the manifest; returns the root."""

    def write(*rows: tuple[str, ...], files: bool = True, **texts: str):
        (tmp_path / "xml").mkdir(exist_ok=True)
        for number, row in enumerate(rows):
            file = tmp_path / row[1]
            if files and file.parent.is_dir():
                # One sample differs: the same signal twice would be reported.
                leads = LEADS_MV | {"V6": LEADS_MV["V6"] + number * vendor_files.STEP_MV}
                file.write_text(texts.get(file.stem) or vendor_files.muse(leads))
        cells = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        csv_writer(tmp_path / "manifest.csv", COLUMNS, cells)
        return tmp_path

    return write


def quarantine(found):
    return dict(zip(found.quarantine["record_id"], found.quarantine["reason"], strict=True))


def test_three_columns_are_enough(hospital, run):
    root = hospital(("p1", "xml/a.xml", "1", "240"), ("p2", "xml/b.xml", "0", ""))
    found = run("manifest", root, **NAMES)
    assert list(found.records["record_id"]) == ["xml_a", "xml_b"]
    assert set(found.records["age_days"]) == {152}
    assert set(found.records["sex"]) == {"female"}
    assert found.records["x_dose"].fillna(-1).tolist() == [240, -1]
    assert found.labels["ctrcd"].tolist() == [1, 0]
    assert found.metrics["checksums_verified"] == 2
    assert found.quarantine.empty


def test_vendors_and_wfdb_stand_side_by_side(hospital, recorder, run):
    rows = [
        ("p1", "xml/a.xml", "1", ""),
        ("p2", "xml/b.xml", "0", ""),
        ("p3", "xml/c.xml", "0", ""),
    ]
    root = hospital(
        *rows, ("p4", "wf/d", "0", ""), b=vendor_files.sierra(LEADS_MV),
        c=vendor_files.aecg(vendor_files.ecg_mv(250), 250),
    )  # fmt: skip
    recorder(root / "wf" / "d")
    found = run("manifest", root, require_age=False, require_sex=False, **NAMES)
    assert found.metrics["records"] == 4
    assert found.records["age_days"].notna().all(), "a WFDB header says it too"
    assert found.metrics["records_by_fs_hz"] == {"250": 1, "500": 3}


def test_the_files_own_age_is_required_where_the_cohort_says_so(hospital, run):
    no_age = vendor_files.muse(LEADS_MV, age=("", ""), birth="")
    no_sex = vendor_files.muse(LEADS_MV, sex="UNKNOWN")
    root = hospital(("p1", "xml/a.xml", "1", ""), ("p2", "xml/b.xml", "1", ""), a=no_age, b=no_sex)
    found = run("manifest", root, **NAMES)
    assert quarantine(found) == {"xml_a": "missing-age", "xml_b": "unknown-sex"}


def test_ages_in_files_are_held_against_the_age_range(hospital, run):
    old = vendor_files.muse(LEADS_MV, age=("40", "YEARS"))
    root = hospital(("p1", "xml/a.xml", "1", ""), ("p2", "xml/b.xml", "0", ""), b=old)
    found = run("manifest", root, max_age_days=6573, **NAMES)
    assert found.metrics["excluded"] == {"age-out-of-range": 1}
    assert list(found.records["patient_id"]) == ["p1"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("p9", "xml/z.xml", "2", ""), "bad-label"),
        (("p9", "xml/z.xml", "yes", ""), "bad-label"),
        (("p9", "xml/z.xml", "1", "much"), "bad-cell"),
        (("p9", "xml/z.xml", "1", "inf"), "bad-cell"),
        (("", "xml/z.xml", "1", ""), "missing-patient-id"),
        (("p9", "absent/z.xml", "1", ""), "missing-file"),
        (("p9", "../z.xml", "1", ""), "path-outside-root"),
    ],
)
def test_a_row_at_fault_is_quarantined(hospital, run, row, reason):
    root = hospital(("p1", "xml/a.xml", "1", ""), row)
    found = run("manifest", root, **NAMES)
    assert reason in quarantine(found).values()
    assert found.metrics["records"] == 1


def test_a_file_that_two_rows_name_is_not_read_twice(hospital, run):
    twice = ("p1", "xml/a.xml", "1", "")
    assert quarantine(run("manifest", hospital(twice, twice), **NAMES)) == {
        "xml_a": "duplicate-row"
    }
    found = run("manifest", hospital(twice, ("p2", "xml/a.xml", "0", "")), **NAMES)
    assert list(found.quarantine["reason"]) == ["conflicting-rows"] * 2


def test_files_without_a_row_are_reported(hospital, run):
    root = hospital(("p1", "xml/a.xml", "1", ""))
    (root / "xml" / "more.XML").write_text(vendor_files.muse(LEADS_MV))
    found = run("manifest", root, **NAMES)
    assert quarantine(found) == {"more.XML": "unlisted-record"}
    assert found.metrics["quarantined"] == 0


@pytest.mark.parametrize(
    ("rule", "records"), [("keep", ["p1", "p1", "p2"]), ("quarantine", ["p2"]), ("refuse", None)]
)
def test_a_patient_with_both_labels_is_kept_taken_out_or_refused(hospital, run, rule, records):
    root = hospital(
        ("p1", "xml/a.xml", "1", ""), ("p1", "xml/b.xml", "0", ""), ("p2", "xml/c.xml", "0", "")
    )
    names = NAMES | {"manifest__conflicting_labels": rule}
    if records is None:
        with pytest.raises(PedecgError, match="patient p1 has ctrcd 0 and 1") as caught:
            run("manifest", root, **names)
        assert "\n" not in str(caught.value)
        return
    found = run("manifest", root, **names)
    assert list(found.records["patient_id"]) == records
    assert set(found.quarantine["reason"]) <= {"conflicting-labels"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<Other/>", "unknown-vendor"),
        (MUSE[:5000], "malformed-xml"),
        ("no xml at all", "malformed-xml"),
        (MUSE.replace("<LeadDataCRC32>", "<LeadDataCRC32>1"), "corrupt-signal"),
        (MUSE.replace(">V6</LeadID>", ">AUX</LeadID>"), "unknown-lead"),
        (vendor_files.muse(vendor_files.ecg_mv(50), 50), "unusable-rate"),
    ],
)  # fmt: skip
def test_a_file_at_fault_is_quarantined_with_its_reason(hospital, run, text, reason):
    found = run("manifest", hospital(("p1", "xml/a.xml", "1", ""), a=text), **NAMES)
    assert quarantine(found) == {"xml_a": reason}


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><RestingECG>&c;</RestingECG>"""


def test_files_that_would_harm_the_reader_harm_no_neighbour(hospital, run):
    outside = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><RestingECG>&a;</RestingECG>'
    rows = [(f"p{name}", f"xml/{name}.xml", "0", "") for name in "abc"]
    found = run("manifest", hospital(*rows, b=BOMB, c=outside), **NAMES)
    assert quarantine(found) == {"xml_b": "unsafe-xml", "xml_c": "unsafe-xml"}
    assert list(found.records["patient_id"]) == ["pa"]


@pytest.mark.parametrize("fs_hz", [250, 1000])
def test_other_rates_are_read_as_they_are(hospital, run, fs_hz):
    text = vendor_files.muse(vendor_files.ecg_mv(fs_hz), fs_hz)
    found = run("manifest", hospital(("p1", "xml/a.xml", "1", ""), a=text), **NAMES)
    assert found.records["fs_hz"].tolist() == [fs_hz]


def test_a_record_without_a_required_lead_is_used_or_taken_out(
    hospital, cohort_settings, ingest_settings
):
    without = vendor_files.muse(LEADS_MV, stored=("I", "II", "V1", "V2", "V4", "V5", "V6"))
    flat = vendor_files.muse(LEADS_MV | {"V4": 0 * LEADS_MV["V4"]})
    rows = [(f"p{name}", f"xml/{name}.xml", "0", "") for name in "abc"]
    cohort = cohort_settings("manifest", hospital(*rows, b=without, c=flat), **NAMES)
    assert ingest(cohort, ingest_settings).metrics["records"] == 3
    strict = ingest_settings.model_copy(update={"required_leads": ["I", "V3", "V4"]})
    found = ingest(cohort, strict)
    assert quarantine(found) == {"xml_b": "missing-lead", "xml_c": "missing-lead"}
    stated = found.quarantine["detail"].tolist()
    assert stated == [
        "xml/b.xml: V3 absent (ingest.required_leads)",
        "xml/c.xml: V4 flat (ingest.required_leads)",
    ]
