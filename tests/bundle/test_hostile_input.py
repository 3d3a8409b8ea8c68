"""Whatever a careless or malicious user hands to a bundle's runner ends in one line."""

import io
import json
import struct
import sys

import numpy as np
import pytest
import wfdb

from pedecg.bundle import ecg_files, input_checks, run
from pedecg.cohorts import ages
from pedecg.cohorts.formats import file_ecg
from pedecg.core.records import LEADS
from pedecg.predict.loaded_model import BUNDLE_CODE

HEADER = ",".join(LEADS)
ROW = ",".join(["0.01"] * 12)


def npy(header: str) -> bytes:
    """Return a .npy file of a header and no data."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


CSV = {
    "underscore": (
        f"{HEADER}\n{ROW.replace('0.01', '1_0', 1)}\n",
        "line 2: a cell is not a number",
    ),
    "Arabic digits": (f"{HEADER}\n{ROW.replace('0.01', '٠٫١', 1)}\n", "line 2: a cell is not"),
    "a word": (f"{HEADER}\n{ROW}\n{ROW.replace('0.01', 'off', 1)}\n", "line 3: a cell is not"),
    "infinite": (f"{HEADER}\n{ROW.replace('0.01', 'inf', 1)}\n", "line 2: a cell is not a number"),
    "a cell too many": (f"{HEADER}\n{ROW},0.01\n", "line 2: 13 cells; the header has 12"),
    "semicolons": (f"{HEADER}\n{ROW}\n".replace(",", ";").replace(".", ","), "expected commas"),
}
WFDB = {
    "three segments": ("r 12", "r/3 12", "several segments"),
    "more channels than listed": ("r 12", "r 99999999", "lists 12 channels"),
    "samples that fill the memory": (" 500 3000", " 500 99999999999", "values; at most"),
    "frames that fill the memory": ("r.dat 16 ", "r.dat 16x999999 ", "values; at most"),
    "a rate of Python": (" 500 3000", " 5_00 3000", "no sampling rate"),
    "a gain in Arabic digits": (" 1000.0(0)", " ١٠٠٠(0)", "no gain above 0"),
    "an unknown storage format": ("r.dat 16 ", "r.dat 99 ", "cannot be read (KeyError)"),
    "a baseline of 30 digits": ("(0)/mV", f"({'9' * 30})/mV", "cannot be read"),
    "another folder's file": ("r.dat 16", "../../r.dat 16", "invalid syntax in signal line"),
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(bundle) -> run.Bundle:
    return run.Bundle(bundle, code=BUNDLE_CODE)


@pytest.fixture
def refused(loaded, monkeypatch, capsys):
    """Call the runner's command line with one ECG that it must refuse; return its line."""

    def call(*arguments: object) -> str:
        monkeypatch.setattr(run, "Bundle", lambda **_: loaded)
        monkeypatch.setattr(sys, "argv", ["run.py", *map(str, arguments)])
        assert run.main() == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return err

    return call


@pytest.mark.parametrize(("text", "reported"), CSV.values(), ids=CSV)
def test_a_csv_with_a_cell_that_is_no_number_is_refused(tmp_path, text, reported):
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=reported):
        ecg_files.read(tmp_path / "r.csv", 500.0, None)


def test_an_empty_cell_is_a_missing_sample(tmp_path):
    (tmp_path / "r.csv").write_text(f"{HEADER}\n{ROW}\n\n,{ROW[5:]}\n", encoding="utf-8-sig")
    signal, _, names = ecg_files.read(tmp_path / "r.csv", 500.0, None)
    assert (names, signal.shape) == (LEADS, (12, 2))
    np.testing.assert_array_equal(np.isnan(signal).nonzero(), [[0], [1]])
    assert signal[3, 1] == np.float32(0.01)


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (12, 1000000000000), }\n"),
        npy("{'descr': '|V1000000000', 'fortran_order': False, 'shape': (12, 5000), }\n"),
        npy("(" * 2000 + "\n"),
        b"PK\x03\x04" + bytes(50),
        b"",
    ],
    ids=["shape of 87 TiB", "items of 1 GB", "nested header", "an archive", "empty"],
)
def test_a_hostile_npy_is_one_line(refused, tmp_path, content):
    (tmp_path / "r.npy").write_bytes(content)
    refused(tmp_path / "r.npy", "--fs-hz", 500, "--leads", HEADER)


@pytest.mark.parametrize("kind", [complex, str, bool])
def test_samples_that_are_no_real_numbers_are_refused(loaded, ecgs, tmp_path, kind):
    signal = ecgs["P0"].signal_mv.astype(kind)
    np.save(tmp_path / "r.npy", signal)
    with pytest.raises(ValueError, match="no array of numbers"):
        ecg_files.read(tmp_path / "r.npy", 500.0, LEADS)
    with pytest.raises(run.RefusedError, match="no array of real numbers"):
        loaded.predict(signal, 500.0, LEADS)


@pytest.mark.parametrize("age", [-1.0, 1e308, float("inf")])
def test_an_impossible_age_is_refused(loaded, ecgs, age):
    with pytest.raises(run.RefusedError, match="days; expected 0 to"):
        loaded.predict(ecgs["P0"].signal_mv, 500.0, LEADS, age_days=age)


@pytest.mark.parametrize("fs_hz", [0.0, -500.0, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(loaded, ecgs, fs_hz):
    with pytest.raises(run.RefusedError, match="Hz; expected 80"):
        loaded.predict(ecgs["P0"].signal_mv, fs_hz, LEADS)


@pytest.mark.parametrize(("find", "put", "reported"), WFDB.values(), ids=WFDB)
def test_a_hostile_wfdb_header_is_one_line(refused, ecgs, tmp_path, find, put, reported):
    ecg = ecgs["P0"]
    wfdb.wrsamp(
        "r", 500, ["mV"] * 12, list(LEADS), fmt=["16"] * 12, adc_gain=[1000.0] * 12,
        baseline=[0] * 12, p_signal=ecg.signal_mv.T[:3000].astype(float), write_dir=str(tmp_path),
    )  # fmt: skip
    header = tmp_path / "r.hea"
    text = header.read_text()
    assert find in text
    header.write_text(text.replace(find, put), encoding="utf-8")
    assert reported in refused(header)


@pytest.mark.parametrize(
    ("option", "value", "reported"),
    [
        ("--fs-hz", "5_00", "'5_00' is not a number"),
        ("--fs-hz", "٥٠٠", "is not a number"),
        ("--age-days", "1_00", "'1_00' is not a number"),
        ("--features", "{", "is not JSON"),
        ("--features", "[1, 2]", "expected an object of numbers"),
        ("--features", '{"x": "1"}', "expected an object of numbers"),
        ("--features", None, "No such file"),
    ],
)
def test_a_wrong_option_is_one_line(refused, ecgs, tmp_path, option, value, reported):
    np.save(tmp_path / "r.npy", ecgs["P0"].signal_mv)
    given = {"--fs-hz": "500", option: value}
    if option == "--features":
        given[option] = str(tmp_path / "features.json")
        if value is not None:
            (tmp_path / "features.json").write_text(value)
    options = [word for pair in given.items() for word in pair]
    assert reported in refused(tmp_path / "r.npy", *options, "--leads", HEADER)


def test_a_terminal_without_umlauts_gets_the_answer(loaded, ecgs, tmp_path, monkeypatch):
    file = tmp_path / "Übung.npy"
    np.save(file, ecgs["P0"].signal_mv)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(run, "Bundle", lambda **_: loaded)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["run.py", str(file), "--fs-hz", "500", "--leads", HEADER])
    assert run.main() == 0
    assert json.loads(out.buffer.getvalue())["ecg"] == str(file)


def test_limits_are_those_of_the_pipeline():
    assert input_checks.OLDEST_DAYS == ages.OLDEST_DAYS
    assert ecg_files._MOST_VALUES == file_ecg.MOST_VALUES
    assert ecg_files._MOST_CHANNELS == file_ecg.MOST_CHANNELS
