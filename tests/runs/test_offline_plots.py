"""`dvc plots` draws without a network once `scripts/offline_plots.py` has run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "offline_plots.py"


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder; return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
def test_curves_are_drawn_without_a_network(tmp_path: Path, engine: Any) -> None:
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "dvc", "init", "-q")
    (tmp_path / "loss.csv").write_text("epoch,loss\n1,0.9\n2,0.5\n3,0.4\n")
    (tmp_path / "dvc.yaml").write_text("plots:\n  - loss.csv: {x: epoch, y: loss}\n")
    run(tmp_path, sys.executable, str(SCRIPT))
    run(tmp_path, "dvc", "plots", "show", "-o", "drawn")
    context = engine.new_context(offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto((tmp_path / "drawn" / "index.html").as_uri())
    page.wait_for_selector("canvas, svg.marks", timeout=30_000)
    context.close()
    assert not faults


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("no DVC repository; run this in the root of the project")
