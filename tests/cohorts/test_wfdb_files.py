"""A WFDB record is read whole and right, or refused with a reason."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from pedecg.cohorts.formats import wfdb_files
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

TWELVE = tuple(lead.upper() for lead in LEADS)


def fault_of(root: Path, path: str = "r") -> RecordFault:
    with pytest.raises(RecordFault) as caught:
        wfdb_files.read(root, path)
    assert "\n" not in caught.value.detail
    return caught.value


def test_a_record_reads_as_the_wfdb_package_reads_it(tmp_path, recorder):
    recorder(tmp_path / "r")
    found = wfdb_files.read(tmp_path, "r")
    reference = wfdb.rdrecord(str(tmp_path / "r"))
    np.testing.assert_allclose(found.signal, reference.p_signal.T, rtol=1e-6, atol=1e-7)
    assert found.fs_hz == 500
    assert found.leads == LEADS
    assert found.verified


def test_leads_match_in_any_case_and_are_put_in_order(tmp_path, recorder):
    names = ("v6", "avr", "I", "Ii")
    counts = np.tile([6, 4, 1, 2], (50, 1)) * 100 + np.arange(50)[:, None]
    recorder(tmp_path / "r", names, counts, gains="100(0)/mV")
    found = wfdb_files.read(tmp_path, "r")
    assert found.leads == ("I", "II", "aVR", "V6")
    np.testing.assert_allclose(found.signal[:, 0], [1, 2, 4, 6])


@pytest.mark.parametrize("flip", [0, 777, 23_999])
def test_a_flipped_byte_is_seen(tmp_path, recorder, flip):
    recorder(tmp_path / "r")
    data = bytearray((tmp_path / "r.dat").read_bytes())
    data[flip] ^= 0x10
    (tmp_path / "r.dat").write_bytes(data)
    fault = fault_of(tmp_path)
    assert fault.reason == "corrupt-signal"
    assert "checksum" in fault.detail


@pytest.mark.parametrize(("kept", "reason"), [(-2, "truncated-signal"), (0, "truncated-signal")])
def test_a_truncated_file_is_seen(tmp_path, recorder, kept, reason):
    recorder(tmp_path / "r")
    data = (tmp_path / "r.dat").read_bytes()
    (tmp_path / "r.dat").write_bytes(data[:kept])
    assert fault_of(tmp_path).reason == reason


def test_an_overlong_file_is_seen(tmp_path, recorder):
    recorder(tmp_path / "r")
    with (tmp_path / "r.dat").open("ab") as file:
        file.write(b"\0\0")
    assert fault_of(tmp_path).reason == "overlong-signal"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1000.5(7)/mV", "0(7)/mV", "zero-gain"),
        ("1000.5(7)/mV", "0.0/mV", "zero-gain"),
        ("1000.5(7)/mV", "nan(7)/mV", "bad-header"),
        ("1000.5(7)/mV", "gain/mV", "bad-header"),
        ("1000.5(7)/mV", "1000.5(7)/mmHg", "unknown-unit"),
        ("12 500 1000", "12 0 1000", "zero-rate"),
        ("12 500 1000", "12 -500 1000", "zero-rate"),
        ("12 500 1000", "12 fast 1000", "bad-header"),
        ("12 500 1000", "11 500 1000", "bad-header"),
        ("12 500 1000", "12", "bad-header"),
        ("12 500 1000", "12 5_00 1000", "bad-header"),
        ("12 500 1000", "12 ٥٠٠ 1000", "bad-header"),
        ("12 500 1000", "12 500 1_000", "bad-header"),
        ("12 500 1000", "12 500 -1000", "bad-header"),
        ("1000.5(7)/mV", "1_000(7)/mV", "bad-header"),
        ("1000.5(7)/mV", f"1000({'9' * 400})/mV", "bad-header"),
        (".dat 16 ", ".dat 16:2000 ", "bad-header"),
        (".dat 16 ", ".dat 16:9999999999 ", "bad-header"),
        ("r 12 500 1000", "r/3 12 500 1000", "bad-header"),
        (".dat 16 ", ".dat 16x4 ", "truncated-signal"),
        (".dat 16 ", ".dat 517 ", "unsupported-format"),
        ("0 AVR", "0 I", "duplicate-lead"),
        ("0 AVR", "0 i", "duplicate-lead"),
        ("r.dat 16", "../r.dat 16", "path-outside-root"),
        ("r.dat 16", "/etc/passwd 16", "path-outside-root"),
        ("r.dat 16", "..\\r.dat 16", "path-outside-root"),
        ("r.dat 16", "other.dat 16", "missing-signal"),
    ],
)
def test_a_broken_header_is_named(tmp_path, recorder, replace_in, old, new, reason):
    recorder(tmp_path / "r")
    replace_in(tmp_path / "r.hea", old, new)
    assert fault_of(tmp_path).reason == reason


@pytest.mark.parametrize("text", ["", "\n \r\n", "# only a comment\n"])
def test_an_empty_header_is_named(tmp_path, recorder, text):
    recorder(tmp_path / "r")
    (tmp_path / "r.hea").write_text(text)
    assert fault_of(tmp_path).reason == "empty-header"


def test_bytes_that_are_no_header_are_refused(tmp_path, recorder):
    recorder(tmp_path / "r")
    (tmp_path / "r.hea").write_bytes(bytes(range(256)))
    assert fault_of(tmp_path).reason == "bad-header"


def test_a_header_without_its_signal_and_a_record_without_header_are_named(tmp_path, recorder):
    recorder(tmp_path / "r")
    (tmp_path / "r.dat").unlink()
    assert fault_of(tmp_path).reason == "missing-signal"
    assert fault_of(tmp_path, "absent").reason == "missing-header"


@pytest.mark.parametrize("path", ["../r", "a/../../r", "/r", "", ".", "a\0b", ".."])
def test_no_path_leads_out_of_the_root(tmp_path, recorder, path):
    recorder(tmp_path / "r")
    (tmp_path / "inner").mkdir()
    assert fault_of(tmp_path / "inner", path).reason == "path-outside-root"


def test_a_record_that_is_linked_into_the_root_is_inside(tmp_path, recorder):
    recorder(tmp_path / "cache" / "r")
    (tmp_path / "root").mkdir()
    for suffix in (".hea", ".dat"):
        (tmp_path / "root" / f"r{suffix}").symlink_to(tmp_path / "cache" / f"r{suffix}")
    assert wfdb_files.read(tmp_path / "root", "r").leads == LEADS


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_path_may_carry_a_suffix(tmp_path, recorder, suffix):
    recorder(tmp_path / "r")
    assert wfdb_files.read(tmp_path, f"r{suffix}").fs_hz == 500


def test_windows_line_ends_and_a_comment_first_are_no_faults(tmp_path, recorder):
    recorder(tmp_path / "r")
    text = "# made elsewhere\n" + (tmp_path / "r.hea").read_text()
    (tmp_path / "r.hea").write_bytes(text.replace("\n", "\r\n").encode())
    assert wfdb_files.read(tmp_path, "r").leads == LEADS


def test_missing_values_are_nan(tmp_path, recorder):
    counts = np.arange(600).reshape(300, 2)
    counts[5:8, 1] = -(2**15)
    recorder(tmp_path / "r", ("I", "V1"), counts)
    signal = wfdb_files.read(tmp_path, "r").signal
    assert np.isnan(signal[1, 5:8]).all()
    assert np.isfinite(signal).sum() == 597


def test_microvolts_become_millivolts(tmp_path, recorder):
    counts = np.full((40, 1), 1500)
    recorder(tmp_path / "r", ("I",), counts, gains="1(0)/uV")
    np.testing.assert_allclose(wfdb_files.read(tmp_path, "r").signal, 1.5)


def test_other_channels_are_named_and_left_out(tmp_path, recorder):
    recorder(tmp_path / "r", ("I", "RESP", "V1", "AUX"), np.arange(120).reshape(30, 4))
    found = wfdb_files.read_channels(tmp_path, "r")
    assert found.record.leads == ("I", "V1")
    assert found.record.other_channels == ("AUX",)
    assert found.left_out == ("RESP",)


@pytest.mark.real
def test_packed_skewed_and_matlab_records_read_with_their_checksums(shared_data: Path):
    misc = shared_data / "wfdb_misc"
    three = wfdb_files.read(misc, "mitdb/100_3chan")
    assert three.signal.shape == (3, 999)
    assert three.verified
    assert wfdb_files.read(misc, "mitdb/100").other_channels == ("MLII",)
    plain = wfdb_files.read(misc, "mitdb/100").signal[0]
    skewed = wfdb_files.read(misc, "mitdb/100skew").signal[0]
    np.testing.assert_array_equal(skewed[:-3], plain[3:])
    assert np.isnan(skewed[-3:]).all()
    for header in sorted((misc / "cinc2021").glob("*.hea")):
        assert wfdb_files.read(misc, f"cinc2021/{header.stem}").signal.shape == (12, 5000)


def test_reason_codes_are_checked() -> None:
    make: Callable[..., RecordFault] = RecordFault
    with pytest.raises(KeyError):
        make("no-such-reason", "detail")
