"""Released weights: where they are published, read safely, and taken over whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from pedecg.core import checksums
from pedecg.core.errors import PedecgError
from pedecg.models.backbones import hubert, input_contracts, net1d, st_mem

_SHOWN = 8  # names in a message, which stays one line


@dataclass(frozen=True)
class Release:
    """A published network.

    Attributes
    ----------
    build : the network; with ``released=True`` it holds every tensor of the file.
    contract : its input.
    n_leads : of its input.
    url, file : its page and the name of the file there.
    licence : of the weights, in one line.
    optional : tensors that the file may lack, or hold in another shape.
    own : of the tensors of a file, those of the network, where a file may hold more than it.
    download : address of the file, where it does not follow from `url` as on Hugging Face.
    """

    build: Callable[..., nn.Module]
    contract: Callable[[], input_contracts.Contract]
    n_leads: int
    url: str
    file: str
    licence: str
    optional: Callable[[str], bool]
    own: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict
    download: str = ""

    @property
    def address(self) -> str:
        """Address from which the file is downloaded."""
        return self.download or f"{self.url}/resolve/main/{self.file}"


@runtime_checkable
class Backbone(Protocol):
    """What a released network has besides its forward pass."""

    n_features: int
    layers: list[str]  # beginnings of their parameters' names, from the signal to the embedding


_FOUNDER = "https://huggingface.co/PKUDigitalHealth/ECGFounder"
_HUBERT = "https://huggingface.co/Edoardo-BS/hubert-ecg"
_MIT = "MIT"
_NON_COMMERCIAL = "CC BY-NC 4.0: not for commercial use, name its authors"
# Linked from the README of the repository, whose licence is that of its code, (c) VUNO Inc.
_ST_MEM_ID = "1E7J-A1HqWa2f08T6Sfk5uWk-_CFJhOYQ"


def _head(key: str) -> bool:
    # The number of classes does not concern the embedding.
    return key.startswith(("dense.", "head."))


RELEASES = {
    "ecgfounder": Release(
        lambda released=False: net1d.Net1D(12, released), input_contracts.ecgfounder, 12,
        _FOUNDER, "12_lead_ECGFounder.pth", _MIT, _head,
    ),
    "ecgfounder_1lead": Release(
        lambda released=False: net1d.Net1D(1, released), input_contracts.ecgfounder, 1,
        _FOUNDER, "1_lead_ECGFounder.pth", _MIT, _head,
    ),
    "hubert_ecg_small": Release(
        lambda released=False: hubert.HubertECG("small", released), input_contracts.hubert_ecg, 12,
        f"{_HUBERT}-small", "model.safetensors", _NON_COMMERCIAL, hubert.HubertECG.is_unused,
    ),
    "hubert_ecg_base": Release(
        lambda released=False: hubert.HubertECG("base", released), input_contracts.hubert_ecg, 12,
        f"{_HUBERT}-base", "model.safetensors", _NON_COMMERCIAL, hubert.HubertECG.is_unused,
    ),
    "st_mem": Release(
        lambda released=False: st_mem.STMEM(), input_contracts.st_mem, 12,
        "https://github.com/bakqui/ST-MEM", "st_mem_vit_base_encoder.pth",
        f"{_NON_COMMERCIAL} (of its repository; the file states none)", _head, st_mem.encoder_of,
        f"https://drive.usercontent.google.com/download?id={_ST_MEM_ID}&export=download&confirm=t",
    ),
}  # fmt: skip


def take_over(network: nn.Module, name: str, path: str | Path) -> str:
    """Load a released file into the network of `RELEASES`; return what was loaded, in one line.

    Raises
    ------
    PedecgError
        The file is not there, is not safe to read, or holds other tensors; they are listed.
    """
    release, path = RELEASES[name], Path(path)
    if not path.is_file():
        raise PedecgError(f"{path}: not found; {where(name)}")
    tensors = release.own(_as_spelled_here(read(path)))
    with torch.device("meta"):
        whole = release.build(released=True).state_dict()
    expected = {key: tuple(tensor.shape) for key, tensor in whole.items()}
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    needed = {key: shape for key, shape in expected.items() if not release.optional(key)}
    _same(path, name, needed, {k: s for k, s in found.items() if not release.optional(k)})
    network.load_state_dict({key: tensors[key] for key in network.state_dict()})
    return f"{name}, {path.name}, sha256 {checksums.of_file(path)}, licence {release.licence}"


def where(name: str) -> str:
    """Say where a network's weights are published and under which licence."""
    release = RELEASES[name]
    return f"{release.file} is published at {release.url} (licence {release.licence})"


def read(path: Path) -> dict[str, Tensor]:
    """Read safetensors, or a PyTorch file of which nothing but tensors and numbers is taken.

    Returns
    -------
    Name -> tensor of any shape, on the CPU.
    """
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise PedecgError(f"{path}: not a safetensors file ({error})") from None
    # The released files keep a validation score next to the weights, a NumPy number.
    scalar: Any = np._core.multiarray.scalar  # type: ignore[attr-defined]
    numbers: list[Any] = [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        np.dtypes.Float64DType,
    ]
    try:
        with torch.serialization.safe_globals(numbers):
            held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # any fault of an external file is one line
        raise PedecgError(
            f"{path}: not a PyTorch file of tensors and numbers alone; nothing of it was run"
        ) from None
    tensors = held
    if isinstance(held, dict):
        tensors = held.get("state_dict", held.get("model", held))
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise PedecgError(f"{path}: holds no tensors by name, alone, under state_dict or model")
    return tensors


def _as_spelled_here(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo a wrapper's prefix and the older names of weight normalisation."""
    spelled = {}
    for key, tensor in tensors.items():
        key = key.removeprefix("module.").removeprefix("hubert_ecg.")
        key = key.replace("conv.weight_g", "conv.parametrizations.weight.original0")
        key = key.replace("conv.weight_v", "conv.parametrizations.weight.original1")
        spelled[key] = tensor
    return spelled


def _same(
    path: Path,
    name: str,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
) -> None:
    faults = {
        "lacks": sorted(expected.keys() - found.keys()),
        "holds the unknown": sorted(found.keys() - expected.keys()),
        "has other shapes of": sorted(
            f"{key} {list(found[key])} for {list(shape)}"
            for key, shape in expected.items()
            if key in found and found[key] != shape
        ),
    }
    differences = [f"{fault} {_some(keys)}" for fault, keys in faults.items() if keys]
    if differences:
        raise PedecgError(f"{path}: not the weights of {name}: {'; '.join(differences)}")


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
