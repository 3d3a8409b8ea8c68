"""Pre-training without labels: a masked autoencoder on the training records.

What it writes is no classifier: models that start from pre-trained weights take its encoder over.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pedecg.core import checkpoint, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.learning import device, schedules, training_state
from pedecg.learning.batches import Normalisation, Signals, random_starts
from pedecg.learning.device import derived_seed
from pedecg.learning.loop import Curves, LoopSettings, Objective, TrainingLoop
from pedecg.learning.training_state import STATE_FOLDER, StateFolder
from pedecg.models import network_base
from pedecg.models.backbones import autoencoder
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.models.network_base import Batch, TrunkSettings
from pedecg.signals.signal_store import SignalStore


class PretrainSettings(Section):
    """Section `pretrain`; the network's size is ``models.foundation.masked_autoencoder``."""

    seed: int = Field(description="seed of weights, crops and masks", ge=0)
    extra_signals: list[str] = Field(
        description=(
            "folders of further signal stores without labels, of the same leads and rate; "
            "never one that a result is measured on; after a change `dvc repro -f "
            "pretrain`, since DVC does not watch them"
        )
    )
    held_out: float = Field(
        description="share of the training records held out to measure the reconstruction",
        gt=0,
        lt=0.5,
    )
    mask_share: float = Field(
        description=(
            "share of the patches of a crop that are masked, in all leads together, since "
            "one lead predicts another"
        ),
        gt=0,
        lt=1,
    )
    lead_share: float = Field(
        description="share of leads that are masked over the whole crop, in addition", ge=0, lt=1
    )
    shown_weight: float = Field(
        description=(
            "weight of the loss on visible patches, relative to masked patches; more: "
            "better reconstruction, smaller gain of the classifiers"
        ),
        ge=0,
        le=1,
    )
    patch_s: float = Field(description="s; length of a patch, about a QRS or a T wave", gt=0, le=5)
    crop_seconds: float = Field(description="s; length of a crop", gt=0, le=600)
    crops_per_record: int = Field(description="crops of each record in one epoch", ge=1, le=1000)
    batch_size: int = Field(description="crops per step", ge=2, le=65536)
    epochs: int = Field(
        description="number of epochs; 200 and more for thousands of records on a GPU",
        ge=1,
        le=100_000,
    )
    learning_rate: float = Field(description="peak learning rate of AdamW", gt=0, le=1)
    warmup_epochs: float = Field(
        description="epochs of linear warm-up; cosine decay to zero follows", ge=0
    )
    weight_decay: float = Field(
        description="weight decay of AdamW, not on biases and norms", ge=0, le=1
    )
    clip_norm: float = Field(description="gradient clipping: largest norm", gt=0)
    ema_decay: float = Field(
        description="decay per step of the exponential moving average of weights, which is stored",
        ge=0,
        lt=1,
    )
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field(
        description="device; auto: the first available of cuda, mps, cpu"
    )
    threads: int = Field(
        description=(
            "CPU threads; the result depends on their number, since the order of "
            "floating-point sums does"
        ),
        ge=1,
        le=1024,
    )


@dataclass(frozen=True)
class Pretrained:
    """What a pre-training gives.

    Attributes
    ----------
    network : with averaged weights, in evaluation mode.
    card : what it was built for and trained on.
    curves : one row per epoch: epoch, lr, train_loss, held_out_loss, explained (share of the
        masked signal's variance that is explained, on held-out records).
    held_out : positions in the first store that it did not learn from.
    """

    network: MaskedAutoencoder
    card: dict[str, Any]
    curves: Curves
    held_out: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write weights and card: the same training, the same bytes."""
        checkpoint.write_tensors(
            folder / autoencoder.WEIGHTS, self.network.state_dict(), {"format": "pt"}
        )
        text = json.dumps(self.card, indent=2, ensure_ascii=False)
        tables.write_text(text + "\n", folder / autoencoder.CARD)


def pretrain(
    stores: Sequence[SignalStore],
    positions: Sequence[NDArray[np.int64]],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
    state_root: Path | None = STATE_FOLDER,
) -> Pretrained:
    """Train the masked autoencoder; a killed call, made again, ends with the same bytes.

    Parameters
    ----------
    stores, positions : signals, and which of their records are learnt from, shape (n,) each; the
        first store is the cohort's own, and its positions are training records.
    state_root : where the state after each epoch is kept until the end; None: nowhere.

    Raises
    ------
    PedecgError
        A store of another rate, no record to learn from, or a loss that is not finite.
    """
    for store in stores[1:]:
        if store.fs_hz != stores[0].fs_hz:
            raise PedecgError(
                f"pretrain.extra_signals: a store of {store.fs_hz:g} Hz; the cohort's has "
                f"{stores[0].fs_hz:g} Hz; preprocess both alike"
            )
    advice = (
        f"pretrain.batch_size (now {settings.batch_size}) or "
        f"pretrain.crop_seconds (now {settings.crop_seconds:g})"
    )
    state = None
    if state_root is not None:
        about = _about(stores, normalisation, trunk, settings)
        state = StateFolder(state_root / _key(stores, positions, about), about)
    with (
        device.reproducible(derived_seed(settings.seed), settings.threads),
        device.out_of_memory(advice),
    ):
        return AutoencoderTraining(stores, positions, normalisation, trunk, settings, state).run()


@dataclass(frozen=True)
class CropBatch:
    """Where the crops of a batch lie: which store, positions in it and first samples, (B,) each."""

    store: int
    positions: NDArray[np.int64]
    starts: NDArray[np.int64]


class AutoencoderTraining(Objective[CropBatch]):
    """One training of the masked autoencoder."""

    def __init__(
        self,
        stores: Sequence[SignalStore],
        positions: Sequence[NDArray[np.int64]],
        normalisation: Normalisation,
        trunk: TrunkSettings,
        settings: PretrainSettings,
        state: StateFolder | None,
    ) -> None:
        self.stores, self.settings, self.trunk = stores, settings, trunk
        accelerator = device.accelerate(device.choose(settings.accelerator))
        self.device = accelerator.device
        self.signals = [Signals(store, normalisation, self.device) for store in stores]
        own = np.random.default_rng(settings.seed).permutation(positions[0])
        n_out = max(1, round(settings.held_out * len(own)))
        if len(own) <= n_out:
            raise PedecgError(f"pretrain: {len(own)} training records are too few to learn from")
        self.held_out = np.sort(own[:n_out])
        self.positions = [np.sort(own[n_out:]), *positions[1:]]
        fs_hz = stores[0].fs_hz
        self.crop = round(settings.crop_seconds * fs_hz)
        self.patch = max(1, round(settings.patch_s * fs_hz))
        self.generator = torch.Generator(self.device)  # of what is hidden in training
        self.network = MaskedAutoencoder(trunk, n_leads=len(stores[0].leads), fs_hz=fs_hz).to(
            self.device
        )
        crops = [len(each) * settings.crops_per_record for each in self.positions]
        self.steps_per_store = [max(1, n // settings.batch_size) for n in crops]
        per_epoch = sum(self.steps_per_store)
        total = settings.epochs * per_epoch
        warmup = min(total, round(settings.warmup_epochs * per_epoch))
        self.loop = TrainingLoop(
            self,
            self.network,
            LoopSettings(
                name="pretrain",
                section="pretrain",
                seed=settings.seed,
                epochs=settings.epochs,
                n_steps=total,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                schedule=partial(schedules.cosine, warmup=warmup, total=total),
                clip_norm=settings.clip_norm,
                ema_decay=settings.ema_decay,
            ),
            accelerator,
            state,
        )

    def run(self) -> Pretrained:
        """Train to the end; return the averaged network."""
        network = cast(MaskedAutoencoder, self.loop.run())
        curves = self.loop.progress.curves
        card = {
            "model": "masked_autoencoder",
            "settings": self.trunk.model_dump(),
            "pretrain": self.settings.model_dump(),
            "leads": list(self.stores[0].leads),
            "fs_hz": self.stores[0].fs_hz,
            "records": sum(map(len, self.positions)),
            "epochs": self.settings.epochs,
            "n_parameters": sum(p.numel() for p in network.encoder.parameters()),
            "explained": round(curves[-1]["explained"], 4),
        }
        return Pretrained(network, card, curves, self.held_out)

    def steps(self, epoch: int) -> Iterator[list[CropBatch]]:
        """Yield the batches of one pass over all stores, in random order."""
        seed, size = self.settings.seed, self.settings.batch_size
        rng = np.random.default_rng([seed, epoch])
        self.generator.manual_seed(derived_seed(seed, epoch, 1))
        chosen = []
        for store, (positions, n_steps) in enumerate(
            zip(self.positions, self.steps_per_store, strict=True)
        ):
            order = rng.permutation(np.repeat(positions, self.settings.crops_per_record))
            chosen += [(store, order[k * size : (k + 1) * size]) for k in range(n_steps)]
        for k in rng.permutation(len(chosen)):
            store, positions = chosen[k]
            starts = random_starts(self.stores[store].n_samples[positions], self.crop, rng)
            yield [CropBatch(store, positions, starts)]

    def loss(self, network: nn.Module, batch: CropBatch) -> Tensor:
        """Return the loss of filling in what is hidden of the crops.

        Returns
        -------
        Shape ().
        """
        signals = self._signals(batch)
        hidden = self._hide(signals, self.generator)
        return autoencoder.loss(
            network(signals, hidden), signals, hidden, self.settings.shown_weight
        )

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return loss and explained variance on held-out records, with the same parts hidden."""
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.settings.seed, 2))
        total = torch.zeros(3, dtype=torch.float64)
        with torch.inference_mode():
            for k in range(0, len(self.held_out), self.settings.batch_size):
                positions = self.held_out[k : k + self.settings.batch_size]
                batch = self._signals(CropBatch(0, positions, np.zeros(len(positions), np.int64)))
                hidden = self._hide(batch, generator)
                filled = network(batch, hidden)
                loss = autoencoder.loss(filled, batch, hidden)
                covered = hidden.samples(self.crop)
                missed = (
                    (filled - batch.signal) * covered * batch.lead_mask.unsqueeze(-1)
                ).square()
                there = (batch.signal * covered).square()
                total += torch.stack(
                    [loss.cpu() * len(positions), missed.sum().cpu(), there.sum().cpu()]
                ).double()
        return {
            "held_out_loss": float(total[0]) / len(self.held_out),
            "explained": 1 - float(total[1] / total[2].clamp_min(1e-9)),
        }

    def _signals(self, batch: CropBatch) -> Batch:
        signals = self.signals[batch.store]
        signal_mv, lead_mask, length = signals.crop(batch.positions, batch.starts, self.crop)
        return unlabelled(signals.normalise(signal_mv, lead_mask, length), lead_mask, length)

    def _hide(self, batch: Batch, generator: torch.Generator) -> autoencoder.Hidden:
        return self.network.hide(
            batch, self.settings.mask_share, self.settings.lead_share, self.patch, generator
        )


def unlabelled(signal: Tensor, lead_mask: Tensor, length: Tensor) -> Batch:
    """Return a batch of signals alone: age, sex and rule features are unknown.

    Parameters
    ----------
    signal : shape (B, n_leads, n_samples), normalised.
    lead_mask : shape (B, n_leads), 1 where recorded.
    length : shape (B,), samples before the padding.
    """
    n, device = len(signal), signal.device
    return Batch(
        signal=signal,
        lead_mask=lead_mask,
        length=length,
        age_days=torch.full((n,), torch.nan, device=device),
        sex=torch.full((n,), -1, dtype=torch.int64, device=device),
        features=torch.empty((n, 0), device=device),
    )


def _about(
    stores: Sequence[SignalStore],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
) -> dict[str, Any]:
    """Return what the result depends on besides signals and code, in JSON's types."""
    return {
        "trunk": trunk.model_dump(),
        "pretrain": settings.model_dump(),
        "normalisation": asdict(normalisation),
        "fs_hz": [store.fs_hz for store in stores],
    }


def _key(
    stores: Sequence[SignalStore], positions: Sequence[NDArray[np.int64]], about: dict[str, Any]
) -> str:
    """Return the hash of everything that the result depends on."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, (store, chosen) in enumerate(zip(stores, positions, strict=True)):
        arrays |= {f"positions{k}": chosen, f"samples{k}": store.samples,
                   f"n_samples{k}": store.n_samples, f"lead_mask{k}": store.lead_mask}  # fmt: skip
    models = Path(network_base.__file__).parent
    code = [*models.glob("*.py"), Path(autoencoder.__file__), *Path(__file__).parent.glob("*.py")]
    return training_state.key(about, arrays, code)
