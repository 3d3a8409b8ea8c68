"""What is drawn for the crops of a training batch: settings, and the order of the changes.

Every change works on a whole batch on its device, on the leads of a record together, and keeps the
number of samples (`changes`). Labels stay true: where time is scaled, the targets that depend on
the heart's rate become unknown, and where two records are mixed, so are their labels.
"""

from dataclasses import dataclass, replace

import torch
from pydantic import Field, field_validator
from torch import Tensor

from pedecg.core.params import Section
from pedecg.signals import augmentation_steps


class AugmentSettings(Section):
    """What is drawn for a training crop; where a crop begins is drawn with it."""

    probability: float = Field(
        description="probability that each of the augmentations below is applied to a crop",
        ge=0,
        le=1,
    )
    time_shift_s: float = Field(
        description="s; largest shift of a crop, earlier or later, padded with zeros; 0: off (a "
        "record longer than the crop is cropped at random in any case)",
        ge=0,
        le=60,
    )
    amplitude: list[float] | None = Field(
        description="factor on all leads together, smallest and largest, e.g. [0.8, 1.2]; "
        "null: off",
        min_length=2,
        max_length=2,
    )
    noise_snr_db: list[float] | None = Field(
        description="dB; signal over added white noise, smallest and largest; null: off",
        min_length=2,
        max_length=2,
    )
    jitter_mv: float = Field(
        description="mV; SD of added white noise, independent of the signal; 0: off", ge=0, le=10
    )
    wander_mv: float = Field(description="mV; largest amplitude of baseline wander; 0: off", ge=0)
    wander_hz: float = Field(description="Hz; rate of the baseline wander", gt=0, le=2)
    powerline_mv: float = Field(
        description="mV; largest amplitude of mains hum; 0: off", ge=0, le=10
    )
    powerline_hz: list[float] = Field(
        description="Hz; mains frequencies to choose from, none above half the sampling rate",
        min_length=1,
    )
    lead_dropout: int = Field(
        description="largest number of masked leads, at least 1; 0: off", ge=0, le=11
    )
    nine_leads: float = Field(
        description="share of 12-lead crops without V2, V4 and V6, as recorded in small "
        "children; 0: off",
        ge=0,
        le=1,
    )
    cutout_s: float = Field(
        description="s; longest segment that is set to zero in all leads; 0: off", ge=0, le=60
    )
    polarity: float = Field(
        description="share of inverted crops, for a single lead that may be recorded with either "
        "polarity; 0: off",
        ge=0,
        le=1,
    )
    rate: list[float] | None = Field(
        description="factor on the heart rate, smallest and largest, e.g. [0.8, 1.2]; null: off",
        min_length=2,
        max_length=2,
    )
    time_warp: float = Field(
        description="largest relative change of speed by smooth time warping in a crop; 0: off",
        ge=0,
        le=0.5,
    )
    rate_targets: list[str] = Field(
        description="targets that depend on heart rate: unknown in crops with rate or time_warp"
    )
    mixup: float = Field(
        description="largest share of another record of the batch, drawn evenly from 0; labels are "
        "mixed alike; 0: off",
        ge=0,
        le=0.5,
    )

    @field_validator("amplitude", "noise_snr_db", "rate")
    @classmethod
    def _ordered(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"must be [smallest, largest] (found {value})")
        return value

    @field_validator("rate")
    @classmethod
    def _near_one(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and not 0.25 <= value[0] <= value[1] <= 4:
            raise ValueError(f"must lie between 0.25 and 4 (found {value})")
        return value

    @property
    def changes_rate(self) -> bool:
        """Whether the rate of the heart may be changed."""
        return self.rate is not None or self.time_warp > 0

    def off(self) -> "AugmentSettings":
        """Return settings that change nothing."""
        nothing = {name: 0 for name, value in self if isinstance(value, int | float)}
        ranges = {"amplitude": None, "noise_snr_db": None, "rate": None}
        return self.model_copy(update=nothing | ranges | {"wander_hz": self.wander_hz})


@dataclass(frozen=True)
class Crops:
    """Crops of a batch.

    Attributes
    ----------
    signal_mv : shape (B, n_leads, n_samples), mV.
    lead_mask : shape (B, n_leads), 1 where the lead is present.
    length : shape (B,), recorded samples; padding after them stays zero.
    labels : shape (B, n_targets); NaN unknown.
    """

    signal_mv: Tensor
    lead_mask: Tensor
    length: Tensor
    labels: Tensor


def augment(
    crops: Crops,
    fs_hz: float,
    nine: Tensor,
    rate_targets: Tensor,
    settings: AugmentSettings,
    generator: torch.Generator,
) -> Crops:
    """Return changed crops of the same shapes.

    Parameters
    ----------
    nine : shape (n_leads,), bool, True for the leads of a nine-lead recording.
    rate_targets : shape (n_targets,), bool, True where a label depends on the heart's rate.
    generator : on the device of the batch.
    """
    chance = settings.probability
    x, mask, length, labels = crops.signal_mv, crops.lead_mask, crops.length, crops.labels
    x = x.clone()  # what follows may write into it
    if settings.changes_rate:
        low, high = settings.rate or (1.0, 1.0)
        x, length, changed = augmentation_steps.scale_time(
            x, length, low, high, settings.time_warp, chance, generator
        )
        labels = labels.masked_fill(changed.unsqueeze(1) & rate_targets, torch.nan)
    if settings.time_shift_s > 0:
        farthest = round(settings.time_shift_s * fs_hz)
        x, length = augmentation_steps.shift(x, length, farthest, chance, generator)
    if settings.mixup > 0:
        mixed = augmentation_steps.mix(x, mask, length, labels, settings.mixup, chance, generator)
        x, mask, length, labels = mixed
    if settings.amplitude is not None:
        low, high = settings.amplitude
        x = augmentation_steps.scale(x, low, high, chance, generator)
    if settings.polarity > 0:
        x = augmentation_steps.flip(x, settings.polarity, generator)
    if settings.noise_snr_db is not None:
        low, high = settings.noise_snr_db
        x = augmentation_steps.add_noise(x, low, high, chance, generator)
    if settings.jitter_mv > 0:
        x = augmentation_steps.jitter(x, settings.jitter_mv, chance, generator)
    if settings.wander_mv > 0:
        slow = [settings.wander_hz / fs_hz]
        x = augmentation_steps.add_wave(x, settings.wander_mv, slow, chance, generator)
    if settings.powerline_mv > 0:
        mains = [hz / fs_hz for hz in settings.powerline_hz if hz < fs_hz / 2]
        if mains:
            x = augmentation_steps.add_wave(x, settings.powerline_mv, mains, chance, generator)
    if settings.cutout_s > 0:
        x = augmentation_steps.cut_out(x, round(settings.cutout_s * fs_hz), chance, generator)
    if settings.lead_dropout > 0:
        mask = augmentation_steps.drop_leads(mask, settings.lead_dropout, chance, generator)
    if settings.nine_leads > 0:
        mask = augmentation_steps.keep_nine(mask, nine, settings.nine_leads, generator)
    recorded = torch.arange(x.shape[-1], device=x.device) < length.unsqueeze(1)
    x = x.mul_(mask.unsqueeze(-1)).mul_(recorded.unsqueeze(1).to(x.dtype))
    return replace(crops, signal_mv=x, lead_mask=mask, length=length, labels=labels)
