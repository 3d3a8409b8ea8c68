"""A simulated ECG as the WFDB record that a user has."""

from pathlib import Path

import numpy as np
import wfdb
from small_project import Ecg


def save(folder: Path, name: str, ecg: Ecg) -> Path:
    """Write a record; NaN and spikes are kept by 32 bits."""
    about = [f"{(ecg.sex or 'unknown').capitalize()} {ecg.age_days:g}"] if ecg.age_days else []
    wfdb.wrsamp(
        name, ecg.fs_hz, ["mV"] * len(ecg.leads), list(ecg.leads),
        p_signal=ecg.signal_mv.T.astype(np.float64), fmt=["32"] * len(ecg.leads),
        comments=about, write_dir=str(folder),
    )  # fmt: skip
    return folder / name
