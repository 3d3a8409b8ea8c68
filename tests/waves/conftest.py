"""A plain synthetic heart for the tests of beats and waves: Gaussian waves at any rate."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Ecg = tuple[NDArray[np.float64], NDArray[np.float64]]


def make_ecg(
    bpm: float,
    fs_hz: float,
    seconds: float = 10.0,
    n_leads: int = 8,
    t_height: float = 0.3,
    p_height: float = 0.12,
    noise_mv: float = 0.01,
    seed: int = 0,
) -> Ecg:
    """Return the signal in mV, shape (n_leads, n_samples), and the true R times in seconds."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    rr = 60.0 / bpm
    r = np.arange(0.1 + rr / 2, seconds, rr)

    def wave(delay_s: float, width_s: float, height: float) -> NDArray[np.float64]:
        away = t[None] - (r + delay_s)[:, None]
        return height * np.exp(-0.5 * (away / width_s) ** 2).sum(0)

    fast = np.sqrt(rr)
    waves = [
        wave(-min(0.14, 0.12 * fast + 0.03), 0.018 * min(1.0, fast + 0.1), p_height),
        wave(-0.018, 0.008, -0.15),
        wave(0.0, 0.010, 1.2),
        wave(0.022, 0.010, -0.4),
        wave(0.27 * fast, 0.045 * fast, t_height),
    ]
    leads = rng.uniform(0.3, 1.0, (n_leads, len(waves))) @ np.stack(waves)
    leads *= np.sign(rng.uniform(-0.3, 1.0, (n_leads, 1)))
    return leads + noise_mv * rng.standard_normal(leads.shape), r


@pytest.fixture(scope="session")
def ecg() -> Callable[..., Ecg]:
    return make_ecg
