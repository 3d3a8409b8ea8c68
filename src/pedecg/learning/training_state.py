"""State of a training on disk, from which an interrupted training continues.

It lies in ``state/<key>/``, outside DVC's outs (which DVC removes before a stage runs). The key is
the hash of all that the result depends on, so that a changed training never resumes an old one.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError

STATE_FOLDER = Path("state")
FILE = "state.safetensors"
_OPTIMISER = "optimiser"

Tensors = dict[str, dict[str, Tensor]]  # by part, such as "network", and name


def key(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], code: Iterable[Path]) -> str:
    """Return the hash of settings, arrays, the bytes of source files, and torch's version.

    Parameters
    ----------
    arrays : name -> array of any shape.
    """
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps(about, sort_keys=True).encode())
    digest.update(torch.__version__.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    for file in sorted(set(code)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class StateFolder:
    """Where one training keeps its state.

    Attributes
    ----------
    path : named by the training's `key`.
    about : what the training is, in JSON's types; a state of another one is refused.
    """

    path: Path
    about: dict[str, Any]

    def save(self, tensors: Tensors, optimiser: torch.optim.Optimizer, values: Any) -> None:
        """Write the state in one step that a kill cannot halve.

        Parameters
        ----------
        values : what is no tensor, in JSON's types.
        tensors : name -> tensor of any shape.
        """
        state = optimiser.state_dict()
        flat = {
            f"{part}/{name}": tensor
            for part, named in (tensors | _moments(state["state"])).items()
            for name, tensor in named.items()
        }
        header = {"values": values, "groups": state["param_groups"], "training": self.about}
        checkpoint.write_tensors(self.path / FILE, flat, {"about": json.dumps(header)})

    def resume(
        self, optimiser: torch.optim.Optimizer, device: torch.device
    ) -> tuple[Tensors, Any] | None:
        """Restore the optimiser; return the tensors and values, or None where nothing was saved.

        Raises
        ------
        PedecgError
            The state is of another training; the message names what differs.
        """
        for halved in self.path.glob(f".{FILE}.*"):  # a kill came while it was written
            halved.unlink()
        if not (self.path / FILE).is_file():
            return None
        flat, metadata = checkpoint.read_tensors(self.path / FILE, device)
        header = json.loads(metadata["about"])
        differing = checkpoint.differences(header["training"], self.about)
        if differing:
            raise PedecgError(f"{self.path}: state of another training: {'; '.join(differing[:5])}")
        tensors: Tensors = {}
        for name, tensor in flat.items():
            part, _, inner = name.partition("/")
            tensors.setdefault(part, {})[inner] = tensor
        _load_optimiser(optimiser, tensors, header["groups"])
        return tensors, header["values"]

    def remove(self) -> None:
        """Remove the state of a training that has ended, and the folder above it if it is empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


def _moments(state: dict[int, dict[str, Tensor]]) -> Tensors:
    """Return an optimiser's tensors, one part for each parameter."""
    return {f"{_OPTIMISER}{index}": named for index, named in state.items()}


def _load_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Tensors, groups: list[dict[str, Any]]
) -> None:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state = {
        index: {name: _laid_out(tensor, parameter) for name, tensor in named.items()}
        for index, parameter in enumerate(parameters)
        if (named := tensors.pop(f"{_OPTIMISER}{index}", None))
    }
    for group in groups:
        group["betas"] = tuple(group["betas"])  # a list in JSON
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _laid_out(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return a tensor in the memory layout of its parameter: another gives other last bits."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter).copy_(tensor)
