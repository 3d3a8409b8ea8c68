"""Real files: demonstration documents of Philips, the example of the HL7 standard."""

import numpy as np
import pytest

from pedecg.cohorts.formats import vendor_xml
from pedecg.core.records import LEADS

pytestmark = pytest.mark.real

PHILIPS = {
    "1_03/129DYPRG.XML": (5264, 18262, "male", 41),
    "1_04/3191723_ZZDEMOPTONLY_1-04_orig.xml": (5300, 21933, "male", 84),
    "1_04_01/2020-5-18_15-48-11.xml": (5300, 25340, None, 64),
}


@pytest.fixture
def philips(shared_data):
    return shared_data / "xml" / "philips_sierra"


@pytest.mark.parametrize("name", PHILIPS)
def test_philips_documents_are_read_without_their_calibration_pulse(philips, name):
    samples, age_days, sex, rate = PHILIPS[name]
    ecg = vendor_xml.read(philips / name)
    record = ecg.record
    assert (record.leads, record.fs_hz, record.signal.shape) == (LEADS, 500, (12, samples))
    assert (ecg.age_days, ecg.sex, ecg.measurements["heart_rate_bpm"]) == (age_days, sex, rate)
    assert record.other_channels == ()
    assert 1.2 < np.ptp(record.signal) < 6, "mV"
    assert not (record.signal[:, -100:] == record.signal[0, -100:]).all(), "no pulse is left"


@pytest.mark.parametrize("name", PHILIPS)
def test_their_limb_leads_obey_einthoven_and_goldberger(philips, name):
    one, two, three, right, left, foot = vendor_xml.read(philips / name).record.signal[:6]
    step = 0.005
    np.testing.assert_allclose(three, two - one, atol=2.1 * step)
    np.testing.assert_allclose(right, -(one + two) / 2, atol=2.1 * step)
    np.testing.assert_allclose(left, (one - three) / 2, atol=2.1 * step)
    np.testing.assert_allclose(foot, (two + three) / 2, atol=2.1 * step)


@pytest.mark.parametrize("name", PHILIPS)
def test_sierraecg_decodes_the_same_counts(philips, name):
    sierraecg = pytest.importorskip("sierraecg")
    ours = vendor_xml.read(philips / name).record.signal
    theirs = np.array([lead.samples for lead in sierraecg.read_file(str(philips / name)).leads])
    np.testing.assert_allclose(ours, 0.005 * theirs[:, : ours.shape[1]], atol=1e-6)


@pytest.mark.parametrize("number", range(3))
def test_the_example_of_the_standard_is_read(shared_data, number):
    ecg = vendor_xml.read(shared_data / "xml" / "hl7_aecg" / f"subject1_{number}.xml")
    record = ecg.record
    assert (record.leads, record.fs_hz, record.signal.shape) == (LEADS, 500, (12, 5000))
    assert (ecg.age_days, ecg.sex) == (16802, "male"), "46 years reported"
    np.testing.assert_allclose(record.signal[:3, 0], [-0.005, -0.0175, -0.0125], atol=1e-7)
    assert ecg.measurements == {
        "pr_ms": 148, "qrs_ms": 120, "qt_ms": 420,
        "p_axis_deg": 44, "qrs_axis_deg": -61, "t_axis_deg": 86,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["minimum_aecg", "minimum_aecg_effectiveTime_interval"])
def test_a_template_of_one_lead_is_read(shared_data, name):
    ecg = vendor_xml.read(shared_data / "xml" / "hl7_aecg" / f"{name}.xml")
    assert (ecg.record.leads, ecg.record.signal.shape, ecg.age_days) == (("II",), (1, 13), None)


def test_a_manifest_reads_them_all(shared_data, tmp_path, run, csv_writer):
    (tmp_path / "xml").symlink_to(shared_data / "xml")
    files = [f"xml/philips_sierra/{name}" for name in PHILIPS]
    files += [f"xml/hl7_aecg/subject1_{number}.xml" for number in range(3)]
    rows = [
        {"record_id": str(number), "patient_id": str(min(number, 3)), "path": file}
        for number, file in enumerate(files)
    ]
    csv_writer(tmp_path / "manifest.csv", ("record_id", "patient_id", "path"), rows)
    columns = {"age": None, "sex": None, "acquired_at": None, "split": None, "fold": None}
    columns |= {name: name for name in ("record_id", "patient_id", "path")}
    found = run(
        "manifest", tmp_path, require_sex=False, manifest__columns=columns, manifest__labels=[]
    )
    assert set(found.quarantine["reason"]) == {"unlisted-record"}, "two templates, behind a link"
    assert found.metrics["records"] == 6
    assert found.metrics["identical_signals"]["groups"] == 1, "the example, three times"
