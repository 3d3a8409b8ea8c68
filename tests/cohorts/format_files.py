"""The same ECG in every file format that is read, with a person's data planted in it."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import binary_format_files
import numpy as np
import vendor_files
from binary_format_files import NUMBER, Leads, counts
from vendor_files import PERSON, STEP_MV

from pedecg.cohorts.formats import lead_names

LAST, FIRST, BIRTH, _, BIRTH_ISO, MRN = PERSON
FROM_DATES = 159  # days from birth to the examination
FIVE_MONTHS = 152  # days, as files state it


@dataclass(frozen=True)
class Written:
    """A format: how its files end, who writes one, and what of the patient is in it."""

    suffix: str
    write: Callable[[Path, Leads, int], None]
    age_days: int | None
    sex: str | None


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
                                 "code": str(lead_names.MDC_FIRST + NUMBER[name])}]},
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


def fhir_bundle(leads: Leads, fs_hz: int) -> str:
    """Write the Observation in a Bundle, after the Patient whom it is of."""
    observation = fhir_xml(leads, fs_hz).replace(' xmlns="http://hl7.org/fhir"', "")
    day = '<effectiveDateTime value="1988-04-30T08:00:00Z"/>'
    observation = observation.replace("<Observation>", f"<Observation>{day}", 1)
    patient = (
        f'<Patient><id value="{MRN}"/><name><family value="{LAST}"/><given value="{FIRST}"/></name>'
        f'<gender value="female"/><birthDate value="{BIRTH_ISO}"/></Patient>'
    )
    entries = "".join(
        f"<entry><resource>{one}</resource></entry>" for one in (patient, observation)
    )
    return f'<Bundle xmlns="http://hl7.org/fhir">{entries}</Bundle>'


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


WRITERS: dict[str, Written] = {
    "GE MUSE": Written(".xml", _text(vendor_files.muse), FIVE_MONTHS, "female"),
    "Philips Sierra": Written(".xml", _text(vendor_files.sierra), FIVE_MONTHS, "female"),
    "HL7 aECG": Written(".xml", _text(vendor_files.aecg), FIVE_MONTHS, "female"),
    "GE CardioSoft": Written(".xml", _text(cardiosoft), FIVE_MONTHS, "female"),
    "Schiller": Written(".xml", _text(schiller), FROM_DATES, "female"),
    "Mortara ELI": Written(".xml", _text(mortara), FIVE_MONTHS, "female"),
    "FHIR JSON": Written(".json", _text(fhir_json), None, None),
    "FHIR XML": Written(".xml", _text(fhir_xml), None, None),
    "FHIR Bundle": Written(".xml", _text(fhir_bundle), FROM_DATES, "female"),
    "Kardia": Written(".json", _text(kardia), None, None),
    "CSV": Written(".csv", _text(csv_declared), FIVE_MONTHS, "female"),
    "CSV with times": Written(".csv", _text(csv_times), None, None),
    "Apple Health": Written(".csv", _text(apple), None, None),
    "DICOM": Written(".dcm", binary_format_files.dicom, FROM_DATES, "female"),
    "EDF+": Written(".edf", binary_format_files.edf, FROM_DATES, "female"),
    "BDF+": Written(".bdf", partial(binary_format_files.edf, bdf=True), FROM_DATES, "female"),
    "SCP-ECG": Written(".scp", binary_format_files.scp, FROM_DATES, "female"),
    "ISHNE": Written(".ecg", binary_format_files.ishne, FROM_DATES, "female"),
    "MFER": Written(".mwf", binary_format_files.mfer, FROM_DATES, "female"),
    "SPH": Written(".h5", binary_format_files.sph, None, None),
    "CODE-15%": Written(".hdf5", binary_format_files.code15, None, None),
}
# Formats whose rate is a property of the data set.
FIXED_RATE = {"SPH": 500, "CODE-15%": 400}
# Formats of fewer leads than twelve.
FEWER = {"Kardia": ("I", "II", "III", "aVR", "aVL", "aVF"), "Apple Health": ("I",)}
