"""Shared parts of all networks: batch, convolutional trunk, encoding of age and sex.

Vocabulary of every model: ``n_leads, n_samples, fs_hz, n_targets``. Widths in time are given in
seconds, so that one parameter file means the same network at 100, 250 and 500 Hz.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.core.params import Section
from pedecg.models.time_layers import BatchNorm1d, Conv1d, ImageConv1d, as_image

STAGE_WIDTHS = (1.0, 1.5, 3.0, 6.0, 8.0)  # of `width`; parameters sit where time is coarse: cheap
LARGEST = 8.0  # SD; a measure farther out is a mistake of the delineation or of a hand, not a heart
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


class SharedTrunkSettings(Section):
    """Section `trunk`: what the residual networks of a parameter file have in common.

    What has a default here is a refinement, switched off by it.
    """

    blocks: list[int] = Field(
        description=(
            "residual blocks in each of the five stages, at 62, 31, 16, 8 and 4 Hz with "
            "stem_hz 62.5"
        ),
        min_length=5,
        max_length=5,
    )
    stem: Literal["single", "deep"] = Field(
        "single", description="single: one convolution; deep: three, as in xresnet (He 2019)"
    )
    stem_hz: float = Field(
        description="Hz; rate after the first convolutions, halved by every later stage",
        ge=25,
        le=500,
    )
    stem_s: float = Field(description="s; reach of the first convolution, about a QRS", gt=0, le=1)
    kernel_s: float = Field(
        description="s at stem_hz; reach of the convolutions in the blocks", gt=0, le=1
    )
    order: Literal["post", "pre"] = Field(
        "post",
        description="post: activation after the sum (He 2016a); pre: norm and activation before "
        "each convolution (He 2016b)",
    )
    squeeze: float = Field(
        0.0,
        description="squeeze-and-excitation (Hu 2018): hidden channels as a share of a block's; "
        "0: none",
        ge=0,
        le=1,
    )
    block_dropout: float = Field(
        0.0, description="dropout rate between the convolutions of a block", ge=0, lt=1
    )
    drop_path: float = Field(
        0.0,
        description="stochastic depth (Huang 2016): share of records for which the last block is "
        "its shortcut in training; earlier blocks less, in proportion",
        ge=0,
        lt=1,
    )
    dropout: float = Field(description="dropout rate on the embedding", ge=0, lt=1)


class TrunkSettings(SharedTrunkSettings):
    """Size of one residual network."""

    width: int = Field(
        description="channels of the first stage; the last has 8 times as many; 32 with one block "
        "per stage: 1 M parameters",
        ge=4,
        le=256,
    )


class Block(nn.Module):
    """Two convolutions and a shortcut; an optional condition scales and shifts the channels.

    Its layers compute images, see `time_layers`; what it takes and returns are signals.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int,
        n_condition: int,
        settings: TrunkSettings,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.drop_path, self.post = drop_path, settings.order == "post"
        between = nn.Dropout2d(settings.block_dropout)
        first, second = (
            _image_convolution(n_in, n_out, kernel, stride),
            _image_convolution(n_out, n_out, kernel),
        )
        # A block starts as its shortcut: whatever ends it, norm or convolution, starts at zero.
        if self.post:
            last = nn.BatchNorm2d(n_out)
            nn.init.zeros_(last.weight)
            layers = [first, *_norm_and_relu(n_out), between, second, last]
        else:
            nn.init.zeros_(second.weight)
            layers = [*_norm_and_relu(n_in), first, *_norm_and_relu(n_out), between, second]
        self.residual = nn.Sequential(*layers)
        self.squeeze = Squeeze(n_out, settings.squeeze) if settings.squeeze else None
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool2d((1, stride), ceil_mode=True))
        if n_in != n_out:
            self.shortcut.append(_image_convolution(n_in, n_out, 1))
            self.shortcut.append(nn.BatchNorm2d(n_out))
        self.film = nn.Linear(n_condition, 2 * n_out) if n_condition else None
        if self.film is not None:
            nn.init.zeros_(self.film.weight)  # and without regard to age
            nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, condition: Tensor | None, length: Tensor) -> Tensor:
        """Return (B, n_out, T) from (B, n_in, stride * T); `length` counts steps of the output."""
        x = as_image(x)
        y: Tensor = self.residual(x)
        if self.squeeze is not None:
            y = self.squeeze(y, length)
        if self.training and self.drop_path > 0:
            kept = torch.rand(len(y), device=y.device) >= self.drop_path
            y = y * _each(kept / (1 - self.drop_path), y)
        y = y.add_(self.shortcut(x))
        if self.film is not None and condition is not None:
            scale, shift = _each(self.film(condition), y).chunk(2, dim=1)
            y = y * (1 + scale) + shift
        return (y.relu_() if self.post else y).squeeze(2)


class Squeeze(nn.Module):
    """Channels weighed by what the whole record shows. Hu J et al. CVPR 2018."""

    def __init__(self, n_channels: int, share: float) -> None:
        super().__init__()
        n_hidden = max(4, round(n_channels * share))
        self.mlp = nn.Sequential(
            nn.Linear(n_channels, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_channels)
        )

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """Return x of shape (B, C, 1, T), each channel times 0 to 1."""
        weights: Tensor = torch.sigmoid(self.mlp(mean(x.squeeze(2), length)))
        return x * _each(weights, x)


class Trunk(nn.Module):
    """A one-dimensional residual network of any length of signal to one embedding.

    He K et al. Deep residual learning for image recognition. CVPR 2016 (2016a); Identity mappings.
    ECCV 2016 (2016b); He T et al. Bag of tricks. CVPR 2019; Huang G et al. Stochastic depth. ECCV
    2016. Pooling is the mean and the maximum over the recorded samples; padding takes no part.

    Attributes
    ----------
    n_channels : channels of the map.
    n_features : length of the embedding.
    stride : samples of one step of the map.
    """

    def __init__(
        self, settings: TrunkSettings, *, n_leads: int, fs_hz: float, n_condition: int = 0
    ) -> None:
        super().__init__()
        widths = [round(settings.width * factor) for factor in STAGE_WIDTHS]
        stem_stride = max(1, round(fs_hz / settings.stem_hz))
        kernel = taps(settings.kernel_s, fs_hz / stem_stride)
        deep = settings.stem == "deep"
        n_first = max(4, widths[0] // 2) if deep else widths[0]
        first_stride = 2 if deep and stem_stride % 2 == 0 else stem_stride
        self.stem = _convolution(n_leads, n_first, taps(settings.stem_s, fs_hz), first_stride)
        # A mask given as constant input channels would act as one bias per output channel.
        self.mask_bias = nn.Linear(n_leads, n_first, bias=False)
        self.norm = BatchNorm1d(n_first)
        self.deeper = nn.Sequential()
        if deep:
            for n_in, stride in ((n_first, stem_stride // first_stride), (widths[0], 1)):
                self.deeper.append(_convolution(n_in, widths[0], 2 * stride + 1, stride))
                self.deeper.append(BatchNorm1d(widths[0]))
                self.deeper.append(nn.ReLU())
        self.stem_stride = stem_stride
        self.blocks, self.strides = nn.ModuleList(), []
        n_in, n_all = widths[0], sum(settings.blocks)
        for stage, (n_out, n_blocks) in enumerate(zip(widths, settings.blocks, strict=True)):
            for block in range(n_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                drop_path = settings.drop_path * (len(self.blocks) + 1) / n_all
                self.strides.append(stride)
                self.blocks.append(
                    Block(n_in, n_out, kernel, stride, n_condition, settings, drop_path)
                )
                n_in = n_out
        self.final = nn.Sequential()
        if settings.order == "pre":
            self.final = nn.Sequential(BatchNorm1d(n_in), nn.ReLU())
        self.stride = stem_stride * 2 ** sum(n > 0 for n in settings.blocks[1:])
        self.n_channels = n_in
        self.n_features = 2 * n_in

    def map(self, batch: Batch, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return channels over time, shape (B, n_channels, T), and how many steps are recorded."""
        present = batch.lead_mask.unsqueeze(-1)
        x = self.stem(batch.signal * present) + self.mask_bias(batch.lead_mask).unsqueeze(-1)
        x = self.deeper(torch.relu(self.norm(x)))
        length = (batch.length + self.stem_stride - 1) // self.stem_stride
        for block, stride in zip(self.blocks, self.strides, strict=True):
            length = (length + stride - 1) // stride
            x = block(x, condition, length)
        return self.final(x), length

    def forward(self, batch: Batch, condition: Tensor | None = None) -> Tensor:
        """Return embeddings of shape (B, n_features); `condition` has shape (B, n_condition)."""
        return pool(*self.map(batch, condition))


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


class Numbers(nn.Module):
    """Scaled features of a record, shape (B, n_features), NaN where unknown, to (B, n_hidden)."""

    def __init__(self, n_features: int, n_hidden: int, hide_probability: float) -> None:
        super().__init__()
        self.hide_probability = hide_probability
        # Beside each value a flag that it is known: what stands for an unknown one is learnt.
        self.mlp = nn.Sequential(
            nn.Linear(2 * n_features, n_hidden), nn.SiLU(), nn.Linear(n_hidden, n_hidden)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the encoding, shape (B, n_hidden), of features, shape (B, n_features)."""
        if self.training and self.hide_probability > 0:
            hidden = torch.rand(len(features), 1, device=features.device) < self.hide_probability
            features = features.masked_fill(hidden, torch.nan)
        known = ~torch.isnan(features)
        values = torch.where(known, features, 0.0).clamp(-LARGEST, LARGEST)
        encoded: Tensor = self.mlp(torch.cat([values, known.to(values.dtype)], dim=1))
        return encoded


def taps(seconds: float, fs_hz: float) -> int:
    """Return the odd number of samples, at least 3, nearest to a reach in seconds."""
    return max(3, 2 * math.floor(seconds * fs_hz / 2) + 1)


def padding(x: Tensor, length: Tensor) -> Tensor:
    """Return which steps of (B, C, T) lie after the first `length`, shape (B, 1, T)."""
    return (torch.arange(x.shape[-1], device=x.device) >= length.unsqueeze(1)).unsqueeze(1)


def _convolution(n_in: int, n_out: int, kernel: int, stride: int) -> Conv1d:
    return Conv1d(n_in, n_out, kernel, stride, kernel // 2, bias=False)


def _image_convolution(n_in: int, n_out: int, kernel: int, stride: int = 1) -> ImageConv1d:
    return ImageConv1d(n_in, n_out, kernel, stride, kernel // 2, bias=False)


def _norm_and_relu(n: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(n), nn.ReLU(inplace=True)]  # a norm learns without its own output


def _each(values: Tensor, x: Tensor) -> Tensor:
    """Let values of each record, or of each of its channels, meet x over all further axes."""
    return values.view(*values.shape, *[1] * (x.ndim - values.ndim))


def mean(x: Tensor, length: Tensor) -> Tensor:
    """Return the mean of (B, C, T) over the first `length` steps, (B, C)."""
    share = (~padding(x, length)).to(x.dtype) / length.view(-1, 1, 1)
    return (x @ share.transpose(1, 2)).squeeze(-1)


def pool(x: Tensor, length: Tensor) -> Tensor:
    """Join mean and maximum of (B, C, T) over the first `length` steps, shape (B, 2C)."""
    lowest = torch.zeros(len(x), 1, x.shape[-1], dtype=x.dtype, device=x.device)
    lowest.masked_fill_(padding(x, length), -math.inf)  # of x itself this would take longer
    return torch.cat([mean(x, length), (x + lowest).amax(-1)], dim=1)
