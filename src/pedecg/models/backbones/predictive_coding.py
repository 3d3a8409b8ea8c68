"""Contrastive predictive coding: the next windows are identified among others by those so far.

van den Oord A, Li Y, Vinyals O. Representation learning with contrastive predictive coding. arXiv
1807.03748, 2018. On ECGs: Mehari T, Strodthoff N. Comput Biol Med 2022;141:105114; ECG-CPC:
Al-Masud MA et al. arXiv 2509.25095. Theirs encodes single steps by narrow convolutions and
summarises them by a state-space model. Here windows are encoded by the residual trunk of the
classifiers, which takes its weights over as they are; since the trunk looks both ways, each window
is encoded by itself, as patches of an image are (van den Oord 2018, section 3.3), so that no sample
of the future reaches the summary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pedecg.models.network_base import Batch, Trunk, TrunkSettings


@dataclass(frozen=True)
class Windows:
    """The windows of some crops.

    Attributes
    ----------
    encoded : shape (B, n_windows, n_context), zero where not recorded.
    predicted : shape (B, n_windows, steps_ahead, n_context); [:, w, k - 1] predicts window w + k.
    recorded : shape (B, n_windows), bool; false for windows that reach into the padding.
    """

    encoded: Tensor
    predicted: Tensor
    recorded: Tensor


@dataclass(frozen=True)
class Comparisons:
    """Predictions against all windows of a batch.

    Attributes
    ----------
    logits : shape (n_predictions, n_recorded_windows); -inf for windows that take no part.
    target : shape (n_predictions,), column of the window that was predicted.
    row : shape (n_predictions,), crop of the batch.
    step : shape (n_predictions,), how many windows ahead, from 1.
    """

    logits: Tensor
    target: Tensor
    row: Tensor
    step: Tensor

    def identified(self) -> Tensor:
        """Return whether the predicted window scores highest, shape (n_predictions,) bool."""
        return self.logits.argmax(1) == self.target

    def chance(self) -> Tensor:
        """Return the share that guessing would identify, shape (n_predictions,)."""
        return 1 / self.logits.isfinite().sum(1)


class PredictiveCoding(nn.Module):
    """Encoder of windows, a recurrence over them, and one linear prediction per step ahead."""

    def __init__(
        self,
        settings: TrunkSettings,
        *,
        n_leads: int,
        fs_hz: float,
        window: int,
        steps_ahead: int,
        n_context: int,
    ) -> None:
        super().__init__()
        self.encoder = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz)
        self.project = nn.Linear(self.encoder.n_features, n_context)
        self.summary = nn.GRU(n_context, n_context, batch_first=True)
        self.predict = nn.Linear(n_context, steps_ahead * n_context, bias=False)
        self.window, self.steps_ahead = window, steps_ahead

    def forward(self, batch: Batch) -> Windows:
        """Encode the windows of crops, and predict those after each from it and those before."""
        n_windows = batch.signal.shape[-1] // self.window
        cut = batch.signal[..., : n_windows * self.window]
        cut = cut.reshape(*cut.shape[:2], n_windows, self.window)
        last = torch.arange(1, n_windows + 1, device=cut.device) * self.window
        recorded = batch.length.unsqueeze(1) >= last
        # Windows in the padding are not encoded: they would enter the statistics of the norms.
        row = recorded.nonzero()[:, 0]
        each = Batch(
            signal=cut.transpose(1, 2)[recorded],
            lead_mask=batch.lead_mask[row],
            length=torch.full_like(row, self.window),
            age_days=batch.age_days[row],
            sex=batch.sex[row],
            features=batch.features[row],
        )
        found: Tensor = self.project(self.encoder(each))
        encoded = found.new_zeros(*recorded.shape, found.shape[1])
        encoded[recorded] = found
        predicted: Tensor = self.predict(self.summary(encoded)[0])
        predicted = predicted.view(*recorded.shape, self.steps_ahead, -1)
        return Windows(encoded, predicted, recorded)


def compare(windows: Windows, records: Tensor) -> Comparisons:
    """Compare each prediction with every recorded window of the batch.

    The positive is the window of the same crop so many steps later. Negatives are all other windows
    of that crop and of other records. Other crops of the same record take no part: they may hold
    the very samples of the positive.

    Parameters
    ----------
    records : shape (B,), integers; equal for crops of one record.
    """
    crop = windows.recorded.nonzero()[:, 0]
    candidates = windows.encoded[windows.recorded]
    n_steps = windows.predicted.shape[2]
    column = torch.full_like(windows.recorded, -1, dtype=torch.int64)
    column[windows.recorded] = torch.arange(len(crop), device=crop.device)
    # Whether window w + k is recorded, shape (B, n_windows, n_steps), and its column.
    ahead = functional.pad(column, (0, n_steps), value=-1).unfold(1, n_steps, 1)[:, 1:]
    row, now, step = (ahead >= 0).nonzero(as_tuple=True)
    logits = windows.predicted[row, now, step] @ candidates.T / candidates.shape[1] ** 0.5
    same_record = records[row].unsqueeze(1) == records[crop]
    other_crop = row.unsqueeze(1) != crop
    logits = logits.masked_fill(same_record & other_crop, -torch.inf)
    return Comparisons(logits, ahead[row, now, step], row, step + 1)


def loss(comparisons: Comparisons) -> Tensor:
    """Return InfoNCE, the mean cross-entropy of the predicted windows, shape (); 0 without any."""
    if not len(comparisons.target):
        return comparisons.logits.sum()
    return functional.cross_entropy(comparisons.logits, comparisons.target)
