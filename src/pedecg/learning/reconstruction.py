"""Reconstruction of held-out records by the masked autoencoder, as examples to draw."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pedecg.learning.batches import Normalisation, Signals
from pedecg.learning.crop_training import unlabelled
from pedecg.learning.device import derived_seed
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.signals.signal_store import SignalStore


@dataclass(frozen=True)
class Example:
    """One held-out crop, its reconstruction and its mask.

    Signals are in mV, shape (n_leads, n_samples); `present`, shape (n_leads,), marks the recorded
    leads.
    """

    record_id: str
    recorded: NDArray[np.float32]
    filled: NDArray[np.float32]
    hidden: NDArray[np.bool_]
    present: NDArray[np.bool_]


def examples(
    network: MaskedAutoencoder,
    held_out: NDArray[np.int64],
    store: SignalStore,
    normalisation: Normalisation,
    settings: PretrainSettings,
    count: int,
) -> list[Example]:
    """Return the reconstruction of the first held-out records.

    Parameters
    ----------
    held_out : shape (n,), positions in `store`.
    """
    device = next(network.parameters()).device
    signals = Signals(store, normalisation, device)
    generator = torch.Generator(device).manual_seed(derived_seed(settings.seed, 3))
    positions = held_out[:count]
    crop, patch = (round(s * store.fs_hz) for s in (settings.crop_seconds, settings.patch_s))
    signal_mv, lead_mask, length = signals.crop(positions, np.zeros(len(positions), np.int64), crop)
    batch = unlabelled(signals.normalise(signal_mv, lead_mask, length), lead_mask, length)
    hidden = network.hide(batch, settings.mask_share, settings.lead_share, max(1, patch), generator)
    with torch.inference_mode():
        filled = signals.millivolts(network(batch, hidden))
    covered = hidden.samples(crop).cpu().numpy()
    return [
        Example(
            store.record_ids[position],
            signal_mv[k, :, : length[k]].cpu().numpy(),
            filled[k, :, : length[k]].cpu().numpy(),
            covered[k, :, : length[k]],
            lead_mask[k].cpu().numpy() > 0,
        )
        for k, position in enumerate(positions)
    ]
