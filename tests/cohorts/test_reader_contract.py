"""What every reader of a record's files promises, whatever their format."""

import contextlib
import re

import format_files
import numpy as np
import pytest
import vendor_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedecg.cohorts import readers, recordings, signal_files
from pedecg.cohorts.formats import registry, vendor_xml
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS

TEXT_SUFFIXES = (".xml", ".json", ".csv")
FORMATS = ("WFDB", *format_files.WRITERS)
STEP = vendor_files.STEP_MV
# Formats of text, in which a letter may be added anywhere.
TEXTS = [form for form, written in format_files.WRITERS.items() if written.suffix in TEXT_SUFFIXES]
same_folder = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_every_format_has_a_writer_to_be_tested_with(tmp_path):
    for root in vendor_xml.READERS:
        assert any(root in _bytes(form, tmp_path).decode("latin-1") for form in TEXTS), root
    recognised = {registry.format_of(_file(form, tmp_path)) for form in format_files.WRITERS}
    assert recognised == set(registry.FORMATS)


def _file(form: str, folder, seconds: float = 2.0):
    written = format_files.WRITERS[form]
    fs_hz = format_files.FIXED_RATE.get(form, 500)
    file = folder / f"r{written.suffix}"
    written.write(file, vendor_files.ecg_mv(fs_hz, seconds), fs_hz)
    return file


def _bytes(form: str, folder, seconds: float = 2.0) -> bytes:
    return _file(form, folder, seconds).read_bytes()


@pytest.fixture
def stored(tmp_path, recorder):
    """Write the same ECG in a format; returns root and path."""

    def write(form: str, fs_hz: int = 500):
        fs_hz = format_files.FIXED_RATE.get(form, fs_hz)
        leads = vendor_files.ecg_mv(fs_hz)
        if form == "WFDB":
            counts = np.rint(np.array(list(leads.values())).T / STEP).astype(int)
            recorder(tmp_path / "r", LEADS, counts, fs=str(fs_hz), gains=f"{1 / STEP:g}(0)/mV")
            return tmp_path, "r"
        written = format_files.WRITERS[form]
        written.write(tmp_path / f"r{written.suffix}", leads, fs_hz)
        return tmp_path, f"r{written.suffix}"

    return write


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fs_hz", [250, 500, 1000])
def test_the_same_ecg_is_read_from_every_format(stored, form, fs_hz):
    fs_hz = format_files.FIXED_RATE.get(form, fs_hz)
    record = signal_files.read(*stored(form, fs_hz)).record
    leads = format_files.FEWER.get(form, LEADS)
    expected = np.array([vendor_files.ecg_mv(fs_hz)[lead] for lead in leads])
    assert record.leads == leads
    assert record.fs_hz == fs_hz
    assert record.signal.dtype == np.float32
    assert record.signal.flags.c_contiguous
    assert record.other_channels == ()
    np.testing.assert_allclose(record.signal, expected, atol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_a_command_reads_the_same_as_ingest(stored, form):
    root, path = stored(form)
    for_ingest = signal_files.read(root, path)
    places, faults = recordings.find([root / path])
    assert not faults
    for_command = recordings.read(places[0])
    np.testing.assert_array_equal(for_command.signal_mv, for_ingest.record.signal)
    assert (for_command.age_days, for_command.sex) == (for_ingest.age_days, for_ingest.sex)
    assert for_command.fs_hz == for_ingest.record.fs_hz


@pytest.mark.parametrize("form", FORMATS)
def test_reading_twice_gives_the_same_bytes(stored, form):
    place = stored(form)
    first, again = signal_files.read(*place), signal_files.read(*place)
    assert first.record.signal.tobytes() == again.record.signal.tobytes()


@pytest.mark.parametrize("form", format_files.WRITERS)
def test_age_and_sex_come_from_the_file(stored, form):
    opened = signal_files.read(*stored(form))
    written = format_files.WRITERS[form]
    assert (opened.age_days, opened.sex) == (written.age_days, written.sex)


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


@pytest.mark.parametrize("form", TEXTS)
def test_no_word_about_the_person_leaves_a_reader(stored, form):
    root, path = stored(form)
    text = (root / path).read_text(encoding="utf-8")
    ecg = registry.read(root / path)
    stated = repr(ecg)
    for number in range(60, len(text), max(701, len(text) // 60)):
        # cut off, and with a letter too many, anywhere
        for broken in (text[:number], text[:number] + "x" + text[number:]):
            (root / path).write_text(broken, encoding="utf-8")
            try:
                stated += repr(registry.read(root / path).measurements)
            except RecordFault as fault:
                stated += repr(fault) + fault.detail
    assert_nothing_stated(stated)


def assert_nothing_stated(stated: str) -> None:
    for word in vendor_files.PERSON:
        assert not re.search(re.escape(word), stated, re.IGNORECASE)


@pytest.mark.parametrize("form", format_files.WRITERS)
@same_folder
@given(data=st.data())
def test_a_damaged_file_is_a_fault_and_never_a_crash(tmp_path, form, data):
    whole = bytearray(_bytes(form, tmp_path, seconds=1.0))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=4))
    file = tmp_path / f"r{format_files.WRITERS[form].suffix}"
    file.write_bytes(whole)
    with contextlib.suppress(RecordFault):
        registry.read(file)


@pytest.mark.parametrize("name", readers.READERS)
def test_a_cohort_that_is_not_there_ends_in_one_line(tmp_path, cohort_settings, name):
    with pytest.raises(PedecgError, match="folder not found") as caught:
        readers.READERS[name].scan_cohort(cohort_settings(name, tmp_path / "absent"))
    assert "\n" not in str(caught.value)
