"""A small hospital whose labels can be seen in the signal: a wide QRS and an inverted T wave."""

from pathlib import Path

import numpy as np
import pytest

from pedecg import params
from pedecg.learning.batches import Dataset, Normalisation
from pedecg.learning.settings import TrainSettings
from pedecg.records import LEADS
from pedecg.signals.store import open_store, to_counts, write_store

SMALL = {
    "width": 8,
    "blocks": [1, 1, 1, 1, 1],
    "stem_hz": 62.5,
    "stem_s": 0.1,
    "kernel_s": 0.08,
    "dropout": 0.1,
}


def heart(wide: bool, inverted: bool, seconds: float, fs_hz: float, rng: np.random.Generator):
    """Beats at 80 to 160 bpm, mV, shape (12, n): Gaussian waves, one amplitude per lead."""
    time = np.arange(round(seconds * fs_hz)) / fs_hz
    rr_s = 60 / rng.uniform(80, 160)
    trace = np.zeros_like(time)
    for beat_s in np.arange(rng.uniform(0, rr_s), seconds, rr_s):
        qrs_s = 0.028 if wide else 0.014
        trace += np.exp(-0.5 * ((time - beat_s) / qrs_s) ** 2)
        trace += (-0.3 if inverted else 0.3) * np.exp(-0.5 * ((time - beat_s - 0.2) / 0.04) ** 2)
    leads = trace * rng.uniform(0.5, 1.5, (len(LEADS), 1))
    return leads + rng.normal(0, 0.03, leads.shape)


@pytest.fixture(scope="session")
def small_hospital(tmp_path_factory) -> Path:
    """A folder with a signal store of 160 records of 3 to 8 s; every third has nine leads."""
    folder = tmp_path_factory.mktemp("hospital")
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, (160, 2))

    def records():
        for i, (wide, inverted) in enumerate(labels):
            counts = to_counts(heart(wide, inverted, rng.uniform(3, 8), 250, rng))
            mask = np.array([i % 3 > 0 or lead not in ("V2", "V4", "V6") for lead in LEADS])
            yield f"R{i:03d}", counts * mask[:, None], mask

    write_store(folder / "signals", 250, LEADS, records())
    np.save(folder / "labels.npy", labels.astype(np.float32))
    return folder


@pytest.fixture(scope="session")
def data(small_hospital) -> Dataset:
    """The small hospital with its labels; some ages and labels are unknown."""
    store = open_store(small_hospital / "signals")
    rng = np.random.default_rng(6)
    labels = np.load(small_hospital / "labels.npy")
    labels[rng.random(labels.shape) < 0.05] = np.nan
    age_days = rng.uniform(0, 5000, len(store)).astype(np.float32)
    age_days[::10] = np.nan
    return Dataset(
        store=store,
        record_ids=store.record_ids,
        positions=np.arange(len(store)),
        age_days=age_days,
        sex=rng.integers(-1, 2, len(store)),
        targets=("wide_qrs", "inverted_t"),
        labels=labels,
    )


@pytest.fixture(scope="session")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training, validation and test rows of the small hospital."""
    return np.arange(96), np.arange(96, 128), np.arange(128, 160)


@pytest.fixture(scope="session")
def normalisation() -> Normalisation:
    return Normalisation(LEADS, (0.05,) * 12, (0.25,) * 12)


@pytest.fixture(scope="session")
def settings() -> TrainSettings:
    """Small crops, few epochs, one thread; all augmentations on."""
    return train_settings()


def train_settings(**changes) -> TrainSettings:
    values = {
        "models": ["resnet1d"],
        "seeds": [0],
        "use_decisions": False,
        "crop_seconds": 3,
        "window_overlap": 0.5,
        "crops_per_record": 2,
        "batch_size": 32,
        "epochs": 8,
        "learning_rate": 1e-2,
        "warmup_epochs": 1,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "ema_decay": 0.9,
        "positive_weight_cap": 3,
        "monitor": "auroc",
        "smooth_epochs": 2,
        "patience": 8,
        "accelerator": "cpu",
        "precision": "float32",
        "threads": 1,
        "augment": {
            "probability": 0.5,
            "amplitude": [0.8, 1.2],
            "noise_snr_db": [20, 40],
            "wander_mv": 0.1,
            "wander_hz": 0.5,
            "lead_dropout": 2,
            "nine_leads": 0.25,
        },
    }
    return params.parse(values | changes, "train", TrainSettings, "test")
