"""Publish what the benchmark pipeline measured last, with date, commit and data.

    python scripts/publish_benchmarks.py

Copies each of ``pipelines/benchmarks/metrics/*.json`` that holds a measurement into
``pipelines/benchmarks/published/`` and adds ``measured``: date and hash of the commit that was run,
and the checksum of the data as in ``dvc.lock``. The tables of README.md and docs/
are made from these files (``python scripts/docs_tables.py``).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pedecg.core import params, tables

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ROOT / "pipelines" / "benchmarks"
CODE = ("src", "stages", "presets", "params.yaml", "pipelines/arrhythmia", "pipelines/delineation")
# Which parameter names the data of which metrics file; a file without needs no data.
DATA = {
    "delineation_ludb": "data.delineation.ludb",
    "delineation_qtdb": "data.delineation.qtdb",
    "ptbxl": "data.ptbxl",
    "cinc2017": "data.cinc2017",
    "vendor_agreement": "data.vendor_xml",
    "criterion_agreement": "data.ptbxl",
}


def publish(pipeline: Path, commit: str, date: str) -> list[str]:
    """Copy the measurements of a pipeline's folder; return the names of the files."""
    lock = YAML(typ="safe").load((pipeline / "dvc.lock").read_text(encoding="utf-8"))
    deps = {dep["path"]: dep for stage in lock["stages"].values() for dep in stage.get("deps", [])}
    published = []
    for file in sorted((pipeline / "metrics").glob("*.json")):
        metrics: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if not metrics["records"]:
            continue
        measured: dict[str, Any] = {"date": date, "commit": commit}
        if file.stem in DATA:
            root = params.read_section(DATA[file.stem], pipeline / params.PARAMS_FILE)
            measured["data"] = {key: deps[root][key] for key in ("md5", "nfiles")}
        tables.write_metrics({"measured": measured, **metrics}, pipeline / "published" / file.name)
        published.append(file.stem)
    return published


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    changed = _git("status", "--porcelain", "--", *CODE)
    if changed:
        sys.exit(f"error: uncommitted changes, so that no commit says what was run:\n{changed}")
    commit, date = _git("log", "-1", "--abbrev=10", "--format=%h %cs").split()
    for name in publish(PIPELINE, commit, date):
        print(f"published: {name} ({date}, {commit})")


if __name__ == "__main__":
    main()
