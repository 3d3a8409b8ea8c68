"""Changes of a training batch that leave its labels true: no time is stretched, no lead moved.

All functions work on a whole batch on its device, draw from the generator they are given, and
treat the leads of a record together. A record is changed by each with `probability`.
"""

import math

import torch
from pydantic import Field, field_validator
from torch import Tensor

from pedecg.params import Section


class AugmentSettings(Section):
    """What is drawn for a training crop; where a crop begins is drawn with it (time shift)."""

    probability: float = Field(
        description="share of crops on which each of the changes below is made", ge=0, le=1
    )
    amplitude: list[float] | None = Field(
        description="factor on all leads together, smallest and largest; null: off",
        min_length=2,
        max_length=2,
    )
    noise_snr_db: list[float] | None = Field(
        description="dB; signal over added white noise, smallest and largest; null: off",
        min_length=2,
        max_length=2,
    )
    wander_mv: float = Field(description="mV; largest amplitude of baseline wander; 0: off", ge=0)
    wander_hz: float = Field(description="Hz; rate of the baseline wander", gt=0, le=2)
    lead_dropout: int = Field(description="leads hidden at most, at least 1; 0: off", ge=0, le=11)
    nine_leads: float = Field(
        description="share of 12-lead crops shown without V2, V4 and V6, as small children are "
        "recorded; 0: off",
        ge=0,
        le=1,
    )

    @field_validator("amplitude", "noise_snr_db")
    @classmethod
    def _ordered(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"must be [smallest, largest] (found {value})")
        return value


def augment(
    signal_mv: Tensor,
    lead_mask: Tensor,
    length: Tensor,
    fs_hz: float,
    nine: Tensor,
    settings: AugmentSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return changed signals and masks of the same shapes.

    Parameters
    ----------
    signal_mv : shape (B, n_leads, n_samples), mV.
    lead_mask : shape (B, n_leads), 1 where the lead is present.
    length : shape (B,), recorded samples; padding after them stays zero.
    nine : shape (n_leads,), bool, True for the leads of a nine-lead recording.
    generator : on the device of the batch.
    """
    chance = settings.probability
    if settings.amplitude is not None:
        low, high = settings.amplitude
        signal_mv = scale(signal_mv, low, high, chance, generator)
    if settings.noise_snr_db is not None:
        low, high = settings.noise_snr_db
        signal_mv = add_noise(signal_mv, low, high, chance, generator)
    if settings.wander_mv > 0:
        signal_mv = add_wander(
            signal_mv, settings.wander_mv, settings.wander_hz / fs_hz, chance, generator
        )
    if settings.lead_dropout > 0:
        lead_mask = drop_leads(lead_mask, settings.lead_dropout, chance, generator)
    if settings.nine_leads > 0:
        lead_mask = keep_nine(lead_mask, nine, settings.nine_leads, generator)
    recorded = torch.arange(signal_mv.shape[-1], device=signal_mv.device) < length.unsqueeze(1)
    return signal_mv * lead_mask.unsqueeze(-1) * recorded.unsqueeze(1), lead_mask


def scale(x: Tensor, low: float, high: float, chance: float, generator: torch.Generator) -> Tensor:
    """Multiply all leads of a record by one factor from `low` to `high`."""
    factor = _uniform(x, (len(x), 1, 1), low, high, generator)
    return x * torch.where(_chosen(x, chance, generator), factor, 1.0)


def add_noise(
    x: Tensor, low_db: float, high_db: float, chance: float, generator: torch.Generator
) -> Tensor:
    """Add white noise: one signal-to-noise ratio per record, power relative to each lead's."""
    ratio = _uniform(x, (len(x), 1, 1), low_db, high_db, generator)
    sd = x.std(dim=-1, keepdim=True) * 10 ** (-ratio / 20)
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return torch.addcmul(x, noise, sd * _chosen(x, chance, generator))


def add_wander(
    x: Tensor,
    largest_mv: float,
    cycles_per_sample: float,
    chance: float,
    generator: torch.Generator,
) -> Tensor:
    """Add one slow sine in all leads, each lead with its own amplitude up to ±`largest_mv`."""
    phase = _uniform(x, (len(x), 1, 1), 0, 2 * math.pi, generator)
    amplitude = _uniform(x, (*x.shape[:2], 1), -largest_mv, largest_mv, generator)
    time = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)
    wave = torch.sin(2 * math.pi * cycles_per_sample * time + phase)
    return torch.addcmul(x, wave, amplitude * _chosen(x, chance, generator))


def drop_leads(mask: Tensor, at_most: int, chance: float, generator: torch.Generator) -> Tensor:
    """Hide 1 to `at_most` of the present leads of a record, never its last one."""
    order = torch.rand(mask.shape, generator=generator, device=mask.device) + (mask == 0)
    rank = order.argsort(dim=1).argsort(dim=1)
    count = torch.randint(
        1, at_most + 1, (len(mask), 1), generator=generator, device=mask.device
    ).minimum(mask.sum(1, keepdim=True).long() - 1)
    dropped = (rank < count) & _chosen(mask, chance, generator).squeeze(-1)
    return mask.masked_fill(dropped, 0)


def keep_nine(mask: Tensor, nine: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Hide the leads that a nine-lead recording lacks, unless nothing would be left."""
    hidden = _chosen(mask, chance, generator).squeeze(-1) & ~nine
    left = mask.masked_fill(hidden, 0)
    return torch.where(left.sum(1, keepdim=True) > 0, left, mask)


def _uniform(
    x: Tensor, shape: tuple[int, ...], low: float, high: float, generator: torch.Generator
) -> Tensor:
    drawn = torch.rand(shape, generator=generator, device=x.device, dtype=x.dtype)
    return drawn * (high - low) + low


def _chosen(x: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Draw which records of a batch are changed, shape (B, 1, 1)."""
    return torch.rand((len(x), 1, 1), generator=generator, device=x.device) < chance
