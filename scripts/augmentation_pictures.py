"""Draw every augmentation on one ECG: python scripts/augmentation_pictures.py RECORD OTHER FOLDER.

RECORD is a WFDB record with or without suffix, OTHER a second one of the same rate, which mixup
mixes in. Each change is made alone, at the full strength of the settings below, on the same ten
seconds; each picture shows what a network is then shown.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import wfdb
from matplotlib.figure import Figure

from pedecg import params
from pedecg.records import LEADS, NINE_LEADS
from pedecg.report import paper
from pedecg.signals.augment import AugmentSettings, Crops, augment

SECONDS = 10
SEED = 4
NOTHING = dict.fromkeys(AugmentSettings.model_fields, 0) | {
    "probability": 1.0, "amplitude": None, "noise_snr_db": None, "rate": None, "wander_hz": 0.5,
    "powerline_hz": [50.0], "rate_targets": [],
}  # fmt: skip
SHOWN: list[tuple[str, str, dict[str, Any]]] = [
    ("original", "The ECG as it is", {}),
    ("time_shift", "Time shift of up to 1 s: what comes in is zero", {"time_shift_s": 1.0}),
    ("amplitude", "Amplitude: all leads by one factor, here 1.2", {"amplitude": [1.2, 1.2]}),
    ("noise", "White noise, 20 dB below each lead", {"noise_snr_db": [20.0, 20.0]}),
    ("jitter", "White noise of 0.05 mV in every lead", {"jitter_mv": 0.05}),
    ("wander", "Baseline wander of 0.5 Hz, up to 0.2 mV", {"wander_mv": 0.2}),
    ("powerline", "Mains hum of 50 Hz, up to 0.1 mV", {"powerline_mv": 0.1}),
    ("lead_dropout", "One or two leads hidden", {"lead_dropout": 2}),
    ("nine_leads", "V2, V4 and V6 hidden, as small children are recorded", {"nine_leads": 1.0}),
    ("cutout", "One stretch of up to 2 s set to zero in all leads", {"cutout_s": 2.0}),
    ("polarity", "Upside down, for a single lead that is worn either way", {"polarity": 1.0}),
    ("rate_faster", "The heart's rate times 1.2; then comes padding", {"rate": [1.2, 1.2]}),
    ("rate_slower", "The heart's rate times 0.8", {"rate": [0.8, 0.8]}),
    ("time_warp", "Time warp: up to 20% faster and slower within the crop", {"time_warp": 0.2}),
    ("mixup", "Mixed with another record, up to half", {"mixup": 0.5}),
]


def read(record: Path) -> tuple[np.ndarray, float]:
    """Return ten seconds in mV, shape (12, n); absent leads are zero."""
    found = wfdb.rdrecord(str(record.with_suffix("")))
    rows = {name.upper(): i for i, name in enumerate(found.sig_name)}
    n = round(SECONDS * found.fs)
    signal = np.zeros((len(LEADS), n), np.float32)
    for i, lead in enumerate(LEADS):
        if lead.upper() in rows:
            cut = np.nan_to_num(found.p_signal[:n, rows[lead.upper()]])
            signal[i, : len(cut)] = cut - np.median(cut)
    return signal, float(found.fs)


def change(signals: list[np.ndarray], fs_hz: float, values: dict[str, Any]) -> Crops:
    """Return two ECGs after one change."""
    settings = params.parse(NOTHING | values, "train.augment", AugmentSettings, "this script")
    x = torch.from_numpy(np.stack(signals))
    mask = (x != 0).any(-1).float()
    nine = torch.tensor([lead in NINE_LEADS for lead in LEADS])
    crops = Crops(x, mask, torch.full((2,), x.shape[-1]), torch.zeros(2, 1))
    generator = torch.Generator().manual_seed(SEED)
    return augment(crops, fs_hz, nine, torch.zeros(1, dtype=torch.bool), settings, generator)


def picture(name: str, title: str, crops: Crops, fs_hz: float) -> Figure:
    """Draw one record on ECG paper; hidden leads and padding are left empty."""
    signal = crops.signal_mv[0].numpy().copy()
    signal[crops.lead_mask[0].numpy() == 0] = np.nan
    signal[:, int(crops.length[0]) :] = np.nan
    return paper.draw(signal, fs_hz, LEADS, title, note=f"augmentation: {name}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("record", type=Path, help="WFDB record")
    arguments.add_argument("other", type=Path, help="WFDB record that is mixed in")
    arguments.add_argument("folder", type=Path, help="where the pictures go")
    asked = arguments.parse_args()
    (signal, fs_hz), (other, other_hz) = read(asked.record), read(asked.other)
    if fs_hz != other_hz:
        sys.exit(f"{asked.other}: {other_hz:g} Hz; {asked.record} has {fs_hz:g}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name, title, values in SHOWN:
        figure = picture(name, title, change([signal, other], fs_hz, values), fs_hz)
        figure.savefig(asked.folder / f"{name}.png", dpi=100, metadata={"Software": None})
        print(asked.folder / f"{name}.png")


if __name__ == "__main__":
    main()
