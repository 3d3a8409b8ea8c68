"""The residual network that knows the child's age and sex: normal limits change with both."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.models.network_base import AgeSex, Batch, Trunk, TrunkSettings

READS = frozenset({"signals", "demographics"})


class Settings(TrunkSettings):
    """Size, regularisation, and how age and sex come in."""

    conditioning: Literal["film", "concat"] = Field(
        description="film: age and sex scale and shift the channels of every block (Perez et al. "
        "2018); concat: they join the embedding before the last layer"
    )
    age_features: int = Field(description="length of the encoding of age and sex", ge=4, le=256)
    hide_probability: float = Field(
        description="share of training crops with age and sex masked, so that the model can handle "
        "records without them",
        ge=0,
        lt=1,
    )


class Model(nn.Module):
    """Signal, lead mask, age and sex to one logit per target."""

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
        self.concat = settings.conditioning == "concat"
        self.age_sex = AgeSex(settings.age_features, settings.hide_probability)
        n_condition = 0 if self.concat else settings.age_features
        self.trunk = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz, n_condition=n_condition)
        n_features = self.trunk.n_features + (settings.age_features if self.concat else 0)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(n_features, n_targets))

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        condition = self.age_sex(batch.age_days, batch.sex)
        if self.concat:
            features = torch.cat([self.trunk(batch), condition], dim=1)
        else:
            features = self.trunk(batch, condition)
        logits: Tensor = self.head(features)
        return logits
