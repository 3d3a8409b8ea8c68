"""The delineator's network of whole numbers in NumPy: the same answer without importing torch.

Importing torch takes longer than delineating one ECG. `integer_network` makes every convolution an
exact sum of whole numbers, and all else is done value by value: the result has the same bits as
that of torch, whatever the order of the sums.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from pedecg.core import elementary
from pedecg.waves.network_settings import Settings
from pedecg.waves.wave_targets import N_WAVES
from pedecg.waves.whole_number_limits import SHARES, highest_input

Array = NDArray[np.float32]
_VALUES = ("weight", "step", "scale", "bias")  # of a convolution


@dataclass(frozen=True)
class _Convolution:
    """A convolution over time of rounded inputs by whole weights.

    Attributes
    ----------
    weight : shape (n_outputs, n_inputs per group, n_taps).
    step : shape (n_inputs, 1, 1); scale, bias : shape (n_outputs, 1, 1).
    """

    weight: Array
    step: Array
    scale: Array
    bias: Array

    @property
    def highest(self) -> float:
        return highest_input(self.weight[0].size)

    def rounded(self, x: Array) -> Array:
        """Return inputs, shape (n_inputs, n_leads, n_frames), in whole steps."""
        steps = np.divide(x, self.step)
        np.rint(steps, out=steps)
        return np.clip(steps, -self.highest, self.highest, out=steps)

    def scaled(self, sums: Array) -> Array:
        """Return exact sums, shape (n_outputs, n_leads, n_frames), as values; `sums` may change."""
        np.multiply(sums, self.scale, out=sums)
        return sums if not self.bias.any() else np.add(sums, self.bias, out=sums)

    def pointwise(self, x: Array) -> Array:
        """Mix channels frame by frame; shape (n_inputs, n_leads, n_frames)."""
        sums = self.weight[:, :, 0] @ self.rounded(x).reshape(len(x), -1)
        return self.scaled(sums.reshape(len(sums), *x.shape[1:]))

    def halved(self, x: Array) -> Array:
        """Mix channels of two frames into one; n_frames is even."""
        pairs = self.rounded(x).reshape(len(x), -1, 2)
        sums = self.weight[:, :, 0] @ np.ascontiguousarray(pairs[:, :, 0])
        sums += self.weight[:, :, 1] @ np.ascontiguousarray(pairs[:, :, 1])
        return self.scaled(sums.reshape(len(sums), x.shape[1], -1))

    def over_time(self, x: Array, dilation: int) -> Array:
        """Convolve each channel by itself; the length stays."""
        n_channels, n_leads, n_frames = x.shape
        taps = self.weight.shape[2]
        margin = dilation * (taps // 2)
        # Zeros between the leads: all of them are one long row, in which a tap is a shift.
        padded = np.zeros((n_channels, n_leads, n_frames + 2 * margin), np.float32)
        padded[:, :, margin : margin + n_frames] = self.rounded(x)
        row = padded.reshape(n_channels, -1)
        result = np.empty_like(row)
        n = row.shape[1] - 2 * margin
        sums, part = result[:, :n], np.empty((n_channels, n), np.float32)
        for tap in range(taps):
            shifted = row[:, tap * dilation : tap * dilation + n]
            if tap:
                np.multiply(shifted, self.weight[:, :, tap], out=part)
                np.add(sums, part, out=sums)
            else:
                np.multiply(shifted, self.weight[:, :, tap], out=sums)
        kept = result.reshape(padded.shape)[:, :, :n_frames]
        return self.scaled(np.ascontiguousarray(kept))

    def stem(self, signal: Array) -> Array:
        """Map one channel of shape (n_leads, n_samples) to features of half the rate."""
        taps = self.weight.shape[2]
        whole = self.rounded(signal[None])[0]
        padded = np.pad(whole, ((0, 0), (taps // 2, taps // 2)))
        n_frames = (signal.shape[1] + 1) // 2
        shifted = np.stack([padded[:, k : k + 2 * n_frames - 1 : 2].ravel() for k in range(taps)])
        sums = self.weight[:, 0] @ shifted
        return self.scaled(sums.reshape(len(sums), len(signal), n_frames))


def _convolution(part: str, values: dict[str, Array]) -> _Convolution:
    weight = np.ascontiguousarray(values[f"{part}.weight"][:, :, 0])
    step, scale, bias = (values[f"{part}.{each}"][:, None, None] for each in _VALUES[1:])
    return _Convolution(weight, step, scale, bias)


class ArrayNetwork:
    """Leads in, a logit for each wave, lead and frame out; see `wave_network.Network`."""

    def __init__(self, settings: Settings, weights: Path) -> None:
        """Open the weights that `delineator_inference.save` wrote.

        Raises
        ------
        KeyError
            The file is of an earlier version or of another network.
        """
        self.stride = settings.stride()
        self._settings = settings
        values = {name: value.astype(np.float32) for name, value in load_file(weights).items()}
        shapes = _shapes(settings)
        wanted = {f"{part}.{each}" for part in shapes for each in _VALUES}
        if wanted != values.keys():
            raise KeyError(f"{weights}: other values: {sorted(wanted ^ values.keys())[:3]}")
        for part, shape in shapes.items():
            if values[f"{part}.weight"].shape != shape:
                raise KeyError(f"{weights}: {part} has another shape than {shape}")
        self._parts = {part: _convolution(part, values) for part in shapes}

    def logits(self, signal: Array) -> NDArray[np.float64]:
        """Return logits of P, QRS and T, shape (n_leads, 3, n_samples / 2).

        Parameters
        ----------
        signal : shape (n_leads, n_samples) at 250 Hz, normalised; n_samples a multiple of `stride`.
        """
        settings = self._settings
        x = self._parts["stem.0"].stem(signal)
        x = np.maximum(x, 0.0, out=x)
        kept = []
        for step, blocks in enumerate(settings.blocks):
            for block in range(blocks):
                x = self._block(f"encoder.{step}.{block}", x)
            kept.append(self._fusion(f"encoder.{step}.{blocks}", x))
            x = self._parts[f"down.{step}.0"].halved(kept[-1])
        for block, dilation in enumerate(settings.dilations):
            x = self._block(f"inner.{block}", x, dilation)
        last = len(settings.dilations)
        x = self._block(f"inner.{last + 1}", self._fusion(f"inner.{last}", x))
        for step in reversed(range(len(kept))):
            wider = np.repeat(self._parts[f"up.{step}"].pointwise(x), 2, axis=2)
            x = self._block(f"decoder.{step}", np.add(kept[step], wider, out=wider))
        return np.asarray(self._parts["head"].pointwise(x).transpose(1, 0, 2), np.float64)

    def _block(self, name: str, x: Array, dilation: int = 1) -> Array:
        over_time = self._parts[f"{name}.over_time"].over_time(x, dilation)
        mixed = self._parts[f"{name}.over_channels"].pointwise(over_time)
        mixed += x
        return np.maximum(mixed, 0.0, out=mixed)

    def _fusion(self, name: str, x: Array) -> Array:
        """Add the weighted mean of the leads; see `integer_network.IntegerFusion`."""
        mix = self._parts[f"{name}.mix"]
        score = self._parts[f"{name}.score"].pointwise(x).astype(np.float64)
        share = elementary.exp(score - score.max(axis=1, keepdims=True))
        total = np.zeros_like(share[:, :1])
        for lead in range(share.shape[1]):  # in this order, whatever NumPy would choose
            total += share[:, lead : lead + 1]
        whole = np.rint(SHARES * share / total).astype(np.float32)
        rounded = mix.rounded(x)
        rounded *= whole
        mean = rounded.sum(axis=1, keepdims=True)
        mean /= np.float32(SHARES)
        mean *= mix.step
        return x + mix.pointwise(mean)


def _shapes(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Return the shape of each convolution's weight, by name, in the network of these settings."""
    widths, kernel, inner = settings.widths, settings.kernel, len(settings.dilations)
    blocks = {
        f"encoder.{step}.{block}": widths[step]
        for step, n_blocks in enumerate(settings.blocks)
        for block in range(n_blocks)
    }
    blocks |= {f"inner.{block}": widths[-1] for block in (*range(inner), inner + 1)}
    blocks |= {f"decoder.{step}": width for step, width in enumerate(widths[:-1])}
    fusions = {f"encoder.{step}.{n}": widths[step] for step, n in enumerate(settings.blocks)}
    fusions[f"inner.{inner}"] = widths[-1]
    shapes: dict[str, tuple[int, ...]] = {
        "stem.0": (widths[0], 1, 1, 2 * kernel - 1),
        "head": (N_WAVES, widths[0], 1, 1),
    }
    for step, (wide, narrow) in enumerate(pairwise(widths)):
        shapes |= {f"down.{step}.0": (narrow, wide, 1, 2), f"up.{step}": (wide, narrow, 1, 1)}
    for name, width in blocks.items():
        shapes |= {f"{name}.over_time": (width, 1, 1, kernel)}
        shapes |= {f"{name}.over_channels": (width, width, 1, 1)}
    for name, width in fusions.items():
        shapes |= {f"{name}.score": (1, width, 1, 1), f"{name}.mix": (width, width, 1, 1)}
    return shapes
