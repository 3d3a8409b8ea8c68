"""Learning from ECGs without labels: a masked autoencoder on the training records.

What it writes is no classifier: models that start from pre-trained weights take its encoder over.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pedecg.core import checkpoint, parallel, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.learning import channels_last, weight_average
from pedecg.learning.batches import Normalisation, Signals, random_starts
from pedecg.learning.device import choose, derived_seed, reproducible
from pedecg.models import network_base
from pedecg.models.backbones import autoencoder
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.models.network_base import Batch, TrunkSettings
from pedecg.signals.signal_store import SignalStore


class PretrainSettings(Section):
    """Section `pretrain`; the network's size is ``models.foundation.masked_autoencoder``."""

    seed: int = Field(description="of weights, crops and masks", ge=0)
    extra_signals: list[str] = Field(
        description="folders of further signal stores without labels, of the same leads and rate; "
        "never one that a result is measured on"
    )
    held_out: float = Field(
        description="share of the records that only show how well it fills in", gt=0, lt=0.5
    )
    mask_share: float = Field(
        description="share of a crop's patches that are hidden, in all leads at once", gt=0, lt=1
    )
    lead_share: float = Field(
        description="share of leads that are hidden for the whole crop besides", ge=0, lt=1
    )
    shown_weight: float = Field(
        description="weight of filling in what was shown, beside 1 for what was hidden", ge=0, le=1
    )
    patch_s: float = Field(description="s; length of a patch", gt=0, le=5)
    crop_seconds: float = Field(description="s; length of a crop", gt=0, le=600)
    crops_per_record: int = Field(description="crops of each record in one epoch", ge=1, le=1000)
    batch_size: int = Field(description="crops per step", ge=2, le=65536)
    epochs: int = Field(description="passes", ge=1, le=100_000)
    learning_rate: float = Field(description="of AdamW, at its peak", gt=0, le=1)
    warmup_epochs: float = Field(
        description="epochs of linear rise; then a cosine falls to zero", ge=0
    )
    weight_decay: float = Field(description="of AdamW, on weights but no bias or norm", ge=0, le=1)
    clip_norm: float = Field(description="largest norm of a gradient", gt=0)
    ema_decay: float = Field(
        description="per step, of the running average of weights that is kept", ge=0, lt=1
    )
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field(
        description="device; auto takes the first there is of cuda, mps, cpu"
    )
    threads: int = Field(description="CPU threads; same number, same bytes", ge=1, le=1024)


@dataclass(frozen=True)
class Pretrained:
    """What a pre-training gives.

    Attributes
    ----------
    network : with averaged weights, in evaluation mode.
    card : what it was built for and trained on.
    curves : one row per epoch: epoch, lr, train_loss, held_out_loss, explained (share of the
        hidden signal's variance that is filled in right, on held-out records).
    held_out : positions in the first store that it did not learn from.
    """

    network: MaskedAutoencoder
    card: dict[str, Any]
    curves: list[dict[str, float]]
    held_out: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write weights and card: the same training, the same bytes."""
        checkpoint.write_tensors(
            folder / autoencoder.WEIGHTS, self.network.state_dict(), {"format": "pt"}
        )
        text = json.dumps(self.card, indent=2, ensure_ascii=False)
        tables.write_text(text + "\n", folder / autoencoder.CARD)


@dataclass
class _Progress:
    epoch: int = 0
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)


def pretrain(
    stores: Sequence[SignalStore],
    positions: Sequence[NDArray[np.int64]],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
    state_root: Path | None = checkpoint.STATE_FOLDER,
) -> Pretrained:
    """Train the masked autoencoder; a killed call, made again, ends with the same bytes.

    Parameters
    ----------
    stores, positions : signals, and which of their records are learnt from; the first store is the
        cohort's own, and its positions are training records.
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
    state = None
    if state_root is not None:
        state = state_root / _key(stores, positions, normalisation, trunk, settings)
    with reproducible(derived_seed(settings.seed), settings.threads):
        run = _Run(stores, positions, normalisation, trunk, settings, state)
        for epoch in parallel.progress(range(run.progress.epoch, settings.epochs), "pretrain"):
            run.one_epoch(epoch)
        return run.finish()


class _Run:
    """One pre-training in progress."""

    def __init__(
        self,
        stores: Sequence[SignalStore],
        positions: Sequence[NDArray[np.int64]],
        normalisation: Normalisation,
        trunk: TrunkSettings,
        settings: PretrainSettings,
        state: Path | None,
    ) -> None:
        self.stores, self.settings, self.trunk, self.state = stores, settings, trunk, state
        self.device = choose(settings.accelerator)
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

        def build() -> MaskedAutoencoder:
            network = MaskedAutoencoder(trunk, n_leads=len(stores[0].leads), fs_hz=fs_hz)
            channels_last.channels_last(network.to(self.device))
            return network

        self.network, self.average = build(), build().eval()
        self.average.load_state_dict(self.network.state_dict())
        parameters = list(self.network.parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in parameters if p.ndim > 1],
                 "weight_decay": settings.weight_decay},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate, fused=True,
        )  # fmt: skip
        self.accelerator = Accelerator(cpu=self.device.type == "cpu")
        self.follower = weight_average.Follower(self.average, self.network, settings.ema_decay)
        self.progress = _Progress()
        self._resume()

    def one_epoch(self, epoch: int) -> None:
        """Learn from every record once, see how well held-out ones are filled in, save."""
        seed = self.settings.seed
        rng = np.random.default_rng([seed, epoch])
        torch.manual_seed(derived_seed(seed, epoch))
        generator = torch.Generator(self.device).manual_seed(derived_seed(seed, epoch, 1))
        self.network.train()
        steps = self._steps(rng)
        each, rate = [], 0.0
        for store, chosen in steps:
            rate = self._learning_rate(self.progress.step, len(steps))
            each.append(self._step(store, chosen, rng, generator, rate))
            self.progress.step += 1
        loss = torch.stack(each).double().mean().item()
        if not math.isfinite(loss):
            raise PedecgError(
                f"pretrain: loss is {loss} in epoch {epoch + 1}; lower pretrain.learning_rate"
            )
        held_out, explained = self._look()
        self.progress.epoch = epoch + 1
        self.progress.curves.append(
            {"epoch": epoch + 1, "lr": rate, "train_loss": loss, "held_out_loss": held_out,
             "explained": explained}
        )  # fmt: skip
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "moments": {
                f"{index}.{name}": tensor
                for index, named in self.optimizer.state_dict()["state"].items()
                for name, tensor in named.items()
            },
        }
        if self.state is not None:
            checkpoint.save_state(self.state, checkpoint.pack(parts), asdict(self.progress))

    def finish(self) -> Pretrained:
        """Return the averaged network and remove the state."""
        card = {
            "model": "masked_autoencoder",
            "settings": self.trunk.model_dump(),
            "pretrain": self.settings.model_dump(),
            "leads": list(self.stores[0].leads),
            "fs_hz": self.stores[0].fs_hz,
            "records": sum(map(len, self.positions)),
            "epochs": self.settings.epochs,
            "n_parameters": sum(p.numel() for p in self.network.encoder.parameters()),
            "explained": round(self.progress.curves[-1]["explained"], 4),
        }
        if self.state is not None:
            checkpoint.remove_state(self.state)
        return Pretrained(self.average.eval(), card, self.progress.curves, self.held_out)

    def _steps(self, rng: np.random.Generator) -> list[tuple[int, NDArray[np.int64]]]:
        """Return the batches of an epoch in random order: a store and its positions."""
        steps = []
        for store, positions in enumerate(self.positions):
            order = rng.permutation(np.repeat(positions, self.settings.crops_per_record))
            n = max(1, len(order) // self.settings.batch_size)
            size = self.settings.batch_size
            steps += [(store, order[k * size : (k + 1) * size]) for k in range(n)]
        return [steps[k] for k in rng.permutation(len(steps))]

    def _batch(self, store: int, positions: NDArray[np.int64], starts: NDArray[np.int64]) -> Batch:
        signals = self.signals[store]
        signal_mv, lead_mask, length = signals.crop(positions, starts, self.crop)
        return unlabelled(signals.normalise(signal_mv, lead_mask, length), lead_mask, length)

    def _hide(self, batch: Batch, generator: torch.Generator) -> autoencoder.Hidden:
        return self.network.hide(
            batch, self.settings.mask_share, self.settings.lead_share, self.patch, generator
        )

    def _step(
        self,
        store: int,
        positions: NDArray[np.int64],
        rng: np.random.Generator,
        generator: torch.Generator,
        learning_rate: float,
    ) -> Tensor:
        starts = random_starts(self.stores[store].n_samples[positions], self.crop, rng)
        batch = self._batch(store, positions, starts)
        hidden = self._hide(batch, generator)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad()
        filled = self.network(batch, hidden)
        loss = autoencoder.loss(filled, batch, hidden, self.settings.shown_weight)
        self.accelerator.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.follower.follow(self.progress.step)
        return loss.detach()

    def _look(self) -> tuple[float, float]:
        """Return loss and explained variance on held-out records, always hidden alike."""
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.settings.seed, 2))
        total = torch.zeros(3, dtype=torch.float64)
        with torch.inference_mode():
            for k in range(0, len(self.held_out), self.settings.batch_size):
                positions = self.held_out[k : k + self.settings.batch_size]
                batch = self._batch(0, positions, np.zeros(len(positions), np.int64))
                hidden = self._hide(batch, generator)
                filled = self.average(batch, hidden)
                loss = autoencoder.loss(filled, batch, hidden)
                covered = hidden.samples(self.crop)
                missed = (
                    (filled - batch.signal) * covered * batch.lead_mask.unsqueeze(-1)
                ).square()
                there = (batch.signal * covered).square()
                total += torch.stack(
                    [loss.cpu() * len(positions), missed.sum().cpu(), there.sum().cpu()]
                ).double()
        return float(total[0]) / len(self.held_out), 1 - float(total[1] / total[2].clamp_min(1e-9))

    def _learning_rate(self, step: int, per_epoch: int) -> float:
        total = self.settings.epochs * per_epoch
        warmup = min(total, round(self.settings.warmup_epochs * per_epoch))
        if step < warmup:
            return self.settings.learning_rate * (step + 1) / warmup
        fraction = (step - warmup) / max(1, total - warmup)
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))

    def _resume(self) -> None:
        saved = checkpoint.load_state(self.state, self.device) if self.state else None
        if saved is None:
            return
        parts = checkpoint.unpack(saved[0])
        self.network.load_state_dict(parts["network"])
        self.average.load_state_dict(parts["average"])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["moments"].items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.progress = _Progress(**saved[1])


def unlabelled(signal: Tensor, lead_mask: Tensor, length: Tensor) -> Batch:
    """Return a batch of signals alone: age, sex and rule features are unknown."""
    n, device = len(signal), signal.device
    return Batch(
        signal=signal,
        lead_mask=lead_mask,
        length=length,
        age_days=torch.full((n,), torch.nan, device=device),
        sex=torch.full((n,), -1, dtype=torch.int64, device=device),
        features=torch.empty((n, 0), device=device),
    )


def _key(
    stores: Sequence[SignalStore],
    positions: Sequence[NDArray[np.int64]],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
) -> str:
    """Return the hash of everything that the result depends on."""
    about = {
        "trunk": trunk.model_dump(),
        "pretrain": settings.model_dump(),
        "normalisation": asdict(normalisation),
        "fs_hz": [store.fs_hz for store in stores],
    }
    arrays: dict[str, NDArray[Any]] = {}
    for k, (store, chosen) in enumerate(zip(stores, positions, strict=True)):
        arrays |= {f"positions{k}": chosen, f"samples{k}": store.samples,
                   f"n_samples{k}": store.n_samples, f"lead_mask{k}": store.lead_mask}  # fmt: skip
    code = [Path(module.__file__) for module in (network_base, autoencoder) if module.__file__]
    return checkpoint.key(about, arrays, [*Path(__file__).parent.glob("*.py"), *code])
