"""WFDB as data sets write it, beyond header(5): read as what it is, or refused by name."""

import math
from pathlib import Path

import numpy as np
import pytest
import wfdb

from pedecg.cohorts import recordings, signal_files
from pedecg.cohorts.formats import lead_names, wfdb_files, wfdb_notes, wfdb_samples
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

RNG = np.random.default_rng(5)


def channels(root: Path, path: str = "r"):
    return wfdb_files.read_channels(root, path)


def write(stem: Path, lines: list[str], counts: np.ndarray, dtype: str = "<i2") -> None:
    """Write a header as given and counts frame by frame, shape (n_frames, values per frame)."""
    stem.with_name(stem.name + ".hea").write_bytes("\n".join(lines).encode("latin-1") + b"\n")
    stem.with_name(stem.name + ".dat").write_bytes(counts.astype(dtype).tobytes())


@pytest.mark.parametrize("storage", ["16", "24", "32", "61", "80", "160", "212", "310", "311"])
@pytest.mark.parametrize(("n_samples", "n_leads"), [(999, 1), (1000, 1), (1001, 1), (1000, 3)])
def test_every_storage_format_reads_as_the_wfdb_package_reads_it(
    tmp_path, storage, n_samples, n_leads
):
    form = wfdb_samples.STORAGE[int(storage)]
    n_bytes = math.ceil(n_samples * n_leads * form.bytes_per_sample)
    data = bytearray(RNG.bytes(n_bytes + -n_bytes % form.group))
    if storage == "311":  # the two unused bits of a word: the package takes one of them for data
        data[3::4] = bytes(byte & 0x3F for byte in data[3::4])
    (tmp_path / "r.dat").write_bytes(data)
    gain = 2_000_000 if storage == "32" else 200
    lines = [f"r.dat {storage} {gain}(3)/mV 16 0 0 0 0 {lead}" for lead in LEADS[:n_leads]]
    (tmp_path / "r.hea").write_text("\n".join([f"r {n_leads} 500 {n_samples}", *lines]))
    theirs = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T
    # The checksums of random bytes, as the package computes them.
    sums = wfdb.rdrecord(str(tmp_path / "r"), physical=False).d_signal.sum(axis=0) % 2**16
    lines = [line.replace(" 0 0 0 ", f" 0 0 {x} ") for line, x in zip(lines, sums, strict=True)]
    (tmp_path / "r.hea").write_text("\n".join([f"r {n_leads} 500 {n_samples}", *lines]))
    found = channels(tmp_path)
    assert found.verified
    np.testing.assert_allclose(found.signal, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("storage", ["508", "516", "524"])
def test_a_file_compressed_by_flac_is_read_and_damage_is_a_fault(tmp_path, storage):
    most = 2 ** (wfdb_samples.FLAC[int(storage)] - 1) - 1
    counts = RNG.integers(-most, most, (1001, 3))
    counts[500, 1] = -most - 1  # no value
    wfdb.wrsamp(
        "r", fs=500, units=["mV"] * 3, sig_name=["I", "II", "V1"], d_signal=counts,
        fmt=[storage] * 3, adc_gain=[100.0] * 3, baseline=[0] * 3, write_dir=str(tmp_path),
    )  # fmt: skip
    found = channels(tmp_path)
    assert found.verified
    truth = np.where(counts == -most - 1, np.nan, counts / 100).T
    np.testing.assert_allclose(found.signal, truth, rtol=1e-6)
    whole = (tmp_path / "r.dat").read_bytes()
    for damaged in (whole[:-200], whole[:60], whole[:200] + bytes(50) + whole[250:]):
        (tmp_path / "r.dat").write_bytes(damaged)
        with pytest.raises(RecordFault) as caught:
            channels(tmp_path)
        assert caught.value.reason in ("truncated-signal", "corrupt-signal", "bad-header")


def test_differences_start_from_the_header_and_add_up_for_each_channel(tmp_path):
    counts = np.cumsum(RNG.integers(-120, 120, (400, 2)), axis=0) + np.array([1000, -300])
    steps = np.diff(np.vstack([[1000, -300], counts]), axis=0)
    lines = ["r 2 500 400"] + [
        f"r.dat 8 200/mV 12 0 {first} {counts[:, row].sum() % 2**16} 0 {lead}"
        for row, (first, lead) in enumerate([(1000, "I"), (-300, "II")])
    ]
    write(tmp_path / "r", lines, steps, "i1")
    found = channels(tmp_path)
    assert found.verified
    np.testing.assert_allclose(found.signal, counts.T / 200, rtol=1e-6)


def test_an_unknown_storage_format_is_refused_by_name(tmp_path):
    write(tmp_path / "r", ["r 1 500 50", "r.dat 17 200/mV 16 0 0 0 0 I"], np.ones((50, 1)))
    with pytest.raises(RecordFault, match="17") as caught:
        channels(tmp_path)
    assert caught.value.reason == "unsupported-format"


def test_channels_of_other_units_are_left_out_by_name_and_unit(tmp_path):
    units = ("200(0)/mV", "200(0)/mV", "10(0)/mmHg", "1023(0)/NU", "0/pm", "200(0)/mV")
    names = ("II", "AVR", "ABP", "PLETH", "RESP", "RESP")
    lines = [
        f"r.dat 16 {unit} 16 0 0 {{}} 0 {name}" for unit, name in zip(units, names, strict=True)
    ]
    counts = RNG.integers(-200, 200, (125, 6))
    sums = counts.sum(axis=0) % 2**16
    lines = [line.format(total) for line, total in zip(lines, sums, strict=True)]
    write(tmp_path / "r", ["r 6 125 125", *lines], counts)
    found = channels(tmp_path)
    assert found.names == ("II", "aVR")
    assert found.left_out == ("ABP (mmHg)", "PLETH (NU)", "RESP (pm)", "RESP")
    assert found.verified
    np.testing.assert_allclose(found.signal, counts[:, :2].T / 200, atol=1e-6)
    assert signal_files.read(tmp_path, "r").record.other_channels == ()


def test_a_lead_in_another_unit_and_a_record_without_an_ecg_are_refused(tmp_path):
    for unit, name, reason in (("mmHg", "II", "unknown-unit"), ("mV", "RESP", "no-ecg")):
        write(
            tmp_path / "r", ["r 1 125 9", f"r.dat 16 200/{unit} 16 0 0 9 0 {name}"], np.ones((9, 1))
        )
        with pytest.raises(RecordFault) as caught:
            channels(tmp_path)
        assert caught.value.reason == reason


@pytest.mark.parametrize("count", ["", " 0"])
def test_without_a_count_the_file_tells_it(tmp_path, count):
    write(tmp_path / "r", [f"r 2 500{count}", *["r.dat 16 200/mV"] * 2], np.ones((77, 2)))
    assert channels(tmp_path).signal.shape == (2, 77)


def test_an_ecg_of_several_samples_per_frame_has_its_own_rate(tmp_path):
    counts = RNG.integers(-200, 200, (100, 9))
    lines = ["r.dat 16x4 200/mV 16 0 0 {} 0 I", "r.dat 16x4 200/mV 16 0 0 {} 0 II",
             "r.dat 16 200/mV 16 0 0 {} 0 RESP"]  # fmt: skip
    groups = (counts[:, :4], counts[:, 4:8], counts[:, 8:])
    lines = [text.format(part.sum() % 2**16) for text, part in zip(lines, groups, strict=True)]
    write(tmp_path / "r", ["r 3 125 100", *lines], counts)
    found = channels(tmp_path)
    assert (found.fs_hz, found.names, found.left_out) == (500, ("I", "II"), ("RESP",))
    np.testing.assert_allclose(found.signal[0], groups[0].reshape(-1) / 200, atol=1e-6)
    assert found.verified


def test_leads_of_several_rates_are_refused(tmp_path):
    lines = ["r.dat 16x2 200/mV 16 0 0 0 0 I", "r.dat 16 200/mV 16 0 0 0 0 II"]
    write(tmp_path / "r", ["r 2 250 50", *lines], np.zeros((50, 3)))
    with pytest.raises(RecordFault, match="250, 500 Hz") as caught:
        channels(tmp_path)
    assert caught.value.reason == "unsupported-format"


@pytest.fixture
def segmented(tmp_path):
    """Write two segments and a gap between; returns the counts of both."""
    parts = [RNG.integers(-200, 200, (n, 2)) for n in (50, 30)]
    for number, (part, leads) in enumerate(zip(parts, (("I", "II"), ("II", "V1")), strict=True)):
        sums = part.sum(axis=0) % 2**16
        lines = [
            f"s{number}.dat 16 200/mV 16 0 0 {total} 0 {lead}"
            for total, lead in zip(sums, leads, strict=True)
        ]
        write(tmp_path / f"s{number}", [f"s{number} 2 500 {len(part)}", *lines], part)
    (tmp_path / "m.hea").write_text("m/3 3 500 100\ns0 50\n~ 20\ns1 30\n# Age: 7\n")
    return parts


def test_segments_are_read_as_one_record_with_gaps(tmp_path, segmented):
    found = channels(tmp_path, "m")
    assert found.names == ("I", "II", "V1")
    assert (found.age_days, found.signal.shape) == (2557, (3, 100))
    one, two, v1 = found.signal
    np.testing.assert_allclose(one[:50], segmented[0][:, 0] / 200, atol=1e-6)
    np.testing.assert_allclose(two[70:], segmented[1][:, 0] / 200, atol=1e-6)
    np.testing.assert_allclose(v1[70:], segmented[1][:, 1] / 200, atol=1e-6)
    for gap in (one[50:], two[50:70], v1[:70]):
        assert np.isnan(gap).all()
    assert found.verified


def test_segments_are_no_recordings_of_their_own(tmp_path, segmented):
    places, faults = recordings.find([tmp_path])
    assert [place.record_id for place in places] == ["m"]
    assert not faults


def test_segments_of_a_listed_record_are_listed_with_it(tmp_path, segmented, run, csv_writer):
    columns = ("record_id", "patient_id", "path")
    csv_writer(
        tmp_path / "manifest.csv", columns, [dict(zip(columns, ("a", "p", "m"), strict=True))]
    )
    names = dict.fromkeys(("age", "sex", "acquired_at", "split", "fold"))
    found = run(
        "manifest", tmp_path, require_age=False, require_sex=False, manifest__labels=[],
        manifest__columns=names | {name: name for name in columns},
    )  # fmt: skip
    assert list(found.quarantine["reason"]) == ["no-usable-lead"], "the gaps are long"
    assert list(found.quarantine["record_id"]) == ["a"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("m/2 3 500 100\ns0 50\ns1 30\n", "bad-header"),
        ("m/2 3 500 80\ns0 40\ns1 40\n", "bad-header"),
        ("m/2 3 500 80\ns0 50\nm 30\n", "bad-header"),
        ("m/2 3 500 80\ns0 50\nabsent 30\n", "missing-header"),
        ("m/2 3 500 80\ns0 50\n../s1 30\n", "path-outside-root"),
        ("m/1 3 500 20\n~ 20\n", "empty-signal"),
    ],
)
def test_segments_that_do_not_fit_are_refused(tmp_path, segmented, header, reason):
    (tmp_path / "m.hea").write_text(header)
    with pytest.raises(RecordFault) as caught:
        channels(tmp_path, "m")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("00001", "beats/00001 1 500 40"),
        ("kid.2.2024", "kid.2.2024 1 500 40"),
        ("r", "r 1 500 40 05-May-2020 09:49:17"),
        ("r", "r 1 500 40 05:05:15 2014-05-08"),
        ("r", "r 1 500(0)/500(0) 40 2006"),
        ("طفل", "x 1 500 40"),
    ],
)
def test_names_and_dates_of_any_kind_are_no_faults(tmp_path, name, line):
    file = f"beats/{name}.dat" if "/" in line.split(" ")[0] else f"{name}.dat"
    (tmp_path / f"{name}.hea").write_text(f"{line}\n{file} 16 200/mV 16 0 0 40 0 I\n", "utf-8")
    (tmp_path / f"{name}.dat").write_bytes(np.ones(40, "<i2").tobytes())
    for typed in (name, f"{name}.hea", f"{name}.dat"):
        places, _ = recordings.find([tmp_path / typed])
        assert recordings.read(places[0]).record_id == name
    assert channels(tmp_path, name).signal.shape == (1, 40)


def test_upper_case_files_of_a_dos_medium_are_found(tmp_path):
    (tmp_path / "KID.HEA").write_text("kid 1 500 40\nkid.dat 16 200/mV 16 0 0 40 0 I\n")
    (tmp_path / "KID.DAT").write_bytes(np.ones(40, "<i2").tobytes())
    assert channels(tmp_path, "KID.HEA").signal.shape == (1, 40)
    places, faults = recordings.find([tmp_path])
    assert [place.record_id for place in places] == ["KID"]
    assert not faults


@pytest.mark.parametrize(
    ("unit", "per_mv"),
    [("mV", 1), ("MV", 1), ("uV", 1000), ("µV", 1000), ("μV", 1000), ("microV", 1000),
     ("millivolt", 1), ("nV", 1e6), ("", 1)],
)  # fmt: skip
def test_voltages_are_read_in_every_spelling(tmp_path, unit, per_mv):
    gain = f"{200 / per_mv:g}(0)" + (f"/{unit}" if unit else "")
    encoding = "latin-1" if unit == "µV" else "utf-8"
    header = f"r 1 500 40\nr.dat 16 {gain} 16 0 0 {40 * 100} 0 I\n"
    (tmp_path / "r.hea").write_bytes(header.encode(encoding))
    (tmp_path / "r.dat").write_bytes(np.full(40, 100, "<i2").tobytes())
    np.testing.assert_allclose(channels(tmp_path).signal, 0.5, atol=1e-6)


@pytest.mark.parametrize(
    "spell",
    ["{}", "ECG {}", "ECG_{}", "EKG {}", "Lead {}", "LEAD_{}", "lead {}", "MDC_ECG_LEAD_{}",
     "{} # noisy", "Lead {} (Einthoven)", " {} ", "MDC_ECG_ELEC_POTL_{}"],
)  # fmt: skip
def test_leads_have_names_of_many_spellings(spell):
    for lead in LEADS:
        assert lead_names.standard(spell.format(lead)) == lead
        assert lead_names.standard(spell.format(lead.upper())) == lead


def test_spanish_names_are_leads_and_modified_ones_are_not():
    names = ("D1", "DII", "D3", "VR", "VL", "VF")
    assert tuple(map(lead_names.standard, names)) == LEADS[:6]
    for name in ("-aVR", "MLII", "V", "V3R", "V10", "ECG", "ECG1", "EASI", "II-RESP", ""):
        assert lead_names.standard(name) is None
    assert lead_names.further("v4r") == "V4R"


@pytest.mark.parametrize(
    ("names", "leads"),
    [
        (("V1", "V2", "V3", "V4", "V5", "V6"), ("V1", "V2", "V3", "V4", "V5", "V6")),
        (("II", "V", "RESP"), ("II",)),
        (("II", "ART", "PLETH"), ("II",)),
        (("RESP", "ECG"), ("ch1",)),
        (("MLII", "V5"), ("ch1", "ch2")),
        (("I", "II", "RESP", "SCG"), ("I", "II")),
    ],
)
def test_what_is_no_ecg_does_not_vote(tmp_path, wfdb_file, names, leads):
    wfdb_file(tmp_path / "r", names)
    found = recordings.read(recordings.find([tmp_path / "r"])[0][0])
    assert found.leads == leads
    assert len(found.leads) + len(found.other_channels) == len(names)


@pytest.mark.parametrize(
    ("comments", "age_days", "sex"),
    [
        (("Age: 0", "Sex: Male"), None, "male"),
        (("Age: 3M", "Sex: F"), 91, "female"),
        (("Age: 11 days",), 11, None),
        (("0 F 12 3 x1",), None, "female"),
        (("<age>: 28  <sex>: M  <Height>: 170",), 10227, "male"),
        (("Age: 62  Sex: M",), 22646, "male"),
        (("female 67 years",), 24472, "female"),
        (("Male 45",), None, "male"),  # days, years or months: it does not say
        (("Male 894",), 894, "male"),
        (("Age: ٧",), None, None),
        (("Age: 300", "Sex: 1"), None, None),
    ],
)
def test_ages_in_comments_are_right_or_unknown(comments, age_days, sex):
    found = wfdb_notes.patient(comments, "r")
    assert (found.age.days, found.sex) == (age_days, sex)


def test_an_age_that_cannot_be_read_is_not_quoted():
    found = wfdb_notes.patient(("Age: Anna Muster", "Sex: F"), "r")
    assert found.age.days is None
    assert found.age.note == "the age in the header cannot be read"


def test_a_calibration_pulse_at_the_end_is_cut(tmp_path, wfdb_file):
    signal = np.tile(np.sin(np.arange(2000) / 20), (12, 1)) + np.arange(12)[:, None] / 10
    pulse = np.repeat([0.0, 1.0, 0.0], [25, 100, 25])
    wfdb_file(tmp_path / "r", LEADS, np.hstack([signal, np.tile(pulse, (12, 1))]))
    assert channels(tmp_path).signal.shape == (12, 2000)
    wfdb_file(tmp_path / "r", LEADS, np.hstack([signal, np.tile(pulse, (12, 1))[:, :-30]]))
    assert channels(tmp_path).signal.shape == (12, 2120), "without an end it may be anything"


def test_links_are_followed_once_and_apples_own_files_ignored(tmp_path, wfdb_file):
    wfdb_file(tmp_path / "store" / "a")
    wfdb_file(tmp_path / "root" / "b")
    (tmp_path / "root" / "year").symlink_to(tmp_path / "store", target_is_directory=True)
    (tmp_path / "store" / "circle").symlink_to(tmp_path / "root", target_is_directory=True)
    (tmp_path / "root" / "nowhere").symlink_to(tmp_path / "absent")
    for name in ("._b.hea", "._b.xml", "__MACOSX/._b.hea"):
        (tmp_path / "root" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "root" / name).write_bytes(b"\0\5\x16\7" + bytes(80))
    places, faults = recordings.find([tmp_path / "root"])
    assert sorted(place.record_id for place in places) == ["a", "b"]
    assert not faults
