"""What the training of the delineator makes small, by name."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Name = Literal["bce", "focal", "dice_bce"]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

_FOCUS = 2.0  # power of the error by which focal loss weighs a frame


def bce(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Return the cross-entropy with the share of each frame, over what the source knows.

    Its optimum is the probability that the wave is there, so that its crossing of one half is the
    median of where the readers put the boundary.

    Parameters
    ----------
    logits, shares, weights : shape (records, leads, 3, frames); shares and weights from 0 to 1.
    """
    return _mean(_entropy(logits, shares), weights)


def focal(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy in which frames that are right already count little.

    The form for targets between 0 and 1: quality focal loss, Li X et al., NeurIPS 2020.

    Parameters
    ----------
    logits, shares, weights : shape (B, n_leads, 3, n_frames); shares of a frame inside P, QRS and
        T; weight 0 where they are not known.

    Returns
    -------
    Shape ().
    """
    error = (shares - torch.sigmoid(logits)).abs()
    return _mean(error**_FOCUS * _entropy(logits, shares), weights)


def dice_bce(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy plus the soft Dice loss, mean over P, QRS and T.

    Squares in the denominator, so that a share between 0 and 1 is its own optimum: Milletari F et
    al., 3DV 2016. A rare wave counts as much as a common one.

    Parameters
    ----------
    logits, shares, weights : shape (B, n_leads, 3, n_frames); shares of a frame inside P, QRS and
        T; weight 0 where they are not known.

    Returns
    -------
    Shape ().
    """
    probability = torch.sigmoid(logits)
    but_waves = (0, 1, 3)
    common = (weights * probability * shares).sum(but_waves)
    total = (weights * (probability**2 + shares**2)).sum(but_waves)
    dice = 1 - (2 * common + 1) / (total + 1)  # without any frame known: 0
    return bce(logits, shares, weights) + dice.mean()


LOSSES: dict[Name, Loss] = {"bce": bce, "focal": focal, "dice_bce": dice_bce}


def _entropy(logits: Tensor, shares: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, shares, reduction="none")


def _mean(loss: Tensor, weights: Tensor) -> Tensor:
    return (loss * weights).sum() / weights.sum().clamp(min=1.0)
