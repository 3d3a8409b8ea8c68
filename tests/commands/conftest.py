"""Recordings of a simulated child, and the command line as a user calls it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import wfdb
from typer.testing import CliRunner, Result

from pedecg import cli
from pedecg.core import params
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.delineator import simulated_records

PARAMS = Path(__file__).parents[2] / "pipelines" / "delineation" / "params.yaml"
RECORDS = {"twelve": LEADS, "nine": NINE_LEADS, "one": ("II",), "holter": ("MLII", "V5")}
SOURCE = {"MLII": "II"}


@pytest.fixture(scope="session")
def child() -> simulated_records.SimulatedRecord:
    """Ten seconds of a healthy child at 120 beats per minute."""
    settings = params.load("simulate", simulated_records.Settings, PARAMS)
    calm = {"slowest_bpm": 120.0, "fastest_bpm": 120.0, "findings": 0.0, "pop_fraction": 0.0}
    return simulated_records.simulate(1, settings.model_copy(update=calm))


@pytest.fixture(scope="session")
def ecgs(
    child: simulated_records.SimulatedRecord, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the child in twelve, nine, two and one lead, and a record that is broken."""
    root = tmp_path_factory.mktemp("ecgs")
    for name, leads in RECORDS.items():
        rows = [LEADS.index(SOURCE.get(lead, lead)) for lead in leads]
        wfdb.wrsamp(
            name, simulated_records.FS_HZ, ["mV"] * len(leads), list(leads),
            p_signal=child.signal_mv[rows].T.astype(float), fmt=["16"] * len(leads),
            comments=["Female 1000"] if name in ("twelve", "nine") else [], write_dir=str(root),
        )  # fmt: skip
    (root / "broken.hea").write_text("")
    return root


@pytest.fixture
def pedecg() -> Callable[..., Result]:
    """Call the command line with arguments; `exception` is the fault that the shell shows."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])

    return call
