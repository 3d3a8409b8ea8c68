"""A small made-up cohort: labels, splits and the predictions of models of stated skill."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from pedecg.core import tables
from pedecg.evaluation import cases, evaluate, fit_calibration
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.evaluate import Calibrated, Scored, Scoring
from pedecg.evaluation.fit_calibration import CalibrationSettings

settings.register_profile("unhurried", deadline=None)  # the cores may be busy with other work
settings.load_profile("unhurried")

TARGETS = ("abnormal", "chd", "kawasaki")
CALIBRATION = CalibrationSettings(
    methods=["none", "temperature", "platt", "isotonic"],
    folds=3,
    seed=0,
    rule="specificity",
    rate=0.95,
)


@dataclass(frozen=True)
class Evaluated:
    """One made-up model, taken the whole way that the evaluate stage goes."""

    fitted: Calibration
    raw: dict[str, np.ndarray]
    stated: dict[str, Calibrated]
    scored: dict[str, Scored]


@dataclass(frozen=True)
class Cohort:
    """Three splits of made-up children; `predictions` asks a made-up model."""

    records: pd.DataFrame
    labels: pd.DataFrame
    splits: pd.DataFrame

    def predictions(self, skill: float, seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
        """Return predictions that are noise at skill 0 and near certain at skill 5."""
        rng = np.random.default_rng([int(100 * skill)])
        known = self.labels.set_index("record_id").loc[self.splits["record_id"]]
        y = known.astype("float64").fillna(0.5).to_numpy()
        parts = []
        for seed in seeds:
            logit = skill * (y - 0.5) + rng.normal(size=y.shape)
            wide = pd.DataFrame(1 / (1 + np.exp(-logit)), columns=known.columns, index=known.index)
            long = wide.reset_index().melt("record_id", var_name="label", value_name="probability")
            parts.append(long.assign(seed=seed))
        together = pd.concat(parts, ignore_index=True)
        together["split"] = together["record_id"].map(self.splits.set_index("record_id")["split"])
        return tables.check(together[list(tables.PREDICTIONS.columns)], tables.PREDICTIONS, "made")

    def evaluate(self, predictions: pd.DataFrame, scoring: Scoring) -> Evaluated:
        """Calibrate on validation and score validation and test."""
        who = {s: cases.of_split(self.labels, self.splits, s) for s in ("validation", "test")}
        raw = {name: cases.probabilities(predictions, one, "made") for name, one in who.items()}
        seeds = sorted(set(predictions["seed"]))
        enough = evaluate.enough(who["validation"], scoring.min_positives)
        fitted = fit_calibration.fit(
            "made", who["validation"], raw["validation"], seeds, CALIBRATION, enough
        )
        stated = {name: evaluate.calibrated(fitted, p, seeds) for name, p in raw.items()}
        scored = {name: evaluate.score(one, stated[name], scoring) for name, one in who.items()}
        return Evaluated(fitted, raw, stated, scored)


def make_cohort(seed: int = 0, patients: int = 200) -> Cohort:
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        split = tables.SPLITS_IN_ORDER[patient % 3]
        prone = rng.random(len(TARGETS)) < (0.5, 0.25, 0.02)
        for visit in range(1 + int(rng.random() < 0.3)):
            y = [float(p) if rng.random() > 0.05 else np.nan for p in prone]
            record_id = f"P{patient:04d}_E{visit:02d}"
            rows.append((record_id, f"P{patient:04d}", split, int(rng.integers(5000)), *y))
    frame = pd.DataFrame(rows, columns=["record_id", "patient_id", "split", "age_days", *TARGETS])
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    records = frame[["record_id", "patient_id", "age_days"]].assign(
        path=frame["record_id"],
        fs_hz=500.0,
        n_samples=5000,
        leads="I II III aVR aVL aVF V1 V3 V5",
        sex="female",
        acquired_at=None,
        fold=None,
        source_split=None,
    )
    return Cohort(
        records=tables.check(records, tables.RECORDS, "made"),
        labels=tables.check(frame[["record_id", *TARGETS]], tables.LABELS, "made"),
        splits=tables.check(frame[["record_id", "patient_id", "split"]], tables.SPLITS, "made"),
    )


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture(scope="session")
def scoring() -> Scoring:
    return Scoring(bootstrap=100, seed=0, min_positives=10)
