"""Tables are checked on both ends, written whole or not at all, and byte for byte the same."""

from pathlib import Path

import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError


def splits() -> pd.DataFrame:
    return pd.DataFrame(
        {"record_id": ["a", "b"], "patient_id": ["p", "q"], "split": ["train", "test"]}
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    tables.write(splits(), tmp_path / "t.parquet", tables.SPLITS)
    read = tables.read(tmp_path / "t.parquet", tables.SPLITS)
    pd.testing.assert_frame_equal(read, splits(), check_dtype=False)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        tables.write(splits(), tmp_path / name, tables.SPLITS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_unknown_labels_stay_unknown(tmp_path: Path) -> None:
    labels = pd.DataFrame({"record_id": ["a", "b", "c"], "chd": [1, None, 0]})
    tables.write(labels, tmp_path / "l.parquet", tables.LABELS)
    read = tables.read(tmp_path / "l.parquet", tables.LABELS)
    assert read["chd"].isna().tolist() == [False, True, False]
    assert pd.read_parquet(tmp_path / "l.parquet")["chd"].isna().sum() == 1


@pytest.mark.parametrize(
    ("broken", "stated"),
    [
        (splits().drop(columns="split"), "column split not found; columns are record_id"),
        (splits().assign(split="dev"), "split"),
        (splits().assign(record_id="a"), "record_id"),
        (splits().assign(patient_id=""), "patient_id"),
        (splits().assign(more=1), "more"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(
    tmp_path: Path, broken: pd.DataFrame, stated: str
) -> None:
    with pytest.raises(PedecgError, match=stated) as caught:
        tables.write(broken, tmp_path / "t.parquet", tables.SPLITS)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    tables.write_text("old", file)

    def write_half() -> None:
        with tables.replacing(file) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_missing_or_broken_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(PedecgError, match="not found"):
        tables.read(tmp_path / "none.parquet", tables.SPLITS)
    (tmp_path / "bad.parquet").write_text("no parquet")
    with pytest.raises(PedecgError, match="not a parquet table"):
        tables.read(tmp_path / "bad.parquet", tables.SPLITS)


def test_metrics_hold_no_nan(tmp_path: Path) -> None:
    tables.write_metrics({"auroc": float("nan"), "n": 3, "x": 1 / 3}, tmp_path / "m.json")
    assert (
        tmp_path / "m.json"
    ).read_text() == '{\n  "auroc": null,\n  "n": 3,\n  "x": 0.333333\n}\n'
