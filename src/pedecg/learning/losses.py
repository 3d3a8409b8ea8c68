"""What training minimises: cross-entropy in which an unknown label has no say.

A task is `multilabel` (every target present or absent on its own) or `multiclass` (exactly one of
the targets is present). Labels have one column per target in both.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
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


def class_weights(labels: NDArray[np.float32], cap: float) -> NDArray[np.float32]:
    """Return how much a record of each class weighs, shape (k,), of one-hot labels (n, k).

    The mean count of the classes over the count of each, between 1/`cap` and `cap`.
    """
    count = (labels == 1).sum(0)
    ratio = np.where(count > 0, count.mean() / np.maximum(count, 1), 1.0)
    return ratio.clip(1 / cap, cap).astype(np.float32)


def weights(labels: NDArray[np.float32], task: str, cap: float) -> NDArray[np.float32]:
    """Return the weights of the targets of a task; see `positive_weights`, `class_weights`."""
    return (class_weights if task == "multiclass" else positive_weights)(labels, cap)


def loss(logits: Tensor, labels: Tensor, task: str, weight: Tensor) -> Tensor:
    """Return the loss of a task; see `binary_cross_entropy` and `cross_entropy`."""
    each = cross_entropy if task == "multiclass" else binary_cross_entropy
    return each(logits, labels, weight)


def probabilities(logits: NDArray[np.float64], task: str) -> NDArray[np.float64]:
    """Return probabilities of shape (n, k): a logistic each, or one softmax over the classes."""
    answer: NDArray[np.float64] = (
        special.softmax(logits, axis=1) if task == "multiclass" else special.expit(logits)
    )
    return answer


def cross_entropy(logits: Tensor, labels: Tensor, class_weight: Tensor) -> Tensor:
    """Return the weighted mean over the records whose class is known; 0 where none is.

    Parameters
    ----------
    logits, labels : shape (B, k); one-hot, a NaN anywhere marks an unknown class.
    class_weight : shape (k,).
    """
    known = ~torch.isnan(labels).any(1, keepdim=True)
    weight = torch.where(known, labels, 0.0) * class_weight
    each = -functional.log_softmax(logits, dim=1) * weight
    return each.sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


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
