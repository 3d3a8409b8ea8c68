"""Made-up tables of a cohort: repeated examinations, rare and unknown labels, two lead sets."""

import numpy as np
import pandas as pd

from pedecg.core import tables
from pedecg.core.records import LEADS, NINE_LEADS

Cohort = tuple[pd.DataFrame, pd.DataFrame]


def ingested(
    targets: tuple[str, ...] = ("abnormal", "chd", "kawasaki"),
    patients: int = 200,
    ages: bool = True,
    source_quality: bool = True,
    nine_leads: bool = True,
) -> dict[str, pd.DataFrame]:
    """Return the five tables of `audit.tables_of` as ingest leaves them, by argument name."""
    rng = np.random.default_rng(1)
    visits = np.where(rng.random(patients) < 0.2, 3, 1)
    patient = np.repeat(np.arange(patients), visits)
    n = len(patient)
    age = rng.integers(1, 5475, patients)[patient]
    nine = (rng.random(n) < np.exp(-age / 700)) & nine_leads
    leads = np.where(nine, " ".join(NINE_LEADS), " ".join(LEADS))
    ids = [f"R{i:04d}" for i in range(n)]
    records = pd.DataFrame(
        {
            "record_id": ids,
            "patient_id": [f"P{p:04d}" for p in patient],
            "path": "x",
            "fs_hz": 500.0,
            "n_samples": rng.choice([5000, 15000, 60000], n, p=[0.2, 0.7, 0.1]),
            "leads": leads,
            "age_days": pd.array(age if ages else [None] * n, "Int64"),
            "sex": np.where(rng.random(n) < 0.5, "female", "male"),
            "acquired_at": None,
            "fold": None,
            "source_split": None,
        }
    )
    labels = pd.DataFrame({"record_id": ids})
    for k, target in enumerate(targets):
        labels[target] = (rng.random(n) < 0.7 / (1 + 4 * k)).astype(int)
        labels.loc[rng.random(n) < 0.1, target] = None
    rows = [(r, lead) for r, names in zip(ids, leads, strict=True) for lead in names.split()]
    quality = pd.DataFrame(rows, columns=["record_id", "lead"])
    m = len(quality)
    quality["usable"] = rng.random(m) > 0.02
    quality["flaw"] = [None if usable else "flat" for usable in quality["usable"]]
    quality["peak_mv"] = rng.gamma(3, 0.5, m)
    quality["saturated_fraction"] = np.where(rng.random(m) < 0.05, 0.001, 0)
    quality["flat_fraction"] = quality["nonfinite_fraction"] = 0.0
    quality["psqi"] = rng.beta(8, 5, m)
    quality["bassqi"] = rng.beta(20, 1, m)
    for measure in ("psqi", "bassqi"):
        noisy = (quality[measure] + rng.normal(0, 0.03, m)).clip(0, 1)
        quality[f"source_{measure}"] = noisy if source_quality else None
    quality["source_bsqi"] = None
    findings = pd.DataFrame(
        {
            "record_id": ids,
            "vocabulary": "aha",
            "code": rng.choice(["A1", "C21", "K142"], n),
            "modifiers": None,
            "description": "in words",
            "likelihood": None,
        }
    )
    quarantine = pd.DataFrame(
        {"record_id": ["Q1", "Q2"], "reason": "corrupt-signal", "detail": "checksum"}
    )
    made = {
        "records": (records, tables.RECORDS),
        "labels": (labels, tables.LABELS),
        "quarantine": (quarantine, tables.QUARANTINE),
        "findings": (findings, tables.FINDINGS),
        "quality": (quality, tables.QUALITY),
    }
    return {name: tables.check(t, schema, name) for name, (t, schema) in made.items()}


def repeated_examinations(patients: int = 300, seed: int = 0, unknown: float = 0.1) -> Cohort:
    """Return records and labels; younger children have nine leads more often."""
    rng = np.random.default_rng(seed)
    visits = np.where(rng.random(patients) < 0.15, rng.integers(2, 8, patients), 1)
    patient = np.repeat(np.arange(patients), visits)
    n = len(patient)
    age = rng.integers(1, 5475, patients)[patient] + rng.integers(0, 200, n)
    nine = (rng.random(patients) < 0.15)[patient]
    records = pd.DataFrame(
        {
            "record_id": [f"R{i:05d}" for i in range(n)],
            "patient_id": [f"P{i:05d}" for i in patient],
            "path": "x",
            "fs_hz": 500.0,
            "n_samples": 5000,
            "leads": np.where(nine, " ".join(NINE_LEADS), " ".join(LEADS)),
            "age_days": pd.array(age, "Int64"),
            "sex": np.where(rng.random(patients) < 0.43, "female", "male")[patient],
            "acquired_at": None,
            "fold": None,
            "source_split": None,
        }
    )
    records.loc[rng.random(n) < 0.02, ["age_days", "sex"]] = None
    prevalence = {"abnormal": 0.8, "chd": 0.2, "kawasaki": 0.03}
    labels = pd.DataFrame({"record_id": records["record_id"]})
    for target, share in prevalence.items():
        labels[target] = (rng.random(patients) < share)[patient].astype(int)
        labels.loc[rng.random(n) < unknown, target] = None
    return (
        tables.check(records, tables.RECORDS, "records"),
        tables.check(labels, tables.LABELS, "labels"),
    )
