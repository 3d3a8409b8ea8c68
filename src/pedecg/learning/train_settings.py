"""The section ``train`` of params.yaml."""

from typing import Literal

from pydantic import Field, model_validator

from pedecg.core.params import Section
from pedecg.learning import device, schedules
from pedecg.learning.losses import LossSettings, Task
from pedecg.learning.sampler import Sampler
from pedecg.signals.augmentation import AugmentSettings


class TrainSettings(Section):
    """How every model is trained."""

    task: Task = Field(
        description="multilabel: each target present or absent on its own; multiclass: exactly one "
        "of them is present"
    )
    loss: LossSettings = Field(description="what is minimised")
    sampler: Sampler = Field(
        description="natural: every record equally often; balanced: every target, and none, "
        "equally often"
    )
    crop_seconds: float = Field(description="s; length of a training crop and window", gt=0, le=600)
    window_overlap: float = Field(
        description="share of a window that it has in common with the next, in evaluation",
        ge=0,
        lt=1,
    )
    crops_per_record: int = Field(description="crops of each record in one epoch", ge=1, le=1000)
    batch_size: int = Field(description="crops at once, over all processes", ge=2, le=65536)
    accumulate: int = Field(
        description="batches per step of the optimiser: the memory of one, the gradient of all",
        ge=1,
        le=1024,
    )
    epochs: int = Field(description="passes at most", ge=1, le=100_000)
    learning_rate: float = Field(description="of AdamW, at its peak", gt=0, le=1)
    schedule: schedules.Kind = Field(
        description="of the learning rate after its rise: cosine falls to zero; one_cycle too, and "
        "momentum goes against it; plateau falls where validation stalls; constant stays"
    )
    warmup_epochs: float = Field(description="epochs of rise, in every schedule", ge=0)
    plateau_factor: float = Field(description="plateau: factor on the learning rate", gt=0, lt=1)
    plateau_patience: int = Field(
        description="plateau: epochs without a better value before it falls", ge=1
    )
    weight_decay: float = Field(description="of AdamW, on weights but no bias or norm", ge=0, le=1)
    clip_norm: float = Field(description="largest norm of a gradient; 0: off", ge=0)
    ema_decay: float = Field(
        description="per step, of the running average of weights that is evaluated and kept; "
        "0: the weights themselves",
        ge=0,
        lt=1,
    )
    monitor: Literal["auroc", "auprc", "f1", "loss", "last"] = Field(
        description="what chooses the best epoch on validation records: a macro average or the "
        "loss; last: no choice and no early end, which a small validation set would mislead"
    )
    smooth_epochs: int = Field(
        description="epochs over which the monitored value is averaged: the best of many noisy "
        "values overstates",
        ge=1,
    )
    patience: int = Field(description="epochs without a better value before training ends", ge=1)
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field(
        description="device; auto takes the first there is of cuda, mps, cpu"
    )
    precision: device.Precision = Field(
        description="of the forward pass on a GPU; on a CPU always float32, as the weights are"
    )
    processes: int = Field(
        description="processes that share each batch, one GPU each; validation figures move a "
        "little with their number, since batch norm sees smaller parts",
        ge=1,
        le=1024,
    )
    threads: int = Field(
        description="CPU threads; sums of floats depend on their number, so it is a parameter",
        ge=1,
        le=1024,
    )
    overfit_one_batch: bool = Field(
        description="a check of a new model: train and validate on one batch, which must be learnt "
        "by heart"
    )
    fast_dev_run: bool = Field(
        description="a check of a new set-up: one epoch of two steps; its figures mean nothing"
    )
    augment: AugmentSettings = Field(description="changes of training crops that keep labels true")

    @model_validator(mode="after")
    def _plateau_of_something(self) -> "TrainSettings":
        if self.schedule == "plateau" and self.monitor == "last":
            raise ValueError("monitor must be a metric where schedule is plateau (found last)")
        return self

    def memory_advice(self) -> str:
        """Return which parameters to lower where memory ends."""
        return (
            f"train.batch_size (now {self.batch_size}; train.accumulate makes up for it) or "
            f"train.crop_seconds (now {self.crop_seconds:g})"
        )

    def for_checks(self) -> "TrainSettings":
        """Return what `fast_dev_run` and `overfit_one_batch` make of the other settings."""
        changes: dict[str, object] = {}
        if self.fast_dev_run:
            changes |= {"epochs": 1, "monitor": "last", "schedule": "cosine"}
        if self.overfit_one_batch:
            changes |= {"sampler": "natural", "augment": self.augment.off()}
        return self.model_copy(update=changes)
