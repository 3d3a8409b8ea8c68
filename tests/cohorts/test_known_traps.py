"""Traps that files of every recorder set: rates, decimal commas, empty leads, a PR written as 0.

Traps of one format alone stand in `test_vendor_xml`, `test_vendor_variants`, `test_wfdb_variants`.
"""

from dataclasses import dataclass

import format_files
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import recordings, signal_files
from pedecg.cohorts.formats import registry
from pedecg.core.records import LEADS
from pedecg.predict import measured_recording
from pedecg.rules import norms
from pedecg.signals import quality

RATE_HZ = 976.5625  # a tick of 1.024 ms, as a recorder of the 1990s has
# Formats that hold a whole rate, or the rate of their data set.
WHOLE_RATES = ("ISHNE", "MFER", "EDF+", "BDF+", *format_files.FIXED_RATE)
# Formats with data for six leads or one.
TWELVE = [form for form in format_files.WRITERS if form not in format_files.FEWER]


def written(form: str, folder, leads=None, fs_hz=500):
    fs_hz = format_files.FIXED_RATE.get(form, fs_hz)
    file = folder / f"r{format_files.WRITERS[form].suffix}"
    format_files.WRITERS[form].write(file, leads or vendor_files.ecg_mv(500), fs_hz)
    return file


@pytest.mark.parametrize("form", [f for f in format_files.WRITERS if f not in WHOLE_RATES])
def test_a_rate_that_is_no_whole_number_is_kept(tmp_path, form):
    found = registry.read(written(form, tmp_path, fs_hz=RATE_HZ))
    assert found.fs_hz == pytest.approx(RATE_HZ, rel=1e-5)
    assert found.signal.shape[1] == 1000


def test_a_rate_of_wfdb_that_is_no_whole_number_is_kept(tmp_path, recorder):
    recorder(tmp_path / "r", ("I", "II"), np.ones((1000, 2), int), fs="977.5/977.5(0)")
    assert signal_files.read(tmp_path, "r").record.fs_hz == 977.5


@pytest.mark.parametrize("kind", ["Edf", "Bdf"])
def test_a_rate_of_edf_follows_from_its_records(tmp_path, kind):
    import edfio

    one = getattr(edfio, f"{kind}Signal")(
        np.sin(np.arange(5000) / 50), RATE_HZ, label="ECG II", physical_dimension="mV"
    )
    whole = getattr(edfio, kind)([one], data_record_duration=1.024)
    whole.write(tmp_path / f"r.{kind.lower()}")
    assert registry.read(tmp_path / f"r.{kind.lower()}").fs_hz == pytest.approx(RATE_HZ)


@dataclass(frozen=True)
class Comma:
    """Where a format writes a scale with a decimal comma; the scale stays the same."""

    form: str
    point: str
    comma: str


COMMAS = [
    Comma("GE MUSE", ">5<", ">5,0<"),
    Comma("HL7 aECG", 'value="0.002"', 'value="0,002"'),
    Comma("HL7 aECG", 'scale value="0.005"', 'scale value="0,005"'),
    Comma("GE CardioSoft", 'units="uVperLsb">5<', 'units="uVperLsb">5,0<'),
    Comma("Schiller", "<unitperbit>5<", "<unitperbit>5,0<"),
    Comma("Mortara ELI", 'UNITS_PER_MV="200"', 'UNITS_PER_MV="200,0"'),
    Comma("Philips Sierra", "<resolution>5<", "<resolution>5,0<"),
    Comma("FHIR XML", '<factor value="0.005"', '<factor value="0,005"'),
]


@pytest.mark.parametrize("one", COMMAS, ids=lambda one: f"{one.form} {one.comma}")
def test_a_decimal_comma_changes_no_scale(tmp_path, one):
    file = written(one.form, tmp_path)
    text = file.read_text(encoding="utf-8")
    assert one.point in text
    file.write_text(text.replace(one.point, one.comma), encoding="utf-8")
    record = signal_files.read(tmp_path, file.name).record
    expected = vendor_files.ecg_mv(500)
    assert record.fs_hz == 500
    for lead, row in zip(record.leads, record.signal, strict=True):
        np.testing.assert_allclose(row, expected[lead], atol=1e-6)


ZERO_PR = [
    ("GE MUSE", lambda: vendor_files.muse(vendor_files.ecg_mv(), pr_ms=0, qrs_ms=84)),
    ("HL7 aECG", lambda: vendor_files.aecg(vendor_files.ecg_mv()).replace(
        '<annotation><code code="MDC_ECG_TIME_PD_QRS"/>',
        '<annotation><code code="MDC_ECG_TIME_PD_PR"/><value value="0" unit="s"/></annotation>'
        '</component><component><annotation><code code="MDC_ECG_TIME_PD_QRS"/>')),
    ("Philips Sierra", lambda: vendor_files.sierra(vendor_files.ecg_mv()).replace(
        "<meanqrsdur>", "<meanprint>0</meanprint><meanqrsdur>")),
    ("GE CardioSoft", lambda: format_files.cardiosoft(vendor_files.ecg_mv(), 500).replace(
        "</RestingECGMeasurements>",
        '<PQInterval units="ms">0</PQInterval><QRSDuration units="ms">84</QRSDuration>'
        "</RestingECGMeasurements>")),
    ("Mortara ELI", lambda: format_files.mortara(vendor_files.ecg_mv(), 500).replace(
        'TYPICAL_CYCLE QRS_DURATION="84"',
        'TYPICAL_CYCLE PR_DURATION="0" QRS_DURATION="84"')),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text"), ZERO_PR, ids=[form for form, _ in ZERO_PR])
def test_a_pr_written_as_zero_is_no_measurement(tmp_path, form, text):
    (tmp_path / "r.xml").write_text(text(), encoding="utf-8")
    found = registry.read(tmp_path / "r.xml").measurements
    assert "pr_ms" not in found, "in atrial fibrillation there is none"
    assert found["qrs_ms"] == 84


@pytest.mark.parametrize("form", TWELVE)
def test_a_lead_of_nothing_but_zeros_is_there_and_not_usable(tmp_path, form):
    leads = vendor_files.ecg_mv(format_files.FIXED_RATE.get(form, 500))
    empty = ("V2", "V4", "V6")  # a 9-lead recording in a file of twelve
    file = written(form, tmp_path, leads | {lead: np.zeros(len(leads["I"])) for lead in empty})
    record = signal_files.read(tmp_path, f"{file.name}{'#1169160' * (form == 'CODE-15%')}").record
    assert record.leads == LEADS
    found = quality.lead_quality(record.signal, record.fs_hz, measured_recording.LIMITS)
    unusable = {lead for lead, used in zip(LEADS, found.usable, strict=True) if not used}
    assert unusable == set(empty)


def test_what_is_zero_gives_no_measure_and_the_other_leads_give_theirs(tmp_path):
    leads = vendor_files.ecg_mv(500, seconds=10.0)
    leads |= {lead: np.zeros(5000) for lead in ("V2", "V4", "V6")}
    file = written("CSV", tmp_path, leads)
    recording = recordings.read(recordings.find([file])[0][0])
    found = measured_recording.examine(recording, norms.load(norms.LIMITS))
    assert set(found.unusable) == {"V2", "V4", "V6"}
    assert set(found.unusable.values()) == {"flat"}
    assert np.isnan(found.measures["r_v2_mv"])
    assert found.measures["r_v5_mv"] > 1


@pytest.mark.parametrize("form", ["Philips Sierra", "HL7 aECG", "CSV"])
def test_the_calibration_pulse_is_cut_whatever_the_file_became(tmp_path, form):
    leads = vendor_files.ecg_mv(500, seconds=4.0)
    if form == "Philips Sierra":  # which appends it itself
        file = written(form, tmp_path, leads)
    else:
        tail = np.repeat([0.0, 1.0, 0.0], [50, 100, 50])
        file = written(form, tmp_path, {k: np.append(mv, tail) for k, mv in leads.items()})
    record = signal_files.read(tmp_path, file.name).record
    assert record.signal.shape == (12, 2000)
    np.testing.assert_allclose(record.signal[1], leads["II"], atol=1e-6)
