"""Rule features and the network's embedding, fused: what a cardiologist measures, and the trace."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.models.network_base import AgeSex, Batch, Numbers, Trunk, TrunkSettings

READS = frozenset({"signals", "demographics", "rules"})


class Settings(TrunkSettings):
    """Size, regularisation, and which sides there are."""

    use: Literal["both", "rules", "signal"] = Field(
        description="inputs: both, rules only, or signal only"
    )
    hidden: int = Field(description="width of the layers that fuse the sides", ge=4, le=4096)
    age_features: int = Field(
        description="length of the encoding of age and sex, appended to the rule features; 0: none",
        ge=0,
        le=256,
    )
    hide_probability: float = Field(
        description="share of training crops with age and sex masked, and of those with rule "
        "features masked",
        ge=0,
        lt=1,
    )


class Model(nn.Module):
    """Signal, lead mask, rule features, age and sex to one logit per target."""

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
        self.trunk, self.rules, n_embedding = None, None, 0
        if settings.use != "rules":
            self.trunk = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz)
            n_embedding += self.trunk.n_features
        if settings.use != "signal":
            self.rules = Numbers(n_features, settings.hidden, settings.hide_probability)
            n_embedding += settings.hidden
        self.age_sex = None
        if settings.age_features:
            self.age_sex = AgeSex(settings.age_features, settings.hide_probability)
            n_embedding += settings.age_features
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout),
            nn.Linear(n_embedding, settings.hidden),
            nn.SiLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden, n_targets),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        sides = []
        if self.trunk is not None:
            sides.append(self.trunk(batch))
        if self.rules is not None:
            sides.append(self.rules(batch.features))
        if self.age_sex is not None:
            sides.append(self.age_sex(batch.age_days, batch.sex))
        logits: Tensor = self.head(torch.cat(sides, dim=1))
        return logits
