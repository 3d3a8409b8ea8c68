"""The stages up to rule features, or the tabular models, in one process; prints a digest of each.

    python small_run.py <scratch folder> simulate ingest …
    python small_run.py <scratch folder> tabular

The folder holds a ``params.yaml``. What the environment sets (threads, kernels, processor features)
is set by the caller, since libraries read it when they are loaded.
"""

import hashlib
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
# Stage -> its arguments and what it writes.
STAGES: dict[str, tuple[list[str], list[str]]] = {
    "simulate": (["simulate"], ["data/raw/simulated", "data/truth/simulated"]),
    "ingest": ([], ["data/interim", "metrics/ingest.json"]),
    "split": ([], ["data/interim/splits.parquet"]),
    "preprocess": ([], ["data/processed/signals"]),
    "lead_statistics": ([], ["data/processed/lead_statistics.json"]),
    "delineate": ([], ["data/features/waves.parquet"]),
    "rule_features": ([], ["data/features/rules.parquet"]),
}


def digest(*paths: Path) -> str:
    """Return a digest of files, and of all files in folders with their names."""
    total = hashlib.sha256()
    for path in paths:
        assert path.exists(), path
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                total.update(str(file.relative_to(path)).encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def run(stage: str) -> str:
    """Run a stage in the working directory as the pipeline would; return the digest of it."""
    arguments, made = STAGES[stage]
    sys.argv = [f"stages/{stage}.py", *arguments]
    runpy.run_path(str(ROOT / f"stages/{stage}.py"), run_name="__main__")
    return digest(*map(Path, made))


def tabular() -> dict[str, Any]:
    """Train every tabular model on the same random numbers; return digests and probabilities."""
    from pedecg.evaluation import ensemble
    from pedecg.learning import batches
    from pedecg.models import registry
    from pedecg.models.contract import Training
    from pedecg.tabular.shared import design

    rng = np.random.default_rng(0)
    n = 400
    ids = pd.Series([f"r{i:03}" for i in range(n)])
    measures = rng.normal(size=(n, 30))
    measures[rng.random((n, 30)) < 0.1] = np.nan
    features = pd.DataFrame(measures, columns=[f"z_{k}" for k in range(30)])
    sign = np.nan_to_num(measures[:, 0]) + rng.normal(size=n)
    labels = pd.DataFrame({"record_id": ids, "chd": sign > 0.8, "abnormal": sign > 0})
    labels = labels.astype({"chd": "Int8", "abnormal": "Int8"})
    classes = pd.DataFrame({"record_id": ids, "low": sign < -0.5, "high": sign > 0.5})
    classes["between"] = ~(classes["low"] | classes["high"])
    classes = classes.astype(dict.fromkeys(("low", "high", "between"), "Int8"))
    part = rng.choice(["train", "validation", "test"], n, p=[0.6, 0.2, 0.2])
    sex = np.where(rng.random(n) < 0.5, "female", "male")
    records = pd.DataFrame({"record_id": ids, "age_days": rng.integers(1, 6500, n), "sex": sex})

    settings: dict[str, dict[str, Any]] = {
        "age_sex": {"strength": 1.0},
        "rules": {"max_slope": 5.0},
        "rules_boosted": {
            "models": 2, "rounds": 10, "learning_rate": 0.1, "depth": 3, "min_leaf": 3,
            "record_share": 0.7, "feature_share": 0.3, "balance": 0.5,
        },
        "rules_linear": {"strength": 0.01},
        "rules_trees": {"trees": 20, "min_leaf": 3, "feature_share": 0.3, "balance": 1.0},
    }  # fmt: skip
    assert set(settings) == {name for name in registry.names() if registry.kind(name) == "tabular"}
    found: dict[str, Any] = {}
    for name, values in settings.items():
        for task, truth in (("multilabel", labels), ("multiclass", classes)):
            rows = batches.dataset(None, records, truth, features.assign(record_id=ids))
            fitted = registry.fit(
                rows.take(part != "test"), part[part != "test"] == "validation",
                Training(name, values, 0, {"task": task}),
            )  # fmt: skip
            assert fitted is not None
            p = fitted.predict(rows, part == "validation")
            folder = Path("models") / name / task
            fitted.model.save(folder)
            if name in ("age_sex", "rules_linear"):  # their fit has other bits, see `logistic`
                found[f"{name} {task}"] = p.tolist()
                found[f"{name} design"] = hashlib.sha256(
                    cast(design.ScaledModel, fitted.model).design(rows).tobytes()
                ).hexdigest()
                continue
            found[f"{name} {task}"] = [digest(folder), hashlib.sha256(p.tobytes()).hexdigest()]
            predictions = batches.predictions(rows, part, 0, p)
            for method in ("temperature", "platt"):
                how = ensemble.EnsembleSettings(members=["m"], method=method, min_positives=5)
                members, calibrated = ensemble.fit("m", predictions, truth, how)
                reported = hashlib.sha256(
                    calibrated["probability"].to_numpy().tobytes()
                ).hexdigest()
                found[f"{name} {task} {method}"] = [[m.curves for m in members], reported]
    return found


def main() -> None:
    folder, *wanted = sys.argv[1:]
    sys.path.insert(0, str(ROOT / "stages"))
    os.chdir(folder)
    found = tabular() if wanted == ["tabular"] else {stage: run(stage) for stage in wanted}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
