"""What training minimises: cross-entropy in which an unknown label has no say."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def positive_weights(labels: NDArray[np.float32], cap: float) -> NDArray[np.float32]:
    """Return how much a present label weighs against an absent one, shape (k,).

    Absent over present among the known labels of shape (n, k), between 1/`cap` and `cap`; 1 where
    only one of the two occurs.
    """
    present = (labels == 1).sum(0)
    absent = (labels == 0).sum(0)
    both = (present > 0) & (absent > 0)
    ratio = np.where(both, absent / np.maximum(present, 1), 1.0)
    return ratio.clip(1 / cap, cap).astype(np.float32)


def binary_cross_entropy(logits: Tensor, labels: Tensor, positive_weight: Tensor) -> Tensor:
    """Return the mean over the known labels; 0 where none is known.

    Parameters
    ----------
    logits, labels : shape (B, k); NaN marks an unknown label.
    positive_weight : shape (k,).
    """
    known = ~torch.isnan(labels)
    each = functional.binary_cross_entropy_with_logits(
        logits, torch.where(known, labels, 0.0), pos_weight=positive_weight, reduction="none"
    )
    return (each * known).sum() / known.sum().clamp_min(1)
