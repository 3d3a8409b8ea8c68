"""A residual network whose random weights stay as they are, with a linear head that is trained.

A reference baseline: what pre-training or training of a network adds is measured against it. On
many tasks of small data, random features are hard to beat (Rahimi A, Recht B. NeurIPS 2008).
"""

from typing import Self

import torch
from torch import Tensor, nn

from pedecg.models.network_base import Batch, Trunk, TrunkSettings

READS = frozenset({"signals"})
REFERENCE = True


class Settings(TrunkSettings):
    """Size of the frozen network."""


class Model(nn.Module):
    """Signal and lead mask to one logit per target; `head` alone learns."""

    def __init__(
        self,
        settings: Settings,
        *,
        n_leads: int,
        n_samples: int,
        fs_hz: float,
        n_targets: int,
        n_features: int = 0,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz)
        _waken(self.trunk)
        self.trunk.requires_grad_(False).eval()
        # Random channels differ in size by orders of magnitude: the head takes them standardised.
        self.scale = nn.BatchNorm1d(self.trunk.n_features, affine=False)
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(self.trunk.n_features, n_targets)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        logits: Tensor = self.head(self.scale(self.trunk(batch)))
        return logits

    def train(self, mode: bool = True) -> Self:
        """Switch to training; the frozen network stays as it is used, its norms and all."""
        super().train(mode)
        self.trunk.eval()
        return self

    def learning_rates(self) -> dict[str, float]:
        """Return factors on the learning rate by the beginning of a parameter's name; 0 freezes."""
        return {"trunk.": 0.0}


def _waken(trunk: Trunk) -> None:
    """Give random weights to what starts at zero: untrained blocks are else their shortcuts."""
    with torch.no_grad():
        for module in trunk.modules():
            weight = getattr(module, "weight", None)
            if not isinstance(weight, Tensor) or weight.any():
                continue
            if weight.ndim == 1:
                nn.init.ones_(weight)
            else:
                nn.init.kaiming_uniform_(weight.flatten(1))
