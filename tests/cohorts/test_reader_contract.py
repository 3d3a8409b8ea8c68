"""What every reader of a record's files promises, whatever their format."""

import contextlib
import re

import numpy as np
import pytest
import vendor_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedecg.cohorts import readers, signal_files
from pedecg.cohorts.formats import vendor_xml
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS

FORMATS = ("WFDB", *vendor_xml.READERS)
STEP = vendor_files.STEP_MV
same_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_every_vendor_has_a_writer_to_be_tested_with():
    assert set(vendor_files.WRITERS) == set(vendor_xml.READERS)


@pytest.fixture
def stored(tmp_path, recorder):
    """Write the same ECG in a format; returns root and path."""

    def write(form: str, fs_hz: int = 500):
        leads = vendor_files.ecg_mv(fs_hz)
        if form == "WFDB":
            counts = np.rint(np.array(list(leads.values())).T / STEP).astype(int)
            recorder(tmp_path / "r", LEADS, counts, fs=str(fs_hz), gains=f"{1 / STEP:g}(0)/mV")
            return tmp_path, "r"
        (tmp_path / "r.xml").write_text(vendor_files.WRITERS[form](leads, fs_hz), encoding="utf-8")
        return tmp_path, "r.xml"

    return write


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fs_hz", [250, 500, 1000])
def test_the_same_ecg_is_read_from_every_format(stored, form, fs_hz):
    record = signal_files.read(*stored(form, fs_hz)).record
    expected = np.array(list(vendor_files.ecg_mv(fs_hz).values()))
    assert record.leads == LEADS
    assert record.fs_hz == fs_hz
    assert record.signal.dtype == np.float32
    assert record.signal.flags.c_contiguous
    assert record.other_channels == ()
    np.testing.assert_allclose(record.signal, expected, atol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_reading_twice_gives_the_same_bytes(stored, form):
    place = stored(form)
    first, again = signal_files.read(*place), signal_files.read(*place)
    assert first.record.signal.tobytes() == again.record.signal.tobytes()


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "WFDB"])
def test_age_and_sex_come_from_the_file(stored, form):
    opened = signal_files.read(*stored(form))
    assert (opened.age_days, opened.sex) == (152, "female")


@pytest.mark.parametrize("form", FORMATS)
def test_a_path_out_of_the_root_is_refused(stored, form):
    root, path = stored(form)
    with pytest.raises(RecordFault) as caught:
        signal_files.read(root / "below", f"../{path}")
    assert caught.value.reason == "path-outside-root"


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_not_there_is_a_fault(stored, form):
    root, path = stored(form)
    with pytest.raises(RecordFault) as caught:
        signal_files.read(root, f"no_{path}")
    assert caught.value.reason in ("missing-file", "missing-header")


@pytest.mark.parametrize("form", vendor_xml.READERS)
def test_no_word_about_the_person_leaves_a_reader(stored, form):
    root, path = stored(form)
    text = (root / path).read_text(encoding="utf-8")
    ecg = vendor_xml.read(root / path)
    said = repr(ecg)
    for number in range(60, len(text), 701):  # cut off, and with a letter too many, anywhere
        for broken in (text[:number], text[:number] + "x" + text[number:]):
            (root / path).write_text(broken, encoding="utf-8")
            try:
                said += repr(vendor_xml.read(root / path).measurements)
            except RecordFault as fault:
                said += repr(fault) + fault.detail
    assert any(word in text for word in vendor_files.PERSON)
    for word in vendor_files.PERSON:
        assert not re.search(re.escape(word), said, re.IGNORECASE)


@pytest.mark.parametrize("form", vendor_xml.READERS)
@same_folder
@given(data=st.data())
def test_a_damaged_file_is_a_fault_and_never_a_crash(tmp_path, form, data):
    whole = bytearray(vendor_files.WRITERS[form](vendor_files.ecg_mv(seconds=1.0)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=4))
    (tmp_path / "r.xml").write_bytes(whole)
    with contextlib.suppress(RecordFault):
        vendor_xml.read(tmp_path / "r.xml")


@pytest.mark.parametrize("name", readers.READERS)
def test_a_cohort_that_is_not_there_ends_in_one_line(tmp_path, cohort_settings, name):
    with pytest.raises(PedecgError, match="folder not found") as caught:
        readers.READERS[name].scan_cohort(cohort_settings(name, tmp_path / "absent"))
    assert "\n" not in str(caught.value)
