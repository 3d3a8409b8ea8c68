"""Damaged files of every format: one clear line, or a value; never a crash, a hang or a name."""

import time

import format_files
import mutations
import numpy as np
import pytest
import vendor_files

from pedecg.cohorts import signal_files
from pedecg.cohorts.record_faults import RecordFault

FEW, MANY = 6, 500  # damaged copies of each format: in every run, and in `make test-nightly`
LONGEST_S = 5.0
# Formats with checksums of samples or of everything: damage is seen, wherever it is.
# (Of three random bytes in 65,536 one keeps a 16-bit CRC: it did, with another seed than this.)
CHECKED = ("WFDB", "SCP-ECG", "GE MUSE")


@pytest.fixture
def outcomes(tmp_path, recorder):
    """Read damaged copies of a file; returns what came of each: a fault or a record."""

    def read_all(form: str, n: int):
        files = _write(form, tmp_path, recorder)
        whole = {file: file.read_bytes() for file in files}
        path = files[0].name
        sound = signal_files.read(tmp_path, path).record
        found = []
        for number in range(n):
            for file, data in whole.items():
                file.write_bytes(data)
            file = files[number % len(files)]
            file.write_bytes(mutations.damaged(whole[file], f"{form}/{number}"))
            began = time.monotonic()
            try:
                found.append(signal_files.read(tmp_path, path).record)
            except RecordFault as fault:
                found.append(fault)
            assert time.monotonic() - began < LONGEST_S, number
        return sound, found

    return read_all


def _write(form: str, folder, recorder):
    leads = vendor_files.ecg_mv(format_files.FIXED_RATE.get(form, 500))
    if form == "WFDB":
        counts = np.rint(np.array(list(leads.values())).T / vendor_files.STEP_MV).astype(int)
        recorder(folder / "r", tuple(leads), counts, gains="200(0)/mV")
        return [folder / "r.hea", folder / "r.dat"]
    written = format_files.WRITERS[form]
    file = folder / f"r{written.suffix}"
    written.write(file, leads, format_files.FIXED_RATE.get(form, 500))
    return [file]


def _check(sound, found, form: str) -> None:
    for outcome in found:
        if isinstance(outcome, RecordFault):
            assert "\n" not in outcome.detail
            assert len(outcome.detail) < 1000
            for word in vendor_files.PERSON:
                assert word.lower() not in outcome.detail.lower()
        else:
            assert outcome.signal.shape[0] == len(outcome.leads)
            assert not np.isinf(outcome.signal).any()
            assert outcome.fs_hz > 0
    reached = sum(isinstance(each, RecordFault) or not _equal(each, sound) for each in found)
    assert reached > len(found) / 5, "the damage does reach what is read"
    if form in CHECKED:
        read = [outcome for outcome in found if not isinstance(outcome, RecordFault)]
        for outcome in read:
            if outcome.leads == sound.leads and outcome.fs_hz == sound.fs_hz:
                same = outcome.signal.shape == sound.signal.shape
                assert same
                assert _one_scale(outcome.signal, sound.signal)


def _equal(one, other) -> bool:
    same = (one.leads, one.fs_hz) == (other.leads, other.fs_hz)
    return same and np.array_equal(one.signal, other.signal, equal_nan=True)


def _one_scale(found: np.ndarray, expected: np.ndarray) -> bool:
    """Say whether each lead is the expected one but for scale and offset, which have no checksum.

    A damaged gain is another gain; a damaged sample is a fault.
    """
    for mine, theirs in zip(found.astype(float), expected.astype(float), strict=True):
        a, b = mine - np.nanmean(mine), theirs - np.nanmean(theirs)
        slope = float(np.nansum(a * b) / np.nansum(b * b))
        if not np.allclose(a, slope * b, atol=1e-3 * max(1.0, abs(slope)), equal_nan=True):
            return False
    return True


@pytest.mark.parametrize("form", ["WFDB", *format_files.WRITERS])
def test_damage_is_one_line_or_harmless(outcomes, form):
    _check(*outcomes(form, FEW), form)


@pytest.mark.nightly
@pytest.mark.parametrize("form", ["WFDB", *format_files.WRITERS])
def test_much_damage_is_one_line_or_harmless(outcomes, form):
    _check(*outcomes(form, MANY), form)
