"""One lead of Gaussian waves, and the settings of a network that learns it in seconds.

Imported by tests of this folder and by the process that one of them kills.
"""

import numpy as np

from pedecg.delineator import train_network, window_augmentation
from pedecg.waves.annotations import QRS, Labelled, P, T, marks_of
from pedecg.waves.wave_network import Settings

SMALL = Settings(widths=[8, 12, 16], blocks=[1, 1], dilations=[1], kernel=5)


def record(n_beats: int = 12) -> Labelled:
    """One lead whose waves are Gaussians, 100 per minute at 500 Hz."""
    time = np.arange(500 * 8) / 500
    signal, waves = np.zeros_like(time), []
    for beat in range(n_beats):
        for kind, centre, half, height in ((P, 0.1, 0.04, 0.2), (QRS, 0.25, 0.035, 1.0),
                                           (T, 0.45, 0.08, 0.3)):  # fmt: skip
            at = 0.3 + 0.6 * beat + centre
            signal += height * np.exp(-0.5 * ((time - at) / (half / 2.2)) ** 2)
            waves.append((kind, at - half, at, at + half))
    marks = marks_of(np.array(waves))
    return Labelled("toy", "simulated", signal[None].astype(np.float32), 500.0, ("II",), (marks,))


def settings(steps: int) -> train_network.Settings:
    return train_network.Settings(
        seed=0, steps=steps, threads=1, leads_per_step=12, window_s=2.048, loss="bce",
        learning_rate=1e-2, weight_decay=0.0, average=0.9, without_p=1.0,
        mixture={"simulated": 1.0}, network=SMALL,
        augment=window_augmentation.Settings(
            fast=0.0, fastest_bpm=200, stretch=1.1, noise=0.0, lost_lead=0.0, flip=0.0,
            irregular=0.0, fibrillating=0.0,
        ),
    )  # fmt: skip
