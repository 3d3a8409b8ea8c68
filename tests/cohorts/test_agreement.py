"""Agreement with vendors' measurements, and what an ECG keeps on its way to XML."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.benchmarks import vendor_agreement
from pedecg.cohorts.formats import vendor_xml, wfdb_files
from pedecg.core.errors import PedecgError
from pedecg.simulation import muse_layout


@pytest.fixture(scope="module")
def by():
    return vendor_agreement.measurement(Path(__file__).parents[2] / "params.yaml")


def test_a_measure_that_could_not_be_taken_is_not_within_the_tolerance():
    rows = pd.DataFrame(
        {
            "program": "GE MUSE",
            "measure": "pr_ms",
            "vendor": 150.0,
            "pedecg": [150.0, 170.0, np.nan, 162.0],
            "difference": [0.0, 20.0, np.nan, 12.0],
        }
    )
    pr = vendor_agreement.agreement(rows)["GE MUSE"]["pr_ms"]
    assert (pr["files"], pr["measured"], pr["within_fraction"]) == (4, 3, 0.5)
    assert (pr["bias"], pr["largest"]) == (pytest.approx(32 / 3), 20)


def test_axes_are_compared_on_the_circle(by, tmp_path, monkeypatch):
    monkeypatch.setattr(vendor_agreement, "measured", lambda record, by: {"qrs_axis_deg": 175.0})
    header = muse_layout.Header(measurements={"qrs_axis_deg": -176.0})
    signal = {"I": np.sin(np.arange(500.0))}
    (tmp_path / "a.xml").write_bytes(muse_layout.document(signal, 500, header))
    rows = vendor_agreement.compare(tmp_path / "a.xml", tmp_path, by)
    assert rows["difference"].tolist() == [-9]


def test_a_file_that_cannot_be_compared_says_why(by, tmp_path):
    (tmp_path / "a.xml").write_text("<Other/>")
    compare = vendor_agreement.compare
    assert compare(tmp_path / "a.xml", tmp_path, by).startswith("unknown-vendor: a.xml")
    (tmp_path / "b.xml").write_bytes(
        muse_layout.document({"I": np.ones(500)}, 500, muse_layout.Header())
    )
    assert compare(tmp_path / "b.xml", tmp_path, by) == "b.xml: holds no measurements"


def test_a_folder_without_measurements_is_refused_in_one_line(by, tmp_path):
    (tmp_path / "a.xml").write_text("<Other/>")
    with pytest.raises(PedecgError, match="no file with measurements"):
        vendor_agreement.compare_all(tmp_path, by)


@pytest.mark.real
def test_a_real_ecg_measures_the_same_after_its_way_through_muse(by, shared_data, tmp_path):
    folder = shared_data / "ptbxl_subset" / "records500"
    for header in sorted(folder.rglob("*.hea"))[:3]:
        direct = wfdb_files.read(header.parent, header.stem)
        leads = dict(zip(direct.leads, direct.signal.astype(np.float64), strict=True))
        stored = {lead: leads[lead] for lead in muse_layout.STORED}
        (tmp_path / "a.xml").write_bytes(muse_layout.document(stored, 500, muse_layout.Header()))
        record = vendor_xml.read(tmp_path / "a.xml").record
        np.testing.assert_allclose(record.signal, direct.signal, atol=0.008)
        there, here = vendor_agreement.measured(record, by), vendor_agreement.measured(direct, by)
        for name in ("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qrs_axis_deg"):
            assert there[name] == pytest.approx(here[name], abs=3, nan_ok=True), name
