"""The same ECG in the format of every vendor, and documents to break on purpose."""

import base64
from collections.abc import Callable

import numpy as np

from pedecg.core.records import LEADS
from pedecg.simulation import muse_layout

STEP_MV = 0.005
PERSON = ("Quxworthy", "Zebedee", "19871123", "11-23-1987", "1987-11-23", "MRN-777123")


def ecg_mv(fs_hz: int = 500, seconds: float = 2.0) -> dict[str, np.ndarray]:
    """Return twelve leads that obey Einthoven, in whole steps, shape (n,) each."""
    time = np.arange(round(fs_hz * seconds)) / fs_hz
    rng = np.random.default_rng(3)
    free = {}
    for number, lead in enumerate(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")):
        spikes = (1 + 0.1 * number) * np.exp(-0.5 * ((time % 0.8 - 0.4) / 0.02) ** 2)
        noise = rng.normal(0, 0.01, time.size)
        # Even counts, so that halves of them are whole counts too.
        free[lead] = np.rint((spikes + noise) / (2 * STEP_MV)) * 2 * STEP_MV
    one, two = free["I"], free["II"]
    derived = {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }
    return {lead: (free | derived)[lead] for lead in LEADS}


def muse(
    leads: dict[str, np.ndarray],
    fs_hz: int = 500,
    age: tuple[str, str] = ("5", "MONTHS"),
    sex: str = "FEMALE",
    stored: tuple[str, ...] = muse_layout.STORED,
    birth: str = PERSON[3],
    **measurements: float,
) -> str:
    """Write GE MUSE with a median beat before the rhythm, in microvolts of 5."""
    header = muse_layout.Header(
        patient_id=PERSON[5], last_name=PERSON[0], first_name=PERSON[1], birth=birth,
        age=age[0], age_units=age[1], gender=sex, date="04-30-1988",
        measurements=measurements,
    )  # fmt: skip
    kept = {lead: leads[lead] for lead in stored}
    median = {lead: 3 * signal[: round(1.2 * fs_hz)] for lead, signal in kept.items()}
    text = muse_layout.document(kept, fs_hz, header, median).decode("iso-8859-1")
    scale = 1000 * STEP_MV / muse_layout.MICROVOLTS_PER_BIT
    # The same counts at another scale: the ECG's steps are whole counts then.
    exact = muse_layout.document({k: v / scale for k, v in kept.items()}, fs_hz, header, median)
    assert len(exact.splitlines()) == len(text.splitlines())
    return exact.decode("iso-8859-1").replace(">4.88<", ">5<")


def sierra(
    leads: dict[str, np.ndarray],
    fs_hz: int = 500,
    age: str = "<months>5</months>",
    sex: str = "Female",
    version: str = "1.04.02",
    compression: str = "XLI",
    residuals: bool = True,
    pulse: bool = True,
    named: bool = True,
) -> str:
    """Write Philips Sierra; `residuals`: the limb leads as XLI stores them."""
    counts = np.array([np.rint(leads[lead] / STEP_MV) for lead in leads]).astype(np.int64)
    if pulse:
        tail = np.repeat([0, 1, 0], [fs_hz // 10, fs_hz // 5, fs_hz // 10]) * round(1 / STEP_MV)
        counts = np.hstack([counts, np.tile(tail, (len(counts), 1))])
    if residuals:
        one, two, three, right, left, foot = counts[:6].copy()
        counts[2] = two - one - three
        counts[3] = -right - (one + two) // 2
        counts[4] = (one - three) // 2 - left
        counts[5] = (two + three) // 2 - foot
    if compression == "XLI":
        raw = b"".join(map(xli_chunk, counts))
    else:
        raw = counts.astype("<i2").tobytes()
    milliseconds = counts.shape[1] * 1000 // fs_hz
    kind = "SierraECG" if version == "1.03" else "PhilipsECG"
    resolution = "signalresolution" if version == "1.03" else "resolution"
    labels = f'numberofleads="{len(leads)}" leadlabels="{" ".join(leads)}"' if named else ""
    how = "compressmethod" if version == "1.03" else "compression"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<restingecgdata xmlns="http://www3.medical.philips.com">
 <documentinfo><documenttype>{kind}</documenttype>
  <documentversion>{version}</documentversion></documentinfo>
 <dataacquisition date="1988-04-30" time="08:00:00">
  <signalcharacteristics><samplingrate>{fs_hz}</samplingrate>
   <{resolution}>{1000 * STEP_MV:g}</{resolution}><acquisitiontype>STD-12</acquisitiontype>
   <numberchannelsallocated>{len(leads)}</numberchannelsallocated>
  </signalcharacteristics>
 </dataacquisition>
 <patient><generalpatientdata><patientid>{PERSON[5]}</patientid>
  <name><lastname>{PERSON[0]}</lastname><firstname>{PERSON[1]}</firstname></name>
  <age defaultage="50">{age}</age><sex>{sex}</sex></generalpatientdata></patient>
 <internalmeasurements><crossleadmeasurements><meanventrate>75</meanventrate>
  <meanqrsdur>84</meanqrsdur><qrsfrontaxis>-170</qrsfrontaxis><pfrontaxis>Failed</pfrontaxis>
 </crossleadmeasurements></internalmeasurements>
 <waveforms><parsedwaveforms dataencoding="Base64" {how}="{compression}" {labels}
  durationperchannel="{milliseconds}">{base64.encodebytes(raw).decode()}</parsedwaveforms></waveforms>
</restingecgdata>
"""


def xli_chunk(counts: np.ndarray) -> bytes:
    """Compress one channel by XLI: second differences, high bytes before low ones, LZW."""
    x = counts.astype(np.int64)
    bend = -np.diff(x, 2)  # what the decoder takes off: of sample i + 2, stored at i + 1
    d = np.concatenate([x[:2], bend[1:] + 64, [64]])[: len(x)].astype(np.int16).view(np.uint16)
    packed = np.concatenate([d >> 8, d & 255]).astype(np.uint8).tobytes()
    coded = _lzw(packed)
    first = int(bend[0]).to_bytes(2, "little", signed=True)
    return len(coded).to_bytes(4, "little") + b"\1\0" + first + coded


def _lzw(data: bytes) -> bytes:
    table = {bytes([n]): n for n in range(256)}
    codes, word = [], b""
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        codes.append(table[word])
        if len(table) <= 1022:
            table[longer] = len(table)
        word = bytes([byte])
    codes.append(table[word])
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def aecg(
    leads: dict[str, np.ndarray],
    fs_hz: int = 500,
    age: tuple[str, str] | None = ("5", "mo"),
    sex: str = "F",
    increment: str | None = None,
    body: str | None = None,
) -> str:
    """Write HL7 aECG with a representative beat in front; `body` replaces the sequence sets."""
    if body is None:
        body = sequence_set(leads, increment or f'value="{1 / fs_hz:g}" unit="s"')
    beat = sequence_set({name: 3 * mv[:10] for name, mv in leads.items()}, 'value="0.001" unit="s"')
    reported = (
        f"""<controlVariable><relatedObservation><code code="21612-7"/>
  <value value="{age[0]}" unit="{age[1]}"/></relatedObservation></controlVariable>"""
        if age
        else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<AnnotatedECG xmlns="urn:hl7-org:v3">
 <effectiveTime><center value="19880430080000"/></effectiveTime>
 <componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>
  <id extension="{PERSON[5]}"/><subjectDemographicPerson><name>{PERSON[1]} {PERSON[0]}</name>
  <administrativeGenderCode code="{sex}"/><birthTime value="{PERSON[2]}"/>
 </subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf>
 </timepointEvent></componentOf>
 {reported}
 <component><series><code code="REPRESENTATIVE_BEAT"/>
  <component>{beat}</component></series></component>
 <component><series><code code="RHYTHM"/><component>{body}</component>
  <derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/>
   <component>{beat}</component></derivedSeries></derivation>
  <subjectOf><annotationSet><component><annotation><code code="MDC_ECG_TIME_PD_QRS"/>
   <value value="0.084" unit="s"/></annotation></component></annotationSet></subjectOf>
 </series></component>
</AnnotatedECG>
"""


def sequence_set(
    leads: dict[str, np.ndarray], increment: str, head: str = 'value="19880430080000"'
) -> str:
    """Write one sequence set; digits of 5 microvolts above an origin of 100."""
    digits = {
        lead: " ".join(f"{count:.0f}" for count in np.rint((mv - 0.1) / STEP_MV))
        for lead, mv in leads.items()
    }
    sequences = "".join(
        f"""<component><sequence><code code="MDC_ECG_LEAD_{lead.upper()}"/><value>
<origin value="100" unit="uV"/><scale value="{STEP_MV:g}" unit="mV"/>
<digits>{counts}</digits></value></sequence></component>"""
        for lead, counts in digits.items()
    )
    return f"""<sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/><value>
<head {head}/><increment {increment}/></value></sequence></component>{sequences}</sequenceSet>"""


WRITERS: dict[str, Callable[..., str]] = {
    "RestingECG": muse,
    "restingecgdata": sierra,
    "AnnotatedECG": aecg,
}
