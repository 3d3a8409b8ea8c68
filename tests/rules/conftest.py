"""A record with exactly known waves, so that measures are tested apart from delineation."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core.records import LEADS

FS_HZ = 500.0
# mV of R, S, T and P. In V1 and V6 the R and S of an infant's right heart.
HEIGHTS = dict.fromkeys(LEADS, (0.5, -0.2, 0.2, 0.1)) | {
    "V1": (1.2, -0.4, -0.3, 0.1), "V6": (0.8, -0.3, 0.3, 0.1),
}  # fmt: skip
# Each limb lead sees the same vector, at 45 degrees in QRS, at 60 in P and T.
AXES_DEG = (45.0, 45.0, 60.0, 60.0)
SIZES = (0.7, 0.0, 0.3, 0.12)
ANGLE_DEG = {"I": 0.0, "II": 60.0, "III": 120.0, "aVR": -150.0, "aVL": -30.0, "aVF": 90.0}
for lead, angle in ANGLE_DEG.items():
    gain = np.sqrt(3) / 2 if lead.startswith("a") else 1.0  # Goldberger's leads are smaller
    HEIGHTS[lead] = tuple(
        gain * size * np.cos(np.radians(axis - angle))
        for size, axis in zip(SIZES, AXES_DEG, strict=True)
    )


def make_record(rr_s: float = 0.5, n_beats: int = 20, leads: tuple[str, ...] = LEADS):
    """Return waves (lead global) and signal: PR 120, QRS 70, QT 270 ms from P onset at R - 140."""
    r = 0.5 + rr_s * np.arange(n_beats)
    t = np.arange(round((r[-1] + 1) * FS_HZ)) / FS_HZ

    def wave(delay_s, width_s):
        return np.exp(-0.5 * ((t[None] - (r + delay_s)[:, None]) / width_s) ** 2).sum(0)

    shapes = np.stack([wave(0, 0.006), wave(0.028, 0.006), wave(0.17, 0.02), wave(-0.1, 0.012)])
    signal = np.stack([np.array(HEIGHTS[lead]) @ shapes for lead in leads])
    rows = [
        {"lead": "global", "wave": name, "onset_s": x + a, "peak_s": x + b, "offset_s": x + c}
        for x in r
        for name, a, b, c in (
            ("P", -0.14, -0.1, -0.06),
            ("QRS", -0.02, 0.0, 0.05),
            ("T", 0.1, 0.17, 0.25),
        )
    ]
    return pd.DataFrame(rows).assign(confidence=np.nan), signal


@pytest.fixture(scope="session")
def record():
    return make_record
