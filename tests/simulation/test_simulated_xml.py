"""Simulated patients as GE MUSE XML: valid files, a manifest, and a truth that agrees."""

import pandas as pd
import pytest

from pedecg.cohorts.formats import vendor_xml
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.simulation import muse_cohort

HOSPITAL = {
    "seed": 5,
    "patients": 22,
    "positive_fraction": 0.09,
    "repeat_fraction": 0.3,
    "min_age_years": 12,
    "max_age_years": 75,
    "severity": [0.35, 1.0],
    "subclinical_fraction": 0.3,
    "finding_rate": 0.5,
    "length_s": 4,
    "pop_fraction": 0.05,
    "saturated_fraction": 0.0,
    "lead_off_fraction": 0.0,
    "recorder": {
        "low_cut_hz": 0.05,
        "high_cut_hz": 150,
        "step_uv": 4.88,
        "saturation_mv": 10,
        "mains_hz": 50,
        "mains_uv": 3,
        "wander_uv": 60,
        "muscle_uv": 6,
    },
}


def hospital(**changed):
    return params.parse(
        HOSPITAL | changed, "simulate", muse_cohort.XmlSimulationSettings, "params.yaml"
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xml")
    muse_cohort.write(hospital(), folder / "raw", folder / "truth")
    return folder


@pytest.fixture(scope="module")
def manifest(written):
    return pd.read_csv(written / "raw" / "manifest.csv")


@pytest.fixture(scope="module")
def truth(written):
    return tables.read(written / "truth" / "records.parquet", tables.TRUTH)


def test_the_manifest_names_every_file_once_and_nine_per_cent_are_ill(written, manifest):
    assert tuple(manifest.columns) == muse_cohort.COLUMNS
    files = {path.relative_to(written / "raw").as_posix() for path in written.rglob("*.xml")}
    assert sorted(manifest["path_xml"]) == sorted(files)
    by_patient = manifest.groupby("patient_id")["label"]
    assert by_patient.nunique().eq(1).all()
    assert (by_patient.max().sum(), by_patient.ngroups) == (2, 22)


def test_every_file_is_read_with_every_checksum(written, manifest):
    for path in manifest["path_xml"]:
        ecg = vendor_xml.read(written / "raw" / path)
        assert ecg.record.verified
        assert ecg.record.signal.shape == (12, 2000)
        assert 12 <= ecg.age_days / 365.25 < 78
        assert ecg.sex in ("female", "male")


def test_the_measurements_in_a_file_are_the_truth(written, truth):
    facts = truth.set_index("record_id")
    for record_id, fact in facts.iterrows():
        stem = record_id.removeprefix("muse_")
        found = vendor_xml.read(written / "raw" / "muse" / f"{stem}.xml").measurements
        for name in ("heart_rate_bpm", "qrs_ms", "qt_ms", "qrs_axis_deg"):
            assert found[name] == pytest.approx(fact[name], abs=0.51)


def test_the_same_settings_write_the_same_bytes(written, tmp_path, monkeypatch):
    monkeypatch.setenv("PEDECG_JOBS", "1")
    muse_cohort.write(hospital(), tmp_path / "raw", tmp_path / "truth")
    for folder in ("raw", "truth"):
        for file in sorted((written / folder).rglob("*.*")):
            again = tmp_path / folder / file.relative_to(written / folder)
            assert again.read_bytes() == file.read_bytes()


def test_illness_moves_the_heart_as_it_should(tmp_path):
    means = {}
    for share in (0.0, 1.0):
        settings = hospital(
            positive_fraction=share, severity=[0.9, 1.0], subclinical_fraction=0.0, finding_rate=0.0
        )
        muse_cohort.write(settings, tmp_path / "raw", tmp_path / "truth")
        facts = tables.read(tmp_path / "truth" / "records.parquet", tables.TRUTH)
        means[share] = facts[["heart_rate_bpm", "qtc_bazett_ms", "t_v6_mv", "voltage"]].mean()
    change = means[1.0] - means[0.0]
    assert change["heart_rate_bpm"] > 8
    assert change["qtc_bazett_ms"] > 15
    assert change["t_v6_mv"] < -0.1
    assert change["voltage"] < -0.25


def test_the_median_beat_is_one_beat(written, manifest):
    text = (written / "raw" / manifest["path_xml"][0]).read_text(encoding="iso-8859-1")
    assert text.index(">Median<") < text.index(">Rhythm<")
    assert text.count("<LeadSampleCountTotal>600<") == 8


@pytest.mark.parametrize(
    ("key", "value"),
    [("severity", [0.9, 0.2]), ("severity", [0.1, 1.2]), ("min_age_years", 80.0), ("seed", -1)],
)
def test_wrong_parameters_end_in_one_line(key, value):
    with pytest.raises(PedecgError) as caught:
        hospital(**{key: value})
    assert "\n" not in str(caught.value)
