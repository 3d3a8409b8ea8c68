"""Damaged files of every format go through ingest's own check: a quarantine or the right value."""

import resource
import signal
from pathlib import Path
from types import FrameType

import format_files
import mutations
import pytest
import vendor_files

from pedecg.cohorts import record_check, record_faults
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 20  # of one file, on a busy machine
MOST_MB = 1000
# Of these the samples have a checksum, so that a damaged sample is never taken for a sound one.
CHECKED = ("SCP-ECG", "GE MUSE")


class HangError(Exception):
    """A file took longer than `LONGEST_S`."""


def _hang(number: int, frame: FrameType | None) -> None:
    raise HangError


@pytest.mark.repeats(6, 100)
@pytest.mark.parametrize("form", format_files.WRITERS)
def test_damaged_files(tmp_path, form, counts, draw, repeats):
    settings = params.load("ingest", IngestSettings, ROOT / "params.yaml")
    written, fs_hz = format_files.WRITERS[form], format_files.FIXED_RATE.get(form, 500)
    file = tmp_path / f"r{written.suffix}"
    written.write(file, vendor_files.ecg_mv(fs_hz), fs_hz)
    whole = file.read_bytes()
    sound = record_check.decode(file.name, None, None, str(tmp_path), settings)
    signal.signal(signal.SIGALRM, _hang)
    for number in range(repeats):
        file.write_bytes(mutations.damaged(whole, f"{draw.random()}/{form}/{number}"))
        signal.alarm(LONGEST_S)
        try:
            found = record_check.decode_or_fault((file.name, None, None), str(tmp_path), settings)
        finally:
            signal.alarm(0)
        if isinstance(found, tuple):
            reason, detail = found
            assert reason in record_faults.REASONS
            assert "\n" not in detail
            assert not any(word.lower() in detail.lower() for word in vendor_files.PERSON)
            counts["quarantined"] += 1
        elif found.digest == sound.digest:
            counts["the same signal"] += 1
        else:
            assert found.fs_hz > 0
            assert form not in CHECKED or found.leads != sound.leads or found.fs_hz != sound.fs_hz
            counts["another signal, as the file now states"] += 1
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    assert peak_mb < MOST_MB + 1000, "out of memory"  # torch and pandas alone take some 500 MB
