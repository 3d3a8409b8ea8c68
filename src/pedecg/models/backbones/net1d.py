"""Net1D, the network of ECGFounder: grouped convolutions with squeeze-and-excitation.

Written from its published description; names and shapes of its tensors are those of the released
files. Li J et al. An electrocardiogram foundation model built on over 10 million recordings. NEJM
AI 2025. Hong S et al. HOLMES. KDD 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pedecg.models.time_layers import Conv1d

WIDTHS = (64, 160, 160, 400, 400, 1024, 1024)  # the released weights have this shape, and so below
BLOCKS = (2, 2, 2, 3, 3, 4, 4)  # as released
KERNEL = 16  # as released
GROUP_WIDTH = 16  # as released
N_CLASSES = 150  # of the released head


class SameConv1d(nn.Module):
    """A convolution whose output has ceil(n / stride) steps: zeros on both sides, more after."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = Conv1d(n_in, n_out, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, n) to (B, n_out, ceil(n / stride))."""
        kernel, stride, n = self.conv.kernel_size[0], self.conv.stride[0], x.shape[-1]
        total = max(0, (-(-n // stride) - 1) * stride + kernel - n)
        y: Tensor = self.conv(functional.pad(x, (total // 2, total - total // 2)))
        return y


class Block(nn.Module):
    """1 x 1, grouped and 1 x 1 convolution, each after its activation, around a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int, first: bool, released: bool) -> None:
        super().__init__()
        self.first, self.stride, self.widen = first, stride, n_out - n_in
        self.bn1 = _unused_norm(n_in, released)
        self.conv1 = SameConv1d(n_in, n_out, 1)
        self.bn2 = _unused_norm(n_out, released)
        self.conv2 = SameConv1d(n_out, n_out, KERNEL, stride, n_out // GROUP_WIDTH)
        self.bn3 = _unused_norm(n_out, released)
        self.conv3 = SameConv1d(n_out, n_out, 1)
        self.se_fc1 = nn.Linear(n_out, n_out // 2)
        self.se_fc2 = nn.Linear(n_out // 2, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, n) to (B, n_out, ceil(n / stride))."""
        y = self.conv1(x if self.first else functional.silu(x))
        y = self.conv3(functional.silu(self.conv2(functional.silu(y))))
        weights = self.se_fc2(functional.silu(self.se_fc1(y.mean(-1))))
        y = y * torch.sigmoid(weights).unsqueeze(-1)
        if self.stride > 1:
            # A zero, not minus infinity, after the last of an odd number of steps: as published.
            x = functional.max_pool1d(functional.pad(x, (0, 1)), 2, 2)
        if self.widen:
            x = functional.pad(x, (0, 0, self.widen // 2, self.widen - self.widen // 2))
        added: Tensor = y + x
        return added


class Net1D(nn.Module):
    """Signal of shape (B, n_leads, n_samples) at 500 Hz, any length, to (B, 1024).

    Parameters
    ----------
    released : also hold what the released files hold and the embedding does not use: norms that
        the released configuration leaves out and the head of 150 statements.
    """

    n_features = WIDTHS[-1]

    def __init__(self, n_leads: int, released: bool = False) -> None:
        super().__init__()
        self.layers = [f"stage_list.{stage}." for stage in range(len(WIDTHS))]
        self.first_conv = SameConv1d(n_leads, WIDTHS[0], KERNEL, 2)
        self.first_bn = _unused_norm(WIDTHS[0], released)
        self.stage_list = nn.ModuleList()
        n_in = WIDTHS[0]
        for stage, (n_out, n_blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            blocks = nn.ModuleList()
            for block in range(n_blocks):
                first = stage == block == 0
                blocks.append(Block(n_in, n_out, 2 if block == 0 else 1, first, released))
                n_in = n_out
            self.stage_list.append(nn.ModuleDict({"block_list": blocks}))
        self.dense = nn.Linear(n_in, N_CLASSES) if released else None

    def forward(self, x: Tensor) -> Tensor:
        """Map a signal, shape (B, n_leads, n_samples), to its embedding, shape (B, 1024)."""
        x = functional.silu(self.first_conv(x))
        for stage in self.stage_list:
            for block in stage["block_list"]:  # type: ignore[index]
                x = block(x)
        return x.mean(-1)


def _unused_norm(n_channels: int, released: bool) -> nn.Module | None:
    return nn.BatchNorm1d(n_channels).requires_grad_(False) if released else None
