"""Pre-training by contrastive predictive coding, and how often the future is identified."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedecg.learning.batches import Normalisation, Signals
from pedecg.learning.crop_training import CropBatch, CropTraining, crops
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.models.backbones import predictive_coding
from pedecg.models.backbones.predictive_coding import Comparisons, PredictiveCoding
from pedecg.signals.signal_store import SignalStore


class PredictiveTraining(CropTraining[PredictiveCoding]):
    """One training by contrastive predictive coding.

    Curves: held_out_loss; identified, the share of predictions on held-out records that score the
    window which follows highest; chance, that share by guessing.
    """

    name = "contrastive_predictive_coding"
    figure = "identified"

    def build(self) -> PredictiveCoding:
        """Return the network with fresh weights."""
        store, settings = self.stores[0], self.settings
        return PredictiveCoding(
            self.trunk,
            n_leads=len(store.leads),
            fs_hz=store.fs_hz,
            window=round(settings.window_s * store.fs_hz),
            steps_ahead=settings.steps_ahead,
            n_context=settings.context,
        )

    def loss(self, network: nn.Module, batch: CropBatch) -> Tensor:
        """Return the loss of identifying the next windows among others.

        Returns
        -------
        Shape ().
        """
        return predictive_coding.loss(self._compare(network, batch))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return loss, share of identified windows and chance on held-out records."""
        total, count = torch.zeros(3, dtype=torch.float64), 0
        with torch.inference_mode():
            for batch in self.held_out_batches():
                found = self._compare(network, batch)
                n = len(found.target)
                each = predictive_coding.loss(found), found.identified(), found.chance()
                total += torch.stack([each[0] * n, *(x.sum() for x in each[1:])]).cpu().double()
                count += n
        loss, identified, chance = (total / max(1, count)).tolist()
        return {"held_out_loss": loss, "identified": identified, "chance": chance}

    def _compare(self, network: nn.Module, batch: CropBatch) -> Comparisons:
        records = torch.from_numpy(batch.positions).to(self.device)
        return predictive_coding.compare(network(self.crops(batch)), records)


@dataclass(frozen=True)
class Identified:
    """How often held-out windows are identified.

    Attributes
    ----------
    share, chance : shape (steps_ahead,), of the predictions so many windows ahead; NaN without any.
    interval : shape (steps_ahead, 2), 95%, from 1,000 bootstrap samples of records.
    n_records : records with a prediction.
    """

    share: NDArray[np.float64]
    chance: NDArray[np.float64]
    interval: NDArray[np.float64]
    n_records: int


def identified(
    network: PredictiveCoding,
    held_out: NDArray[np.int64],
    store: SignalStore,
    normalisation: Normalisation,
    settings: PretrainSettings,
) -> Identified:
    """Return how often a trained network identifies the windows of held-out records.

    Parameters
    ----------
    held_out : shape (n,), positions in `store`.
    """
    device = next(network.parameters()).device
    signals = Signals(store, normalisation, device)
    shape = (len(held_out), settings.steps_ahead)
    right, guessed, count = (np.zeros(shape) for _ in range(3))
    for first in range(0, len(held_out), settings.batch_size):
        chosen = held_out[first : first + settings.batch_size]
        n_samples = round(settings.crop_seconds * store.fs_hz)
        batch = crops(signals, chosen, np.zeros(len(chosen), np.int64), n_samples)
        with torch.inference_mode():
            found = predictive_coding.compare(network(batch), torch.from_numpy(chosen).to(device))
        at = (first + found.row.cpu().numpy(), found.step.cpu().numpy() - 1)
        np.add.at(right, at, found.identified().cpu().numpy())
        np.add.at(guessed, at, found.chance().cpu().numpy())
        np.add.at(count, at, 1)
    rng = np.random.default_rng(settings.seed)
    drawn = rng.multinomial(len(held_out), np.full(len(held_out), 1 / len(held_out)), 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no record reaches so many windows ahead
        share, chance = (each.sum(0) / count.sum(0) for each in (right, guessed))
        interval = np.nanpercentile((drawn @ right) / (drawn @ count), [2.5, 97.5], axis=0).T
    return Identified(share, chance, interval, int((count.sum(1) > 0).sum()))
