"""Training losses; unknown labels are masked.

A task is `multilabel` (every target present or absent on its own) or `multiclass` (exactly one of
the targets is present). Labels have one column per target in both; NaN marks an unknown one.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from torch import Tensor
from torch.nn import functional

from pedecg.core.errors import PedecgError
from pedecg.core.params import Section

Task = Literal["multilabel", "multiclass"]


class LossSettings(Section):
    """Which loss, and how it weighs what is rare and what is hard."""

    name: Literal["cross_entropy", "focal", "asymmetric"] = Field(
        description=(
            "cross_entropy: unmodified; focal: down-weights well-classified examples; "
            "asymmetric: focal for absent labels only (multilabel only)"
        )
    )
    positive_weight_cap: float = Field(
        description=(
            "largest weight of present labels (absent/present) or of a rare class (mean "
            "count/its count); 1: no weights"
        ),
        ge=1,
    )
    given_weights: dict[str, float] = Field(
        {},
        description="weights by target instead of those from the training split, e.g. {chd: 4}",
    )
    focal_gamma: float = Field(
        description="focal: focusing exponent gamma; 0: cross-entropy; 2 as published (Lin 2017)",
        ge=0,
        le=10,
    )
    absent_gamma: float = Field(
        description=(
            "asymmetric: focusing exponent for absent labels, 4 as published (Ridnik "
            "2021); for present labels it is 0"
        ),
        ge=0,
        le=10,
    )
    absent_margin: float = Field(
        description="asymmetric: probability below which an absent label has no loss", ge=0, lt=1
    )


def weights(
    labels: NDArray[np.float32], task: Task, cap: float, drawn: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Return how much each target weighs, shape (k,), from labels of shape (n, k).

    `multilabel`: a present label against an absent one, which is absent over present among the
    known labels, and 1 where only one of the two occurs. `multiclass`: the mean count of the
    classes over that of each. Between 1/`cap` and `cap`.

    Parameters
    ----------
    drawn : shape (n,), how often each record is drawn against the others; None: alike.
    """
    often = np.ones(len(labels)) if drawn is None else drawn
    present = often @ (labels == 1)
    absent = often @ (labels == 0)
    if task == "multiclass":
        ratio = np.where(present > 0, present.mean() / np.maximum(present, 1e-9), 1.0)
    else:
        both = (present > 0) & (absent > 0)
        ratio = np.where(both, absent / np.maximum(present, 1e-9), 1.0)
    return ratio.clip(1 / cap, cap).astype(np.float32)


def given(
    weight: NDArray[np.float32], targets: Sequence[str], settings: LossSettings
) -> NDArray[np.float32]:
    """Return the weights with those that are given in place of those from the training split.

    Parameters
    ----------
    weight : shape (n_targets,).

    Returns
    -------
    Shape (n_targets,).

    Raises
    ------
    PedecgError
        A weight of no target, or one that is not above 0.
    """
    chosen = weight.copy()
    for target, value in settings.given_weights.items():
        if target not in targets:
            raise PedecgError(
                f"train.loss.given_weights: no target {target!r}; there are {', '.join(targets)}"
            )
        if value <= 0:
            raise PedecgError(
                f"train.loss.given_weights.{target} must be above 0 (found {value:g})"
            )
        chosen[list(targets).index(target)] = value
    return chosen


def logit_shift(
    weight: NDArray[np.float32],
    labels: NDArray[np.float32],
    settings: LossSettings,
    drawn: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return by how much training moved the logits, shape (k,): what probabilities must undo.

    A label that weighs w times as much in cross-entropy moves its logit by log w, and one that is
    drawn with other odds by the log of their ratio (Elkan C. IJCAI 2001:973-978). The other losses
    have no such law; weights move them too, by less, and the sampler's part alone is undone.
    """
    known = ~np.isnan(labels)
    present = np.where(known, labels, 0.0)

    def odds(often: NDArray[np.float64]) -> NDArray[np.float64]:
        share = (often @ present) / np.maximum(often @ known, 1e-9)
        logit: NDArray[np.float64] = special.logit(share.clip(1e-6, 1 - 1e-6))
        return logit

    moved: NDArray[np.float64] = odds(drawn) - odds(np.ones(len(labels)))
    if settings.name == "cross_entropy":
        moved = moved + np.log(weight.astype(np.float64))
    return moved


def check(settings: LossSettings, task: Task) -> None:
    """Raise a `PedecgError` where a task has no such loss."""
    if task == "multiclass" and settings.name == "asymmetric":
        raise PedecgError(
            "train.loss.name: asymmetric is a loss of single labels; with train.task multiclass "
            "take cross_entropy or focal"
        )


def loss(
    logits: Tensor, labels: Tensor, weight: Tensor, task: Task, settings: LossSettings
) -> Tensor:
    """Return the mean loss over what is known; 0 where nothing is.

    Parameters
    ----------
    logits, labels : shape (B, k); labels from 0 to 1 (between them where records were mixed).
    weight : shape (k,), see `weights`.
    """
    if task == "multiclass":
        known = ~torch.isnan(labels).any(1, keepdim=True).expand_as(labels)
        shares = torch.where(known, labels, 0.0) * weight
        each = -functional.log_softmax(logits, dim=1)
        if settings.name == "focal":
            each = each * (1 - torch.softmax(logits, dim=1)) ** settings.focal_gamma
        return (each * shares).sum() / shares.sum().clamp_min(torch.finfo(shares.dtype).tiny)
    known = ~torch.isnan(labels)
    truth = torch.where(known, labels, 0.0)
    each = _BINARY[settings.name](logits, truth, weight, settings)
    return (each * known).sum() / known.sum().clamp_min(1)


def probabilities(logits: NDArray[np.float64], task: str) -> NDArray[np.float64]:
    """Return probabilities of shape (n, k): a logistic each, or one softmax over the classes."""
    answer: NDArray[np.float64] = (
        special.softmax(logits, axis=1) if task == "multiclass" else special.expit(logits)
    )
    return answer


def _cross_entropy(logits: Tensor, truth: Tensor, weight: Tensor, _: LossSettings) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        logits, truth, pos_weight=weight, reduction="none"
    )


def _focal(logits: Tensor, truth: Tensor, weight: Tensor, settings: LossSettings) -> Tensor:
    """Lin TY et al. Focal loss for dense object detection. ICCV 2017."""
    wrong = (truth - torch.sigmoid(logits)).abs()
    return _cross_entropy(logits, truth, weight, settings) * wrong**settings.focal_gamma


def _asymmetric(logits: Tensor, truth: Tensor, weight: Tensor, settings: LossSettings) -> Tensor:
    """Ridnik T et al. Asymmetric loss for multi-label classification. ICCV 2021."""
    less = (torch.sigmoid(logits) - settings.absent_margin).clamp_min(0)
    absent = -torch.log1p(-less.clamp_max(1 - 1e-6)) * less**settings.absent_gamma
    return -truth * weight * functional.logsigmoid(logits) + (1 - truth) * absent


_BINARY: dict[str, Callable[[Tensor, Tensor, Tensor, LossSettings], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "focal": _focal,
    "asymmetric": _asymmetric,
}
