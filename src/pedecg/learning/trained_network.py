"""A trained network: its files, and its predictions for the records of a signal store.

A folder holds ``weights.safetensors``, ``model.json`` and the hashes of both; nothing else is
needed to ask it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import torch
from numpy.typing import NDArray
from torch import nn

from pedecg.core import checkpoint, folder_hashes, tables
from pedecg.core.errors import PedecgError
from pedecg.learning import device, losses
from pedecg.learning.batches import Normalisation, Signals, Subjects, window_batches
from pedecg.models import registry
from pedecg.models.features import Scale
from pedecg.signals.signal_store import SignalStore

_WEIGHTS, _CARD = "weights.safetensors", "model.json"
BATCH_SIZE = 128  # windows at once in evaluation; memory only


@dataclass(frozen=True)
class Card:
    """What a network was built for and how it was trained; ``model.json`` holds the same.

    Attributes
    ----------
    model, settings : name in the registry and the plain values of its section.
    seed : of the training.
    targets, leads : names, in the order of its outputs and inputs.
    fs_hz, crop_seconds, window_overlap : rate, length and shared part of the windows it is shown.
    mean_mv, sd_mv : normalisation of each lead.
    logit_shift : per target, subtracted from the logits: see `losses.logit_shift`.
    task : multilabel (the logistic of each logit) or multiclass (one softmax over all).
    feature_names, feature_mean, feature_sd : rule features that it reads, and their scale.
    pretrained : where the weights came from that the training started with; "": drawn.
    n_parameters : trained numbers.
    best_epoch : whose weights these are, from 1.
    monitor, best_value : what chose it, averaged as ``train.smooth_epochs`` says.
    """

    model: str
    settings: dict[str, Any]
    seed: int
    targets: tuple[str, ...]
    leads: tuple[str, ...]
    fs_hz: float
    crop_seconds: float
    window_overlap: float
    mean_mv: tuple[float, ...]
    sd_mv: tuple[float, ...]
    logit_shift: tuple[float, ...]
    task: str
    feature_names: tuple[str, ...]
    feature_mean: tuple[float, ...]
    feature_sd: tuple[float, ...]
    pretrained: str
    n_parameters: int
    best_epoch: int
    monitor: str
    best_value: float

    @property
    def normalisation(self) -> Normalisation:
        """Statistics of the training records."""
        return Normalisation(self.leads, self.mean_mv, self.sd_mv)

    @property
    def scale(self) -> Scale:
        """Scale of the rule features."""
        return Scale(self.feature_names, self.feature_mean, self.feature_sd)

    @property
    def crop(self) -> int:
        """Samples of a window."""
        return round(self.crop_seconds * self.fs_hz)


_SCHEMA = pydantic.TypeAdapter(Card)


@dataclass(frozen=True)
class Trained:
    """A network with its best weights, in evaluation mode, and its card."""

    card: Card
    network: nn.Module = field(repr=False)

    def predict(
        self,
        store: SignalStore,
        positions: NDArray[np.int64],
        age_days: NDArray[np.float32],
        sex: NDArray[np.int64],
        features: pd.DataFrame | None = None,
    ) -> NDArray[np.float64]:
        """Return probabilities of shape (n, n_targets), from each record's mean logits.

        Parameters
        ----------
        positions : shape (n,), places of the records in the store, of any length each.
        age_days, sex : shape (n,); NaN and -1 where unknown, see `batches.ages_and_sexes`.
        features : n rows of rule features, see `features.of_rules`; for models that read them.

        Raises
        ------
        PedecgError
            The store has other leads or another rate than the network was trained on, or one of
            its rule features is not there.
        """
        row, logits = self._logits(store, positions, age_days, sex, features)
        return self._probabilities(_means(row, logits, len(positions)))

    def predict_windows(
        self,
        store: SignalStore,
        positions: NDArray[np.int64],
        age_days: NDArray[np.float32],
        sex: NDArray[np.int64],
        features: pd.DataFrame | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the row that each window belongs to and its own probabilities; see `predict`.

        Returns
        -------
        Shape (n_windows,), rows; shape (n_windows, n_targets), probabilities.
        """
        row, logits = self._logits(store, positions, age_days, sex, features)
        return row, self._probabilities(logits)

    def _probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        return losses.probabilities(logits - np.asarray(self.card.logit_shift), self.card.task)

    def _logits(
        self,
        store: SignalStore,
        positions: NDArray[np.int64],
        age_days: NDArray[np.float32],
        sex: NDArray[np.int64],
        features: pd.DataFrame | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the row of each window and its logits, see `predict`."""
        _same("leads", " ".join(self.card.leads), " ".join(store.leads))
        _same("rate in Hz", self.card.fs_hz, store.fs_hz)
        scale = self.card.scale
        scaled = scale.apply(features if scale.names else pd.DataFrame(index=range(len(positions))))
        where = next(self.network.parameters()).device
        signals = Signals(store, self.card.normalisation, where)
        return window_logits(
            self.network, signals, Subjects(positions, age_days, sex, scaled),
            crop=self.card.crop, overlap=self.card.window_overlap,
        )  # fmt: skip

    def save(self, folder: str | Path) -> None:
        """Write the network's files and their hashes: the same network, the same bytes."""
        checkpoint.write_tensors(
            Path(folder) / _WEIGHTS, self.network.state_dict(), {"format": "pt"}
        )
        card = asdict(self.card)
        card["family"] = registry.family(self.card.model, self.card.settings)
        text = json.dumps(card, indent=2, ensure_ascii=False)
        tables.write_text(text + "\n", Path(folder) / _CARD)
        folder_hashes.seal(Path(folder), (_WEIGHTS, _CARD))


def load(
    folder: str | Path,
    targets: Sequence[str] | None = None,
    accelerator: str = "auto",
    settings: Mapping[str, Any] | None = None,
) -> Trained:
    """Rebuild a network from its folder alone.

    Parameters
    ----------
    targets : what the caller wants answered; must be those that it was trained for.
    settings : of the model's section, if they must be those that it was trained with.

    Raises
    ------
    PedecgError
        The folder holds no network, other targets, other settings, files other than those saved,
        or weights that are not finite or of another architecture; the message names what differs.
    """
    folder = Path(folder)
    folder_hashes.verify(folder, (_WEIGHTS, _CARD))
    card = _read_card(folder / _CARD)
    if targets is not None and tuple(targets) != card.targets:
        raise PedecgError(
            f"{folder}: trained for targets {', '.join(card.targets)}; asked for "
            f"{', '.join(targets)}; retrain, or ask for its own"
        )
    if settings is not None:
        differing = checkpoint.differences(card.settings, dict(settings), "settings")
        if differing:
            raise PedecgError(f"{folder}: {'; '.join(differing)}; retrain, or ask with its own")
    where = device.choose(accelerator)
    network = registry.build(
        card.model,
        card.settings,
        n_leads=len(card.leads),
        n_samples=card.crop,
        fs_hz=card.fs_hz,
        n_targets=len(card.targets),
        n_features=len(card.feature_names),
    ).to(where)
    weights, _ = checkpoint.read_tensors(folder / _WEIGHTS, where)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != expected:
        differing = sorted(
            name for name in expected | found if expected.get(name) != found.get(name)
        )
        raise PedecgError(
            f"{folder}: weights are not those of {card.model} with the settings of model.json; "
            f"{len(differing)} tensors differ: {', '.join(differing[:5])}"
        )
    broken = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if broken:
        raise PedecgError(f"{folder / _WEIGHTS}: {broken[0]} holds values that are not finite")
    network.load_state_dict(weights)
    return Trained(card, network.eval())


def mean_logits(
    network: nn.Module,
    signals: Signals,
    subjects: Subjects,
    *,
    crop: int,
    overlap: float,
) -> NDArray[np.float64]:
    """Return the mean over each record's overlapping windows, shape (n, n_targets)."""
    row, logit = window_logits(network, signals, subjects, crop=crop, overlap=overlap)
    return _means(row, logit, len(subjects.positions))


def window_logits(
    network: nn.Module,
    signals: Signals,
    subjects: Subjects,
    *,
    crop: int,
    overlap: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row that each window belongs to, (n_windows,), and (n_windows, n_targets)."""
    network.eval()
    rows: list[NDArray[np.int64]] = []
    logits: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for row, batch in window_batches(
            signals, subjects, crop=crop, overlap=overlap, batch_size=BATCH_SIZE
        ):  # fmt: skip
            rows.append(row)
            logits.append(network(batch).float().cpu().numpy())
    return np.concatenate(rows), np.concatenate(logits).astype(np.float64)


def _means(row: NDArray[np.int64], logit: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    total = np.zeros((n, logit.shape[1]))
    np.add.at(total, row, logit)
    return total / np.bincount(row, minlength=n)[:, None]


def _read_card(path: Path) -> Card:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values.pop("family")
        return _SCHEMA.validate_python(values)
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage that writes it has not run") from None
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise PedecgError(f"{path}: not a valid network card: {place}: {fault['msg']}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PedecgError(f"{path}: not a valid network card ({error})") from None


def _same(what: str, trained: object, found: object) -> None:
    if trained != found:
        raise PedecgError(f"model: trained on {what} {trained}; the signal store has {found}")
