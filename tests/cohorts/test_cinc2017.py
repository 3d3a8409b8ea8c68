"""PhysioNet/CinC 2017: headers as published, versions of the labels, faults of files."""

import numpy as np
import pytest

from pedecg.core.errors import PedecgError
from pedecg.simulation import cinc2017_layout

BEATS = np.sin(np.arange(3000) / 20) * np.sin(np.arange(3000) / 300)


@pytest.fixture
def cinc(tmp_path):
    """Write recordings and a table of labels; returns the root."""

    def write(lines: str = "A00001,N\nA00002,A\n", table: str = "REFERENCE-v3.csv"):
        for name in ("A00001", "A00002"):
            cinc2017_layout.write_record(tmp_path, name, BEATS + 0.1, "2014-05-08 05:05:15")
        (tmp_path / table).write_text(lines)
        return tmp_path

    return write


@pytest.fixture
def ingested(run):
    def found(root, **changed):
        unknown = {"require_age": False, "require_sex": False}
        return run("cinc2017", root, **unknown, **changed)

    return found


def reasons(found):
    return dict(zip(found.quarantine["record_id"], found.quarantine["reason"], strict=True))


def test_published_headers_are_read_date_before_time_and_all(cinc, ingested):
    found = ingested(cinc())
    assert (
        (cinc() / "A00001.hea").read_bytes().startswith(b"A00001 1 300 3000 2014-05-08 05:05:15 ")
    )
    assert b"\r\n" in (cinc() / "A00001.hea").read_bytes()
    assert found.quarantine.empty
    assert set(found.records["leads"]) == {"I"}
    assert set(found.records["fs_hz"]) == {300.0}
    assert (found.records["patient_id"] == found.records["record_id"]).all()


def test_exactly_one_class_is_present(cinc, ingested):
    labels = ingested(cinc("A00001,~\nA00002,O\n")).labels
    assert list(labels.columns) == ["record_id", "normal", "af", "other", "noisy"]
    assert (labels.iloc[:, 1:].sum(axis=1) == 1).all()
    assert (labels["noisy"].iloc[0], labels["other"].iloc[1]) == (1, 1)


def test_an_older_version_of_the_labels_is_a_parameter(cinc, ingested):
    root = cinc("A00001,A\nA00002,A\n", "REFERENCE-v0.csv")
    found = ingested(root, cinc2017__labels="REFERENCE-v0.csv")
    assert found.labels["af"].sum() == 2
    with pytest.raises(PedecgError, match=r"REFERENCE-v3.csv: not found.*here are: REFERENCE-v0"):
        ingested(root)


def test_a_label_outside_the_classes_is_quarantined(cinc, ingested):
    found = ingested(cinc("A00001,N\nA00002,X\n"))
    assert reasons(found) == {"A00002": "unknown-class"}


def test_a_matrix_of_the_wrong_shape_is_quarantined(cinc, ingested):
    root = cinc()
    file = root / "A00002.mat"
    whole = bytearray(file.read_bytes())
    whole[4:12] = whole[8:12] + whole[4:8]  # rows and columns change places
    file.write_bytes(bytes(whole))
    found = ingested(root)
    assert reasons(found) == {"A00002": "bad-matrix"}
    assert "a matrix of 3000 x 1; expected 1 x 3000" in found.quarantine["detail"].iloc[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: (root / "A00002.mat").write_bytes(b""), "truncated-signal"),
        (lambda root: (root / "A00002.mat").unlink(), "missing-signal"),
        (lambda root: (root / "A00002.hea").unlink(), "missing-header"),
        (lambda root: (root / "A00002.hea").write_bytes(b"\r\n"), "empty-header"),
    ],
    ids=["empty", "no matrix", "no header", "blank header"],
)
def test_an_empty_or_absent_recording_is_quarantined(cinc, ingested, change, reason):
    root = cinc()
    change(root)
    assert reasons(ingested(root)) == {"A00002": reason}


def test_a_table_that_is_none_stops_in_one_line(cinc, ingested):
    with pytest.raises(PedecgError, match="line 1: 3 fields; expected a recording and a label"):
        ingested(cinc("A00001,N,1\n"))
    with pytest.raises(PedecgError, match="empty"):
        ingested(cinc("\n"))


@pytest.mark.real
def test_all_real_recordings_are_read(shared_data, ingested):
    found = ingested(shared_data / "cinc2017_sample")
    counts = {name: label["present"] for name, label in found.metrics["labels"].items()}
    assert counts == {"normal": 109, "af": 34, "other": 48, "noisy": 29}
    assert found.metrics["quarantined"] == 0
