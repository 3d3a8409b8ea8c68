"""Convolutions, then a recurrent or attending part, then one vector: nine networks by settings.

`cnn_only`, `cnn_lstm`, `bilstm`, `simple_lstm`, `lstm_only`, `residual`, `gru`, `attention` and
`transformer` differ in nothing but the settings below. What makes the recurrent ones train is
decided here: few steps (the convolutions reduce the rate before the recurrence sees it), normed
input and states, a forget gate that starts open, a learning rate of its own, and a last state that
is the last recorded one.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import rnn

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models.network_base import Batch, taps
from pedecg.models.time_layers import BatchNorm1d, Conv1d

CUT = 12.0  # times the usual size; QRS is about ten times it
READS = frozenset({"signals"})  # and, with `cnn_from`, what `reads` says


class Settings(Section):
    """One variant."""

    channels: list[int] = Field(
        description="channels of each convolutional block; []: none, the recurrence reads frames"
    )
    reduce: list[int] = Field(
        description="factor by which each block lowers the rate; their product sets the steps "
        "per second"
    )
    frame_s: float = Field(
        description="s; without blocks, length of signal per step of the recurrence", ge=0.005, le=1
    )
    kernel_s: float = Field(
        description="s; reach of the first convolution, the later ones have as many taps",
        gt=0,
        le=1,
    )
    residual: bool = Field(description="residual connection around each block")
    sequence: Literal["none", "lstm", "gru", "transformer"] = Field(
        description="model of the sequence of steps"
    )
    hidden: int = Field(description="hidden states per direction, or width of the attention", ge=4,
                        le=1024)  # fmt: skip
    layers: int = Field(description="layers of the recurrence or of the attention", ge=1, le=12)
    both_ways: bool = Field(description="bidirectional recurrence")
    heads: int = Field(description="heads of the attention", ge=1, le=32)
    pooling: Literal["last", "mean", "attention"] = Field(
        description="pooling of the steps: last state, mean and maximum, or attention (learned "
        "weighted mean)"
    )
    forget_bias: float = Field(
        description="initial bias of LSTM forget gates; 1 retains the state (Jozefowicz 2015)",
        ge=-5,
        le=5,
    )
    sequence_rate: float = Field(
        description=(
            "factor on the learning rate of the sequence model; two layers of LSTM hardly "
            "learn at 1"
        ),
        gt=0,
        le=10,
    )
    dropout: float = Field(description="dropout rate on the embedding", ge=0, lt=1)
    own_scale: bool = Field(
        False,
        description="each crop is divided by its own amplitude scale, and outliers are clipped: "
        "for recorders with varying contact",
    )
    cnn_from: str | None = Field(
        None,
        description="folder of a training (for example models/cnn_only/seed0) that provides the "
        "initial convolutions; null: random",
    )
    cnn_rate: float = Field(
        1.0, description="factor on the learning rate of the convolutions; 0: frozen", ge=0, le=10
    )

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if len(self.channels) != len(self.reduce):
            raise ValueError(
                f"reduce must have one factor per block (found {self.reduce} for {self.channels})"
            )
        if min([*self.channels, *self.reduce], default=1) < 1:
            raise ValueError("channels and reduce must be 1 or more")
        if not self.channels and self.sequence == "none":
            raise ValueError("needs channels or a sequence: nothing would see the signal")
        if self.cnn_from and not self.channels:
            raise ValueError("cnn_from needs channels: there are no convolutions to take over")
        if self.sequence == "transformer" and self.hidden % self.heads:
            raise ValueError(f"hidden must be a multiple of heads (found {self.hidden})")
        return self


def reads(values: Mapping[str, Any]) -> frozenset[str]:
    """Return what a variant reads, from the values of its section."""
    return READS | {"pretrained"} if values.get("cnn_from") else READS


class Model(nn.Module):
    """Signal and lead mask to one logit per target."""

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
        self.settings = settings
        self.cnn = (
            Convolutions(settings, n_leads, fs_hz)
            if settings.channels
            else Frames(n_leads, max(1, round(settings.frame_s * fs_hz)), settings.hidden)
        )
        width = self.cnn.width
        self.sequence: nn.Module | None = None
        if settings.sequence == "transformer":
            self.sequence = Attending(settings, width)
            width = settings.hidden
        elif settings.sequence != "none":
            self.sequence = Recurrent(settings, width)
            width = settings.hidden * (2 if settings.both_ways else 1)
        self.pooling = settings.pooling
        self.weigh = nn.Linear(width, 1) if settings.pooling == "attention" else None
        if settings.pooling == "mean":
            width *= 2
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(width, n_targets))

    def learning_rates(self) -> dict[str, float]:
        """Return factors on the learning rate by the beginning of parameters' names; 0 freezes."""
        return {"sequence": self.settings.sequence_rate, "cnn.": self.settings.cnn_rate}

    def train(self, mode: bool = True) -> "Model":
        """Switch to training; frozen convolutions and their norms stay in evaluation mode."""
        super().train(mode)
        if self.settings.cnn_rate == 0:
            self.cnn.eval()
        return self

    def load_pretrained(self, folder: str | Path) -> str:
        """Take over the convolutions of `cnn_from`; return one line on where they come from.

        Parameters
        ----------
        folder : not read; the setting names its own.

        Raises
        ------
        PedecgError
            There is no training, or its convolutions are of another shape.
        """
        source = self.settings.cnn_from
        weights, _ = checkpoint.read_tensors(
            Path(f"{source}/weights.safetensors"), torch.device("cpu")
        )
        own = self.cnn.state_dict()
        found = {k.removeprefix("cnn."): v for k, v in weights.items() if k.startswith("cnn.")}
        shapes = [{k: tuple(v.shape) for k, v in each.items()} for each in (own, found)]
        if shapes[0] != shapes[1]:
            raise PedecgError(
                f"models.….cnn_from: {source} has other convolutions than these settings make; "
                "channels, reduce, kernel_s and residual must be the same"
            )
        self.cnn.load_state_dict(found)
        return f"convolutions of {source}"

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        logits: Tensor = self.head(self._pooled(*self._read(batch)))
        return logits

    def attention(self, batch: Batch) -> Tensor:
        """Return the weight of each step, shape (B, n_steps), sum 1; with pooling attention."""
        return self._weights(*self._read(batch))

    def _read(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return steps of shape (B, n_steps, width) and how many of them are recorded."""
        # What a masked lead or the padding holds is ignored.
        seen = batch.lead_mask.unsqueeze(-1) * within(batch.signal.shape[-1], batch.length)[:, None]
        signal = batch.signal * seen
        if self.settings.own_scale:
            signal = own_scale(signal, batch.length)
        x, length = self.cnn(signal, batch.lead_mask, batch.length)
        if self.sequence is not None:
            x = self.sequence(x, length)
        return x, length

    def _weights(self, x: Tensor, length: Tensor) -> Tensor:
        assert self.weigh is not None
        scores = self.weigh(x).squeeze(-1).masked_fill(~steps(x, length), -math.inf)
        weights: Tensor = scores.softmax(dim=1)
        return weights

    def _pooled(self, x: Tensor, length: Tensor) -> Tensor:
        """Turn steps of shape (B, n_steps, width) into one vector per record."""
        if self.pooling == "attention":
            return torch.einsum("bs,bsw->bw", self._weights(x, length), x)
        inside = steps(x, length).unsqueeze(-1)
        if self.pooling == "mean":
            mean = (x * inside).sum(1) / length.unsqueeze(1)
            return torch.cat([mean, x.masked_fill(~inside, -math.inf).amax(1)], dim=1)
        last = x[torch.arange(len(x), device=x.device), length - 1]
        if isinstance(self.sequence, Recurrent) and self.sequence.both_ways:
            half = x.shape[-1] // 2  # backwards, the last state read stands at the first step
            return torch.cat([last[:, :half], x[:, 0, half:]], dim=1)
        return last


class Convolutions(nn.Module):
    """Blocks of convolution, norm, activation and pooling; padding stays zero in all of them."""

    def __init__(self, settings: Settings, n_leads: int, fs_hz: float) -> None:
        super().__init__()
        self.width = settings.channels[-1]
        kernel = taps(settings.kernel_s, fs_hz)
        self.mask_bias = nn.Linear(n_leads, settings.channels[0], bias=False)
        self.reduce = settings.reduce
        self.blocks, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        n_in = n_leads
        for n_out in settings.channels:
            self.blocks.append(
                nn.Sequential(
                    Conv1d(n_in, n_out, kernel, padding=kernel // 2, bias=False),
                    BatchNorm1d(n_out),
                )
            )
            shortcut = Conv1d(n_in, n_out, 1) if settings.residual else nn.Identity()
            self.shortcuts.append(shortcut)
            n_in = n_out
        self.residual = settings.residual

    def forward(self, x: Tensor, lead_mask: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return steps of shape (B, n_steps, width) and how many of them are recorded."""
        for k, (block, shortcut, factor) in enumerate(
            zip(self.blocks, self.shortcuts, self.reduce, strict=True)
        ):
            y = block(x)
            if k == 0:
                y = y + self.mask_bias(lead_mask).unsqueeze(-1)
            if self.residual:
                y = y + shortcut(x)
            x = torch.relu(y) * within(y.shape[-1], length).unsqueeze(1)
            x = functional.max_pool1d(x, factor, ceil_mode=True)
            length = -(-length // factor)
        return x.transpose(1, 2), length


class Frames(nn.Module):
    """The signal in frames that do not overlap, each turned into one vector by one matrix."""

    def __init__(self, n_leads: int, frame: int, width: int) -> None:
        super().__init__()
        self.frame, self.width = frame, width
        self.matrix = Conv1d(n_leads, width, frame, stride=frame)
        self.mask_bias = nn.Linear(n_leads, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lead_mask: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return frame embeddings, shape (B, n_frames, width), and their number per record.

        Parameters
        ----------
        x : signal, shape (B, n_leads, n_samples).
        lead_mask : shape (B, n_leads), 1 where the lead was recorded.
        length : recorded samples, shape (B,).
        """
        x = functional.pad(x, (0, -x.shape[-1] % self.frame))
        frames = self.matrix(x).transpose(1, 2) + self.mask_bias(lead_mask).unsqueeze(1)
        return self.norm(frames), -(-length // self.frame)


class Recurrent(nn.Module):
    """LSTM or GRU over the recorded steps; what is padding is not read.

    States are normalised: those of an LSTM begin near zero, where their gradient is small.
    """

    def __init__(self, settings: Settings, width: int) -> None:
        super().__init__()
        self.both_ways = settings.both_ways
        kind = nn.LSTM if settings.sequence == "lstm" else nn.GRU
        self.net = kind(
            width, settings.hidden, settings.layers, batch_first=True,
            bidirectional=settings.both_ways,
            dropout=settings.dropout if settings.layers > 1 else 0.0,
        )  # fmt: skip
        self.norm = nn.LayerNorm(settings.hidden * (2 if settings.both_ways else 1))
        for name, parameter in self.net.named_parameters():
            if name.startswith("weight_hh"):
                for start in range(0, len(parameter), settings.hidden):
                    # A state is turned, not shrunk, from step to step.
                    nn.init.orthogonal_(parameter.data[start : start + settings.hidden])
            elif settings.sequence == "lstm" and name.startswith("bias"):
                # Two biases are added; gates stand in the order input, forget, cell, output.
                share = settings.forget_bias / 2
                parameter.data[settings.hidden : 2 * settings.hidden] = share

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """Return hidden states, shape (B, n_steps, n_states).

        Parameters
        ----------
        x : shape (B, n_steps, width).
        length : recorded steps, shape (B,); later ones are padding.
        """
        packed = rnn.pack_padded_sequence(x, length.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = self.net(packed)
        padded, _ = rnn.pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
        normed: Tensor = self.norm(padded)
        return normed


class Attending(nn.Module):
    """Transformer layers over the recorded steps, norm first; waves tell where a step stands.

    Vaswani A et al. Attention is all you need. NeurIPS 2017.
    """

    def __init__(self, settings: Settings, width: int) -> None:
        super().__init__()
        self.into = nn.Linear(width, settings.hidden)
        layer = nn.TransformerEncoderLayer(
            settings.hidden, settings.heads, 2 * settings.hidden, settings.dropout,
            batch_first=True, norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, settings.layers, enable_nested_tensor=False)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """Return attended steps, shape (B, n_steps, hidden).

        Parameters
        ----------
        x : shape (B, n_steps, width).
        length : recorded steps, shape (B,); later ones are padding.
        """
        x = self.into(x)
        x = x + places(x.shape[1], x.shape[2], x.device)
        attended: Tensor = self.layers(x, src_key_padding_mask=~steps(x, length))
        return attended


def own_scale(signal: Tensor, length: Tensor) -> Tensor:
    """Divide each lead of (B, n_leads, n) by its usual size and cut what is far larger.

    Usual is the mean size with peaks cut at four times it: a hand that moved must not make the
    beats small.

    Parameters
    ----------
    length : shape (B,), samples before the padding.
    """
    n = length.view(-1, 1, 1)
    size = signal.abs()
    mean = size.sum(-1, keepdim=True) / n
    usual = torch.minimum(size, 4 * mean).sum(-1, keepdim=True) / n
    return (signal / (usual + 1e-6)).clamp(-CUT, CUT)


def within(n: int, length: Tensor) -> Tensor:
    """Return which of `n` places are recorded, bool of shape (B, n)."""
    return torch.arange(n, device=length.device) < length.unsqueeze(1)


def steps(x: Tensor, length: Tensor) -> Tensor:
    """Return which steps of (B, n_steps, width) are recorded, bool of shape (B, n_steps)."""
    return within(x.shape[1], length)


def places(n: int, width: int, device: torch.device) -> Tensor:
    """Return sines and cosines of many lengths, shape (n, width)."""
    half = (width + 1) // 2
    fast = torch.exp(-math.log(10_000.0) * torch.arange(half, device=device) / half)
    angle = torch.arange(n, device=device).unsqueeze(1) * fast
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width]
