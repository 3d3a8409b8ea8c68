"""Tensors on disk in safetensors files, never pickled, and the differences of two descriptions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pedecg.core import tables
from pedecg.core.errors import PedecgError

_NOTHING = "nothing"


def differences(saved: Any, wanted: Any, name: str = "") -> list[str]:
    """Return the differences of two descriptions by key: ``train.epochs 20 (asked for 30)``."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        return [
            difference
            for key in sorted(saved.keys() | wanted.keys())
            for difference in differences(
                saved.get(key, _NOTHING), wanted.get(key, _NOTHING), f"{name}.{key}".lstrip(".")
            )
        ]
    same = saved == wanted or json.dumps(saved) == json.dumps(wanted)  # a tuple is a list there
    return [] if same else [f"{name} {_shown(saved)} (asked for {_shown(wanted)})"]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write safetensors by way of a temporary file.

    Parameters
    ----------
    tensors : name -> tensor of any shape, on any device.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with tables.replacing(path) as temporary:
        save_file(plain, temporary, metadata)


def read_tensors(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file and its metadata; one line says what is wrong with it.

    Returns
    -------
    Name -> tensor on `device`, of any shape; the metadata.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found") from None
    except SafetensorError as error:
        raise PedecgError(f"{path}: not a safetensors file ({error})") from None
