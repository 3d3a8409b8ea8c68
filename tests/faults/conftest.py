"""Fault injection: a small cohort, its stages as processes, and the counts that are printed.

`make faults` runs the full form (``FAULTS=full``), CI the short one. Everything is drawn from
``FAULTS_SEED`` (default 0), so that a failure can be repeated.
"""

import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "cohorts"))  # writers and mutations
sys.path.append(str(Path(__file__).resolve().parents[1] / "pipeline"))  # scratch projects

import stage_process

FULL = os.environ.get("FAULTS") == "full"
SEED = int(os.environ.get("FAULTS_SEED", "0"))
_COUNTS: dict[str, Counter[str]] = {}


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Counter[str]:
    """Outcomes of the faults of one test, by class; printed at the end."""
    return _COUNTS.setdefault(request.node.name, Counter())


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{SEED}/{request.node.name}")


@pytest.fixture
def repeats(request: pytest.FixtureRequest) -> int:
    """How often a fault is injected: the marker ``repeats(short, full)`` of the test."""
    short, full = request.node.get_closest_marker("repeats").args
    return int(full if FULL else short)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> stage_process.Run:
    """A small cohort on which `stage_process.STAGES` have run without a fault."""
    run = stage_process.Run(tmp_path_factory.mktemp("whole"))
    run.prepare()
    return run


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "repeats(short, full): number of faults of each form")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _COUNTS:
        return
    terminalreporter.section(f"faults ({'full' if FULL else 'short'} form, seed {SEED})")
    for test, outcomes in sorted(_COUNTS.items()):
        said = ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))
        terminalreporter.write_line(f"{test}: {sum(outcomes.values())}: {said}")
