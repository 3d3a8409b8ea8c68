"""Batches for training the delineator: which records, which leads, which windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedecg.core.errors import PedecgError
from pedecg.delineator import window_augmentation
from pedecg.waves.annotations import Labelled, Marks, P
from pedecg.waves.wave_targets import FS_HZ

N_LEADS_DRAWN = (1, 2, 3, 6, 9, 12)  # what recorders have, so that any number of leads is read


@dataclass(frozen=True)
class Batch:
    """Signals (records, leads, samples); shares and weights (records, leads, 3, frames)."""

    signal: Tensor
    shares: Tensor
    weights: Tensor


class Batches:
    """Draws batches from records of several sources; each batch by its own generator.

    Parameters
    ----------
    mixture : weight of each source; those that are not there do not matter.
    without_p : how much more often a record without any P is drawn.
    window_s : length of a window; rounded to a multiple of `stride` samples at 250 Hz.

    Raises
    ------
    PedecgError
        A source without a weight, or no labelled record of a weight above 0.
    """

    def __init__(
        self,
        records: Sequence[Labelled],
        mixture: dict[str, float],
        without_p: float,
        leads_per_step: int,
        window_s: float,
        stride: int,
        settings: window_augmentation.Settings,
    ) -> None:
        for source in sorted({r.source for r in records} - mixture.keys()):
            known = ", ".join(mixture)
            raise PedecgError(f"train.mixture: no weight for source {source}; weights: {known}")
        usable = [r for r in records if all(_labelled_s(m) > 0 for m in r.marks)]
        sources = sorted({r.source for r in usable if mixture[r.source] > 0})
        if not sources:
            raise PedecgError("train.mixture: no labelled training record of a weight above 0")
        shares = np.array([mixture[source] for source in sources])
        self._odds = shares / shares.sum()
        self._pools = [_pool([r for r in usable if r.source == s], without_p) for s in sources]
        self._leads_per_step = leads_per_step
        self._n_samples = max(1, round(window_s * FS_HZ / stride)) * stride
        self._settings = settings

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return one batch: one number of leads, and as many records as that allows."""
        n_leads = int(rng.choice(N_LEADS_DRAWN))
        windows = []
        for _ in range(max(self._leads_per_step // n_leads, 1)):
            pool, odds = self._pools[rng.choice(len(self._pools), p=self._odds)]
            source = pool[rng.choice(len(pool), p=odds)]
            windows.append(
                window_augmentation.draw(source, n_leads, self._n_samples, self._settings, rng)
            )
        return Batch(
            torch.from_numpy(np.stack([window.signal for window in windows])),
            torch.from_numpy(np.stack([window.shares for window in windows])),
            torch.from_numpy(np.stack([window.weights for window in windows])),
        )


def _pool(
    records: Sequence[Labelled], without_p: float
) -> tuple[list[window_augmentation.Source], NDArray[np.float64]]:
    """Return what one source offers, and how likely each of its records is drawn."""
    with_p = np.array([any(len(marks.of(P)) for marks in record.marks) for record in records])
    weights = np.where(with_p, 1.0, without_p)
    return [window_augmentation.Source(record) for record in records], weights / weights.sum()


def _labelled_s(marks: Marks) -> float:
    return float(np.sum(marks.spans[:, 1] - marks.spans[:, 0]))
