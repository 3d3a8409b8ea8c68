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
from typing import Any

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
    from pedecg.tabular import boosted_trees as boosted
    from pedecg.tabular import linear as naive
    from pedecg.tabular import random_trees as trees
    from pedecg.tabular import rule_score as baseline

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
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids, "split": part})
    sex = np.where(rng.random(n) < 0.5, "female", "male")
    records = pd.DataFrame({"record_id": ids, "age_days": rng.uniform(1, 6500, n), "sex": sex})

    def all_of(model: Any, predictions: pd.DataFrame) -> str:
        own = sorted(vars(model).items()) if hasattr(model, "seed") else model
        told = [f"{k}={v.tobytes().hex() if isinstance(v, np.ndarray) else v!r}" for k, v in own]
        told.append(predictions["probability"].to_numpy().tobytes().hex())
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    found: dict[str, Any] = {}
    curves, told = baseline.train(
        features.assign(record_id=ids), labels, splits, 0, baseline.RulesSettings(max_slope=5.0)
    )
    found["rules"] = all_of(sorted(curves.items()), told)
    grow = trees.TreesSettings(trees=20, min_leaf=3, feature_share=0.3, balance=1.0)
    found["rules_trees"] = all_of(*trees.train(features, ids, labels, splits, 0, grow))
    boost = boosted.BoostedSettings(
        models=2, rounds=10, learning_rate=0.1, depth=3, min_leaf=3, record_share=0.7,
        feature_share=0.3, balance=0.5,
    )  # fmt: skip
    for name, truth, exclusive in (("boosted", labels, False), ("boosted classes", classes, True)):
        model, told = boosted.train(
            features, ids, truth, splits, 0, boost, exclusive=exclusive
        )  # fmt: skip
        found[f"rules_{name}"] = all_of(model, told)
    for method in ("temperature", "platt"):
        settings = ensemble.EnsembleSettings(members=["m"], method=method, min_positives=5)
        other = classes if exclusive else labels
        members, calibrated = ensemble.fit("m", told, other, settings)
        curves = {f"{m.model}{m.seed}": m.curves for m in members}
        found[f"ensemble {method}"] = all_of(sorted(curves.items()), calibrated)
    basis = naive.age_and_sex(records)
    found["age and sex"] = hashlib.sha256(basis.to_numpy().tobytes()).hexdigest()
    for name, table, strength in (("age_sex", basis, 1.0), ("rules_linear", features, 0.01)):
        linear = naive.LinearSettings(strength=strength)
        _, told = naive.train(name, table, ids, labels, splits, 0, linear)
        found[name] = told["probability"].tolist()
    return found


def main() -> None:
    folder, *wanted = sys.argv[1:]
    sys.path.insert(0, str(ROOT / "stages"))
    os.chdir(folder)
    found = tabular() if wanted == ["tabular"] else {stage: run(stage) for stage in wanted}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
