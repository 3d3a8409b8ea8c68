"""The masked autoencoder: it hides segments of all leads, and whole leads, and fills them in.

He K et al. Masked autoencoders are scalable vision learners. CVPR 2022; with the residual trunk of
the classifiers as encoder, so that they take its weights over as they are.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from pedecg.core.errors import PedecgError
from pedecg.models.network_base import Batch, Trunk, TrunkSettings
from pedecg.models.time_layers import Conv1d

WEIGHTS, CARD = "weights.safetensors", "model.json"
N_DECODED = 128  # channels of the decoder: small, since what is learnt should lie in the encoder


@dataclass(frozen=True)
class Hidden:
    """What is hidden of a batch, shape (B, n_leads, n_patches) bool, and samples of a patch."""

    patches: Tensor
    size: int

    def samples(self, n_samples: int) -> Tensor:
        """Return the same per sample, shape (B, n_leads, n_samples)."""
        return self.patches.repeat_interleave(self.size, dim=-1)[..., :n_samples]


class MaskedAutoencoder(nn.Module):
    """Encoder, the trunk of the classifiers; decoder, from its map back to the signal."""

    def __init__(self, settings: TrunkSettings, *, n_leads: int, fs_hz: float) -> None:
        super().__init__()
        self.encoder = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz)
        self.hidden_value = nn.Parameter(torch.zeros(n_leads, 1))
        self.n_leads, self.step = n_leads, self.encoder.stride
        self.decoder = nn.Sequential(
            Conv1d(self.encoder.n_channels, N_DECODED, 1),
            nn.GELU(),
            Conv1d(N_DECODED, N_DECODED, 3, padding=1),
            nn.GELU(),
            Conv1d(N_DECODED, n_leads * self.step, 1),
        )

    def hide(self, batch: Batch, share: float, lead_share: float, patch: int,
             generator: torch.Generator) -> Hidden:  # fmt: skip
        """Draw what is hidden.

        Parameters
        ----------
        share : of the patches, hidden in all leads at once: leads say each other's signal.
        lead_share : of the leads, hidden for the whole record besides.
        patch : samples.
        """
        n_patches = -(-batch.signal.shape[-1] // patch)
        device = batch.signal.device
        shape = (len(batch.signal), 1, n_patches)
        order = torch.rand(shape, generator=generator, device=device).argsort(-1).argsort(-1)
        times = order < max(1, round(share * n_patches))
        leads = torch.rand((*batch.lead_mask.shape, 1), generator=generator, device=device)
        return Hidden(times | (leads < lead_share), patch)

    def forward(self, batch: Batch, hidden: Hidden) -> Tensor:
        """Return the reconstructed signal, shape (B, n_leads, n_samples)."""
        n_samples = batch.signal.shape[-1]
        covered = hidden.samples(n_samples)
        shown = torch.where(covered, self.hidden_value, batch.signal)
        seen = Batch(**(vars(batch) | {"signal": shown}))
        x: Tensor = self.decoder(self.encoder.map(seen)[0])
        x = x.view(len(x), self.n_leads, self.step, -1).transpose(2, 3).flatten(2)
        return x[..., :n_samples]


def loss(filled: Tensor, batch: Batch, hidden: Hidden, shown_weight: float = 0.0) -> Tensor:
    """Return the Huber loss over what was hidden and is recorded, in SD of the leads.

    Parameters
    ----------
    shown_weight : of the same over what was shown: it teaches the decoder what a heartbeat is.
    filled : shape (B, n_leads, n_samples), what the network makes of the hidden signal.

    Returns
    -------
    Shape ().
    """
    n_samples = batch.signal.shape[-1]
    recorded = torch.arange(n_samples, device=filled.device) < batch.length.unsqueeze(1)
    there = recorded.unsqueeze(1) & (batch.lead_mask.unsqueeze(-1) > 0)
    covered = hidden.samples(n_samples)
    each = functional.smooth_l1_loss(filled, batch.signal, reduction="none")

    def over(counted: Tensor) -> Tensor:
        return (each * counted).sum() / counted.sum().clamp_min(1)

    total = over(covered & there)
    return total + shown_weight * over(~covered & there) if shown_weight else total


def load_encoder(trunk: nn.Module, folder: Path) -> str:
    """Take over the encoder that stage pretrain wrote; return one line on where it comes from.

    Raises
    ------
    PedecgError
        It is not there, or is one of another size (lists the tensors).
    """
    try:
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            found = {
                key.removeprefix("encoder."): file.get_tensor(key)
                for key in file.keys()  # noqa: SIM118
                if key.startswith("encoder.")
            }
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PedecgError(f"{error.filename or folder}: not found; run stage pretrain") from None
    except SafetensorError as error:
        raise PedecgError(f"{folder / WEIGHTS}: not a safetensors file ({error})") from None
    own = trunk.state_dict()
    differing = sorted(
        key
        for key in own.keys() | found.keys()
        if key not in own or key not in found or own[key].shape != found[key].shape
    )
    if differing:
        raise PedecgError(
            f"{folder}: pre-trained with another network; {len(differing)} tensors differ: "
            f"{', '.join(differing[:8])}; give both the same size"
        )
    trunk.load_state_dict(found)
    try:
        objective = str(card["model"]).replace("_", " ")
        return f"{objective}, {card['records']} records, {card['epochs']} epochs"
    except (KeyError, TypeError):
        raise PedecgError(f"{folder / CARD}: not the card of a pre-trained network") from None
