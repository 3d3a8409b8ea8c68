"""A table written a group of records at a time holds what a table written at once holds."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core import row_groups, tables
from pedecg.core.errors import PedecgError


def waves(record: int, beats: int = 3) -> pd.DataFrame:
    """Return waves of one record, columns of `tables.WAVES`; none of every tenth record."""
    n = 0 if record % 10 == 9 else beats
    times = np.arange(n) * 0.5 + record / 1000
    return pd.DataFrame(
        {
            "record_id": [f"r{record:05}"] * n, "lead": ["global", "II", "V1"][record % 3],
            "wave": "QRS", "onset_s": times, "peak_s": times + 0.04, "offset_s": times + 0.08,
            "confidence": np.nan,
        }
    )  # fmt: skip


def frames(records: int, beats: int = 3) -> Iterator[pd.DataFrame]:
    return (waves(record, beats) for record in range(records))


@pytest.mark.parametrize("records", [0, 1, 64, 65, 200])
def test_the_rows_are_those_of_one_table(records: int, tmp_path: Path) -> None:
    path = tmp_path / "waves.parquet"
    row_groups.write(frames(records), path, tables.WAVES)
    whole = tables.read(path, tables.WAVES)
    parts = list(row_groups.read(path, tables.WAVES))
    assert len(parts) == max(1, -(-records // row_groups.RECORDS_IN_GROUP))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    if records:
        at_once = tmp_path / "at_once.parquet"
        tables.write(pd.concat(frames(records)), at_once, tables.WAVES)
        pd.testing.assert_frame_equal(whole, tables.read(at_once, tables.WAVES))
        only = tables.read(path, tables.WAVES, {"lead": ["global"]})
        pd.testing.assert_frame_equal(only, whole[whole["lead"] == "global"].reset_index(drop=True))


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        row_groups.write(frames(100), tmp_path / name, tables.WAVES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_wrong_row_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "waves.parquet"
    row_groups.write(frames(3), path, tables.WAVES)
    before = path.read_bytes()
    wrong = (one.assign(wave="U") if k == 150 else one for k, one in enumerate(frames(200)))
    with pytest.raises(PedecgError, match=r"waves\.parquet: .*wave"):
        row_groups.write(wrong, path, tables.WAVES)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_memory_holds_a_few_groups_and_not_the_table(tmp_path: Path) -> None:
    path = tmp_path / "waves.parquet"
    tracemalloc.start()
    row_groups.write(frames(1920, beats=100), path, tables.WAVES)
    n = sum(len(part) for part in row_groups.read(path, tables.WAVES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 1920 * 90
    assert peak < 0.25 * tables.read(path, tables.WAVES).memory_usage(deep=True).sum()
