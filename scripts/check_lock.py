"""Check that every dvc.lock is current: code, parameters and declared inputs are the locked ones.

In a fresh clone there is no data, so nothing is run: `dvc repro --dry --allow-missing` says which
stages would run. It exits with 0 even then, so what it prints decides.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def pipelines() -> list[Path]:
    """Return the folders of all pipelines: the root and its siblings."""
    return [ROOT, *sorted(file.parent for file in ROOT.glob("pipelines/*/dvc.yaml"))]


def stages_that_would_run(folder: Path) -> list[str]:
    """Return the names of the stages that differ from the lock file of a pipeline's folder."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}:\n{done.stdout}{done.stderr}")
    lines = done.stdout.splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", help="all pipelines where none is named")
    stale = {
        folder: stages
        for folder in parser.parse_args().folders or pipelines()
        if (stages := stages_that_would_run(folder))
    }
    for folder, stages in stale.items():
        print(f"{folder / 'dvc.lock'} is not current; would run: {', '.join(stages)}")
    if stale:
        sys.exit("mend: make repro-all")
    print("every dvc.lock is current: code, parameters and declared inputs are as locked")


if __name__ == "__main__":
    main()
