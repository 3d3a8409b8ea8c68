"""What every network shares: the batch it takes, the convolutional trunk and the age encoding.

Vocabulary of every model: ``n_leads, n_samples, fs_hz, n_targets``. Widths in time are given in
seconds, so that one parameter file means the same network at 100, 250 and 500 Hz.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.params import Section

STAGE_WIDTHS = (1.0, 1.5, 3.0, 6.0, 8.0)  # of `width`; parameters sit where time is coarse: cheap
AGE_WAVES = 4  # sine and cosine pairs over log age


@dataclass(frozen=True)
class Batch:
    """What a model sees of some records.

    Attributes
    ----------
    signal : shape (B, n_leads, n_samples), float32, (mV - mean) / SD of each lead; zero where a
        lead is absent and after the end of a short record.
    lead_mask : shape (B, n_leads), float32; 0 where the lead is absent.
    length : shape (B,), int64, recorded samples of the crop; what follows is padding.
    age_days : shape (B,), float32, days; NaN where unknown.
    sex : shape (B,), int64; 0 female, 1 male, -1 unknown.
    features : shape (B, n_features), float32, rule features, (value - mean) / SD of the training
        records; NaN where unknown. n_features is 0 for models that do not read them.
    """

    signal: Tensor
    lead_mask: Tensor
    length: Tensor
    age_days: Tensor
    sex: Tensor
    features: Tensor


class TrunkSettings(Section):
    """Size of the residual network that all variants share."""

    width: int = Field(description="channels of the first stage; the last has 8 times as many",
                       ge=4, le=256)  # fmt: skip
    blocks: list[int] = Field(
        description="residual blocks in each of the five stages", min_length=5, max_length=5
    )
    stem_hz: float = Field(
        description="Hz; rate after the first convolution, halved by every later stage",
        ge=25,
        le=500,
    )
    stem_s: float = Field(description="s; reach of the first convolution", gt=0, le=1)
    kernel_s: float = Field(
        description="s at stem_hz; reach of the convolutions in the blocks", gt=0, le=1
    )
    dropout: float = Field(description="share of the embedding hidden in training", ge=0, lt=1)


class Block(nn.Module):
    """Two convolutions beside a shortcut; an optional condition scales and shifts the channels."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, n_condition: int) -> None:
        super().__init__()
        self.first = _convolution(n_in, n_out, kernel, stride)
        self.second = _convolution(n_out, n_out, kernel, 1)
        nn.init.zeros_(self.second.get_parameter("1.weight"))  # a block starts as its shortcut
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool1d(stride, ceil_mode=True))
        if n_in != n_out:
            self.shortcut.append(_convolution(n_in, n_out, 1, 1))
        self.film = nn.Linear(n_condition, 2 * n_out) if n_condition else None
        if self.film is not None:
            nn.init.zeros_(self.film.weight)  # and without regard to age
            nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        y: Tensor = self.second(torch.relu(self.first(x)))
        y = y + self.shortcut(x)
        if self.film is not None and condition is not None:
            scale, shift = self.film(condition).unsqueeze(-1).chunk(2, dim=1)
            y = y * (1 + scale) + shift
        return torch.relu(y)


class Trunk(nn.Module):
    """A one-dimensional residual network of any length of signal to one embedding.

    He K et al. Deep residual learning for image recognition. CVPR 2016. Pooling is the mean and
    the maximum over the recorded samples; padding takes no part in it.

    Attributes
    ----------
    n_features : length of the embedding.
    """

    def __init__(
        self, settings: TrunkSettings, *, n_leads: int, fs_hz: float, n_condition: int = 0
    ) -> None:
        super().__init__()
        widths = [round(settings.width * factor) for factor in STAGE_WIDTHS]
        stem_stride = max(1, round(fs_hz / settings.stem_hz))
        kernel = taps(settings.kernel_s, fs_hz / stem_stride)
        self.stem = nn.Conv1d(
            n_leads, widths[0], taps(settings.stem_s, fs_hz), stem_stride,
            taps(settings.stem_s, fs_hz) // 2, bias=False,
        )  # fmt: skip
        # A mask given as constant input channels would act as one bias per output channel.
        self.mask_bias = nn.Linear(n_leads, widths[0], bias=False)
        self.norm = nn.BatchNorm1d(widths[0])
        self.blocks = nn.ModuleList()
        n_in = widths[0]
        for stage, (n_out, n_blocks) in enumerate(zip(widths, settings.blocks, strict=True)):
            for block in range(n_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(Block(n_in, n_out, kernel, stride, n_condition))
                n_in = n_out
        self.stride = stem_stride * 2 ** sum(n > 0 for n in settings.blocks[1:])
        self.n_features = 2 * n_in

    def forward(self, batch: Batch, condition: Tensor | None = None) -> Tensor:
        """Return embeddings of shape (B, n_features); `condition` has shape (B, n_condition)."""
        x = self.stem(batch.signal) + self.mask_bias(batch.lead_mask).unsqueeze(-1)
        x = torch.relu(self.norm(x))
        for block in self.blocks:
            x = block(x, condition)
        return _pool(x, (batch.length + self.stride - 1) // self.stride)


class AgeSex(nn.Module):
    """Age and sex as a smooth vector: waves over log age, flags for what is unknown.

    Attributes
    ----------
    n_features : length of the vector.
    """

    # Normal limits change in days at birth and in years at school: x is 0 at birth, 1 at 14 years.
    OFFSET_DAYS = 30.0
    SPAN = math.log1p(14 * 365.25 / OFFSET_DAYS)

    def __init__(self, n_features: int, hide_probability: float) -> None:
        super().__init__()
        self.n_features = n_features
        self.hide_probability = hide_probability
        self.mlp = nn.Sequential(
            nn.Linear(2 * AGE_WAVES + 5, n_features), nn.SiLU(), nn.Linear(n_features, n_features)
        )

    def forward(self, age_days: Tensor, sex: Tensor) -> Tensor:
        """Return features of shape (B, n_features) from days and sex codes of shape (B,)."""
        if self.training and self.hide_probability > 0:
            # Otherwise the network would meet an unknown age for the first time in use.
            hidden = torch.rand_like(age_days) < self.hide_probability
            age_days = age_days.masked_fill(hidden, math.nan)
            sex = sex.masked_fill(hidden, -1)
        known = ~torch.isnan(age_days)
        x = torch.log1p(age_days.clamp_min(0) / self.OFFSET_DAYS) / self.SPAN
        x = torch.where(known, x, torch.zeros_like(x))
        angle = math.pi * x.unsqueeze(1) * torch.arange(1, AGE_WAVES + 1, device=x.device)
        waves = torch.cat([angle.sin(), angle.cos()], dim=1) * known.unsqueeze(1)
        flags = [~known, sex == 0, sex == 1, sex < 0]
        others = torch.stack([x, *(flag.to(x.dtype) for flag in flags)], dim=1)
        encoded: Tensor = self.mlp(torch.cat([waves, others], dim=1))
        return encoded


def taps(seconds: float, fs_hz: float) -> int:
    """Return the odd number of samples, at least 3, nearest to a reach in seconds."""
    return max(3, 2 * math.floor(seconds * fs_hz / 2) + 1)


def _convolution(n_in: int, n_out: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv1d(n_in, n_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(n_out))


def _pool(x: Tensor, length: Tensor) -> Tensor:
    """Join mean and maximum of (B, C, T) over the first `length` steps, shape (B, 2C)."""
    padding = (torch.arange(x.shape[-1], device=x.device) >= length.unsqueeze(1)).unsqueeze(1)
    mean = x.masked_fill(padding, 0).sum(-1) / length.unsqueeze(1)
    return torch.cat([mean, x.masked_fill(padding, -math.inf).amax(-1)], dim=1)
