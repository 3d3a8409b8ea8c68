"""Why a CNN-LSTM that looks right learns nothing, one cause at a time.

    python ablations/why_lstm_fails.py [--steps 200]

Simulated recordings of one lead, normal against fibrillation (chance: accuracy .5). The
first row is the network as it should be; each other row brings back one mistake:

- `padded to 15 s, last state`: crops of 5 s are padded with zeros to 15 s, and the state
  after the padding is taken for the answer;
- `750 steps, last state`: next to no pooling between signal and recurrence;
- `gates half shut`: forget bias 0 in place of 1;
- `learning rate 0.03`;
- `raw counts`: microvolts into the network, no norm.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pedecg.cohorts.formats import wfdb_files
from pedecg.models.network_base import Batch
from pedecg.models.networks.cnn_rnn import Model, Settings
from pedecg.signals import filters
from pedecg.simulation import cinc2017_cohort
from pedecg.simulation.hospital_settings import Recorder

FS_HZ, CROP_S, LONGEST_S = 300, 5, 61
SOUND = Settings(
    channels=[16, 32, 32], reduce=[4, 4, 2], frame_s=0.04, kernel_s=0.035, residual=False,
    sequence="lstm", hidden=32, layers=1, both_ways=False, heads=4, pooling="mean",
    forget_bias=1, sequence_rate=1, dropout=0.0,
)  # fmt: skip
# name: changes of the settings, learning rate, padded, raw
CAUSES = {
    "sound": ({}, 3e-3, False, False),
    "last state": ({"pooling": "last"}, 3e-3, False, False),
    "padded to 15 s, last state": ({"pooling": "last"}, 3e-3, True, False),
    "750 steps, last state": ({"pooling": "last", "reduce": [1, 1, 2]}, 3e-3, False, False),
    "gates half shut, last state": ({"pooling": "last", "forget_bias": 0}, 3e-3, False, False),
    "learning rate 0.03": ({}, 3e-2, False, False),
    "raw microvolts": ({}, 3e-3, False, True),
    "all of them": (
        {"pooling": "last", "reduce": [1, 1, 2], "forget_bias": 0}, 3e-2, True, True,
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=list(CAUSES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    x, y = recordings(400)
    for name in arguments.only:
        losses, accuracy = train(*CAUSES[name], x, y, arguments.steps)
        print(
            f"{name:30s} loss {losses[-10:].mean():.3f}  test accuracy {accuracy:.2f}", flush=True
        )


def train(changes, rate, padded, raw, x, y, n_steps):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    settings = SOUND.model_copy(update=changes)
    network = Model(settings, n_leads=1, n_samples=x.shape[1], fs_hz=FS_HZ, n_targets=2)
    if raw:
        for block in network.cnn.blocks:
            block[1] = torch.nn.Identity()
    optimizer = torch.optim.AdamW(network.parameters(), rate)
    cut = len(x) * 3 // 4
    losses = []
    network.train()
    for _ in range(n_steps):
        rows = rng.choice(cut, 16, replace=False)
        loss = functional.cross_entropy(network(batch(x[rows], padded, raw)), torch.tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    network.eval()
    with torch.inference_mode():
        said = network(batch(x[cut:], padded, raw)).argmax(1).numpy()
    return np.array(losses), float((said == y[cut:]).mean())


def batch(x: NDArray[np.float32], padded: bool, raw: bool) -> Batch:
    """Return crops as a network sees them; padding counts as recorded: that is the mistake."""
    signal = torch.from_numpy(x * 1000 if raw else x / x.std()).unsqueeze(1)
    if padded:
        signal = functional.pad(signal, (0, LONGEST_S * FS_HZ // 4 - signal.shape[-1]))
    n = len(x)
    unknown = torch.full((n,), torch.nan)
    return Batch(
        signal, torch.ones(n, 1), torch.full((n,), signal.shape[-1]), unknown,
        torch.full((n,), -1), torch.empty(n, 0),
    )  # fmt: skip


def recordings(n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return n crops of 5 s, half of them with fibrillation, and 1 for these."""
    settings = cinc2017_cohort.CincSimulationSettings(
        seed=5, recordings=n, af=0.5, other=0, noisy=0, mislabelled=0, inverted=0.0,
        length_s=[9, 9], mode_length_fraction=0, noise=1,
        recorder=Recorder(low_cut_hz=0.5, high_cut_hz=40, step_uv=1, saturation_mv=5, mains_hz=50,
                          mains_uv=5, wander_uv=80, muscle_uv=12),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        raw, apart = Path(folder, "raw"), Path(folder, "truth")
        cinc2017_cohort.write(settings, raw, apart)
        lines = (raw / cinc2017_cohort.TABLE).read_text().split()
        signals = [wfdb_files.read(raw, line.split(",")[0]).signal[0] for line in lines]
    middle = slice(2 * FS_HZ, (2 + CROP_S) * FS_HZ)
    x = [filters.band_pass(one, FS_HZ, 0.5, 40, 3)[middle] for one in signals]
    return np.array(x, np.float32), np.array([line.endswith("A") for line in lines], np.int64)


if __name__ == "__main__":
    main()
