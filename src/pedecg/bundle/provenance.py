"""Provenance of a model: preprocessing of its signals, and its training records.

Read from the folder of a pipeline that has run: ``params.yaml``, ``dvc.lock`` and ``data/``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.bundle import inference_steps
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import folder_hashes, params, tables
from pedecg.core.errors import PedecgError
from pedecg.rules.norms import LIMITS, THRESHOLDS
from pedecg.rules.rule_features import RuleFeaturesSettings
from pedecg.signals import signal_store
from pedecg.signals.preprocess import PreprocessSettings
from pedecg.signals.quality import LeadLimits
from pedecg.signals.signal_store import SignalStore
from pedecg.waves.delineate import DelineateSettings

# What a signal has gone through, and the stages that it went through.
SECTIONS = ("cohort", "ingest", "preprocess", "delineate", "rule_features")
STAGES = ("ingest", "preprocess", "delineate", "rule_features")
LOW_PERCENT = 1  # a lead whose quality is lower than in so many of the training leads is noisy
DATA = (
    "data/interim/records.parquet",
    "data/interim/labels.parquet",
    "data/interim/splits.parquet",
    "data/interim/quality.parquet",
    "data/processed/lead_statistics.json",
)


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes
    ----------
    simulated : the model is trained on simulated data only.
    trained_on : of the training records: how many, of how many patients; the range of their ages,
        days, and of their lengths, s; which of the model's leads they had, the most frequent set
        first; the fewest usable leads that one had; the range of their swings, mV (see
        `inference_steps.swing_mv`); the pSQI and basSQI that `LOW_PERCENT` of
        their usable leads did not reach.
    sha256 : of the tables that it was trained on.
    delineate : how waves are found; a pipeline without that stage: as by default.
    limits, thresholds : files of the criteria.
    """

    cohort: str
    simulated: bool
    preprocess: PreprocessSettings
    ingest: IngestSettings
    trained_on: dict[str, Any]
    sha256: dict[str, str]
    delineate: DelineateSettings
    limits: Path
    thresholds: Path

    def about(self) -> dict[str, Any]:
        """Return the same in plain values, as ``bundle.json`` holds them."""
        return {
            "preprocess": self.preprocess.model_dump(),
            "lead_limits": self.ingest.model_dump(include=set(LeadLimits.model_fields)),
            "required_leads": self.ingest.required_leads,
            "min_fs_hz": self.ingest.min_fs_hz,
            "max_fs_hz": self.ingest.max_fs_hz,
            "delineate": self.delineate.model_dump(),
            "training_data": {
                "cohort": self.cohort,
                "children": "simulated: trained on simulated data only"
                if self.simulated
                else "real",
                "sha256": self.sha256,
            },
            "trained_on": self.trained_on,
        }


def read(project: Path) -> Origin:
    """Read a pipeline's folder.

    Raises
    ------
    PedecgError
        A stage has not run, or ``params.yaml`` has changed since.
    """
    file = project / params.PARAMS_FILE
    lock = _lock(project)
    _require_unchanged(file, lock)
    cohort, root = (params.read_section(f"cohort.{key}", file) for key in ("name", "root"))
    written = [
        out["path"]
        for name, stage in lock.items()
        if name.startswith("simulate")
        for out in stage["outs"]
    ]
    preprocess = params.load("preprocess", PreprocessSettings, file)
    limits, thresholds = _criteria(project, file)
    return Origin(
        cohort=cohort,
        simulated=cohort == "simulated" or root in written,
        preprocess=preprocess,
        ingest=params.load("ingest", IngestSettings, file),
        trained_on=_population(project, preprocess.leads),
        sha256={name: folder_hashes.digest(project / name) for name in DATA},
        delineate=_delineate(file, preprocess.leads),
        limits=limits,
        thresholds=thresholds,
    )


def _delineate(file: Path, leads: list[str]) -> DelineateSettings:
    if "delineate" in params.read_file(file):
        return params.load("delineate", DelineateSettings, file)
    return DelineateSettings.model_validate({"method": "learned", "leads": leads})


def _criteria(project: Path, file: Path) -> tuple[Path, Path]:
    """Return the files of limits and thresholds; the shipped ones where no stage names others."""
    if "rule_features" not in params.read_file(file):
        return LIMITS, THRESHOLDS
    named = params.load("rule_features", RuleFeaturesSettings, file)
    files = project / named.limits, project / named.thresholds
    for one in files:
        if not one.is_file():
            raise PedecgError(f"{one}: not found (rule_features of {file.name})")
    return files


def _population(project: Path, leads: list[str]) -> dict[str, Any]:
    records = tables.read(project / DATA[0], tables.RECORDS)
    splits = tables.read(project / DATA[2], tables.SPLITS)
    signals = signal_store.open_store(project / "data/processed/signals")
    training = splits.loc[splits["split"] == "train", "record_id"]
    of = records.set_index("record_id").loc[list(training)]
    place = signals.positions(training)
    length_s = (of["n_samples"] / of["fs_hz"]).to_numpy()
    ages = of["age_days"].dropna()
    quality = tables.read(project / DATA[3], tables.QUALITY)
    leads_used = quality[
        quality["record_id"].isin(training) & quality["usable"] & quality["lead"].isin(leads)
    ]
    low = leads_used[["psqi", "bassqi"]].quantile(LOW_PERCENT / 100)
    read = of["leads"].map(lambda own: " ".join(lead for lead in leads if lead in own.split()))
    return {
        "records": len(of),
        "patients": int(of["patient_id"].nunique()),
        "age_days": [_whole(ages.min()), _whole(ages.max())],
        "length_s": [float(length_s.min()), float(length_s.max())],
        "leads": list(read.value_counts().index),
        "fewest_leads": int(signals.lead_mask[place].sum(axis=1).min()),
        "swing_mv": _swings(signals, place),
        "psqi_low": float(low["psqi"]),
        "bassqi_low": float(low["bassqi"]),
        "sex": {str(sex): int(n) for sex, n in of["sex"].value_counts().sort_index().items()},
    }


def _swings(signals: SignalStore, places: NDArray[np.int64]) -> list[float]:
    """Return the lowest and the highest swing of the records at these places of the store, mV."""
    swings = [
        inference_steps.swing_mv(np.asarray(signals.counts(place)), signals.lead_mask[place])
        for place in places
        if signals.lead_mask[place].any()
    ]
    return [min(swings), max(swings)]


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _lock(project: Path) -> dict[str, Any]:
    """Return the stages of ``dvc.lock``; none where the stages were run without DVC."""
    file = project / "dvc.lock"
    return dict(params.read_file(file)["stages"]) if file.is_file() else {}


def _require_unchanged(file: Path, lock: dict[str, Any]) -> None:
    """Stop where a parameter is no longer the one that the data were made with."""
    for stage in STAGES:
        used = lock.get(stage, {}).get("params", {}).get(file.name, {})
        for key, value in used.items():
            if key.split(".")[0] in SECTIONS and params.read_section(key, file) != value:
                raise PedecgError(
                    f"{file.name}: {key} is not what stage {stage} ran with; run dvc repro first"
                )
