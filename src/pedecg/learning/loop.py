"""The training loop of every network: classifiers, the masked autoencoder and the delineator."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from tqdm import tqdm

from pedecg.core.errors import PedecgError
from pedecg.learning import optimiser
from pedecg.learning.device import derived_seed
from pedecg.learning.progress_bar import bar
from pedecg.learning.schedules import MakeSchedule
from pedecg.learning.training_state import StateFolder
from pedecg.learning.weight_average import WeightAverage

Batch = TypeVar("Batch")
Curves = list[dict[str, float]]


class Objective(ABC, Generic[Batch]):
    """What a network is trained for: its batches, their loss, and its validation."""

    @abstractmethod
    def steps(self, epoch: int) -> Iterator[list[Batch]]:
        """Yield the batches of each step, whose gradients are summed.

        They follow from the seed and the epoch alone, so that a resumed training draws what an
        uninterrupted one draws. What is large, such as signals, is better read in `loss`.
        """

    @abstractmethod
    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, with its graph.

        Returns
        -------
        Shape ().
        """

    def trained(self) -> dict[str, float]:
        """Return figures of the batches of the epoch that ends: columns of the curves."""
        return {}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return figures of the averaged network after an epoch: columns of the curves."""
        return {}

    def advice(self, batch: Batch) -> str:
        """Return what else to look at, after the learning rate, where a loss is not finite."""
        return ""


@dataclass(frozen=True)
class LoopSettings:
    """How a network is trained.

    Attributes
    ----------
    name : of the training, in the progress bar and in errors.
    section : of params.yaml that holds the learning rate.
    epochs, n_steps : at most, and the steps of all of them.
    learning_rate, weight_decay, decay_vectors : see `optimiser.adamw`.
    schedule : makes the schedule of the learning rate.
    clip_norm : largest norm of a gradient; 0: not clipped.
    ema_decay : see `weight_average.WeightAverage`.
    """

    name: str
    section: str
    seed: int
    epochs: int
    n_steps: int
    learning_rate: float
    weight_decay: float
    schedule: MakeSchedule
    clip_norm: float
    ema_decay: float
    decay_vectors: bool = False


@dataclass(frozen=True)
class EpochSelection:
    """How the best epoch is chosen, whose weights are kept, and when training ends early.

    Attributes
    ----------
    value : the monitored value of the last of the curves' rows; more is better.
    patience : epochs without a better value before training ends.
    """

    value: Callable[[Curves], float]
    patience: int


@dataclass
class Progress:
    """How far a training is.

    Attributes
    ----------
    epoch, step : how many have ended.
    best_epoch, best_value : of the monitored value.
    curves : one row per epoch: epoch (from 1), lr (of its last step), train_loss, and the figures
        of `Objective.validate`.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float = -math.inf
    curves: Curves = field(default_factory=list)


class TrainingLoop(Generic[Batch]):
    """One training in progress: network, moving average, optimiser, schedule.

    Parameters
    ----------
    network : on the accelerator's device.
    state : where the state after each epoch is kept until the end; a saved one is resumed. None:
        nowhere.
    selection : None: all epochs are trained, and the last weights are kept.
    """

    def __init__(
        self,
        objective: Objective[Batch],
        network: nn.Module,
        settings: LoopSettings,
        accelerator: Accelerator,
        state: StateFolder | None = None,
        selection: EpochSelection | None = None,
    ) -> None:
        self.objective, self.network, self.settings = objective, network, settings
        self.accelerator, self.state, self.selection = accelerator, state, selection
        self.average = WeightAverage(network, settings.ema_decay).eval()
        self.best = {
            name: tensor.clone()
            for name, tensor in self.average.module.state_dict().items()
            if selection is not None
        }
        self.progress = Progress()
        plain = optimiser.adamw(
            network, settings.learning_rate, settings.weight_decay, settings.decay_vectors
        )
        self.schedule = settings.schedule(plain)
        resumed = self._resume(plain)
        # Wrapped for several processes and for scaled gradients; the network itself stays next to.
        self.wrapped, self.optimizer = accelerator.prepare(network, plain)
        if accelerator.scaler is not None and resumed.get("scaler"):
            accelerator.scaler.load_state_dict(resumed["scaler"])

    @property
    def learning_rate(self) -> float:
        """Of the next step, where the model names no other rate for a part."""
        group = self.optimizer.param_groups[0]
        return float(group["lr"] / group["factor"])

    def run(self) -> nn.Module:
        """Train to the end; return the averaged network, of the best epoch where one is chosen.

        Raises
        ------
        PedecgError
            A loss is not finite.
        """
        done, settings = self.progress, self.settings
        silent = not self.accelerator.is_main_process
        with bar(settings.n_steps, settings.name, done.step, silent) as shown:
            while done.epoch < settings.epochs and not self._stalled():
                self.one_epoch(shown)
        if self.best:
            self.average.module.load_state_dict(self.best)
        self.accelerator.wait_for_everyone()
        if self.state is not None and not silent:
            self.state.remove()
        return self.average.module.eval()

    def one_epoch(self, shown: "tqdm[Any]") -> None:
        """Take the steps of one epoch, validate, keep the best weights, and save the state."""
        done = self.progress
        learning_rate, train_loss = self._train(shown)
        if self.accelerator.num_processes > 1:
            for tensor in self.average.module.state_dict().values():
                tensor.copy_(broadcast(tensor))  # batch norm saw another part of each batch
        figures = self.objective.trained() | self.objective.validate(self.average.module)
        done.epoch += 1
        done.curves.append(
            {"epoch": done.epoch, "lr": learning_rate, "train_loss": train_loss} | figures
        )
        if self.selection is not None:
            value = self.selection.value(done.curves)
            self.schedule.after_epoch(value)
            if value >= done.best_value:  # of equal epochs the later: it has learnt for longer
                done.best_value, done.best_epoch = value, done.epoch
                for name, tensor in self.average.module.state_dict().items():
                    self.best[name].copy_(tensor)
        shown.set_postfix_str(f"epoch {done.epoch}, loss {train_loss:.3f}")
        self._save()

    def step(self, batches: Sequence[Batch]) -> list[Tensor]:
        """Update the weights once; return the loss of each batch, still on the device.

        Returns
        -------
        Each of shape ().
        """
        accelerator = self.accelerator
        self.optimizer.zero_grad()
        each: list[Tensor] = []
        for k, batch in enumerate(batches):
            last = k == len(batches) - 1
            with nullcontext() if last else accelerator.no_sync(self.wrapped):
                loss = self.objective.loss(self.wrapped, batch)
                accelerator.backward(loss / len(batches))
            each.append(loss.detach())
        if self.settings.clip_norm > 0:
            accelerator.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        if not self.optimizer.step_was_skipped:  # as float16 does where a gradient overflows
            self.schedule.after_step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        return each

    def _train(self, shown: "tqdm[Any]") -> tuple[float, float]:
        """Take the steps of one epoch; return the last learning rate and the mean loss."""
        epoch, share = self.progress.epoch, self.accelerator.process_index
        torch.manual_seed(derived_seed(self.settings.seed, epoch, 0, share))  # dropout
        self.wrapped.train()
        taken: list[tuple[int, Batch]] = []
        each: list[Tensor] = []
        learning_rate = 0.0
        for batches in self.objective.steps(epoch):
            learning_rate = self.learning_rate
            each += self.step(batches)
            taken += [(self.progress.step, batch) for batch in batches]
            shown.update()
        loss = torch.stack(each)  # one wait for the device per epoch
        self._check_finite(loss.cpu(), taken)
        return learning_rate, float(self.accelerator.reduce(loss.mean(), "mean"))

    def _check_finite(self, loss: Tensor, taken: list[tuple[int, Batch]]) -> None:
        """Raise a `PedecgError` that names the first step whose loss is not finite."""
        wrong = (~loss.isfinite()).nonzero()
        if len(wrong):
            first = int(wrong[0])
            step, batch = taken[first]
            raise PedecgError(
                f"{self.settings.name}: loss is {float(loss[first])} in step {step}; "
                f"lower {self.settings.section}.learning_rate{self.objective.advice(batch)}"
            )

    def _stalled(self) -> bool:
        """Return whether `patience` epochs have passed since the best one."""
        if self.selection is None:
            return False
        return self.progress.epoch - self.progress.best_epoch >= self.selection.patience

    def _save(self) -> None:
        if self.state is None or not self.accelerator.is_main_process:
            return
        scaler = self.accelerator.scaler
        tensors = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best,
        }
        values = {
            "progress": asdict(self.progress),
            "schedule": self.schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else {},
        }
        self.state.save(tensors, self.optimizer.optimizer, values)

    def _resume(self, plain: torch.optim.Optimizer) -> dict[str, Any]:
        """Restore the saved state, if there is one; return what of it is no tensor."""
        saved = self.state and self.state.resume(plain, self.accelerator.device)
        if not saved:
            return {}
        tensors, values = saved
        self.network.load_state_dict(tensors["network"])
        self.average.load_state_dict(tensors["average"])
        self.best = tensors.get("best", {})
        self.schedule.load_state_dict(values["schedule"])
        self.progress = Progress(**values["progress"])
        resumed: dict[str, Any] = values
        return resumed
