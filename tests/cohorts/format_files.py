"""The same ECG in every file format that is read, with a person's data planted in it."""

import base64
import datetime as dt
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import vendor_files
from vendor_files import PERSON, STEP_MV

from pedecg.cohorts.formats import lead_names

Leads = dict[str, np.ndarray]
LAST, FIRST, BIRTH, _, BIRTH_ISO, MRN = PERSON
ACQUIRED = dt.date(1988, 4, 30)
FROM_DATES = 159  # days from birth to the examination
FIVE_MONTHS = 152  # days, as files state it
_NUMBER = {name: number for number, name in lead_names.BY_NUMBER.items()}


@dataclass(frozen=True)
class Written:
    """A format: how its files end, who writes one, and what of the patient is in it."""

    suffix: str
    write: Callable[[Path, Leads, int], None]
    age_days: int | None
    sex: str | None


def counts(leads: Leads) -> np.ndarray:
    """Return whole steps, shape (n_leads, n_samples), int16."""
    whole: np.ndarray = np.rint(np.array(list(leads.values())) / STEP_MV).astype("<i2")
    return whole


def _text(write: Callable[[Leads, int], str]) -> Callable[[Path, Leads, int], None]:
    def written(file: Path, leads: Leads, fs_hz: int) -> None:
        file.write_text(write(leads, fs_hz), encoding="utf-8")

    return written


def cardiosoft(leads: Leads, fs_hz: int) -> str:
    """Write GE CardioSoft with a median beat beside the strip."""
    waves = "".join(
        f'<WaveformData lead="{name}">\n\t{",".join(map(str, row))}\n</WaveformData>'
        for name, row in zip(leads, counts(leads), strict=True)
    )
    median = waves.replace("1", "3")
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<CardiologyXML>
<ObservationDateTime><Hour>8</Hour><Minute>0</Minute><Day>30</Day><Month>4</Month>
<Year>1988</Year></ObservationDateTime>
<PatientInfo><PID>{MRN}</PID><Name><FamilyName>{LAST}</FamilyName><GivenName>{FIRST}</GivenName>
</Name><Age units="months">5</Age><BirthDateTime><Day>23</Day><Month>11</Month><Year>1987</Year>
</BirthDateTime><Gender>FEMALE</Gender></PatientInfo>
<RestingECGMeasurements><VentricularRate units="BPM">75</VentricularRate></RestingECGMeasurements>
<MedianSamples><SampleRate units="Hz">{fs_hz}</SampleRate>{median}</MedianSamples>
<StripData><NumberOfLeads>{len(leads)}</NumberOfLeads><SampleRate units="Hz">{fs_hz}</SampleRate>
<ChannelSampleCountTotal>{len(leads["I"])}</ChannelSampleCountTotal>
<Resolution units="uVperLsb">{1000 * STEP_MV:g}</Resolution>{waves}</StripData>
</CardiologyXML>"""


def schiller(leads: Leads, fs_hz: int) -> str:
    """Write Schiller SEMA with averages before the rhythm."""

    def wave(kind: str, factor: int) -> str:
        channels = "".join(
            f"<channel><name>{name.upper()}</name><data>{','.join(map(str, factor * row))}</data>"
            f"<datatype>COMMASEPARATE</datatype><samplecount>{len(row)}</samplecount></channel>"
            for name, row in zip(leads, counts(leads).astype(int), strict=True)
        )
        return f"""<wavedata><type>{kind}</type><resolution><samplerate><exponent>1</exponent>
<value>{fs_hz}</value></samplerate><yres><unitperbit>{1000 * STEP_MV:g}</unitperbit>
<units>UV</units></yres></resolution>{channels}</wavedata>"""

    return f"""\ufeff<?xml version="1.0" encoding="UTF-8"?>
<com.xiriuz.sema.xml.schillerEDI.SchillerEDI><patdata><id>{MRN}</id><lastname>{LAST}</lastname>
<firstname>{FIRST}</firstname><birthdate>{BIRTH}</birthdate><gender>FEMALE</gender></patdata>
<examdescript><startdatetime><date>19880430</date></startdatetime></examdescript>
<eventdata><event>{wave("ECG_AVERAGES", 3)}{wave("ECG_RHYTHMS", 1)}</event></eventdata>
</com.xiriuz.sema.xml.schillerEDI.SchillerEDI>"""


def mortara(leads: Leads, fs_hz: int) -> str:
    """Write Mortara ELI with a typical cycle."""
    channels = "".join(
        f'<CHANNEL NAME="{name}" SAMPLE_FREQ="{fs_hz}" OFFSET="0" BITS="16" FORMAT="SIGNED" '
        f'UNITS_PER_MV="{1 / STEP_MV:g}" DURATION="{len(row)}" ENCODING="BASE64" '
        f'DATA="{base64.b64encode(row.tobytes()).decode()}"/>'
        for name, row in zip(leads, counts(leads), strict=True)
    )
    cycle = channels.replace("<CHANNEL", "<TYPICAL_CYCLE_CHANNEL")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ECG ACQUISITION_TIME="19880430080000" AGE="5" AGE_UNITS="MONTHS" VENT_RATE="75">
<SUBJECT LAST_NAME="{LAST}" FIRST_NAME="{FIRST}" ID="{MRN}" GENDER="Female" DOB="{BIRTH}"/>
<TYPICAL_CYCLE QRS_DURATION="84">{cycle}</TYPICAL_CYCLE>{channels}</ECG>"""


def fhir_json(leads: Leads, fs_hz: int) -> str:
    """Write a FHIR Observation in two chunks per lead, value = origin + factor x datum."""
    half = len(leads["I"]) // 2
    components = [
        {
            "code": {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.24",
                                 "code": str(lead_names.MDC_FIRST + _NUMBER[name])}]},
            "valueSampledData": {
                "origin": {"value": 0.1, "unit": "mV", "code": "mV"},
                "period": 1000 / fs_hz, "factor": STEP_MV, "dimensions": 1,
                "data": " ".join(map(str, part)),
            },
        }
        for name, row in zip(leads, counts(leads).astype(int) - round(0.1 / STEP_MV), strict=True)
        for part in (row[:half], row[half:])
    ]  # fmt: skip
    subject = {"reference": "Patient/1", "display": f"{FIRST} {LAST}"}
    return json.dumps(
        {"resourceType": "Observation", "id": MRN, "subject": subject, "component": components}
    )


def fhir_xml(leads: Leads, fs_hz: int) -> str:
    """Write the same Observation as XML."""

    def element(tag: str, value: object) -> str:
        if isinstance(value, dict):
            return f"<{tag}>{''.join(element(k, v) for k, v in value.items())}</{tag}>"
        if isinstance(value, list):
            return "".join(element(tag, one) for one in value)
        return f'<{tag} value="{value}"/>'

    document = json.loads(fhir_json(leads, fs_hz))
    document.pop("resourceType")
    body = "".join(element(key, value) for key, value in document.items())
    return f'<Observation xmlns="http://hl7.org/fhir">{body}</Observation>'


def kardia(leads: Leads, fs_hz: int) -> str:
    """Write a Kardia recording of six leads, 500 nV per unit; another filter beside it."""
    names = {
        "leadI": "I",
        "leadII": "II",
        "leadIII": "III",
        "AVR": "aVR",
        "AVL": "aVL",
        "AVF": "aVF",
    }
    samples = {
        key: np.rint(leads[name] / 0.0005).astype(int).tolist() for key, name in names.items()
    }
    block = {"frequency": fs_hz, "mainsFrequency": 50, "amplitudeResolution": 500}
    wrong = {key: [3 * value for value in row] for key, row in samples.items()}
    return json.dumps({
        "id": "x", "patientID": MRN, "recordedAt": "1988-04-30T08:00:00Z",
        "algorithmDetermination": "normal", "note": f"{FIRST} {LAST}",
        "data": {"enhanced": block | {"samples": wrong}, "raw": block | {"samples": samples}},
    })  # fmt: skip


def csv_declared(leads: Leads, fs_hz: int) -> str:
    """Write CSV with keys before the names, in microvolts."""
    head = [f"# name: {FIRST} {LAST}", "# unit: uV", f"# fs_hz: {fs_hz}", "# age: 5 months",
            "# sex: F", ",".join(leads)]  # fmt: skip
    rows = np.array(list(leads.values())).T * 1000
    return "\n".join([*head, *(",".join(f"{v:.6g}" for v in row) for row in rows)]) + "\n"


def csv_times(leads: Leads, fs_hz: int) -> str:
    """Write CSV with times instead of the rate, units with the names, and decimal commas."""
    head = ";".join(["time (ms)", *(f"{name} (mV)" for name in leads)])
    rows = np.array(list(leads.values())).T
    lines = [
        ";".join(f"{v:.6g}".replace(".", ",") for v in (1000 * k / fs_hz, *row))
        for k, row in enumerate(rows)
    ]
    return "\n".join([head, *lines]) + "\n"


def apple(leads: Leads, fs_hz: int) -> str:
    """Write an Apple Health export, as set to Dutch."""
    head = [f'Naam,"{FIRST} {LAST}"', f"Geboortedatum,{BIRTH_ISO}",
            "Opgenomen op,1988-04-30 08:00:00 +0000", "Classificatie,Sinusritme",
            f"Meetfrequentie,{fs_hz} hertz", "", "Afleiding,Afleiding I", "Eenheid,µV",
            ""]  # fmt: skip
    return "\n".join([*head, *(f"{1000 * v:.3f}".replace(".", ",") for v in leads["I"])]) + "\n"


def dicom(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write a 12-lead ECG object with a median beat before the rhythm, 2 uV and a correction."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import UID, ExplicitVRLittleEndian

    def coded(value: str, scheme: str, meaning: str) -> Sequence:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
        return Sequence([item])

    def group(label: str, originality: str, rows: np.ndarray) -> Dataset:
        made = Dataset()
        made.MultiplexGroupLabel, made.WaveformOriginality = label, originality
        made.SamplingFrequency = fs_hz
        made.NumberOfWaveformChannels, made.NumberOfWaveformSamples = rows.shape
        made.WaveformBitsAllocated, made.WaveformSampleInterpretation = 16, "SS"
        made.WaveformData = rows.T.astype("<i2").tobytes()
        channels = []
        for name in leads:
            channel = Dataset()
            channel.ChannelSourceSequence = coded(f"5.6.3-9-{_NUMBER[name]}", "SCPECG", "Lead")
            channel.ChannelSensitivity, channel.ChannelBaseline = 2, 0
            channel.ChannelSensitivityCorrectionFactor = 1000 * STEP_MV / 2
            channel.ChannelSensitivityUnitsSequence = coded("uV", "UCUM", "microvolt")
            channel.WaveformBitsStored = 16
            channels.append(channel)
        made.ChannelDefinitionSequence = Sequence(channels)
        return made

    rows = counts(leads)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.9.1.1")
    data.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.3.4"
    data.PatientName, data.PatientID = f"{LAST}^{FIRST}", MRN
    data.PatientBirthDate, data.PatientSex, data.PatientAge = BIRTH, "F", "005M"
    data.AcquisitionDateTime = "19880430080000"
    data.WaveformSequence = Sequence(
        [
            group("MEDIAN BEAT", "DERIVED", 3 * rows[:, : int(fs_hz) // 2]),
            group("RHYTHM", "ORIGINAL", rows),
        ]
    )
    data.save_as(file, enforce_file_format=True)


def edf(file: Path, leads: Leads, fs_hz: int, bdf: bool = False) -> None:
    """Write EDF+ or BDF+ with a respiration channel, whose digital steps are the ECG's."""
    import edfio

    most = 2**16 if bdf else 2**15  # header fields of eight characters hold no wider range
    kind: Any = edfio.BdfSignal if bdf else edfio.EdfSignal
    ranges: Any = {"physical_range": (-most * 1000 * STEP_MV, (most - 1) * 1000 * STEP_MV),
              "digital_range": (-most, most - 1)}  # fmt: skip
    signals = [
        kind(1000 * row, fs_hz, label=f"ECG {name}", physical_dimension="uV", **ranges)
        for name, row in leads.items()
    ]
    signals.append(
        kind(np.zeros(len(leads["I"])), fs_hz, label="Resp", physical_dimension="uV", **ranges)
    )
    patient = edfio.Patient(code=MRN, sex="F", birthdate=dt.date(1987, 11, 23), name=LAST)
    recording = edfio.Recording(startdate=ACQUIRED)
    whole: Any = edfio.Bdf if bdf else edfio.Edf
    made = whole(signals, patient=patient, recording=recording)
    made.write(file)


def scp(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write SCP-ECG without compression: sections 0, 1, 3 and 6, with their checksums."""
    rows = counts(leads)
    n = rows.shape[1]

    def tag(number: int, value: bytes) -> bytes:
        return struct.pack("<BH", number, len(value)) + value

    def day(date: dt.date) -> bytes:
        return struct.pack("<HBB", date.year, date.month, date.day)

    person = b"".join([
        tag(0, LAST.encode() + b"\0"), tag(1, FIRST.encode() + b"\0"),
        tag(2, MRN.encode() + b"\0"), tag(5, day(dt.date(1987, 11, 23))), tag(8, b"\2"),
        tag(14, bytes(36)), tag(25, day(ACQUIRED)), tag(26, bytes([8, 0, 0])), tag(255, b""),
    ])  # fmt: skip
    spans = b"".join(struct.pack("<IIB", 1, n, _NUMBER[name]) for name in leads)
    lead_part = struct.pack("<BB", len(leads), 4 | len(leads) << 3) + spans
    sizes = struct.pack(f"<{len(leads)}H", *[2 * n] * len(leads))
    rhythm = struct.pack("<HHBB", round(1e6 * STEP_MV), round(1e6 / fs_hz), 0, 0) + sizes
    rhythm += rows.tobytes()
    contents = {1: person, 3: lead_part, 6: rhythm}
    contents = {k: v + bytes(len(v) % 2) for k, v in contents.items()}
    at = 6 + 16 + 120
    pointers = {0: (16 + 120, 7)}
    for number, content in contents.items():
        pointers[number] = (16 + len(content), at + 1)
        at += 16 + len(content)
    table = b"".join(
        struct.pack("<HII", number, *pointers.get(number, (0, 0))) for number in range(12)
    )
    body = _scp_section(0, table, b"SCPECG") + b"".join(
        _scp_section(number, content, bytes(6)) for number, content in contents.items()
    )
    whole = struct.pack("<I", 6 + len(body)) + body
    file.write_bytes(struct.pack("<H", _crc(whole)) + whole)


def _scp_section(number: int, content: bytes, reserved: bytes) -> bytes:
    rest = struct.pack("<HIBB6s", number, 16 + len(content), 20, 20, reserved) + content
    return struct.pack("<H", _crc(rest)) + rest


def _crc(data: bytes) -> int:
    import binascii

    return binascii.crc_hqx(data, 0xFFFF)


def ishne(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write ISHNE with its checksum."""
    codes = {"I": 5, "II": 6, "III": 7, "aVR": 8, "aVL": 9, "aVF": 10,
             "V1": 11, "V2": 12, "V3": 13, "V4": 14, "V5": 15, "V6": 16}  # fmt: skip
    rows = counts(leads)
    pad = [0] * (12 - len(leads))
    header = struct.pack("<iiii", 0, rows.shape[1], 522, 522)
    header += struct.pack("<h40s40s20s", 1, FIRST.encode(), LAST.encode(), MRN.encode())
    header += struct.pack("<hh3h3h3h3h", 2, 0, 23, 11, 1987, 30, 4, 1988, 1, 5, 1988, 8, 0, 0)
    header += struct.pack("<h12h12h12h", len(leads), *[codes[n] for n in leads], *pad, *[0] * 12,
                          *[round(1e6 * STEP_MV)] * len(leads), *pad)  # fmt: skip
    header += struct.pack("<h40sh", 0, b"digital", fs_hz)
    header = header.ljust(512, b"\0")
    file.write_bytes(b"ISHNE1.0" + struct.pack("<H", _crc(header)) + header + rows.T.tobytes())


def mfer(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write MFER: one frame, 1 uV exponents, leads by number."""
    rows = counts(leads)
    n_leads, n = rows.shape

    def tlv(tag: int, value: bytes) -> bytes:
        length = (
            bytes([len(value)]) if len(value) < 128 else b"\x84" + struct.pack(">I", len(value))
        )
        return bytes([tag]) + length + value

    out = tlv(0x40, b"MFR " + b"Standard 12 leads".ljust(28)) + tlv(0x01, b"\0")
    out += tlv(0x81, f"{LAST}^{FIRST}".encode()) + tlv(0x82, MRN.encode())
    out += tlv(0x83, bytes([0]) + struct.pack(">H", 0) + struct.pack(">HBB", 1987, 11, 23))
    out += tlv(0x84, b"\2") + tlv(0x85, struct.pack(">HBBBBBHH", 1988, 4, 30, 8, 0, 0, 0, 0))
    out += tlv(0x08, struct.pack(">H", 1)) + tlv(0x0A, b"\0")
    out += tlv(0x0B, bytes([0, 0]) + struct.pack(">H", fs_hz))
    out += tlv(0x0C, bytes([0, 256 - 6]) + struct.pack(">H", round(1000 * STEP_MV)))
    out += tlv(0x04, struct.pack(">I", n)) + tlv(0x05, bytes([n_leads])) + tlv(0x06, b"\1")
    for row, name in enumerate(leads):
        out += bytes([0x3F, row]) + bytes([4]) + tlv(0x09, struct.pack(">H", _NUMBER[name]))
    file.write_bytes(out + tlv(0x1E, rows.astype(">i2").tobytes()) + b"\x80\0")


def sph(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write HDF5 as SPH: 16-bit floats, which hold steps of 5 uV up to 2 mV."""
    import h5py

    with h5py.File(file, "w") as content:
        content["ecg"] = np.array(list(leads.values()), np.float32)


def code15(file: Path, leads: Leads, fs_hz: int) -> None:
    """Write HDF5 as CODE-15%: one examination among 4,096 samples, zeros around it."""
    import h5py

    rows = np.array(list(leads.values()), np.float32)
    first = (4096 - rows.shape[1]) // 2
    tracings = np.zeros((1, 4096, 12), np.float32)
    tracings[0, first : first + rows.shape[1]] = rows.T
    with h5py.File(file, "w") as content:
        content["tracings"], content["exam_id"] = tracings, np.array([1169160])


WRITERS: dict[str, Written] = {
    "GE MUSE": Written(".xml", _text(vendor_files.muse), FIVE_MONTHS, "female"),
    "Philips Sierra": Written(".xml", _text(vendor_files.sierra), FIVE_MONTHS, "female"),
    "HL7 aECG": Written(".xml", _text(vendor_files.aecg), FIVE_MONTHS, "female"),
    "GE CardioSoft": Written(".xml", _text(cardiosoft), FIVE_MONTHS, "female"),
    "Schiller": Written(".xml", _text(schiller), FROM_DATES, "female"),
    "Mortara ELI": Written(".xml", _text(mortara), FIVE_MONTHS, "female"),
    "FHIR JSON": Written(".json", _text(fhir_json), None, None),
    "FHIR XML": Written(".xml", _text(fhir_xml), None, None),
    "Kardia": Written(".json", _text(kardia), None, None),
    "CSV": Written(".csv", _text(csv_declared), FIVE_MONTHS, "female"),
    "CSV with times": Written(".csv", _text(csv_times), None, None),
    "Apple Health": Written(".csv", _text(apple), None, None),
    "DICOM": Written(".dcm", dicom, FROM_DATES, "female"),
    "EDF+": Written(".edf", edf, FROM_DATES, "female"),
    "BDF+": Written(".bdf", lambda f, leads, fs: edf(f, leads, fs, bdf=True), FROM_DATES, "female"),
    "SCP-ECG": Written(".scp", scp, FROM_DATES, "female"),
    "ISHNE": Written(".ecg", ishne, FROM_DATES, "female"),
    "MFER": Written(".mwf", mfer, FROM_DATES, "female"),
    "SPH": Written(".h5", sph, None, None),
    "CODE-15%": Written(".hdf5", code15, None, None),
}
# Formats whose rate is a property of the data set.
FIXED_RATE = {"SPH": 500, "CODE-15%": 400}
# Formats of fewer leads than twelve.
FEWER = {"Kardia": ("I", "II", "III", "aVR", "aVL", "aVF"), "Apple Health": ("I",)}
