"""Variants of each format that other programs write: byte orders, gaps, bundles, decimal commas."""

import json
import struct

import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts.formats import lead_names, registry
from pedecg.cohorts.formats.sample_text import samples
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

TRUTH = vendor_files.ecg_mv(500)
STEP = vendor_files.STEP_MV


def agrees(found, starts=None):
    """Return whether every lead is the truth, from its start on, and NaN elsewhere."""
    assert set(LEADS) <= set(found.names)
    for row, name in enumerate(found.names):
        start = (starts or {}).get(name, 0)
        signal = found.signal[row]
        n = min(len(TRUTH[name]), len(signal) - start)
        np.testing.assert_allclose(signal[start : start + n], TRUTH[name][:n], atol=STEP)
        assert np.isnan(signal[:start]).all()
        assert np.isnan(signal[start + n :]).all()


# --- DICOM


def dicom(folder, change):
    import pydicom

    file = folder / "r.dcm"
    format_files.WRITERS["DICOM"].write(file, TRUTH, 500)
    data = pydicom.dcmread(file)
    change(data)
    data.save_as(file, enforce_file_format=True)
    return file


def test_dicom_of_the_other_byte_order_is_read(tmp_path):
    from pydicom.uid import ExplicitVRBigEndian

    file = tmp_path / "r.dcm"
    format_files.WRITERS["DICOM"].write(file, TRUTH, 500)
    import pydicom

    data = pydicom.dcmread(file)
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    for group in data.WaveformSequence:
        group.WaveformPaddingValue = struct.pack(">h", -32768)
        counts = np.frombuffer(group.WaveformData, "<i2")
        group.WaveformData = counts.astype(">i2").tobytes()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    agrees(registry.read(file))


@pytest.mark.parametrize(
    ("key", "value"), [("ChannelSampleSkew", "3"), ("ChannelTimeSkew", "0.006")]
)
def test_a_channel_of_dicom_that_begins_later_is_put_in_its_place(tmp_path, key, value):
    def change(data):
        for channel in data.WaveformSequence[1].ChannelDefinitionSequence[6:]:
            setattr(channel, key, value)

    starts = dict.fromkeys(LEADS[6:], 3)
    agrees(registry.read(dicom(tmp_path, change)), starts)


def test_leads_of_dicom_are_known_by_either_code_of_iso_11073(tmp_path):
    def change(data):
        for group in data.WaveformSequence:
            for row, channel in enumerate(group.ChannelDefinitionSequence):
                source = channel.ChannelSourceSequence[0]
                number = int(source.CodeValue.removeprefix("5.6.3-9-"))
                source.CodeValue = f"2:{number + 256 * (row % 2)}"
                source.CodingSchemeDesignator, source.CodeMeaning = "MDC", ""

    agrees(registry.read(dicom(tmp_path, change)))


# --- FHIR


def fhir(folder, change):
    document = json.loads(format_files.fhir_json(TRUTH, 500))
    file = folder / "r.json"
    file.write_text(json.dumps(change(document) or document))
    return registry.read(file)


def test_an_observation_in_a_bundle_has_the_age_and_sex_of_its_patient(tmp_path):
    def change(document):
        document["effectiveDateTime"] = "2020-06-01T10:00:00Z"
        patient = {"resourceType": "Patient", "birthDate": "2020-01-01", "gender": "female"}
        other = {"resourceType": "Observation", "valueString": "no ECG"}
        entries = [{"resource": one} for one in (patient, other, document)]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    found = fhir(tmp_path, change)
    agrees(found)
    assert (found.age_days, found.sex) == (152, "female")


def test_the_age_of_one_of_two_patients_is_not_taken(tmp_path):
    def change(document):
        patient = {"resourceType": "Patient", "birthDate": "2020-01-01"}
        return document | {"effectiveDateTime": "2020-06-01", "contained": [patient, patient]}

    assert fhir(tmp_path, change).age_days is None


def test_an_observation_of_one_lead_may_have_the_samples_itself(tmp_path):
    def change(document):
        parts = document.pop("component")
        return document | {key: parts[0][key] for key in ("code", "valueSampledData")}

    found = fhir(tmp_path, change)
    assert found.names == ("I",)
    np.testing.assert_allclose(found.signal[0], TRUTH["I"][: found.signal.shape[1]], atol=STEP)


def test_components_that_name_no_lead_are_channels_of_their_own(tmp_path):
    """They were laid end to end, as one channel of twelve times the length."""

    def change(document):
        for part in document["component"]:
            part["code"] = {"text": f"kanaal {part['code']['coding'][0]['code']}"}

    found = fhir(tmp_path, change)
    assert found.signal.shape == (12, len(TRUTH["I"]))
    assert found.names[0] == "component 1"
    np.testing.assert_allclose(found.signal[1], TRUTH["II"], atol=STEP)


def test_leads_are_known_by_either_code_of_iso_11073():
    for first in (131072, 131328):
        codes = {str(first + number): name for number, name in lead_names.BY_NUMBER.items()}
        assert {code: lead_names.of_mdc(code) for code in codes} == codes


# --- samples as text


def test_between_semicolons_a_comma_is_the_decimal_sign():
    assert samples("0,5;-1,25;3", "r").tolist() == [0.5, -1.25, 3]
    assert samples("1,2,3\n4,5", "r").tolist() == [1, 2, 3, 4, 5]
    assert samples("1, 2, 3", "r").tolist() == [1, 2, 3]


def test_commas_that_may_be_either_are_a_fault():
    with pytest.raises(RecordFault, match="commas") as caught:
        samples("0,5 1,5 2,5", "r")
    assert caught.value.reason == "corrupt-signal"


# --- MFER


@pytest.mark.parametrize(
    ("years", "days", "age_days"), [(0, 159, 159), (3, 1234, 1234), (3, 138, 1096), (0, 0, None)]
)
def test_the_age_of_mfer_without_a_birth_date_is_in_days_where_it_says_them(
    tmp_path, years, days, age_days
):
    file = tmp_path / "r.mwf"
    format_files.WRITERS["MFER"].write(file, TRUTH, 500)
    born = bytes([0]) + struct.pack(">H", 0) + struct.pack(">HBB", 1987, 11, 23)
    stated = bytes([years]) + struct.pack(">H", days) + bytes(4)
    data = file.read_bytes()
    assert data.count(born) == 1
    file.write_bytes(data.replace(born, stated))
    assert registry.read(file).age_days == age_days


# --- EDF


def edf(onsets_s, unit="uV"):
    """Write EDF+D of the twelve leads in data records of 0.5 s, each with its time."""
    counts = [np.rint(TRUTH[name] / STEP).astype("<i2") for name in LEADS]
    half, size = 250, 40
    labels = [*(name.encode() for name in LEADS), b"EDF Annotations"]
    low, high = f"{-32768 * 1000 * STEP:g}", f"{32767 * 1000 * STEP:g}"
    n = len(labels)
    fields = [
        (16, labels), (80, [b""] * n), (8, [unit.encode("latin-1")] * 12 + [b""]),
        (8, [low.encode()] * n), (8, [high.encode()] * n), (8, [b"-32768"] * n),
        (8, [b"32767"] * n), (80, [b""] * n), (8, [b"250"] * 12 + [str(size).encode()]),
        (32, [b""] * n),
    ]  # fmt: skip
    head = [(b"0", 8), (b"X X X X", 80), (b"Startdate X X X X", 80), (b"01.01.20", 8),
            (b"08.00.00", 8), (str(256 * (n + 1)).encode(), 8), (b"EDF+D", 44),
            (str(len(onsets_s)).encode(), 8), (b"0.5", 8), (str(n).encode(), 4)]  # fmt: skip
    out = b"".join(text.ljust(width) for text, width in head)
    out += b"".join(text.ljust(width) for width, texts in fields for text in texts)
    for row, onset in enumerate(onsets_s):
        out += b"".join(one[half * row : half * (row + 1)].tobytes() for one in counts)
        out += f"+{onset:g}\x14\x14\0".encode().ljust(2 * size, b"\0")
    return out


def test_the_gaps_of_a_discontinuous_edf_are_nan(tmp_path):
    (tmp_path / "r.edf").write_bytes(edf([10, 10.5, 13, 13.5]))
    found = registry.read(tmp_path / "r.edf")
    assert found.signal.shape == (12, 2000)
    assert np.isnan(found.signal[:, 500:1500]).all()
    for name, row in zip(found.names, found.signal, strict=True):
        np.testing.assert_allclose(row[:500], TRUTH[name][:500], atol=STEP)
        np.testing.assert_allclose(row[1500:], TRUTH[name][500:1000], atol=STEP)


def test_a_discontinuous_edf_without_a_gap_is_whole(tmp_path):
    (tmp_path / "r.edf").write_bytes(edf([0, 0.5, 1, 1.5], unit="µV"))
    agrees(registry.read(tmp_path / "r.edf"))


@pytest.mark.parametrize("onsets", [[0, 0.5, 0.2, 1.5], [0, 0.5, 1, 999_999]])
def test_impossible_times_in_edf_are_a_fault(tmp_path, onsets):
    (tmp_path / "r.edf").write_bytes(edf(onsets))
    with pytest.raises(RecordFault) as caught:
        registry.read(tmp_path / "r.edf")
    assert caught.value.reason == "bad-field"


# --- CSV


def csv(head="", tail="", name=str):
    rows = np.array([TRUTH[lead] for lead in LEADS]).T
    lines = [f"# unit: mV{tail}", f"# fs_hz: 500{tail}", ",".join(map(name, LEADS)) + head]
    return "\n".join([*lines, *(",".join(f"{v:.6g}" for v in row) + head for row in rows)])


@pytest.mark.parametrize(
    "data",
    [
        csv().encode("utf-16"),
        csv(",", ",,,,").encode(),
        (csv(tail=",,,") + "\n,,,\n,,,\n").encode(),
        csv(name="{}_mV".format).replace("# unit: mV\n", "").encode(),
    ],
    ids=["UTF-16", "separator at the end", "lines of separators", "unit after a line"],
)
def test_a_csv_as_spreadsheets_and_programs_write_it(tmp_path, data):
    (tmp_path / "r.csv").write_bytes(data)
    agrees(registry.read(tmp_path / "r.csv"))


def test_nan_in_a_csv_is_no_value(tmp_path):
    lines = csv().split("\n")
    lines[3] = ",".join(["NaN", *lines[3].split(",")[1:]])
    (tmp_path / "r.csv").write_text("\n".join(lines))
    found = registry.read(tmp_path / "r.csv")
    assert np.isnan(found.signal[0, 0])
    assert np.isfinite(found.signal).sum() == found.signal.size - 1


# --- HDF5


@pytest.mark.parametrize("limb", [("aVR", "aVL", "aVF"), ("aVL", "aVF", "aVR")])
def test_files_of_the_code_study_tell_their_order_of_leads_by_the_limb_leads(tmp_path, limb):
    order = (*LEADS[:3], *limb, *LEADS[6:])
    truth = vendor_files.ecg_mv(400)
    file = tmp_path / "r.hdf5"
    format_files.WRITERS["CODE-15%"].write(file, {lead: truth[lead] for lead in order}, 400)
    found = registry.read(file)
    for name, row in zip(found.names, found.signal, strict=True):
        np.testing.assert_allclose(row, truth[name], atol=1e-6)


def test_limb_leads_that_contradict_each_other_are_a_fault(tmp_path):
    truth = vendor_files.ecg_mv(400)
    order = (*LEADS[:3], "aVF", "aVR", "aVL", *LEADS[6:])
    file = tmp_path / "r.hdf5"
    format_files.WRITERS["CODE-15%"].write(file, {lead: truth[lead] for lead in order}, 400)
    with pytest.raises(RecordFault, match="contradict"):
        registry.read(file)
