"""The state of a training on disk: safetensors with JSON in the header, one atomic file.

It lies in ``state/<key>/``, outside DVC's outs (which DVC removes before a stage runs). The key is
the hash of all that the result depends on, so that a changed training never resumes an old one.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pedecg.core import tables
from pedecg.core.errors import PedecgError

STATE_FOLDER = Path("state")
_FILE = "state.safetensors"
_NOTHING = "nothing"


def key(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], code: Iterable[Path]) -> str:
    """Return the hash of settings, arrays, the bytes of source files, and torch's version."""
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps(about, sort_keys=True).encode())
    digest.update(torch.__version__.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    for file in sorted(code):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def differences(saved: Any, wanted: Any, name: str = "") -> list[str]:
    """Say what differs between two descriptions, key by key: ``train.epochs 20 (asked for 30)``."""
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


def pack(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Join named parts into one flat mapping, ``part/name`` to tensor; see `unpack`."""
    return {f"{part}/{name}": t for part, named in parts.items() for name, t in named.items()}


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Undo `pack`."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = tensor
    return parts


def save_state(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and what is known about them in one step that a kill cannot halve."""
    write_tensors(folder / _FILE, tensors, {"about": json.dumps(about)})


def load_state(folder: Path, device: torch.device) -> tuple[dict[str, Tensor], Any] | None:
    """Return the tensors and their description, or None where nothing has been saved."""
    for halved in folder.glob(f".{_FILE}.*"):  # a kill came while it was written
        halved.unlink()
    if not (folder / _FILE).is_file():
        return None
    tensors, metadata = read_tensors(folder / _FILE, device)
    return tensors, json.loads(metadata["about"])


def remove_state(folder: Path) -> None:
    """Remove the state of a training that has ended, and the folder above it if that is empty."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write safetensors by way of a temporary file."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with tables.replacing(path) as temporary:
        save_file(plain, temporary, metadata)


def read_tensors(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file and its metadata; one line says what is wrong with it."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found") from None
    except SafetensorError as error:
        raise PedecgError(f"{path}: not a safetensors file ({error})") from None
