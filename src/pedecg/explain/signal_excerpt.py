"""Excerpt of a record as a network receives it: normalised, in overlapping windows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedecg.learning.batches import Signals, windows
from pedecg.learning.trained_network import Card
from pedecg.models.network_base import Batch
from pedecg.signals.signal_store import SignalStore


@dataclass(frozen=True)
class Stretch:
    """The segment of a record that is explained.

    Attributes
    ----------
    signal : shape (n_leads, n), (mV - mean) / SD of each lead; zero where a lead is absent.
    reference : shape of `signal`: the same with every wave replaced by the normal beat; zero, the
        mean signal, where no normal waves or no beats are known.
    lead_mask : shape (n_leads,), 0 where the lead is absent.
    age_days, sex : as `Batch` has them, NaN and -1 where unknown.
    features : shape (n_features,), as `Batch` has them; none for models that read the signal alone.
    fs_hz : samples per second.
    starts : first sample of each window.
    crop : samples of a window; a shorter segment is padded with zeros.
    """

    signal: Tensor
    reference: Tensor
    lead_mask: Tensor
    age_days: float
    sex: int
    features: Tensor
    fs_hz: float
    starts: NDArray[np.int64]
    crop: int

    @property
    def n_samples(self) -> int:
        """Samples of the segment."""
        return self.signal.shape[-1]

    def batch(self, signal: Tensor | None = None) -> Batch:
        """Return all windows, of this signal or of a changed one of the same shape."""
        signal = self.signal if signal is None else signal
        missing = max(0, self.crop - signal.shape[-1])
        padded = torch.nn.functional.pad(signal, (0, missing))
        n = len(self.starts)
        return Batch(
            signal=torch.stack([padded[:, s : s + self.crop] for s in self.starts.tolist()]),
            lead_mask=self.lead_mask.expand(n, -1),
            length=torch.full((n,), min(self.crop, signal.shape[-1])),
            age_days=torch.full((n,), self.age_days),
            sex=torch.full((n,), self.sex),
            features=self.features.expand(n, -1),
        )

    def differences(self) -> Tensor:
        """Return what differs from the reference in every window, shape (n_windows, n_leads, n)."""
        return self.batch().signal - self.batch(self.reference).signal

    def together(self, maps: Tensor) -> NDArray[np.float64]:
        """Lay the windows' maps, shape (n_windows, …, crop), over each other; overlaps average.

        Returns
        -------
        Shape (…, n_samples).
        """
        total = np.zeros((*maps.shape[1:-1], max(self.crop, self.n_samples)))
        times = np.zeros(total.shape[-1])
        for start, one in zip(self.starts.tolist(), maps.detach().numpy(), strict=True):
            total[..., start : start + self.crop] += one
            times[start : start + self.crop] += 1
        mean: NDArray[np.float64] = (total / times)[..., : self.n_samples]
        return mean


def cut(
    store: SignalStore,
    position: int,
    age_days: float,
    sex: int,
    card: Card,
    features: NDArray[np.float32],
    normal_mv: Callable[[NDArray[np.float32]], NDArray[np.float64]] | None = None,
    seconds: float | None = None,
) -> Stretch:
    """Take the first seconds of a record (None: all of it) in the windows that prediction uses.

    Parameters
    ----------
    normal_mv : makes the reference from the segment, shape (n_leads, n), mV; None: there is none.
    """
    signals = Signals(store, card.normalisation, torch.device("cpu"))
    n = int(store.n_samples[position])
    if seconds is not None:
        n = min(n, round(seconds * store.fs_hz))
    first = np.zeros(1, np.int64)
    signal_mv, lead_mask, length = signals.crop(np.array([position]), first, n)
    signal = signals.normalise(signal_mv, lead_mask, length)[0]
    reference = torch.zeros_like(signal)
    if normal_mv is not None:
        back = torch.from_numpy(normal_mv(signal_mv[0].numpy()).astype(np.float32))[None]
        reference = signals.normalise(back, lead_mask, length)[0]
    return Stretch(
        signal=signal,
        reference=reference,
        lead_mask=lead_mask[0],
        age_days=age_days,
        sex=sex,
        features=torch.from_numpy(features),
        fs_hz=store.fs_hz,
        starts=windows(n, card.crop, card.window_overlap),
        crop=card.crop,
    )
