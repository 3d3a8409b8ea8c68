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
        description="natural: all records with the same probability; balanced: each target, and no "
        "target, with the same probability"
    )
    crop_seconds: float = Field(
        description="s; length of a training crop and window; 5 s hold 5 to 15 beats of a child",
        gt=0,
        le=600,
    )
    window_overlap: float = Field(
        description="overlap of consecutive windows in evaluation, as a share of a window",
        ge=0,
        lt=1,
    )
    crops_per_record: int = Field(description="crops of each record in one epoch", ge=1, le=1000)
    batch_size: int = Field(
        description="crops per batch, over all processes; fewer where memory is short",
        ge=2,
        le=65536,
    )
    accumulate: int = Field(
        description=(
            "gradient accumulation: batches per step of the optimiser; more where a large "
            "batch does not fit in memory"
        ),
        ge=1,
        le=1024,
    )
    epochs: int = Field(
        description="largest number of epochs; early stopping may end training before",
        ge=1,
        le=100_000,
    )
    learning_rate: float = Field(
        description=(
            "peak learning rate of AdamW; 1e-4 to 1e-2 is sensible; `pedecg lr-find` "
            "plots the loss over it"
        ),
        gt=0,
        le=1,
    )
    schedule: schedules.Kind = Field(
        description="learning rate schedule after the warm-up: cosine decay to zero; one_cycle, "
        "with inverse momentum; plateau, reduced when validation stalls; constant"
    )
    warmup_epochs: float = Field(description="warm-up epochs, in every schedule", ge=0)
    plateau_factor: float = Field(
        description="plateau: factor of each reduction of the learning rate", gt=0, lt=1
    )
    plateau_patience: int = Field(
        description="plateau: epochs without improvement before a reduction", ge=1
    )
    weight_decay: float = Field(
        description="weight decay of AdamW, not on biases and norms", ge=0, le=1
    )
    clip_norm: float = Field(description="gradient clipping: largest norm; 0: off", ge=0)
    ema_decay: float = Field(
        description="decay per step of the exponential moving average of weights, which is "
        "evaluated and stored; 0: off",
        ge=0,
        lt=1,
    )
    monitor: Literal["auroc", "auprc", "f1", "loss", "last"] = Field(
        description="validation metric (macro average) or loss that selects the best epoch; last: "
        "the last epoch, without early stopping, for small validation sets"
    )
    smooth_epochs: int = Field(
        description="epochs over which the monitored value is averaged, since the best of many "
        "noisy values is too optimistic",
        ge=1,
    )
    patience: int = Field(
        description="early stopping: epochs without improvement before training ends", ge=1
    )
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field(
        description="device; auto: the first available of cuda, mps, cpu"
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
        description=(
            "CPU threads; the result depends on their number, since the order of "
            "floating-point sums does"
        ),
        ge=1,
        le=1024,
    )
    overfit_one_batch: bool = Field(
        description="true: check of a new model: train and validate on one batch, which it "
        "must overfit"
    )
    fast_dev_run: bool = Field(
        description="true: check of a new set-up: one epoch of two steps; its metrics are "
        "meaningless"
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
