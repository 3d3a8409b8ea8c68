"""A small pipeline that has run: raw ECGs, its tables, two trainings of a network, calibration."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params, tables
from pedecg.core.records import LEADS, NINE_LEADS, EcgRecord
from pedecg.delineator import simulated_records
from pedecg.evaluation import calibration
from pedecg.evaluation.calibration import MEAN, Calibration, Curve
from pedecg.learning import trained_network
from pedecg.learning.trained_network import Card, Trained
from pedecg.models import model_settings, registry
from pedecg.rules import norms
from pedecg.signals import lead_statistics, preprocess, quality
from pedecg.signals.signal_store import open_store, write_store

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("abnormal", "chd", "kawasaki", "cardiomyopathy")
SEEDS = (0, 1)
MODEL = "resnet1d_age"
LINE = {"slope": [1.7], "intercept": [-0.4]}
STEPS = {"raw": [0.1, 0.4, 0.4001, 0.9], "calibrated": [0.05, 0.05, 0.6, 0.8]}
CURVES = {  # every method
    "abnormal": Curve("platt", LINE, 0.4, {"f1": 0.4}),
    "chd": Curve("temperature", LINE | {"intercept": [0.0]}, 0.5, {"f1": 0.5}),
    "kawasaki": Curve("isotonic", STEPS, float("nan"), {"f1": float("nan")}),
    "cardiomyopathy": Curve("none", {}, float("inf"), {"f1": float("inf")}),
}


@dataclass(frozen=True)
class Ecg:
    """A raw ECG and whose it is."""

    signal_mv: np.ndarray
    fs_hz: float
    leads: tuple[str, ...]
    age_days: float | None
    sex: str | None


def small(values: dict[str, Any]) -> dict[str, Any]:
    """The settings of a model with its widths made small."""
    return {
        key: small(value) if isinstance(value, dict) else min(value, 8) if key == "width" else value
        for key, value in values.items()
    }


def settings_of(name: str) -> dict[str, Any]:
    """What params.yaml says of a model, made small."""
    return small(model_settings.read(name, ROOT / "params.yaml"))


def awake(network: nn.Module) -> nn.Module:
    """Move what starts at zero or one, so that every layer has a say."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn(value.shape, generator=generator))
    return network.eval()


def trained(
    name: str,
    settings: dict[str, Any],
    *,
    seed: int = 0,
    fs_hz: float = 250.0,
    n_features: int = 0,
) -> Trained:
    """A network with its card, as if it had been trained."""
    names = tuple(f"feature_{k}" for k in range(n_features))
    card = Card(
        model=name, settings=settings, seed=seed, targets=TARGETS, leads=LEADS, fs_hz=fs_hz,
        crop_seconds=4.0, window_overlap=0.5,
        mean_mv=tuple(np.linspace(-0.01, 0.02, 12)), sd_mv=tuple(np.linspace(0.1, 0.5, 12)),
        logit_shift=(0.3, -0.2, 0.0, 1.1), task="multilabel", feature_names=names,
        feature_mean=(1.0,) * n_features, feature_sd=(2.0,) * n_features, pretrained="",
        n_parameters=1, best_epoch=1, monitor="auroc", best_value=0.5,
    )  # fmt: skip
    torch.manual_seed(seed)
    network = registry.build(
        name, settings, n_leads=12, n_samples=card.crop, fs_hz=fs_hz, n_targets=len(TARGETS),
        n_features=n_features,
    )  # fmt: skip
    return Trained(card, awake(network))


def simulated_ecgs() -> dict[str, Ecg]:
    """Children with twelve and nine leads, a flat lead, a saturated spike, a missing stretch."""
    settings = params.load(
        "simulate", simulated_records.Settings, ROOT / "pipelines" / "delineation" / "params.yaml"
    )
    ecgs = {}
    for number in range(6):
        child = simulated_records.simulate(number, settings)
        signal = np.array(child.signal_mv, np.float32)
        leads = NINE_LEADS if number == 1 else LEADS
        signal = signal[[LEADS.index(lead) for lead in leads]]
        if number == 2:
            signal[10] = 0.003
        if number == 3:
            signal[4, 1000:1003] = 26.6
        if number == 4:
            signal[6, 700:720] = np.nan
        if number == 5:
            signal = signal[:, :2100]
        ecgs[f"P{number}"] = Ecg(
            signal,
            float(simulated_records.FS_HZ),
            leads,
            300.0 + 400 * number,
            ("female", "male")[number % 2],
        )
    return ecgs


def prepared(ecg: Ecg, project: Path) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Counts and mask, as ingest and preprocess make them."""
    ingest = params.load("ingest", IngestSettings, project / "params.yaml")
    found = quality.lead_quality(ecg.signal_mv, ecg.fs_hz, ingest)
    refused = frozenset(
        lead for lead, good in zip(ecg.leads, found.usable, strict=True) if not good
    )
    settings = params.load("preprocess", preprocess.PreprocessSettings, project / "params.yaml")
    counts, mask, _ = preprocess.prepare(
        EcgRecord(ecg.signal_mv, ecg.fs_hz, ecg.leads), refused, settings
    )
    return counts, mask


def measured(ecgs: dict[str, Ecg], project: Path) -> pd.DataFrame:
    """The table of quality, as ingest makes it."""
    limits = params.load("ingest", IngestSettings, project / "params.yaml")
    parts = []
    for name, ecg in ecgs.items():
        found = vars(quality.lead_quality(ecg.signal_mv, ecg.fs_hz, limits))
        parts.append(pd.DataFrame({"record_id": name, "lead": list(ecg.leads), **found}))
    unknown = dict.fromkeys(("source_psqi", "source_bassqi", "source_bsqi"), np.nan)
    return pd.concat(parts).assign(**unknown)[list(tables.QUALITY.columns)]


def own_answer(
    ecg: Ecg, project: Path, model: Path, scratch: Path, features: pd.DataFrame | None = None
) -> NDArray[np.float64]:
    """Calibrated probabilities as the pipeline's stages make them, shape (n_targets,).

    `features` is a table of one row of rule features, for models that read them.
    """
    write_store(scratch / "signals", 250.0, LEADS, [("one", *prepared(ecg, project))])
    store = open_store(scratch / "signals")
    age = np.array([np.nan if ecg.age_days is None else ecg.age_days], np.float32)
    sex = np.array([{"female": 0, "male": 1, None: -1}[ecg.sex]])
    raw = [
        trained_network.load(folder, accelerator="cpu").predict(
            store, np.array([0]), age, sex, features
        )
        for folder in sorted(model.glob("seed*"))
    ]
    fitted = calibration.load(project / "calibration" / f"{model.name}.json")
    calibrated: NDArray[np.float64] = fitted.apply(np.mean(raw, axis=0))[0]
    return calibrated


def written(folder: Path, ecgs: dict[str, Ecg]) -> Path:
    """Write a folder as the pipeline leaves it, and return it."""
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    for file in (norms.LIMITS, norms.THRESHOLDS):  # where params.yaml says that they are
        (folder / "src" / "pedecg" / "rules").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / "src" / "pedecg" / "rules" / file.name)
    interim = folder / "data" / "interim"
    records = pd.DataFrame(
        [
            {
                "record_id": name, "patient_id": name, "path": name, "fs_hz": ecg.fs_hz,
                "n_samples": ecg.signal_mv.shape[1], "leads": " ".join(ecg.leads),
                "age_days": pd.NA if ecg.age_days is None else int(ecg.age_days),
                "sex": ecg.sex, "acquired_at": None, "fold": None, "source_split": None,
            }
            for name, ecg in ecgs.items()
        ]
    )  # fmt: skip
    tables.write(records, interim / "records.parquet", tables.RECORDS)
    tables.write(measured(ecgs, folder), interim / "quality.parquet", tables.QUALITY)
    labels = pd.DataFrame({"record_id": list(ecgs), **dict.fromkeys(TARGETS, 1)})
    tables.write(labels, interim / "labels.parquet", tables.LABELS)
    splits = pd.DataFrame({"record_id": list(ecgs), "patient_id": list(ecgs), "split": "train"})
    tables.write(splits, interim / "splits.parquet", tables.SPLITS)
    processed = folder / "data" / "processed"
    rows = ((name, *prepared(ecg, folder)) for name, ecg in ecgs.items())
    write_store(processed / "signals", 250.0, LEADS, rows)
    store = open_store(processed / "signals")
    tables.write_metrics(
        lead_statistics.of_leads(store, np.arange(len(store))), processed / "lead_statistics.json"
    )
    for seed in SEEDS:
        one = trained(MODEL, settings_of(MODEL), seed=seed)
        one.save(folder / "models" / MODEL / f"seed{seed}")
    curves = {str(seed): CURVES for seed in (*SEEDS, MEAN)}
    fitted = Calibration(MODEL, TARGETS, False, "f1", curves)
    fitted.save(folder / "calibration" / f"{MODEL}.json")
    return folder
