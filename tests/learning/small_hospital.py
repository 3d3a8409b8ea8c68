"""A small hospital whose labels can be seen in the signal: a wide QRS and an inverted T wave.

Imported by the tests of this folder and by the process that one of them kills.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import params
from pedecg.core.records import LEADS
from pedecg.learning.batches import Normalisation
from pedecg.learning.train_settings import TrainSettings
from pedecg.models.contract import Rows
from pedecg.signals.signal_store import open_store, to_counts, write_store

SMALL = {
    "width": 8,
    "blocks": [1, 1, 1, 1, 1],
    "stem_hz": 62.5,
    "stem_s": 0.1,
    "kernel_s": 0.08,
    "dropout": 0.1,
}


LOSS = {
    "name": "cross_entropy",
    "positive_weight_cap": 3,
    "focal_gamma": 2,
    "absent_gamma": 4,
    "absent_margin": 0.05,
}
AUGMENT = {
    "probability": 0.5,
    "time_shift_s": 0,
    "amplitude": [0.8, 1.2],
    "noise_snr_db": [20, 40],
    "jitter_mv": 0,
    "wander_mv": 0.1,
    "wander_hz": 0.5,
    "powerline_mv": 0,
    "powerline_hz": [50],
    "lead_dropout": 2,
    "nine_leads": 0.25,
    "cutout_s": 0,
    "polarity": 0,
    "rate": None,
    "time_warp": 0,
    "rate_targets": [],
    "mixup": 0,
}


def heart(
    wide: bool, inverted: bool, seconds: float, fs_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Beats at 80 to 160 bpm, mV, shape (12, n): Gaussian waves, one amplitude per lead."""
    time = np.arange(round(seconds * fs_hz)) / fs_hz
    rr_s = 60 / rng.uniform(80, 160)
    trace = np.zeros_like(time)
    for beat_s in np.arange(rng.uniform(0, rr_s), seconds, rr_s):
        qrs_s = 0.028 if wide else 0.014
        trace += np.exp(-0.5 * ((time - beat_s) / qrs_s) ** 2)
        trace += (-0.3 if inverted else 0.3) * np.exp(-0.5 * ((time - beat_s - 0.2) / 0.04) ** 2)
    leads = trace * rng.uniform(0.5, 1.5, (len(LEADS), 1))
    noisy: NDArray[np.float64] = leads + rng.normal(0, 0.03, leads.shape)
    return noisy


FS_HZ = 125
NORMALISATION = Normalisation(LEADS, (0.05,) * 12, (0.25,) * 12)
TRAINING, VALIDATION, TEST = np.arange(96), np.arange(96, 128), np.arange(128, 160)


def build(folder: Path) -> None:
    """Write a signal store of 160 records of 2.5 to 5 s; every third has nine leads."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, (160, 2))

    def records() -> Iterator[tuple[str, NDArray[np.int16], NDArray[np.bool_]]]:
        for i, (wide, inverted) in enumerate(labels):
            counts = to_counts(heart(wide, inverted, rng.uniform(2.5, 5), FS_HZ, rng))
            mask = np.array([i % 3 > 0 or lead not in ("V2", "V4", "V6") for lead in LEADS])
            yield f"R{i:03d}", counts * mask[:, None], mask

    write_store(folder / "signals", FS_HZ, LEADS, records())
    np.save(folder / "labels.npy", labels.astype(np.float32))


def load(folder: Path) -> Rows:
    """Return its records with their labels; some ages and labels are unknown."""
    store = open_store(folder / "signals")
    rng = np.random.default_rng(6)
    labels = np.load(folder / "labels.npy")
    labels[rng.random(labels.shape) < 0.05] = np.nan
    age_days = rng.uniform(0, 5000, len(store)).astype(np.float32)
    age_days[::10] = np.nan
    return Rows(
        signals=store,
        record_ids=store.record_ids,
        positions=np.arange(len(store)),
        age_days=age_days,
        sex=rng.integers(-1, 2, len(store)),
        targets=("wide_qrs", "inverted_t"),
        labels=labels,
        features=pd.DataFrame(index=range(len(store))),
    )


def train_settings(**changes: Any) -> TrainSettings:
    values = {
        "task": "multilabel",
        "loss": LOSS,
        "sampler": "natural",
        "accumulate": 1,
        "schedule": "cosine",
        "plateau_factor": 0.3,
        "plateau_patience": 3,
        "processes": 1,
        "overfit_one_batch": False,
        "fast_dev_run": False,
        "crop_seconds": 2,
        "window_overlap": 0.5,
        "crops_per_record": 2,
        "batch_size": 32,
        "epochs": 8,
        "learning_rate": 1e-2,
        "warmup_epochs": 1,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "ema_decay": 0.9,
        "monitor": "auroc",
        "smooth_epochs": 2,
        "patience": 8,
        "accelerator": "cpu",
        "precision": "float32",
        "threads": 1,
        "augment": AUGMENT,
    }
    return params.parse(values | changes, "train", TrainSettings, "test")
