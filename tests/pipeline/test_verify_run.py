"""`pedecg verify` on a real run: what was committed passes, a planted change does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scratch import Project

pytestmark = pytest.mark.slow


def verified(project: Project) -> tuple[int, list[str]]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pedecg")), "verify"],
        cwd=project.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines()


def test_a_committed_run_passes_and_a_planted_change_does_not(project: Project) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["add", "-A"], ["commit", "-qm", "run"]):
        project.run(*git, *step)
    status, lines = verified(project)
    assert (status, len(lines)) == (0, 1)

    file = project.folder / "metrics/evaluate/rules.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["test"]["macro"]["auroc"]["value"] += 0.002
    file.write_text(json.dumps(values), encoding="utf-8")
    status, lines = verified(project)
    assert status == 1
    assert lines[0].startswith("different")
    assert "metrics/evaluate/rules.json: test.macro.auroc.value" in lines[0]
