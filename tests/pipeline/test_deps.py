"""dvc.yaml declares exactly the code that each stage imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pipelines() -> list[str]:
    found = [ROOT / "dvc.yaml", *sorted(ROOT.glob("pipelines/*/dvc.yaml"))]
    return [str(file.relative_to(ROOT)) for file in found]


@pytest.mark.parametrize("file", pipelines())
def test_deps_equal_the_imports(file: str) -> None:
    command = [sys.executable, "scripts/stage_deps.py", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}mend: {' '.join(command)} --write"


def test_packages_import_nothing_by_themselves() -> None:
    full = [p for p in ROOT.glob("src/pedecg/**/__init__.py") if p.read_text("utf-8").strip()]
    assert not full, "an import of one module must not drag in its neighbours"


def test_every_stage_says_what_it_does() -> None:
    from ruamel.yaml import YAML

    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert not [name for name, entry in stages.items() if not entry.get("do", entry).get("desc")]
