"""Real files of many recorders against what another library reads in them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pedecg.cohorts import recordings, signal_files
from pedecg.cohorts.formats import lead_names, registry

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Truth:
    """Stored counts of a file, mV per step, and its rate, as another library has them."""

    file: Path
    leads: tuple[str, ...]
    signal_mv: np.ndarray
    step_mv: float
    fs_hz: float


def truths(folder: Path) -> Iterator[Truth]:
    for stored in sorted(folder.glob("*/truth/*.npz")):
        about = json.loads(stored.with_suffix(".json").read_text())
        with np.load(stored) as found:
            step = found["uv_per_lsb"] / 1000
            yield Truth(
                stored.parents[1] / about["file"],
                tuple(lead_names.display(str(name)) for name in found["leads"]),
                found["raw"] * step[:, None],
                float(step.max()),
                float(found["fs"]),
            )


@pytest.fixture(scope="module")
def more(shared_data: Path) -> Path:
    folder = shared_data / "more"
    if not folder.is_dir():
        pytest.skip(f"no further real files: {folder} does not exist")
    return folder


def test_samples_leads_and_rates_are_those_that_another_library_reads(more):
    seen = set()
    for truth in truths(more):
        found = registry.read(truth.file)
        seen.add(found.vendor)
        assert found.fs_hz == pytest.approx(truth.fs_hz, rel=1e-6), truth.file.name
        assert set(truth.leads) <= set(found.names), truth.file.name
        for lead, expected in zip(truth.leads, truth.signal_mv, strict=True):
            own = found.signal[found.names.index(lead)]
            n = min(len(own), len(expected))
            assert n > 0.85 * len(expected), "a calibration pulse, or what a 16-bit length cuts"
            worst = np.abs(own[:n] - expected[:n]).max()
            assert worst <= truth.step_mv, (truth.file.name, lead)
    assert {
        "CSV", "DICOM ECG", "EDF, EDF+ or BDF", "HL7 aECG", "Philips Sierra", "SCP-ECG", "Schiller",
    } <= seen  # fmt: skip


def test_a_scale_of_edf_that_is_six_times_too_large_is_not_trusted(more):
    assert not registry.read(more / "edf_contec" / "contec_0000050.edf").calibrated
    assert registry.read(more / "edf_contec" / "contec_0000050.scp").calibrated


def test_every_other_file_opens_or_says_in_one_line_why_not(more):
    places, faults = recordings.find([more])
    assert len(places) >= 60
    assert not faults
    refused = [str(r) for r in map(recordings.read_or_fault, places)
               if isinstance(r, recordings.Fault)]  # fmt: skip
    assert [line.split(": ")[1] for line in refused] == ["unknown-vendor"], refused
    assert "healforce_62_nonconforming.scp" in refused[0]


def test_a_nine_lead_recording_in_the_form_of_twelve_has_three_unusable_leads(shared_data):
    from pedecg.predict import measured_recording
    from pedecg.signals import quality

    folder = shared_data / "wfdb_misc" / "cinc2021"
    record = signal_files.read(folder, "JS20008").record
    found = quality.lead_quality(record.signal, record.fs_hz, measured_recording.LIMITS)
    unusable = {lead for lead, used in zip(record.leads, found.usable, strict=True) if not used}
    assert unusable == {"V2", "V4", "V6"}
