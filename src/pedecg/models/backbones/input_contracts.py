"""What the released networks were shown: rate, length, filters and scale, from signals in mV.

The filters are SciPy's, run on the signal's device: a zero-phase filter with SciPy's ends is a
convolution with its impulse response, forwards and backwards, made by FFT.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage, signal
from torch import Tensor
from torch.nn import functional

from pedecg.models.backbones.st_mem import N_PATCH
from pedecg.signals import filters

Values = NDArray[np.float64]
TINY = 1e-8  # keeps a flat lead from a division by zero


@dataclass(frozen=True)
class Contract:
    """The input that a released network expects.

    Attributes
    ----------
    fs_hz, seconds : rate and length of one segment.
    prepare : a whole recording in mV, shape (B, n_leads, n), its leads' mask and its rate, to the
        same at `fs_hz`, filtered.
    segment : one segment of at most `seconds` of that and the mask, to the network's input.
    """

    fs_hz: float
    seconds: float
    prepare: Callable[[Tensor, Tensor, float], Tensor]
    segment: Callable[[Tensor, Tensor], Tensor]

    @property
    def n_samples(self) -> int:
        """Samples of a segment."""
        return round(self.seconds * self.fs_hz)

    def __call__(self, signal_mv: Tensor, lead_mask: Tensor, fs_hz: float) -> list[Tensor]:
        """Return the segments of recordings of one length, evenly spread, all of them covered."""
        x = self.prepare(signal_mv * lead_mask.unsqueeze(-1), lead_mask, fs_hz)
        n, room = self.n_samples, max(0, x.shape[-1] - self.n_samples)
        starts = np.linspace(0, room, -(-room // n) + 1).round().astype(int)
        return [self.segment(x[..., start : start + n], lead_mask) for start in starts]


def ecgfounder() -> Contract:
    """Return what its authors' ``dataset.py`` does: 500 Hz, 10 s, filtered, one z-score."""
    return Contract(500.0, 10.0, _ecgfounder_filtered, _ecgfounder_segment)


def hubert_ecg() -> Contract:
    """Return what its authors' ``ecg_preprocessing`` does: 100 Hz, 5 s, leads end to end."""
    return Contract(500.0, 5.0, _hubert_filtered, _hubert_segment)


def st_mem() -> Contract:
    """Return what its authors' ``st_mem.yaml`` does: 250 Hz, crops of 9 s, filtered, one z-score.

    Crops are filtered, not recordings, as theirs are. A recording is covered by crops, two of 10 s;
    their evaluation takes three. They leave out what is shorter than 10 s; here its last patch of
    0.3 s is filled with zeros.
    """
    return Contract(250.0, 9.0, _st_mem_resampled, _st_mem_segment)


def _ecgfounder_filtered(signal_mv: Tensor, lead_mask: Tensor, fs_hz: float) -> Tensor:
    x = resample(signal_mv, fs_hz, 500.0)
    x = zero_phase(x, _notch())
    x = zero_phase(x, _band())
    return x - running_median(x, 201)  # int(0.4 s * 500 Hz) + 1


def _ecgfounder_segment(x: Tensor, lead_mask: Tensor) -> Tensor:
    # Of absent leads nothing is published: they take no part in the scale and stay zero.
    z = _standardised(x, lead_mask)
    return functional.pad(z, (0, ecgfounder().n_samples - x.shape[-1]))


def _standardised(x: Tensor, lead_mask: Tensor) -> Tensor:
    """Return one z-score over the present leads of each record; absent ones are zero."""
    seen = lead_mask.unsqueeze(-1)
    n = (seen.sum((1, 2)) * x.shape[-1]).view(-1, 1, 1)
    mean = (x * seen).sum((1, 2), keepdim=True) / n
    sd = (((x - mean) * seen).square().sum((1, 2), keepdim=True) / n).sqrt()
    return (x - mean) / (sd + TINY) * seen


def _hubert_filtered(signal_mv: Tensor, lead_mask: Tensor, fs_hz: float) -> Tensor:
    x = zero_phase(signal_mv, _hubert_band(fs_hz))
    x = resample_fft(x, round(x.shape[-1] * 500.0 / fs_hz))
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return 2 * (x - low) / (high - low + TINY) - 1  # an absent lead becomes -1, as a flat one


def _hubert_segment(x: Tensor, lead_mask: Tensor) -> Tensor:
    n = hubert_ecg().n_samples
    mean = x.mean(-1, keepdim=True)  # as its authors fill what is not there
    x = torch.cat([x, mean.expand(*x.shape[:2], n - x.shape[-1])], dim=-1)
    # Decimated after joining, across the borders of leads: as its authors do.
    return zero_phase(x.flatten(1), _decimator())[:, ::5]


def _st_mem_resampled(signal_mv: Tensor, lead_mask: Tensor, fs_hz: float) -> Tensor:
    return resample_fft(signal_mv, int(signal_mv.shape[-1] * 250.0 / fs_hz))


def _st_mem_segment(x: Tensor, lead_mask: Tensor) -> Tensor:
    # Absent leads are zeros that take no part in the scale, as where its authors mask leads.
    for band in _st_mem_bands():
        x = zero_phase(x, band)
    return functional.pad(_standardised(x, lead_mask), (0, -x.shape[-1] % N_PATCH))


@dataclass(frozen=True)
class Filter:
    """A recursive filter: second-order sections, or numerator and denominator, and its ends."""

    kind: str
    coefficients: tuple[tuple[float, ...], ...]
    n_ends: int

    def run(self, x: Values, start: float) -> Values:
        """Filter forwards; `start` scales the initial state, that of a constant input of 1.

        Parameters
        ----------
        x : shape (…, n_samples).

        Returns
        -------
        The same shape.
        """
        if self.kind == "sos":
            sections = np.array(self.coefficients)
            state = start * filters.steady_state(sections)
            return np.asarray(signal.sosfilt(sections, x, zi=state)[0])
        b, a = (np.array(c) for c in self.coefficients)
        order = max(len(b), len(a))  # a filter without feedback has one coefficient in `a`
        padded = (np.pad(c, (0, order - len(c))) for c in (b, a))
        return np.asarray(signal.lfilter(b, a, x, zi=start * filters.steady_state_of(*padded))[0])


def zero_phase(x: Tensor, band: Filter) -> Tensor:
    """Filter forwards and backwards over the last axis, as `scipy.signal.filtfilt` does.

    Parameters
    ----------
    x : shape (…, n_samples).

    Returns
    -------
    The same shape.
    """
    dtype = x.dtype
    exact = torch.float32 if x.device.type == "mps" else torch.float64  # mps has no float64
    x = x.to(exact)
    ends = min(band.n_ends, x.shape[-1] - 1)
    first, last = x[..., :1], x[..., -1:]
    before = 2 * first - x[..., 1 : ends + 1].flip(-1)
    after = 2 * last - x[..., -ends - 1 : -1].flip(-1)
    y = torch.cat([before, x, after], dim=-1)
    n = y.shape[-1]
    impulse, steady = (torch.from_numpy(h).to(x.device, exact) for h in _responses(band, n))
    n_fft = 1 << (2 * n - 1).bit_length()
    spectrum = torch.fft.rfft(impulse, n_fft)
    for _ in range(2):
        passed = torch.fft.irfft(torch.fft.rfft(y, n_fft) * spectrum, n_fft)[..., :n]
        y = (passed + y[..., :1] * steady).flip(-1)
    return y[..., ends : n - ends].to(dtype)


@lru_cache(maxsize=32)
def _responses(band: Filter, n: int) -> tuple[Values, Values]:
    """Return the answer to one unit sample, and that of the initial state alone."""
    unit = np.zeros(n)
    steady = band.run(unit, 1.0)
    unit[0] = 1.0
    return band.run(unit, 0.0), steady


def resample(x: Tensor, fs_from: float, fs_to: float) -> Tensor:
    """Change the rate by polyphase filtering, as `scipy.signal.resample_poly` does.

    Rates are taken to a hundredth of a Hz.

    Parameters
    ----------
    x : shape (…, n_samples).
    fs_from, fs_to : Hz.

    Returns
    -------
    Shape (…, samples at the new rate).
    """
    up, down = round(fs_to * 100), round(fs_from * 100)
    up, down = up // gcd(up, down), down // gcd(up, down)
    if up == down:
        return x
    half = 10 * max(up, down)
    taps = signal.firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0)) * up
    kernel = torch.from_numpy(taps).to(x.device, x.dtype).view(1, 1, -1)
    n = x.shape[-1]
    spread = x.new_zeros(x.shape[:-1].numel(), 1, n * up)
    spread[..., ::up] = x.reshape(-1, 1, n)
    y = functional.conv1d(functional.pad(spread, (half, half)), kernel, stride=down)
    return y.view(*x.shape[:-1], -1)[..., : -(-n * up // down)]


def resample_fft(x: Tensor, n: int) -> Tensor:
    """Change the number of samples in the frequency domain, as `scipy.signal.resample` does.

    Parameters
    ----------
    x : shape (…, n_samples).

    Returns
    -------
    Shape (…, n).
    """
    had = x.shape[-1]
    if had == n:
        return x
    spectrum = torch.fft.rfft(x)
    kept = min(had, n)
    spectrum = spectrum[..., : kept // 2 + 1].clone()
    if kept % 2 == 0:
        spectrum[..., -1] *= 0.5 if n > had else 2.0
    whole = functional.pad(spectrum, (0, n // 2 + 1 - spectrum.shape[-1]))
    resampled: Tensor = torch.fft.irfft(whole, n) * (n / had)
    return resampled


def running_median(x: Tensor, size: int) -> Tensor:
    """Return the median of the `size` samples around each one, zeros beyond the ends.

    Parameters
    ----------
    x : shape (…, n_samples).
    size : samples, odd.

    Returns
    -------
    The same shape.
    """
    if x.device.type == "cpu" and not x.requires_grad:
        window = (1,) * (x.ndim - 1) + (size,)
        return torch.from_numpy(ndimage.median_filter(x.numpy(), window, mode="constant"))
    padded = functional.pad(x, (size // 2, size // 2))
    return torch.stack([one.unfold(-1, size, 1).median(-1).values for one in padded])


@lru_cache
def _notch() -> Filter:
    return _as_fraction(*signal.iirnotch(50, 30, 500))


@lru_cache
def _band() -> Filter:
    return _as_fraction(*signal.butter(4, [0.67, 40], "bandpass", fs=500))


@lru_cache
def _hubert_band(fs_hz: float) -> Filter:
    taps = int(0.3 * fs_hz) | 1
    return _as_fraction(signal.firwin(taps, [0.05, 47], pass_zero=False, fs=fs_hz), np.ones(1))


@lru_cache
def _decimator() -> Filter:
    return _as_sections(signal.cheby1(8, 0.05, 0.8 / 5, output="sos"))


@lru_cache
def _st_mem_bands() -> tuple[Filter, Filter]:
    high, low = (
        _as_sections(signal.butter(5, cutoff_hz, kind, fs=250, output="sos"))
        for cutoff_hz, kind in ((0.67, "highpass"), (40, "lowpass"))
    )
    return high, low


def _as_sections(sections: Values) -> Filter:
    plain = min(int((sections[:, 2] == 0).sum()), int((sections[:, 5] == 0).sum()))
    ends = 3 * (2 * len(sections) + 1 - plain)
    return Filter("sos", tuple(tuple(map(float, row)) for row in sections), ends)


def _as_fraction(b: Values, a: Values) -> Filter:
    n_ends = 3 * max(len(a), len(b))
    return Filter("ba", (tuple(map(float, b)), tuple(map(float, a))), n_ends)
