"""Vendors' files as they are found in the wild: right, unknown or refused, never quietly wrong."""

import copy
import re

import binary_format_files
import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import recordings, signal_files
from pedecg.cohorts.formats import registry
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

LEADS_MV = vendor_files.ecg_mv()
MUSE, SIERRA, AECG = (write(LEADS_MV) for write in vendor_files.WRITERS.values())


@pytest.fixture
def read(tmp_path):
    """Read a document from a file."""

    def opened(text: str | bytes, name: str = "r.xml"):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
        return registry.read(tmp_path / name)

    return opened


def reason(read, text: str | bytes) -> str:
    with pytest.raises(RecordFault) as caught:
        read(text)
    return caught.value.reason


def rhythm_block(document: str) -> str:
    """Return the <Waveform> element of type Rhythm."""
    blocks = re.findall(r"<Waveform>.*?</Waveform>", document, re.DOTALL)
    return next(block for block in blocks if ">Rhythm<" in block)


def only(block: str, leads: tuple[str, ...]) -> str:
    """Keep the <LeadData> of some leads in a block."""
    return re.sub(
        r"<LeadData>.*?</LeadData>",
        lambda m: m[0] if re.search(r"<LeadID>(.*?)<", m[0])[1] in leads else "",
        block,
        flags=re.DOTALL,
    )


def test_groups_of_leads_in_several_rhythm_blocks_follow_each_other(read):
    block = rhythm_block(MUSE)
    groups = (("I", "II"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
    split = MUSE.replace(block, "".join(only(block, group) for group in groups))
    found = read(split)
    assert found.record.leads == LEADS
    assert found.signal.shape == (12, 3000)
    for at, group in enumerate(groups):
        for lead in group:
            row = found.signal[found.names.index(lead)]
            np.testing.assert_allclose(row[1000 * at : 1000 * (at + 1)], LEADS_MV[lead], atol=1e-6)
            assert np.isfinite(row).sum() == 1000


def test_a_copy_of_the_rhythm_at_a_lower_rate_is_passed_over(read):
    block = rhythm_block(MUSE)
    slow = rhythm_block(vendor_files.muse({k: v[::2] for k, v in LEADS_MV.items()}, 250))
    for both in (block + slow, slow + block):
        found = read(MUSE.replace(block, both))
        assert (found.fs_hz, found.signal.shape) == (500, (12, 1000))
        assert found.left_out == ()


def test_leads_of_a_second_long_strip_are_named(read):
    long = {lead: np.tile(row, 5) for lead, row in LEADS_MV.items()}
    document = vendor_files.muse(long)
    block = rhythm_block(document)
    more = only(block, ("V3",)).replace(">V3<", ">V4R<")
    found = read(document.replace(block, block + more))
    assert found.left_out == ("V4R (another rhythm strip)",)
    assert found.signal.shape == (12, 5000)


@pytest.mark.parametrize(
    ("birth", "acquired", "age_days"),
    [
        ("12-23-2020", "02-15-2021", 54),  # month first
        ("23-12-2020", "15-02-2021", 54),  # day first
        ("23-12-2020", "05-02-2021", 44),  # one date tells both
        ("03-12-2020", "05-02-2021", None),  # neither tells: 64 or 416 days
        ("02-02-2020", "03-03-2021", 395),  # alike in both
    ],
)
def test_days_and_months_are_reported_apart_or_the_age_is_unknown(read, birth, acquired, age_days):
    document = vendor_files.muse(LEADS_MV, age=("", ""), birth=birth)
    document = re.sub("(?<=<AcquisitionDate>)[^<]*", acquired, document)
    assert read(document).age_days == age_days


def test_an_age_of_zero_years_is_below_one_year_and_not_day_zero(read):
    document = vendor_files.muse(LEADS_MV, age=("0", "YEARS"), birth="")
    assert read(document).age_days is None


def test_a_further_electrode_is_never_one_of_the_twelve(read):
    assert ">V3<" in MUSE
    found = read(MUSE.replace("<LeadID>V3<", "<LeadID>V4R<"))
    assert "V3" not in found.names
    assert "V4R" in found.names


@pytest.mark.parametrize(
    ("increment", "rate"),
    [
        ('value="2" unit="s"', 500),
        ('value="2" unit="ms"', 500),
        ('value="0.002" unit="s"', 500),
        ('value="1.024" unit="ms"', 976.5625),
    ],
)
def test_seconds_that_are_milliseconds_are_read_so(read, increment, rate):
    assert read(vendor_files.aecg(LEADS_MV, increment=increment)).fs_hz == pytest.approx(rate)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (' xmlns="urn:hl7-org:v3"', ""),
        ('code="RHYTHM"', 'code="x" displayName="RHYTHM"'),
        ("MDC_ECG_LEAD_", "MDC_ECG_"),
        ('unit="uV"', 'unit="[uV]"'),
        ('head value="19880430080000"', 'head value="1988-04-30T08:00:00"'),
    ],
)
def test_variants_of_aecg_are_read(read, old, new):
    assert old in AECG
    found = read(AECG.replace(old, new))
    assert found.record.leads == LEADS
    np.testing.assert_allclose(found.signal[0], LEADS_MV["I"], atol=1e-6)


def test_leads_of_one_set_are_equally_long(read):
    cut = re.sub(r"(LEAD_V6.*?<digits>)\S+ ", r"\1", AECG, flags=re.DOTALL)
    assert cut != AECG
    assert reason(read, cut) == "truncated-signal"


def test_a_pulse_that_a_converter_kept_is_cut(read):
    pulse = np.repeat([0.0, 1.0, 0.0], [50, 100, 50])
    longer = {lead: np.concatenate([row, pulse]) for lead, row in LEADS_MV.items()}
    assert read(vendor_files.aecg(longer)).signal.shape == (12, 1000)
    kept = {lead: longer[lead] if lead == "V6" else longer[lead] * 0.9 for lead in longer}
    assert read(vendor_files.aecg(kept)).signal.shape == (12, 1200), "no pulse of 1 mV in all"


def test_an_assumed_age_is_no_age(read):
    found = read(vendor_files.sierra(LEADS_MV, age=""))
    assert 'defaultage="50"' in vendor_files.sierra(LEADS_MV, age="")
    assert found.age_days is None


def test_labels_that_do_not_fit_the_channels_are_refused(read):
    eight = SIERRA.replace('numberofleads="12"', 'numberofleads="8"')
    assert eight != SIERRA
    assert reason(read, eight) == "bad-field"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declared", ["UTF-16", "UTF-8"])
def test_utf16_is_read_with_and_without_its_mark_and_declaration(read, encoding, declared):
    text = SIERRA.replace('encoding="UTF-8"', f'encoding="{declared}"')
    assert read(text.encode(encoding)).record.leads == LEADS


def test_utf8_that_declares_utf16_is_read(read):
    assert read(SIERRA.replace('encoding="UTF-8"', 'encoding="utf-16"')).record.leads == LEADS


def test_a_scale_that_no_heart_has_is_not_trusted(tmp_path):
    tall = {lead: 6.1 * row for lead, row in LEADS_MV.items()}
    (tmp_path / "r.xml").write_text(vendor_files.aecg(tall), encoding="utf-8")
    assert not registry.read(tmp_path / "r.xml").calibrated
    assert not recordings.read(recordings.find([tmp_path / "r.xml"])[0][0]).calibrated
    with pytest.raises(RecordFault) as caught:
        signal_files.read(tmp_path, "r.xml")
    assert caught.value.reason == "implausible-scale"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I,II\n0.1,0.2\n0.1,0.2\n", "unknown-vendor"),
        ("# fs_hz: 500\nI,II\n0.1,0.2\n0.1,0.2\n", "unknown-unit"),
        ("# fs_hz: 500\n# unit: mmHg\nI,II\n0.1,0.2\n0.1,0.2\n", "unknown-unit"),
        ("# fs_hz: 500\n# unit: mV\nI,II\n0.1,0.2\n0.1\n", "corrupt-signal"),
        ("# fs_hz: 500\n# unit: mV\nI,II\n0.1,0.2\n0.1,x\n", "corrupt-signal"),
        ("# fs_hz: 5_00\n# unit: mV\nI,II\n0.1,0.2\n", "unknown-vendor"),
        ("# unit: mV\ntime (s),I\n0,0.1\n0.002,0.1\n0.001,0.1\n0.003,0\n", "zero-rate"),
    ],
)
def test_a_csv_that_does_not_say_all_is_refused(tmp_path, text, why):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(RecordFault) as caught:
        registry.read(tmp_path / "r.csv")
    assert caught.value.reason == why


def test_a_table_beside_recordings_is_no_recording(tmp_path, wfdb_file):
    wfdb_file(tmp_path / "r")
    (tmp_path / "metadata.csv").write_text("ECG_ID,fs,Age\nr,500,5\n")
    places, faults = recordings.find([tmp_path])
    assert [place.record_id for place in places] == ["r"]
    assert not faults


def test_one_examination_of_many_is_named(tmp_path):
    import h5py

    with h5py.File(tmp_path / "exams.hdf5", "w") as content:
        tracings = np.zeros((2, 4096, 12), np.float32)
        tracings[:, 500:3500] = np.array([0.1, 0.2], np.float32)[:, None, None]
        content["tracings"], content["exam_id"] = tracings, np.array([7, 9])
    found = signal_files.read(tmp_path, "exams.hdf5#9").record
    assert found.signal.shape == (12, 3000)
    np.testing.assert_allclose(found.signal, 0.2)
    places, _ = recordings.find([tmp_path / "exams.hdf5#7"])
    np.testing.assert_allclose(recordings.read(places[0]).signal_mv, 0.1)
    for path in ("exams.hdf5", "exams.hdf5#8"):
        with pytest.raises(RecordFault):
            signal_files.read(tmp_path, path)


def test_the_leads_of_a_childs_ecg_of_fifteen_are_leads_of_their_own(tmp_path):
    further = {"V7": LEADS_MV["V6"], "V3R": LEADS_MV["V1"], "V4R": LEADS_MV["V2"]}
    (tmp_path / "r.xml").write_text(vendor_files.aecg(LEADS_MV | further), encoding="utf-8")
    found = recordings.read(recordings.find([tmp_path / "r.xml"])[0][0])
    assert found.leads == (*LEADS, "V3R", "V4R", "V7")
    np.testing.assert_allclose(found.signal_mv[12], LEADS_MV["V1"], atol=1e-6)
    np.testing.assert_allclose(found.signal_mv[14], LEADS_MV["V6"], atol=1e-6)
    assert found.other_channels == ()


@pytest.fixture
def dicom_groups(tmp_path):
    """Write a DICOM file of two original groups, limb and chest leads; returns what is read."""

    def write(offsets: tuple[float | None, float | None]):
        import pydicom

        file = tmp_path / "r.dcm"
        binary_format_files.dicom(file, LEADS_MV, 500)
        data = pydicom.dcmread(file)
        beat, rhythm = data.WaveformSequence
        groups = [beat]
        for offset, rows in zip(offsets, (slice(0, 6), slice(6, 12)), strict=True):
            group = copy.deepcopy(rhythm)
            counts = np.frombuffer(rhythm.WaveformData, "<i2").reshape(-1, 12)[:, rows]
            group.WaveformData = counts.tobytes()
            group.NumberOfWaveformChannels = 6
            group.ChannelDefinitionSequence = rhythm.ChannelDefinitionSequence[rows]
            if offset is not None:
                group.MultiplexGroupTimeOffset = offset
            groups.append(group)
        data.WaveformSequence = pydicom.Sequence(groups)
        data.save_as(file, enforce_file_format=True)
        return registry.read(file)

    return write


def test_groups_of_a_dicom_file_are_laid_by_their_offsets(dicom_groups):
    together = dicom_groups((0, 0))
    assert together.record.leads == LEADS
    np.testing.assert_allclose(together.signal[6], LEADS_MV["V1"], atol=1e-6)
    later = dicom_groups((1000, 3000))
    assert later.signal.shape == (12, 2000)
    np.testing.assert_allclose(later.signal[6, 1000:], LEADS_MV["V1"], atol=1e-6)
    assert np.isnan(later.signal[6, :1000]).all()


def test_a_group_without_an_offset_is_named(dicom_groups):
    found = dicom_groups((None, None))
    assert found.record.leads == LEADS[:6]
    assert found.left_out == tuple(f"{lead} (another group)" for lead in LEADS[6:])


def test_marks_of_missing_samples_are_no_values(tmp_path):
    text = format_files.fhir_json(LEADS_MV, 500)
    marked = re.sub(r'("data": ")(\S+) (\S+) ', r"\1E \3 ", text, count=1)
    assert marked != text
    (tmp_path / "r.json").write_text(marked, encoding="utf-8")
    found = registry.read(tmp_path / "r.json")
    assert np.isnan(found.signal[0, 0])
    assert np.isfinite(found.signal).sum() == found.signal.size - 1
    np.testing.assert_allclose(found.signal[0, 1:], LEADS_MV["I"][1:], atol=1e-6)


def test_samples_without_a_unit_give_times_and_no_amplitudes(tmp_path):
    text = format_files.fhir_json(LEADS_MV, 500).replace(', "unit": "mV", "code": "mV"', "")
    assert "mV" not in text
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    assert not registry.read(tmp_path / "r.json").calibrated
