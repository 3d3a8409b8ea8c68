"""The files of GE MUSE: a RestingECG document as a MUSE system exports it."""

import base64
import zlib
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

MICROVOLTS_PER_BIT = 4.88  # of GE's carts
STORED = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")  # the others follow from I and II
_HIGHEST = 32767  # of a signed 16-bit integer
_LINE = 76  # characters of Base64 per line
# our name -> MUSE's, in MUSE's order
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "pr_ms": "PRInterval", "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCorrected", "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What stands in a document besides its waveforms; all of it is text as MUSE writes it.

    Attributes
    ----------
    age, age_units : as ``5`` and ``MONTHS``.
    birth, date : ``MM-DD-YYYY``.
    gender : ``FEMALE``, ``MALE`` or ``UNKNOWN``.
    measurements : by our names; those absent or not finite are left empty, as MUSE does.
    """

    patient_id: str = "0"
    last_name: str = "SIMULATED"
    first_name: str = "PATIENT"
    birth: str = ""
    age: str = ""
    age_units: str = "YEARS"
    gender: str = "UNKNOWN"
    date: str = "01-01-2020"
    time: str = "08:00:00"
    measurements: dict[str, float] = field(default_factory=dict)


def document(
    rhythm_mv: dict[str, NDArray[np.float64]],
    fs_hz: int,
    header: Header,
    median_mv: dict[str, NDArray[np.float64]] | None = None,
) -> bytes:
    """Return a document in ISO-8859-1.

    Parameters
    ----------
    rhythm_mv : lead -> shape (n_samples,), mV; written in this order.
    median_mv : the median beat in the same form; it stands first, as in MUSE's exports.
    """
    figures = "".join(
        f"    <{tag}>{_whole(header.measurements.get(name))}</{tag}>\n"
        for name, tag in MEASUREMENTS.items()
    )
    waveforms = _waveform("Median", median_mv, fs_hz) if median_mv else ""
    waveforms += _waveform("Rhythm", rhythm_mv, fs_hz)
    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE RestingECG SYSTEM "restecg.dtd">
<RestingECG>
  <MuseInfo>
    <MuseVersion>9.0.9.18167</MuseVersion>
  </MuseInfo>
  <PatientDemographics>
    <PatientID>{escape(header.patient_id)}</PatientID>
    <PatientAge>{header.age}</PatientAge>
    <AgeUnits>{header.age_units}</AgeUnits>
    <DateofBirth>{header.birth}</DateofBirth>
    <Gender>{header.gender}</Gender>
    <PatientLastName>{escape(header.last_name)}</PatientLastName>
    <PatientFirstName>{escape(header.first_name)}</PatientFirstName>
  </PatientDemographics>
  <TestDemographics>
    <DataType>RESTING</DataType>
    <AcquisitionTime>{header.time}</AcquisitionTime>
    <AcquisitionDate>{header.date}</AcquisitionDate>
  </TestDemographics>
  <RestingECGMeasurements>
{figures}  </RestingECGMeasurements>
{waveforms}</RestingECG>
"""
    return text.encode("iso-8859-1", errors="xmlcharrefreplace")


def _waveform(kind: str, leads_mv: dict[str, NDArray[np.float64]], fs_hz: int) -> str:
    sampling = "CONTINUOUS_SAMPLES" if kind == "Rhythm" else "REPRESENTATIVE_BEAT"
    leads = "".join(_lead(name, signal) for name, signal in leads_mv.items())
    return f"""  <Waveform>
    <WaveformType>{kind}</WaveformType>
    <WaveformStartTime>0</WaveformStartTime>
    <NumberofLeads>{len(leads_mv)}</NumberofLeads>
    <SampleType>{sampling}</SampleType>
    <SampleBase>{fs_hz}</SampleBase>
    <SampleExponent>0</SampleExponent>
    <HighPassFilter>16</HighPassFilter>
    <LowPassFilter>150</LowPassFilter>
    <ACFilter>50</ACFilter>
{leads}  </Waveform>
"""


def _lead(name: str, signal_mv: NDArray[np.float64]) -> str:
    counts = np.clip(np.rint(signal_mv * 1000 / MICROVOLTS_PER_BIT), -_HIGHEST, _HIGHEST)
    raw = counts.astype("<i2").tobytes()
    coded = base64.b64encode(raw).decode("ascii")
    lines = "\n".join(coded[at : at + _LINE] for at in range(0, len(coded), _LINE))
    return f"""    <LeadData>
      <LeadByteCountTotal>{len(raw)}</LeadByteCountTotal>
      <LeadTimeOffset>0</LeadTimeOffset>
      <LeadSampleCountTotal>{len(counts)}</LeadSampleCountTotal>
      <LeadAmplitudeUnitsPerBit>{MICROVOLTS_PER_BIT}</LeadAmplitudeUnitsPerBit>
      <LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>
      <LeadHighLimit>{_HIGHEST}</LeadHighLimit>
      <LeadLowLimit>-32768</LeadLowLimit>
      <LeadID>{name}</LeadID>
      <LeadOffsetFirstSample>0</LeadOffsetFirstSample>
      <FirstSampleBaseline>0</FirstSampleBaseline>
      <LeadSampleSize>2</LeadSampleSize>
      <LeadOff>FALSE</LeadOff>
      <BaselineSway>FALSE</BaselineSway>
      <LeadDataCRC32>{zlib.crc32(raw)}</LeadDataCRC32>
      <WaveFormData>
{lines}
      </WaveFormData>
    </LeadData>
"""


def _whole(value: float | None) -> str:
    return str(round(value)) if value is not None and np.isfinite(value) else ""
