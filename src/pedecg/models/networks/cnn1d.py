"""A plain convolutional network on the signal, with age, sex and further numbers as inputs.

Every target has two outputs, absent and present. What the rest of the project calls a target's
logit is their difference: the softmax of two outputs is the logistic of it, and cross-entropy over
the two is binary cross-entropy on it.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.core.params import Section
from pedecg.models.network_base import AgeSex, Batch, Numbers, padding, pool, taps
from pedecg.models.time_layers import BatchNorm1d, Conv1d

READS = frozenset({"signals", "demographics", "numbers"})


class Settings(Section):
    """Size, what tells absent leads, and the branch parallel to the signal."""

    channels: list[int] = Field(
        description="channels of each convolution; the rate is halved from one to the next",
        min_length=1,
    )
    first_hz: float = Field(description="Hz; rate after the first convolution", ge=25, le=1000)
    kernel_s: float = Field(description="s at first_hz; reach of the convolutions", gt=0, le=1)
    dropout: float = Field(description="dropout rate on the embedding", ge=0, lt=1)
    mask: Literal["none", "channel", "leads"] = Field(
        description="how absent leads (zeros) are indicated: not; by one more input channel with "
        "the share of leads present; by a mask of the leads"
    )
    tabular: bool = Field(
        description="true: also read age, sex and the further numbers of the manifest"
    )
    hidden: int = Field(description="length of the encoding of age and sex, and of numbers",
                        ge=4, le=256)  # fmt: skip
    hide_probability: float = Field(
        description="share of training crops with age and sex masked, and of those with numbers "
        "masked, so that the model can handle records without them",
        ge=0,
        lt=1,
    )


class Model(nn.Module):
    """Signal, age, sex and numbers to two outputs per target."""

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
        self.mask = settings.mask
        n_in = n_leads + int(settings.mask == "channel")
        self.stride = max(1, round(fs_hz / settings.first_hz))
        first, *others = settings.channels
        # Its reach is a QRS at any rate; the later ones see more by the rate that is halved.
        reach = taps(settings.kernel_s, fs_hz)
        self.first = Conv1d(n_in, first, reach, self.stride, reach // 2, bias=False)
        self.which_leads = (
            nn.Linear(n_leads, first, bias=False) if settings.mask == "leads" else None
        )
        self.blocks = nn.Sequential(BatchNorm1d(first), nn.ReLU())
        kernel = taps(settings.kernel_s, fs_hz / self.stride)
        for n_before, n_after in zip(settings.channels, others, strict=False):
            self.blocks.extend(
                [
                    nn.MaxPool1d(2, ceil_mode=True),
                    Conv1d(n_before, n_after, kernel, padding=kernel // 2, bias=False),
                    BatchNorm1d(n_after),
                    nn.ReLU(),
                ]
            )
        self.stride *= 2 ** len(others)
        n_embedding = 2 * settings.channels[-1]
        self.age_sex = self.numbers = None
        if settings.tabular:
            self.age_sex = AgeSex(settings.hidden, settings.hide_probability)
            n_embedding += settings.hidden
            if n_features:
                self.numbers = Numbers(n_features, settings.hidden, settings.hide_probability)
                n_embedding += settings.hidden
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(n_embedding, 2 * n_targets)
        )

    def outputs(self, batch: Batch) -> Tensor:
        """Return outputs of shape (B, 2 n_targets): absent and present, target by target."""
        parts = [self._signal(batch)]
        if self.age_sex is not None:
            parts.append(self.age_sex(batch.age_days, batch.sex))
        if self.numbers is not None:
            parts.append(self.numbers(batch.features))
        found: Tensor = self.head(torch.cat(parts, dim=1))
        return found

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        outputs = self.outputs(batch)
        return outputs[:, 1::2] - outputs[:, ::2]

    def _signal(self, batch: Batch) -> Tensor:
        there = batch.lead_mask.unsqueeze(-1)
        x = batch.signal * there
        if self.mask == "channel":
            share = there.mean(1, keepdim=True).expand(-1, 1, x.shape[-1])
            x = torch.cat([x, share.masked_fill(padding(x, batch.length), 0)], dim=1)
        x = self.first(x)
        if self.which_leads is not None:
            x = x + self.which_leads(batch.lead_mask).unsqueeze(-1)
        return pool(self.blocks(x), (batch.length + self.stride - 1) // self.stride)
