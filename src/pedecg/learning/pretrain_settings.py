"""Settings of the pre-training without labels."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pedecg.core.params import Section


class PretrainSettings(Section):
    """Section `pretrain`; the network's size is ``models.foundation.masked_autoencoder``."""

    objective: Literal["masked_autoencoder", "cpc"] = Field(
        description=(
            "masked_autoencoder: masked patches are reconstructed (He 2022); cpc: contrastive "
            "predictive coding, the next windows are identified among others (van den Oord 2018)"
        )
    )
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
    window_s: float = Field(
        description="s; cpc: length of a window, which is encoded by itself", gt=0, le=10
    )
    steps_ahead: int = Field(
        description="cpc: windows after the present one that are predicted", ge=1, le=100
    )
    context: int = Field(
        description="cpc: length of an encoded window and of the summary of those before it",
        ge=4,
        le=1024,
    )
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

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        needed = (self.steps_ahead + 1) * self.window_s
        if self.objective == "cpc" and self.crop_seconds < needed:
            raise ValueError(
                f"crop_seconds must hold steps_ahead + 1 windows of window_s, {needed:g} s "
                f"(found {self.crop_seconds:g})"
            )
        return self
