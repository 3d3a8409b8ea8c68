"""A run to report on: the metrics that the project holds in git, and small pictures and tables."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pedecg.core import params, tables
from pedecg.evaluation import external_table
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = (
    "target,kind,rank,record_id,patient_id,probability,threshold,age_days,sex,rules_met,picture\n"
    "chd,false_positive,1,P1_E1,P1,0.91,0.44,400,male,<b>QRS axis</b> 178°,chd_1.png\n"
)

DIFFERENCES = (
    "metric,target,first,second,difference,low,high,p,p_delong,p_holm,p_delong_holm\n"
    "auroc,chd,rules,ensemble,-0.2,-0.3,-0.1,0.01,0.01,0.04,0.04\n"
)


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """A folder as a pipeline leaves it, without signals."""
    shutil.copytree(ROOT / "metrics", tmp_path / "metrics")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("compare/forest", "atlas/atlas", "errors/chd_1"):
        noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        file = tmp_path / "plots" / f"{name}.png"
        file.parent.mkdir(parents=True)
        Image.fromarray(noise).save(file)
    (tmp_path / "data/errors").mkdir(parents=True)
    (tmp_path / "data/errors/mistakes.csv").write_text(MISTAKES, encoding="utf-8")
    (tmp_path / "plots/compare/differences.csv").write_text(DIFFERENCES, encoding="utf-8")
    shutil.rmtree(tmp_path / "metrics/external", ignore_errors=True)
    (tmp_path / "metrics/external").mkdir()
    found = {"second_hospital": external_figures()}
    tables.write_metrics(
        found["second_hospital"], tmp_path / "metrics/external/second_hospital.json"
    )
    summary = external_table.summary("resnet1d", found)
    tables.write_metrics(summary, tmp_path / "metrics/external_summary.json", "external_summary")
    return RunFiles(tmp_path)


def external_figures() -> dict[str, Any]:
    """What stage external_validation writes, with the figures of a model's own test set."""
    evaluated = json.loads((ROOT / "metrics/evaluate/resnet1d.json").read_text(encoding="utf-8"))
    test = evaluated["test"]
    known = {"predicted": 0.31, "observed": 0.28, "intercept": -0.12}
    for one in test["targets"].values():
        one["calibration_in_the_large"] = known
    targets = list(test["targets"])
    return {
        "model": "resnet1d",
        "mapping": {target: target for target in targets},
        "unknown_targets": [],
        "left_out": {"too_old": 3},
        "macro_auroc": {"internal": 0.8, "external": 0.7},
        "internal": test,
        "external": test,
        "external_minus_internal": {
            target: {"auroc": {"value": -0.1, "low": -0.2, "high": 0.0}} for target in targets
        },
    }


@pytest.fixture
def settings() -> ReportSettings:
    return params.load("report", ReportSettings, ROOT / "params.yaml")


Change = Callable[[str, Callable[[Any], None]], RunFiles]


@pytest.fixture
def change(run: RunFiles) -> Change:
    """Change one metrics file of the run; the run, read anew."""

    def apply(name: str, edit: Callable[[Any], None]) -> RunFiles:
        file = run.root / f"metrics/{name}.json"
        values = json.loads(file.read_text(encoding="utf-8"))
        edit(values)
        file.write_text(json.dumps(values), encoding="utf-8")
        return RunFiles(run.root)

    return apply
