"""A hospital's folder of mixed formats, a person's data planted in every file of it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pedecg import cli

# The writers of every format are those of the readers' tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "cohorts"))


@pytest.fixture
def pedecg(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line with arguments; `exception` is the fault that the shell shows."""
    monkeypatch.setenv("PEDECG_JOBS", "1")

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """Write one file of each format, each with another sample, and no table."""
    import format_files
    import vendor_files

    root = tmp_path / "hospital"
    (root / "export").mkdir(parents=True)
    for number, (name, form) in enumerate(format_files.WRITERS.items()):
        fs_hz = format_files.FIXED_RATE.get(name, 500)
        leads = vendor_files.ecg_mv(fs_hz)
        leads["V6"] = leads["V6"].copy()
        leads["V6"][0] += number * vendor_files.STEP_MV
        form.write(root / "export" / f"{number:02d}{form.suffix}", leads, fs_hz)
    return root
