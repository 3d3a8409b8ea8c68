"""S4D: a stack of diagonal state-space layers over the signal, in plain PyTorch.

Every channel passes a bank of damped oscillators whose decay and frequency are learnt: a filter as
long as the record with a few parameters. Gu A, Gupta A, Goel K, Ré C. On the parameterization and
initialization of diagonal state space models. NeurIPS 2022 (arXiv 2206.11893). As a classifier of
ECGs: Mehari T, Strodthoff N. arXiv 2211.07579, of which the layers that look both ways are taken.
"""

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pedecg.core.params import Section
from pedecg.models.network_base import Batch, padding, pool, taps
from pedecg.models.time_layers import Conv1d

READS = frozenset({"signals"})


class Settings(Section):
    """Size, memory and regularisation."""

    width: int = Field(description="channels of every layer", ge=4, le=512)
    layers: int = Field(description="state-space layers", ge=1, le=16)
    states: int = Field(
        description="oscillators of each channel and direction, each a complex pair", ge=1, le=128
    )
    step_hz: float = Field(
        description="Hz; rate after the first convolution, at which the layers compute",
        ge=25,
        le=500,
    )
    stem_s: float = Field(description="s; reach of the first convolution, about a QRS", gt=0, le=1)
    memory_s: list[float] = Field(
        description="s; shortest and longest time constant of the decay at the start",
        min_length=2,
        max_length=2,
    )
    both_ways: bool = Field(description="true: each layer also looks backwards in time")
    dropout: float = Field(
        description="dropout rate, in the layers and on the embedding", ge=0, lt=1
    )


class DiagonalStateSpace(nn.Module):
    """One diagonal linear state space per channel, (B, C, T) to (B, C, T).

    The state x of an oscillator obeys x' = a x + u, the output is y = 2 Re(c x) + d u, with
    a = -exp(log_decay) + i frequency, held constant over a step of `dt` (zero-order hold). In
    steps of time this is a convolution with K[l] = 2 Re(sum_n c_n (exp(dt a_n) - 1) / a_n
    exp(dt a_n l)), computed by FFT. Initial values are S4D-Lin: decay 1/2, frequency pi n.

    Parameters
    ----------
    memory_steps : shortest and longest time constant of the decay, in steps, at the start.
    """

    def __init__(self, width: int, states: int, memory_steps: tuple[float, float]) -> None:
        super().__init__()
        # A decay of 1/2 has the time constant 2 / dt steps.
        shortest, longest = (math.log(2 / steps) for steps in memory_steps)
        self.log_dt = nn.Parameter(longest + (shortest - longest) * torch.rand(width, 1))
        self.log_decay = nn.Parameter(torch.full((width, states), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(states).repeat(width, 1))
        self.c = nn.Parameter(torch.randn(width, states, 2) * math.sqrt(0.5))
        self.d = nn.Parameter(torch.randn(width))

    def kernel(self, n_steps: int) -> Tensor:
        """Return K, shape (C, n_steps), in real numbers."""
        dt = self.log_dt.exp()
        decay, angle = -self.log_decay.exp(), self.frequency
        # (exp(dt a) - 1) / a, real and imaginary part; a is never 0, since the decay is not.
        grown = (dt * decay).exp()
        real, imaginary = grown * (dt * angle).cos() - 1, grown * (dt * angle).sin()
        size = decay.square() + angle.square()
        input_real = (real * decay + imaginary * angle) / size
        input_imaginary = (imaginary * decay - real * angle) / size
        c_real, c_imaginary = self.c.unbind(-1)
        w_real = c_real * input_real - c_imaginary * input_imaginary
        w_imaginary = c_real * input_imaginary + c_imaginary * input_real
        step = torch.arange(n_steps, device=dt.device, dtype=dt.dtype)
        envelope = ((dt * decay).unsqueeze(-1) * step).exp()
        phase = (dt * angle).unsqueeze(-1) * step
        waves = w_real.unsqueeze(-1) * phase.cos() - w_imaginary.unsqueeze(-1) * phase.sin()
        return 2 * (envelope * waves).sum(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the response to x, (B, C, T); a step depends on itself and those before it."""
        return convolve(x, self.kernel(x.shape[-1])) + self.d.unsqueeze(-1) * x


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve each channel of x, (B, C, T), with its own kernel, (C, T), causally.

    By FFT over twice the length, so that the end does not reach the beginning. A graph for ONNX,
    whose FFT knows no batch of real signals of any length, holds the same sum written out.
    """
    n_steps = x.shape[-1]
    if torch.compiler.is_exporting():
        padded = functional.pad(x, (n_steps - 1, 0))
        return functional.conv1d(padded, kernel.flip(-1).unsqueeze(1), groups=x.shape[1])
    product = torch.fft.rfft(x, 2 * n_steps) * torch.fft.rfft(kernel, 2 * n_steps)
    whole: Tensor = torch.fft.irfft(product, 2 * n_steps)
    return whole[..., :n_steps]


class Layer(nn.Module):
    """Norm, state space, GELU and a gated mixture of the channels, around a shortcut."""

    def __init__(self, settings: Settings, memory_steps: tuple[float, float]) -> None:
        super().__init__()
        width, states = settings.width, settings.states
        self.norm = nn.LayerNorm(width)
        self.ahead = DiagonalStateSpace(width, states, memory_steps)
        self.back = None
        if settings.both_ways:
            self.back = DiagonalStateSpace(width, states, memory_steps)
        self.dropout = nn.Dropout1d(settings.dropout)
        self.mix = nn.Conv1d(width, 2 * width, 1)

    def forward(self, x: Tensor, after: Tensor) -> Tensor:
        """Return (B, C, T); `after` of shape (B, 1, T) marks padding, which no step feels."""
        y = self.norm(x.transpose(1, 2)).transpose(1, 2).masked_fill(after, 0.0)
        state: Tensor = self.ahead(y)
        if self.back is not None:
            state = state + self.back(y.flip(-1)).flip(-1)
        gated = functional.glu(self.mix(self.dropout(functional.gelu(state))), dim=1)
        changed: Tensor = x + self.dropout(gated)
        return changed


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
        self.stride = max(1, round(fs_hz / settings.step_hz))
        reach = taps(settings.stem_s, fs_hz)
        self.stem = Conv1d(n_leads, settings.width, reach, self.stride, reach // 2, bias=False)
        self.mask_bias = nn.Linear(n_leads, settings.width)
        steps_hz = fs_hz / self.stride
        shortest, longest = (seconds * steps_hz for seconds in settings.memory_s)
        self.layers = nn.ModuleList(
            Layer(settings, (shortest, longest)) for _ in range(settings.layers)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(2 * settings.width),
            nn.Dropout(settings.dropout),
            nn.Linear(2 * settings.width, n_targets),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        present = batch.lead_mask.unsqueeze(-1)
        x = self.stem(batch.signal * present) + self.mask_bias(batch.lead_mask).unsqueeze(-1)
        length = (batch.length + self.stride - 1) // self.stride
        after = padding(x, length)
        for layer in self.layers:
            x = layer(x, after)
        logits: Tensor = self.head(pool(x, length))
        return logits
