"""Batches on the device from the signal store: crops, windows, normalisation.

Training and evaluation cut with the same function; they differ in where the crops begin.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedecg.core import patient_keys
from pedecg.core.errors import PedecgError
from pedecg.models import features
from pedecg.models.contract import Rows
from pedecg.models.network_base import Batch
from pedecg.signals.signal_store import MICROVOLTS_PER_MV, SignalStore

RESIDENT_SHARE = 0.4  # of a GPU's free memory; the rest is for the network and its gradients
SEX_CODES = {"female": 0, "male": 1}  # unknown: -1


@dataclass(frozen=True)
class Normalisation:
    """Mean and SD of each lead over the training records, mV, shape (n_leads,) each."""

    leads: tuple[str, ...]
    mean_mv: tuple[float, ...]
    sd_mv: tuple[float, ...]


@dataclass(frozen=True)
class Subjects:
    """Records for which a network predicts, n of one store.

    Attributes
    ----------
    positions : shape (n,), places in the store.
    age_days, sex : shape (n,); NaN and -1 where unknown, see `ages_and_sexes`.
    features : shape (n, n_features), scaled rule features, NaN where unknown.
    """

    positions: NDArray[np.int64]
    age_days: NDArray[np.float32]
    sex: NDArray[np.int64]
    features: NDArray[np.float32]

    def rows(self, chosen: NDArray[np.int64]) -> "Subjects":
        """Return some of them, in the given order.

        Parameters
        ----------
        chosen : shape (n,), positions.
        """
        return Subjects(
            self.positions[chosen], self.age_days[chosen], self.sex[chosen], self.features[chosen]
        )


def read_normalisation(path: str | Path) -> Normalisation:
    """Read ``lead_statistics.json``; see `normalisation`."""
    try:
        return normalisation(json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage that writes it has not run") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise PedecgError(f"{path}: not lead statistics ({error!r})") from None


def normalisation(statistics: Mapping[str, Any]) -> Normalisation:
    """Take over what `signals.lead_statistics.of_leads` measured: leads, mean_mv, sd_mv."""
    return Normalisation(*(tuple(statistics[key]) for key in ("leads", "mean_mv", "sd_mv")))


def dataset(
    store: SignalStore | None,
    records: pd.DataFrame,
    labels: pd.DataFrame,
    rules: pd.DataFrame | None = None,
) -> Rows:
    """Join signals with the tables RECORDS and LABELS, in the order of the labels.

    Parameters
    ----------
    store : None for models that read no signal.
    labels : with `record_id` alone where nothing is known, as of records to be predicted.
    rules : the table RULES, for models that read it.

    Raises
    ------
    PedecgError
        A labelled record has no signal in the store or no row in the records.
    """
    record_ids = tuple(labels["record_id"])
    known = {"records": set(records["record_id"])}
    if store is not None:
        known["signal store"] = set(store.record_ids)
    for where, there in known.items():
        missing = sorted(set(record_ids) - there)
        if missing:
            raise PedecgError(
                f"{where}: {len(missing)} labelled records are not there, such as {missing[0]}"
            )
    own = records.set_index("record_id").loc[list(record_ids)]
    age_days, sex = ages_and_sexes(own)
    targets = tuple(name for name in labels.columns if name != "record_id")
    return Rows(
        record_ids=record_ids,
        age_days=age_days,
        sex=sex,
        targets=targets,
        labels=labels[list(targets)].to_numpy(np.float32, na_value=np.nan),
        features=(
            pd.DataFrame(index=range(len(record_ids)))
            if rules is None
            else features.of_rules(rules, record_ids)
        ),
        positions=np.arange(len(record_ids)) if store is None else store.positions(record_ids),
        signals=store,
        patients=tuple(patient_keys.of(own)) if "patient_id" in own else None,
    )


def predictions(
    data: Rows, split: NDArray[np.str_], seed: int, probabilities: NDArray[np.float64]
) -> pd.DataFrame:
    """Return the table PREDICTIONS, one row per record and target.

    Parameters
    ----------
    split : shape (n,), where each record belongs; probabilities : shape (n, k).
    """
    n_targets = len(data.targets)
    return pd.DataFrame(
        {
            "record_id": np.repeat(np.array(data.record_ids), n_targets),
            "split": np.repeat(split, n_targets),
            "seed": seed,
            "label": np.tile(np.array(data.targets), len(data.record_ids)),
            "probability": probabilities.ravel(),
        }
    )


def ages_and_sexes(records: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return age in days (NaN unknown) and sex codes of rows of the table RECORDS.

    Returns
    -------
    Both of shape (n,).
    """
    age_days = records["age_days"].to_numpy(np.float32, na_value=np.nan)
    sex = [SEX_CODES.get(name, -1) for name in records["sex"]]
    return age_days, np.array(sex, np.int64)


class Signals:
    """The store's samples, cut into crops on the device batch by batch.

    On another device than the CPU they are copied there once, as int16, if they take no more than
    `RESIDENT_SHARE` of its free memory. Otherwise they stay memory-mapped, and crops are copied.
    """

    def __init__(
        self, store: SignalStore, normalisation: Normalisation, device: torch.device
    ) -> None:
        if normalisation.leads != store.leads:
            raise PedecgError(
                f"lead statistics: leads {' '.join(normalisation.leads)}; "
                f"the signal store has {' '.join(store.leads)}"
            )
        self.fs_hz = store.fs_hz
        self.device = device
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the map is read-only; so are we
            samples = torch.from_numpy(store.samples)
        self._store = store
        self._samples = samples.to(device) if _fits(store, device) else None
        self._offsets = torch.from_numpy(store.offsets).to(device)
        self._n_samples = store.n_samples
        self._lengths = torch.from_numpy(store.n_samples).to(device)
        self._mask = torch.from_numpy(store.lead_mask.astype(np.float32)).to(device)
        self._mean = _per_lead(normalisation.mean_mv, device)
        self._sd = _per_lead(normalisation.sd_mv, device)
        self._sd = torch.where(self._sd > 0, self._sd, 1.0)  # a lead that no record has

    def n_samples(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how long records are, samples.

        Parameters
        ----------
        positions : shape (n,), in the signal store.

        Returns
        -------
        Shape (n,).
        """
        return self._n_samples[positions]

    def crop(
        self, positions: NDArray[np.int64], starts: NDArray[np.int64], n_samples: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cut one crop per record, padded with zeros after the end of a short one.

        Parameters
        ----------
        positions, starts : shape (B,), place in the store and first sample.

        Returns
        -------
        signal_mv (B, n_leads, n_samples) float32, lead_mask (B, n_leads) float32, length (B,).
        """
        position = torch.from_numpy(positions).to(self.device)
        start = torch.from_numpy(starts).to(self.device)
        lengths = self._lengths[position]
        length = (lengths - start).clamp_max(n_samples)
        if self._samples is None:
            counts = self._sliced(positions, starts, n_samples)
        else:
            counts = self._gathered(self._samples, position, start, lengths, n_samples)
        return counts.float().div_(MICROVOLTS_PER_MV), self._mask[position], length

    def _sliced(
        self, positions: NDArray[np.int64], starts: NDArray[np.int64], n_samples: int
    ) -> Tensor:
        """Copy one slice per record out of the memory-mapped file: on a CPU this is faster."""
        cut = torch.zeros((len(positions), len(self._store.leads), n_samples), dtype=torch.int16)
        rows = cut.numpy()
        for row, (position, start) in enumerate(zip(positions, starts, strict=True)):
            counts = self._store.counts(position)[:, start : start + n_samples]
            rows[row, :, : counts.shape[1]] = counts
        return cut.to(self.device)

    def _gathered(
        self, samples: Tensor, position: Tensor, start: Tensor, lengths: Tensor, n_samples: int
    ) -> Tensor:
        """Gather all samples of a batch at once out of the device's memory."""
        time = start.unsqueeze(1) + torch.arange(n_samples, device=self.device)
        beyond = time >= lengths.unsqueeze(1)
        lead = torch.arange(self._mask.shape[1], device=self.device).unsqueeze(1)
        index = (self._offsets[position].view(-1, 1, 1) + lead * lengths.view(-1, 1, 1)) + (
            time.masked_fill(beyond, 0).unsqueeze(1)
        )
        return samples[index].masked_fill_(beyond.unsqueeze(1), 0)

    def normalise(self, signal_mv: Tensor, lead_mask: Tensor, length: Tensor) -> Tensor:
        """Return (mV - mean) / SD per lead; absent leads and padding are zero.

        Parameters
        ----------
        signal_mv : shape (B, n_leads, n_samples), mV.
        lead_mask : shape (B, n_leads), 1 where recorded.
        length : shape (B,), samples before the padding.

        Returns
        -------
        Shape (B, n_leads, n_samples).
        """
        recorded = torch.arange(signal_mv.shape[-1], device=self.device) < length.unsqueeze(1)
        x = (signal_mv - self._mean).mul_(lead_mask.unsqueeze(-1) / self._sd)
        return x.mul_(recorded.unsqueeze(1).to(x.dtype))

    def millivolts(self, normalised: Tensor) -> Tensor:
        """Undo `normalise`.

        Parameters
        ----------
        normalised : shape (B, n_leads, n_samples), SD of the leads.

        Returns
        -------
        The same shape, mV.
        """
        return normalised * self._sd + self._mean


def random_starts(
    n_samples: NDArray[np.int64], crop: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw where the crops of records of the given lengths begin; a short record's begins at 0.

    Parameters
    ----------
    n_samples : shape (n,).
    crop : samples.

    Returns
    -------
    Shape (n,), samples.
    """
    return rng.integers(0, np.maximum(n_samples - crop, 0) + 1)


def windows(n_samples: int, crop: int, overlap: float) -> NDArray[np.int64]:
    """Return where the windows that cover a record begin: evenly spread, at least `overlap` shared.

    The first window begins with the record and the last ends with it.

    Parameters
    ----------
    n_samples, crop : samples of a record and of a window.
    overlap : share of a window.

    Returns
    -------
    Shape (n_windows,), samples.
    """
    room = max(n_samples - crop, 0)
    hop = max(1, round(crop * (1 - overlap)))
    return np.linspace(0, room, -(-room // hop) + 1).round().astype(np.int64)


def window_batches(
    signals: Signals,
    subjects: Subjects,
    *,
    crop: int,
    overlap: float,
    batch_size: int,
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield all windows of the given records in batches, with the row that each belongs to.

    Parameters
    ----------
    crop : samples of a window.

    Yields
    ------
    Shape (B,), rows of `subjects`; the batch of B windows.
    """
    cut = [windows(int(length), crop, overlap) for length in signals.n_samples(subjects.positions)]
    rows = np.repeat(np.arange(len(cut)), [len(starts) for starts in cut])
    starts = np.concatenate(cut) if cut else np.empty(0, np.int64)
    for first in range(0, len(rows), batch_size):
        row = rows[first : first + batch_size]
        signal_mv, lead_mask, length = signals.crop(
            subjects.positions[row], starts[first : first + batch_size], crop
        )
        yield (
            row,
            Batch(
                signal=signals.normalise(signal_mv, lead_mask, length),
                lead_mask=lead_mask,
                length=length,
                age_days=torch.from_numpy(subjects.age_days[row]).to(signals.device),
                sex=torch.from_numpy(subjects.sex[row]).to(signals.device),
                features=torch.from_numpy(subjects.features[row]).to(signals.device),
            ),
        )


def _fits(store: SignalStore, device: torch.device) -> bool:
    """Return whether a device should hold the whole store."""
    if device.type != "cuda":
        return device.type != "cpu"
    return bool(store.samples.nbytes <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0])


def _per_lead(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).nan_to_num(0.0).unsqueeze(1)
