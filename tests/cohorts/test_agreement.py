"""The table of agreement with vendors' measurements, and what an ECG keeps on its way to XML."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.cohorts import vendor_xml, wfdb_files
from pedecg.simulation import muse_layout

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "agreement_12sl.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("agreement_12sl", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_was_not_found_is_not_within(script):
    rows = pd.DataFrame(
        {
            "program": "GE MUSE",
            "measure": "pr_ms",
            "theirs": 150.0,
            "ours": [150.0, 170.0, np.nan, 162.0],
            "difference": [0.0, 20.0, np.nan, 12.0],
        }
    )
    found = script.agreement(rows).iloc[0]
    assert (found["files"], found["found"], found["within"]) == (4, 3, 0.5)
    assert (found["bias"], found["worst"]) == (pytest.approx(32 / 3), 20)


def test_axes_are_compared_on_the_circle(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "ours", lambda record: {"qrs_axis_deg": 175.0})
    header = muse_layout.Header(measurements={"qrs_axis_deg": -176.0})
    signal = {"I": np.sin(np.arange(500.0))}
    (tmp_path / "a.xml").write_bytes(muse_layout.document(signal, 500, header))
    rows = script.compare(tmp_path / "a.xml", tmp_path)
    assert rows["difference"].tolist() == [-9]


def test_a_file_that_cannot_be_compared_says_why(script, tmp_path):
    (tmp_path / "a.xml").write_text("<Other/>")
    assert script.compare(tmp_path / "a.xml", tmp_path).startswith("unknown-vendor: a.xml")
    (tmp_path / "b.xml").write_bytes(
        muse_layout.document({"I": np.ones(500)}, 500, muse_layout.Header())
    )
    assert script.compare(tmp_path / "b.xml", tmp_path) == "b.xml: holds no measurements"


@pytest.mark.real
def test_a_real_ecg_measures_the_same_after_its_way_through_muse(script, shared_data, tmp_path):
    folder = shared_data / "ptbxl_subset" / "records500"
    for header in sorted(folder.rglob("*.hea"))[:3]:
        direct = wfdb_files.read(header.parent, header.stem)
        leads = dict(zip(direct.leads, direct.signal.astype(np.float64), strict=True))
        stored = {lead: leads[lead] for lead in muse_layout.STORED}
        (tmp_path / "a.xml").write_bytes(muse_layout.document(stored, 500, muse_layout.Header()))
        record = vendor_xml.read(tmp_path / "a.xml").record
        np.testing.assert_allclose(record.signal, direct.signal, atol=0.008)
        there, here = script.ours(record), script.ours(direct)
        for name in ("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qrs_axis_deg"):
            assert there[name] == pytest.approx(here[name], abs=3, nan_ok=True), name
