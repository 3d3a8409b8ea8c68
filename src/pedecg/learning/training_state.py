"""Where a training stands after an epoch, and how that comes to disk and back."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError


@dataclass
class Progress:
    """What a training knows besides its tensors.

    Attributes
    ----------
    epoch, step : how many have ended.
    best_epoch, best_value : of the monitored value; more is better.
    plateau_factor, plateau_epoch : factor on the learning rate, and when it last began to wait.
    scaler : of the gradients in float16.
    curves : one row per epoch.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float = -math.inf
    plateau_factor: float = 1.0
    plateau_epoch: int = 0
    scaler: dict[str, float] = field(default_factory=dict)
    curves: list[dict[str, float]] = field(default_factory=list)


def save(
    folder: Path,
    network: nn.Module,
    average: nn.Module,
    best: dict[str, Tensor],
    optimizer: Any,
    progress: Progress,
    about: dict[str, Any],
) -> None:
    """Write the state in one step that a kill cannot halve."""
    moments = {
        f"{index}.{name}": tensor
        for index, named in optimizer.state_dict()["state"].items()
        for name, tensor in named.items()
    }
    parts = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "best": best,
        "moments": moments,
    }
    known = {"progress": asdict(progress), "training": about}
    checkpoint.save_state(folder, checkpoint.pack(parts), known)


def resume(
    folder: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: Any,
    about: dict[str, Any],
    device: torch.device,
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Take over a saved state: its progress and best weights; None where nothing was saved.

    Raises
    ------
    PedecgError
        The state is of another training; the message names what differs.
    """
    saved = checkpoint.load_state(folder, device)
    if saved is None:
        return None
    tensors, known = saved
    differing = checkpoint.differences(known["training"], about)
    if differing:
        raise PedecgError(f"{folder}: state of another training: {'; '.join(differing[:5])}")
    parts = checkpoint.unpack(tensors)
    network.load_state_dict(parts["network"])
    average.load_state_dict(parts["average"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in parts["moments"].items():
        index, _, name = key.partition(".")
        moments.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return Progress(**known["progress"]), parts["best"]
