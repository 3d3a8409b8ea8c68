"""Hearts whose label is in one place alone: an inverted T, or a tall QRS in V1, at known times."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pedecg.explain.explain_settings import MapSettings
from pedecg.explain.signal_excerpt import Stretch
from pedecg.learning.batches import windows
from pedecg.models import registry
from pedecg.models.network_base import Batch

FS_HZ = 125.0
SECONDS = 3.0
RR_S, T_AFTER_S = 0.6, 0.25
V1 = 6
TARGETS = ("inverted_t", "tall_v1")
SETTINGS = MapSettings(
    seconds=10, min_hz=12, smooth_s=0.04, ig_steps=16
)  # fmt: skip
TRUNK = {
    "width": 8,
    "blocks": [1, 1, 1, 1, 1],
    "stem_hz": 62.5,
    "stem_s": 0.1,
    "kernel_s": 0.08,
    "dropout": 0.0,
}
AGE = {"conditioning": "film", "age_features": 8, "hide_probability": 0.1}


def heart(
    inverted: bool, tall: bool, rng: np.random.Generator, seconds: float = SECONDS
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a signal of 12 leads and where QRS and T lie in it, shape (n,) each."""
    time = np.arange(round(seconds * FS_HZ)) / FS_HZ
    signal = rng.normal(0, 0.02, (12, len(time)))
    qrs, t_wave = np.zeros(len(time), bool), np.zeros(len(time), bool)
    sizes = rng.uniform(0.8, 1.2, 12)
    sizes[V1] *= 2.5 if tall else 1.0
    for beat_s in np.arange(rng.uniform(0, RR_S), seconds, RR_S):
        spike = np.exp(-0.5 * ((time - beat_s) / 0.015) ** 2)
        bump = np.exp(-0.5 * ((time - beat_s - T_AFTER_S) / 0.05) ** 2)
        signal += sizes[:, None] * spike + (-0.5 if inverted else 0.5) * bump
        qrs |= np.abs(time - beat_s) <= 0.06
        t_wave |= np.abs(time - beat_s - T_AFTER_S) <= 0.13
    return signal.astype(np.float32), qrs, t_wave


def stretch(
    signal: NDArray[np.floating],
    crop_seconds: float = SECONDS,
    mask: ArrayLike | None = None,
    age_days: float = 900.0,
    reference: NDArray[np.floating] | None = None,
) -> Stretch:
    lead_mask = torch.ones(12) if mask is None else torch.as_tensor(mask, dtype=torch.float32)
    crop = round(crop_seconds * FS_HZ)
    reference = np.zeros_like(signal) if reference is None else reference
    return Stretch(
        signal=torch.as_tensor(signal) * lead_mask[:, None],
        reference=torch.as_tensor(reference) * lead_mask[:, None],
        lead_mask=lead_mask,
        age_days=age_days,
        sex=0,
        features=torch.zeros(0),
        fs_hz=FS_HZ,
        starts=windows(signal.shape[1], crop, 0.5),
        crop=crop,
    )


def build(name: str = "resnet1d", seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    values = TRUNK | (AGE if name == "resnet1d_age" else {})
    n_samples = round(SECONDS * FS_HZ)
    return registry.build(
        name, values, n_leads=12, n_samples=n_samples, fs_hz=FS_HZ, n_targets=len(TARGETS)
    )


def train(seed: int = 0, steps: int = 60) -> torch.nn.Module:
    """Teach a small network both labels."""
    rng = np.random.default_rng(seed)
    network = build(seed=seed).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(steps):
        y = rng.integers(0, 2, (16, 2)).astype(bool)
        signal = torch.as_tensor(np.stack([heart(inverted, tall, rng)[0] for inverted, tall in y]))
        n = len(signal)
        batch = Batch(
            signal, torch.ones(n, 12), torch.full((n,), signal.shape[-1]),
            torch.full((n,), 900.0), torch.zeros(n, dtype=torch.int64), torch.zeros(n, 0),
        )  # fmt: skip
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(batch), torch.as_tensor(y, dtype=torch.float32)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    return network.eval().requires_grad_(False)
