"""Every source is read in its published layout, and what it does not say stays unknown."""

import numpy as np
import pytest
import wfdb

from pedecg.errors import PedecgError
from pedecg.waves import annotations
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


def test_isp_samples_are_milliseconds(tmp_path):
    np.save(tmp_path / "ecg_1.npy", np.zeros(9998, np.float32))
    (tmp_path / "train.csv").write_text(
        'file_name,target\necg_1,"[(0, 100, 190), (1, 250, 340), (2, 500, 700)]"\n'
    )
    (record,) = annotations.read_isp(tmp_path)
    assert record.fs_hz == 1000
    assert record.marks[0].of(QRS)[0, [0, 2]].tolist() == [0.25, 0.34]


@pytest.mark.parametrize("source", ["ludb", "qtdb"])
def test_a_folder_without_records_is_named(source, tmp_path):
    with pytest.raises(PedecgError, match="expected files"):
        list(annotations.READERS[source](tmp_path))


@pytest.mark.real
@pytest.mark.slow
def test_the_published_records_are_read_whole(shared_data):
    ludb = list(annotations.read_ludb(shared_data / "ludb"))
    assert sum(len(marks.of(QRS)) for record in ludb for marks in record.marks) == 17_528
    assert sum(len(marks.of(T)) for record in ludb for marks in record.marks) == 15_692
    assert sum(len(marks.of(P)) for record in ludb for marks in record.marks) == 13_540
    assert len(list(annotations.read_qtdb(shared_data / "qtdb"))) == 30
