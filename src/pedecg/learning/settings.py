"""The section ``train`` of params.yaml."""

from typing import Literal

from pydantic import Field, field_validator

from pedecg.params import Section
from pedecg.signals.augment import AugmentSettings


class TrainSettings(Section):
    """Which networks are trained, and how every one of them is."""

    # A stage that trains one model need not declare these five: they may be absent there.
    models: list[str] = Field([], description="files of src/pedecg/models that read signals")
    pretrained_models: list[str] = Field(
        [], description="those that start from the weights of models/pretrained"
    )
    fused_models: list[str] = Field([], description="those that read rule features as well")
    seeds: list[int] = Field([], description="one training of each model per seed")
    use_decisions: bool = Field(
        False, description="apply decisions/labels.csv to training and validation labels"
    )
    task: Literal["multilabel", "multiclass"] = Field(
        description="multilabel: each target present or absent on its own; multiclass: exactly one "
        "of them is present"
    )
    crop_seconds: float = Field(description="s; length of a training crop and window", gt=0, le=600)
    window_overlap: float = Field(
        description="share of a window that it has in common with the next, in evaluation",
        ge=0,
        lt=1,
    )
    crops_per_record: int = Field(description="crops of each record in one epoch", ge=1, le=1000)
    batch_size: int = Field(description="crops per step", ge=2, le=65536)
    epochs: int = Field(description="passes at most", ge=1, le=100_000)
    learning_rate: float = Field(description="of AdamW, at its peak", gt=0, le=1)
    warmup_epochs: float = Field(
        description="epochs of linear rise; then a cosine falls to zero", ge=0
    )
    weight_decay: float = Field(description="of AdamW, on weights but no bias or norm", ge=0, le=1)
    clip_norm: float = Field(description="largest norm of a gradient; 0: off", ge=0)
    ema_decay: float = Field(
        description="per step, of the running average of weights that is evaluated and kept; "
        "0: the weights themselves",
        ge=0,
        lt=1,
    )
    positive_weight_cap: float = Field(
        description="largest weight of a present label against an absent one; 1: no weights", ge=1
    )
    monitor: Literal["auroc", "loss"] = Field(
        description="what chooses the best epoch on validation records: macro AUROC or the loss"
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
    precision: Literal["float32", "bfloat16"] = Field(
        description="of the forward pass; weights are float32"
    )
    threads: int = Field(
        description="CPU threads; sums of floats depend on their number, so it is a parameter",
        ge=1,
        le=1024,
    )
    augment: AugmentSettings = Field(description="changes of training crops that keep labels true")

    @field_validator("models", "pretrained_models", "fused_models")
    @classmethod
    def _named_once(cls, models: list[str]) -> list[str]:
        if len(set(models)) < len(models):
            raise ValueError(f"must name every model once (found {models})")
        return models

    @field_validator("seeds")
    @classmethod
    def _drawn_once(cls, seeds: list[int]) -> list[int]:
        if min(seeds, default=0) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError(f"must be whole numbers from 0, each once (found {seeds})")
        return seeds
