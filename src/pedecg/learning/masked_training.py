"""Pre-training of the masked autoencoder: it learns to fill in what is hidden of crops."""

import torch
from torch import Tensor, nn

from pedecg.learning.crop_training import CropBatch, CropTraining
from pedecg.learning.device import derived_seed
from pedecg.models.backbones import autoencoder
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.models.network_base import Batch


class MaskedTraining(CropTraining[MaskedAutoencoder]):
    """One training of the masked autoencoder.

    Curves: held_out_loss, and explained, the share of the variance of the masked signal that is
    explained on held-out records.
    """

    name = "masked_autoencoder"
    figure = "explained"

    def build(self) -> MaskedAutoencoder:
        """Return the network with fresh weights."""
        store = self.stores[0]
        return MaskedAutoencoder(self.trunk, n_leads=len(store.leads), fs_hz=store.fs_hz)

    def loss(self, network: nn.Module, batch: CropBatch) -> Tensor:
        """Return the loss of filling in what is hidden of the crops.

        Returns
        -------
        Shape ().
        """
        signals = self.crops(batch)
        hidden = self._hide(signals, self.generator)
        return autoencoder.loss(
            network(signals, hidden), signals, hidden, self.settings.shown_weight
        )

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return loss and explained variance on held-out records, with the same parts hidden."""
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.settings.seed, 2))
        total = torch.zeros(3, dtype=torch.float64)
        with torch.inference_mode():
            for chosen in self.held_out_batches():
                batch = self.crops(chosen)
                hidden = self._hide(batch, generator)
                filled = network(batch, hidden)
                loss = autoencoder.loss(filled, batch, hidden)
                covered = hidden.samples(self.crop)
                missed = (
                    (filled - batch.signal) * covered * batch.lead_mask.unsqueeze(-1)
                ).square()
                there = (batch.signal * covered).square()
                total += torch.stack(
                    [loss.cpu() * len(chosen.positions), missed.sum().cpu(), there.sum().cpu()]
                ).double()
        return {
            "held_out_loss": float(total[0]) / len(self.held_out),
            "explained": 1 - float(total[1] / total[2].clamp_min(1e-9)),
        }

    def _hide(self, batch: Batch, generator: torch.Generator) -> autoencoder.Hidden:
        settings = self.settings
        patch = max(1, round(settings.patch_s * self.stores[0].fs_hz))
        return self.network.hide(batch, settings.mask_share, settings.lead_share, patch, generator)
