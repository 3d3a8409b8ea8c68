"""The delineator's network: one encoder and decoder for every lead, which lets leads talk.

A U-Net over time: leads are the height of an image that is never convolved across, so any number
of leads in any order passes. After each encoder step every lead receives a weighted mean of all
leads; a lead in which P is flat learns from the others where to look, and a lost electrode is
weighed down.
"""

import copy
import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pedecg.waves.network_settings import Settings as Settings
from pedecg.waves.wave_targets import N_WAVES


class Block(nn.Module):
    """Depthwise convolution over time and a mix of channels, around a shortcut."""

    def __init__(self, channels: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        padding = (0, dilation * (kernel // 2))
        self.over_time = nn.Conv2d(
            channels, channels, (1, kernel), padding=padding, dilation=(1, dilation),
            groups=channels, bias=False,
        )  # fmt: skip
        self.over_channels = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map features, shape (batch, channels, leads, frames), to the same shape."""
        mixed = self.norm(self.over_channels(self.over_time(x)))
        return cast(Tensor, mixed.add_(x).relu_())  # in place: memory traffic is what costs


class Fusion(nn.Module):
    """Add to each lead a weighted mean of all leads; the weights are learned from the signal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features, shape (batch, channels, leads, frames), to the same shape."""
        weights = torch.softmax(self.score(x), dim=2)
        return cast(Tensor, x + self.mix((weights * x).sum(dim=2, keepdim=True)))


class Network(nn.Module):
    """Leads in, a logit for each wave, lead and frame out.

    Input  : (batch, n_leads, n_samples) at 250 Hz, normalised; n_samples a multiple of `stride`.
    Output : (batch, n_leads, 3, n_samples / 2): logits of P, QRS and T; a wave may overlap another.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, kernel = settings.widths, settings.kernel
        self.stride = settings.stride()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], (1, 2 * kernel - 1), (1, 2), (0, kernel - 1), bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        self.encoder = nn.ModuleList(
            nn.Sequential(*[Block(width, kernel) for _ in range(blocks)], Fusion(width))
            for width, blocks in zip(widths[:-1], settings.blocks, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(wide, narrow, (1, 2), (1, 2), bias=False), nn.BatchNorm2d(narrow)
            )
            for wide, narrow in itertools.pairwise(widths)
        )
        self.inner = nn.Sequential(
            *[Block(widths[-1], kernel, dilation) for dilation in settings.dilations],
            Fusion(widths[-1]),
            Block(widths[-1], kernel),
        )
        self.up = nn.ModuleList(
            nn.Conv2d(narrow, wide, 1) for wide, narrow in itertools.pairwise(widths)
        )
        self.decoder = nn.ModuleList(Block(width, kernel) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], N_WAVES, 1)
        for weight in self.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, signal: Tensor) -> Tensor:
        """Return logits of P, QRS and T, shape (batch, n_leads, 3, n_samples / 2).

        Parameters
        ----------
        signal : shape (batch, n_leads, n_samples) at 250 Hz, normalised.
        """
        x = self.stem(signal[:, None].contiguous(memory_format=torch.channels_last))
        kept = []
        for encode, down in zip(self.encoder, self.down, strict=True):
            kept.append(encode(x))
            x = down(kept[-1])
        x = self.inner(x)
        steps = zip(self.up, self.decoder, kept, strict=True)
        for up, decode, skip in reversed(list(steps)):
            x = decode(skip + functional.interpolate(up(x), scale_factor=(1.0, 2.0)))
        return cast(Tensor, self.head(x).permute(0, 2, 1, 3))

    def fused(self) -> "Network":
        """Return the network for prediction, each normalisation folded into its convolution."""
        network = copy.deepcopy(self).eval()
        for block in [part for part in network.modules() if isinstance(part, Block)]:
            block.over_channels = fuse_conv_bn_eval(block.over_channels, block.norm)
            block.register_module("norm", nn.Identity())
        for pair in [network.stem, *network.down]:
            pair[0], pair[1] = fuse_conv_bn_eval(pair[0], pair[1]), nn.Identity()
        return network
