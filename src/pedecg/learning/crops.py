"""Training batches: random crops, augmented, with labels, on the device."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedecg.core.errors import PedecgError
from pedecg.core.records import NINE_LEADS
from pedecg.learning.batches import Signals, Subjects
from pedecg.models.contract import Rows
from pedecg.models.network_base import Batch
from pedecg.signals.augmentation import AugmentSettings, Crops, augment


class TrainingBatches:
    """Cuts and changes crops of a data set."""

    def __init__(
        self, data: Rows, subjects: Subjects, signals: Signals, augment: AugmentSettings
    ) -> None:
        device = signals.device
        self.signals, self.positions, self.settings = signals, subjects.positions, augment
        self._labels = torch.from_numpy(data.labels).to(device)
        self._age_days = torch.from_numpy(subjects.age_days).to(device)
        self._sex = torch.from_numpy(subjects.sex).to(device)
        self._features = torch.from_numpy(subjects.features).to(device)
        self._nine = torch.tensor([lead in NINE_LEADS for lead in data.store.leads]).to(device)
        self._rate_targets = rate_targets(augment, data.targets).to(device)

    def batch(
        self,
        rows: NDArray[np.int64],
        starts: NDArray[np.int64],
        n_samples: int,
        generator: torch.Generator,
    ) -> tuple[Batch, Tensor]:
        """Return what the network sees and the labels, shape (B, n_targets).

        Parameters
        ----------
        rows : of the data set, shape (B,); starts : first sample of each crop.
        """
        row = torch.from_numpy(rows).to(self.signals.device)
        signal_mv, lead_mask, length = self.signals.crop(self.positions[rows], starts, n_samples)
        crops = augment(
            Crops(signal_mv, lead_mask, length, self._labels[row]),
            self.signals.fs_hz, self._nine, self._rate_targets, self.settings, generator,
        )  # fmt: skip
        batch = Batch(
            signal=self.signals.normalise(crops.signal_mv, crops.lead_mask, crops.length),
            lead_mask=crops.lead_mask,
            length=crops.length,
            age_days=self._age_days[row],
            sex=self._sex[row],
            features=self._features[row],
        )
        return batch, crops.labels


def rate_targets(settings: AugmentSettings, targets: tuple[str, ...]) -> Tensor:
    """Return which targets a change of rate would falsify, bool, shape (n_targets,).

    Raises
    ------
    PedecgError
        The rate is changed, and one that is named is not a target.
    """
    unknown = [name for name in settings.rate_targets if name not in targets]
    if unknown and settings.changes_rate:
        raise PedecgError(
            f"train.augment.rate_targets: no target {unknown[0]!r}; there are {', '.join(targets)}"
        )
    return torch.tensor([name in settings.rate_targets for name in targets], dtype=torch.bool)
