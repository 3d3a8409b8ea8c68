"""Lead statistics are exact and know the training records only."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.signals import lead_statistics, signal_store

STAGE = Path(__file__).resolve().parents[2] / "stages" / "lead_statistics.py"


@pytest.fixture
def made(tmp_path):
    """Return a maker of a store of six records; the last two can be multiplied."""

    def make(name: str, factor: int = 1) -> signal_store.SignalStore:
        rng = np.random.default_rng(0)
        records = []
        for i in range(6):
            counts = rng.integers(-2000, 2500, (3, 100 + i), np.int16)
            mask = np.array([True, i % 2 == 0, False])
            counts[~mask] = 0
            records.append((f"R{i}", counts * np.int16(factor if i > 3 else 1), mask))
        signal_store.write_store(tmp_path / name, 250, ("I", "II", "V6"), records)
        return signal_store.open_store(tmp_path / name)

    return make


def test_they_equal_numpys_over_the_records_that_have_the_lead(made):
    signals = made("s")
    found = lead_statistics.of_leads(signals, np.array([0, 1, 2, 3]))
    first = np.concatenate([signals.millivolts(i)[0] for i in range(4)]).astype(float)
    second = np.concatenate([signals.millivolts(i)[1] for i in (0, 2)]).astype(float)
    assert found["leads"] == ["I", "II", "V6"]
    assert found["mean_mv"] == pytest.approx([first.mean(), second.mean(), 0], rel=1e-5)
    assert found["sd_mv"] == pytest.approx([first.std(), second.std(), 1], rel=1e-5)
    assert found["records"] == [4, 2, 0]


def test_the_order_of_the_records_changes_not_a_bit(made):
    signals = made("s")
    assert lead_statistics.of_leads(signals, np.arange(6)) == lead_statistics.of_leads(
        signals, np.arange(6)[::-1]
    )


def test_changing_test_records_changes_nothing_that_the_stage_writes(made, tmp_path):
    written = []
    for name, factor in (("a", 1), ("b", 7)):
        made(f"{name}/data/processed/signals", factor)
        splits = pd.DataFrame(
            {
                "record_id": [f"R{i}" for i in range(6)],
                "patient_id": [f"P{i}" for i in range(6)],
                "split": ["train"] * 4 + ["validation", "test"],
            }
        )
        tables.write(splits, tmp_path / name / "data/interim/splits.parquet", tables.SPLITS)
        subprocess.run([sys.executable, STAGE], cwd=tmp_path / name, check=True)
        written.append((tmp_path / name / "data/processed/lead_statistics.json").read_bytes())
    assert written[0] == written[1]
    assert set(json.loads(written[0])) == {"leads", "mean_mv", "sd_mv", "records"}
