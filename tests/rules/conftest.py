"""A record with exactly known waves, so that measures are tested apart from delineation."""

import numpy as np
import pandas as pd
import pytest

from pedecg.records import LEADS

FS_HZ = 500.0
# mV in leads I and aVF make the axis; in V1 and V6 the R and S of an infant's right heart.
HEIGHTS = dict.fromkeys(LEADS, (0.5, -0.2, 0.2)) | {
    "I": (0.5, 0.0, 0.2), "aVF": (0.5 * np.sqrt(3) / 2, 0.0, 0.2),
    "V1": (1.2, -0.4, -0.3), "V6": (0.8, -0.3, 0.3),
}  # fmt: skip


def make_record(rr_s: float = 0.5, n_beats: int = 20, leads: tuple[str, ...] = LEADS):
    """Return waves (lead global) and signal: PR 120, QRS 70, QT 270 ms from P onset at R - 140."""
    r = 0.5 + rr_s * np.arange(n_beats)
    t = np.arange(round((r[-1] + 1) * FS_HZ)) / FS_HZ

    def wave(delay_s, width_s):
        return np.exp(-0.5 * ((t[None] - (r + delay_s)[:, None]) / width_s) ** 2).sum(0)

    shapes = np.stack([wave(0, 0.006), wave(0.028, 0.006), wave(0.17, 0.02)])
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
