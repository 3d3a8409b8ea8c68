"""Every source is read in its published layout, and what it does not say stays unknown."""

import numpy as np
import pytest
import wfdb

from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.delineator import annotation_sources
from pedecg.waves import annotations, network_input, network_output, rdb_annotations, wave_targets
from pedecg.waves.annotations import QRS, P, T


def write_record(folder, name, leads, fs_hz=500, n=5000):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.5, (n, len(leads)))
    wfdb.wrsamp(
        name, fs=fs_hz, units=["mV"] * len(leads), sig_name=leads,
        p_signal=noise, fmt=["16"] * len(leads), write_dir=str(folder),
    )  # fmt: skip


def write_marks(folder, name, extension, marks):
    symbols, samples = zip(*marks, strict=True)
    # wfdb writes no digits in an extension, the published files have them.
    wfdb.wrann(name, "x", np.array(samples), list(symbols), write_dir=str(folder))
    (folder / f"{name}.x").rename(folder / f"{name}.{extension}")


BEAT = [("(", 500), ("p", 520), (")", 540), ("(", 560), ("N", 580), (")", 610),
        ("(", 700), ("t", 750), (")", 800)]  # fmt: skip


def test_ludb_gives_each_lead_its_own_marks(tmp_path):
    write_record(tmp_path, "1", ["i", "ii"])
    write_marks(tmp_path, "1", "i", BEAT)
    write_marks(tmp_path, "1", "ii", BEAT[3:])
    (record,) = annotations.read_ludb(tmp_path)
    assert record.leads == ("I", "II")
    assert record.marks[0].of(P).tolist() == [[1.0, 1.04, 1.08]]
    assert len(record.marks[1].of(P)) == 0
    assert record.marks[1].spans.tolist() == [[1.12, 1.6]]


def test_brackets_out_of_order_leave_the_boundaries_unknown(tmp_path):
    write_record(tmp_path, "1", ["i", "ii"])
    swapped = [("N", 559), ("(", 560), (")", 610)]
    write_marks(tmp_path, "1", "i", BEAT)
    write_marks(tmp_path, "1", "ii", BEAT[:3] + swapped + BEAT[6:])
    (record,) = annotations.read_ludb(tmp_path)
    assert np.isnan(record.marks[1].of(QRS)[0, [0, 2]]).all()
    assert (record.marks[1].unknown[:, 0] == QRS).all()


def test_qtdb_keeps_beats_of_any_kind_and_does_not_invent_t_onsets(tmp_path):
    write_record(tmp_path, "sel1", ["a", "b"], fs_hz=250)
    marks = [("(", 500), ("B", 520), (")", 540), ("t", 600), (")", 640),
             ("(", 700), ("V", 720), (")", 740), ("t", 800), (")", 840)]  # fmt: skip
    write_marks(tmp_path, "sel1", "q1c", marks)
    (record,) = annotations.read_qtdb(tmp_path)
    assert record.leads == ("ch1", "ch2")
    assert len(record.marks[0].of(QRS)) == 2
    assert np.isnan(record.marks[0].of(T)[:, 0]).all()
    assert [2.16, 2.4] in record.marks[0].unknown[:, 1:].round(2).tolist()


def test_a_pause_over_a_second_splits_what_is_known(tmp_path):
    write_record(tmp_path, "sel1", ["a", "b"], fs_hz=250)
    beat = [("(", 500), ("N", 520), (")", 540)]
    write_marks(tmp_path, "sel1", "q1c", beat + [(symbol, at + 1000) for symbol, at in beat])
    (record,) = annotations.read_qtdb(tmp_path)
    assert len(record.marks[0].spans) == 2


def write_isp(folder, target, part="train", n=9999):
    data = folder / f"{part}_data"
    data.mkdir()
    write_record(data, "7", ["i", "ii", "iii"], fs_hz=1000, n=n)
    table = f'file_name,target\n7,"{target}"\n'
    (folder / f"{part}_isp_delineation_data.csv").write_text(table)


def test_isp_marks_hold_for_all_leads_and_its_samples_are_milliseconds(tmp_path):
    write_isp(tmp_path, "[(0, 100, 190), (2, 500, 700), (1, 250, 340)]")
    write_isp(tmp_path, "[(1, 250, 340)]", part="test")
    test, train = annotations.read_isp(tmp_path)
    assert (test.record_id, train.record_id) == ("test-7", "train-7")
    assert (train.fs_hz, train.leads) == (1000, ("I", "II", "III"))
    assert [marks.of(QRS)[0, [0, 2]].tolist() for marks in train.marks] == [[0.25, 0.34]] * 3
    assert train.marks[0].spans.tolist() == [[0.1, 0.7]]


def test_9999_samples_at_1000_hz_give_targets_in_step_with_the_signal(tmp_path):
    """19 samples per frame where 20 were meant moved the last labels by half a second."""
    starts = range(200, 9800, 400)
    write_isp(tmp_path, str([(QRS, start, start + 80) for start in starts]), n=9999)
    (record,) = annotations.read_isp(tmp_path)
    n_samples = network_input.resample(record.signal_mv, record.fs_hz).shape[1]
    n_frames = -(-n_samples // wave_targets.SAMPLES_PER_FRAME)
    shares, _ = wave_targets.targets(record.marks[0], n_frames)
    found = network_output.waves(shares[None])
    np.testing.assert_allclose(found.onset_s, np.array(starts) / 1000, atol=0.001)
    np.testing.assert_allclose(found.offset_s, (np.array(starts) + 80) / 1000, atol=0.001)


@pytest.mark.parametrize("read", [annotations.read_ludb, annotations.read_qtdb])
def test_a_folder_without_records_is_named(read, tmp_path):
    with pytest.raises(PedecgError, match="expected files"):
        list(read(tmp_path))


def cut_the_signal(folder):
    file = folder / "1.dat"
    file.write_bytes(file.read_bytes()[:-1000])


def change_one_sample(folder):
    file = folder / "1.dat"
    whole = bytearray(file.read_bytes())
    whole[400] ^= 1
    file.write_bytes(bytes(whole))


def mark_beyond_the_end(folder):
    write_marks(folder, "1", "ii", [("(", 100), ("N", 120), (")", 5200)])


BROKEN = {
    "signal file gone": (
        lambda folder: (folder / "1.dat").unlink(),
        r"1\.hea: .*1\.dat.* not found",
    ),
    "signal cut short": (cut_the_signal, r"1\.hea: cannot be read"),
    "one bit flipped": (change_one_sample, r"1\.hea: lead i fails its checksum"),
    "header of prose": (lambda folder: (folder / "1.hea").write_text("hello\n"), r"1\.hea: cannot"),
    "marks of a lead gone": (lambda folder: (folder / "1.i").unlink(), r"1\.i: .*not found"),
    "mark after the end": (mark_beyond_the_end, r"lead II has a mark at 10\.4.* ends at 10\.000 s"),
}


@pytest.mark.parametrize(("harm", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_record_is_one_line_that_names_the_file(harm, says, tmp_path):
    write_record(tmp_path, "1", ["i", "ii"])
    for lead in ("i", "ii"):
        write_marks(tmp_path, "1", lead, BEAT)
    harm(tmp_path)
    with pytest.raises(PedecgError, match=says) as fault:
        list(annotation_sources.read(tmp_path))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("[(3, 100, 190)]", "class must be 0, 1 or 2"),
        ("[(0, 100)]", "must list"),
        ("[(0, 100, 190)", "must list"),
        ("[(0, 190, 100)]", "ends before it begins"),
        ("[(0, 100, 19000)]", "mark at 19"),
    ],
)
def test_a_wrong_isp_target_is_one_line(target, says, tmp_path):
    write_isp(tmp_path, target)
    with pytest.raises(PedecgError, match=says):
        list(annotation_sources.read(tmp_path))


def test_an_isp_table_without_targets_names_its_columns(tmp_path):
    write_isp(tmp_path, "[(0, 100, 190)]")
    (tmp_path / "train_isp_delineation_data.csv").write_text("file_name,label\n7,0\n")
    with pytest.raises(PedecgError, match="column target not found; columns are file_name, label"):
        list(annotation_sources.read(tmp_path))


def test_a_folder_that_is_not_there_and_one_without_labels_are_named(tmp_path):
    with pytest.raises(PedecgError, match="nowhere: not found"):
        list(annotation_sources.read(tmp_path / "nowhere"))
    with pytest.raises(PedecgError, match="no labelled ECGs"):
        list(annotation_sources.read(tmp_path))


@pytest.mark.real
@pytest.mark.slow
def test_the_published_records_are_read_whole(shared_data):
    ludb = list(annotations.read_ludb(shared_data / "ludb"))
    assert sum(len(marks.of(QRS)) for record in ludb for marks in record.marks) == 17_528
    assert sum(len(marks.of(T)) for record in ludb for marks in record.marks) == 15_692
    assert sum(len(marks.of(P)) for record in ludb for marks in record.marks) == 13_540
    assert len(list(annotations.read_qtdb(shared_data / "qtdb"))) == 30


def write_rdb(folder, record="AF0001", lines="0,50,95\n1,120,165\n2,220,330\n", scale=1000.0):
    for name in ("dat_csv", "ann_txt"):
        (folder / name).mkdir(exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, record)))
    signal = scale * rng.normal(0, 0.3, (5000, 12))
    np.savetxt(folder / "dat_csv" / f"{record}.csv", signal, delimiter=",", fmt="%.6g")
    for lead in (*LEADS, "all"):
        (folder / "ann_txt" / f"{record}.{lead.lower()}.txt").write_text(lines)
    return signal.T / scale


def test_rdb_marks_are_of_each_lead_and_its_samples_microvolts(tmp_path):
    truth = write_rdb(tmp_path)
    (tmp_path / "ann_txt" / "AF0001.v1.txt").write_text("TYPE,START,END\n1,100,150\n")
    (record,) = annotation_sources.read(tmp_path)
    assert (record.record_id, record.leads, record.fs_hz) == ("rdb/AF0001", LEADS, 500)
    np.testing.assert_allclose(record.signal_mv, truth, atol=1e-5)
    assert record.marks[1].of(QRS)[0, [0, 2]].tolist() == [0.24, 0.33]
    assert record.marks[6].of(QRS)[0, [0, 2]].tolist() == [0.2, 0.3]


@pytest.mark.parametrize("wrong", ["1,400,390", "3,10,20", "1,4990,5010", "1,-5,20", "1,x,20"])
def test_an_rdb_lead_with_an_impossible_mark_is_left_out(tmp_path, wrong):
    write_rdb(tmp_path)
    (tmp_path / "ann_txt" / "AF0001.ii.txt").write_text(f"0,50,95\n{wrong}\n")
    (record,) = rdb_annotations.read_rdb(tmp_path)
    assert record.leads == tuple(lead for lead in LEADS if lead != "II")
    assert len(record.signal_mv) == len(record.marks) == 11


def test_an_rdb_record_that_is_there_twice_counts_once(tmp_path):
    write_rdb(tmp_path, "AF0001")
    write_rdb(tmp_path, "SB0002")
    twice = (tmp_path / "dat_csv" / "AF0001.csv").read_bytes()
    (tmp_path / "dat_csv" / "AF0003.csv").write_bytes(twice)
    records = list(rdb_annotations.read_rdb(tmp_path))
    assert [record.record_id for record in records] == ["AF0001", "SB0002"]


def test_rdb_in_another_unit_is_refused(tmp_path):
    write_rdb(tmp_path, scale=1.0)
    with pytest.raises(PedecgError, match="expected microvolts"):
        list(rdb_annotations.read_rdb(tmp_path))
