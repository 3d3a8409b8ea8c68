"""The single changes of a training batch: batch-wise, on its device, all leads of a record alike.

Signals have the shape (B, n_leads, n_samples) and keep it. A record is changed with the
probability `chance`, drawn from the generator that is given. `scale`, `add_noise`, `jitter` and
`add_wave` write into the signals that they are given: a new batch for each would take as long as
the change itself.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

WARP_KNOTS_PER_CROP = 6  # speeds drawn over a crop; between them the speed changes evenly


def scale(x: Tensor, low: float, high: float, chance: float, generator: torch.Generator) -> Tensor:
    """Multiply all leads of a record by one factor from `low` to `high`.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    factor = _uniform(x, (len(x), 1, 1), low, high, generator)
    return x.mul_(torch.where(_chosen(x, chance, generator), factor, 1.0))


def flip(x: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Invert the polarity of records.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    return torch.where(_chosen(x, chance, generator), -x, x)


def add_noise(
    x: Tensor, low_db: float, high_db: float, chance: float, generator: torch.Generator
) -> Tensor:
    """Add white noise: one signal-to-noise ratio per record, power relative to each lead's.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    rows = _rows(x, chance, generator)
    ratio = _uniform(x, (len(rows), 1, 1), low_db, high_db, generator)
    sd = _spread(x.index_select(0, rows)) * 10 ** (-ratio / 20)
    return x.index_add_(0, rows, _normal(x, len(rows), generator).mul_(sd))


def jitter(x: Tensor, sd_mv: float, chance: float, generator: torch.Generator) -> Tensor:
    """Add white noise of one SD, whatever the signal.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    rows = _rows(x, chance, generator)
    return x.index_add_(0, rows, _normal(x, len(rows), generator), alpha=sd_mv)


def add_wave(
    x: Tensor,
    largest_mv: float,
    cycles_per_sample: Sequence[float],
    chance: float,
    generator: torch.Generator,
) -> Tensor:
    """Add one sine in all leads, each lead with its own amplitude up to ±`largest_mv`.

    Parameters
    ----------
    cycles_per_sample : frequencies, of which each record is given one: wander, or mains.
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    phase = _uniform(x, (len(x), 1, 1), 0, 2 * math.pi, generator)
    amplitude = _uniform(x, (*x.shape[:2], 1), -largest_mv, largest_mv, generator)
    which = _integers(x, (len(x),), 0, len(cycles_per_sample) - 1, generator)
    cycles = torch.tensor(cycles_per_sample, device=x.device, dtype=x.dtype)[which].view(-1, 1, 1)
    time = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)
    wave = torch.sin(2 * math.pi * cycles * time + phase)
    return x.addcmul_(wave, amplitude * _chosen(x, chance, generator))


def cut_out(x: Tensor, longest: int, chance: float, generator: torch.Generator) -> Tensor:
    """Set one segment of up to `longest` samples to zero, in all leads at the same time.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.

    Returns
    -------
    The same shape.
    """
    n_samples = x.shape[-1]
    longest = min(longest, n_samples)
    size = _integers(x, (len(x), 1), 1, max(1, longest), generator)
    begin = _integers(x, (len(x), 1), 0, n_samples - 1, generator)
    time = torch.arange(n_samples, device=x.device)
    hidden = ((time >= begin) & (time < begin + size)).unsqueeze(1)
    return x.masked_fill(hidden & _chosen(x, chance, generator), 0)


def shift(
    x: Tensor, length: Tensor, farthest: int, chance: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Move records by up to `farthest` samples; return them and how long they now are.

    What comes in is zero: before the signal where it moved to later, padding after it where it
    moved to earlier. At least half of a record stays.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.
    length : shape (B,), samples before the padding.
    """
    n_samples = x.shape[-1]
    drawn = _integers(x, (len(x),), -farthest, farthest, generator)
    room = length // 2
    drawn = drawn.clamp(min=-room, max=room) * _chosen(x, chance, generator).view(-1)
    source = torch.arange(n_samples, device=x.device) - drawn.unsqueeze(1)
    outside = (source < 0) | (source >= n_samples)
    index = source.clamp(0, n_samples - 1).unsqueeze(1).expand(x.shape)
    moved = x.gather(2, index).masked_fill_(outside.unsqueeze(1), 0)
    return moved, (length + drawn).clamp_max(n_samples)


def scale_time(
    x: Tensor,
    length: Tensor,
    low: float,
    high: float,
    warp: float,
    chance: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Make hearts faster or slower; return records, how long they are, and which were changed.

    The speed of a record is one factor from `low` to `high`, times one that changes smoothly
    between 1 - `warp` and 1 + `warp`. A faster record ends earlier; then comes padding. Between
    samples a cubic through four of them is read (Keys R. IEEE Trans ASSP 1981;29:1153-1160).

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.
    length : shape (B,), samples before the padding.

    Returns
    -------
    Records of the same shape; lengths and changed records, shape (B,).
    """
    n_samples = x.shape[-1]
    speed = _uniform(x, (len(x), 1), low, high, generator)
    knots = speed * _uniform(x, (len(x), WARP_KNOTS_PER_CROP), 1 - warp, 1 + warp, generator)
    changed = _chosen(x, chance, generator).view(-1)
    rows = changed.nonzero().squeeze(1)
    at = _travelled(knots[rows], n_samples)
    x = x.index_copy(0, rows, _cubic(x[rows], at))
    ends = (at < length[rows].unsqueeze(1)).sum(1)
    return x, length.index_copy(0, rows, ends), changed


def mix(
    x: Tensor,
    mask: Tensor,
    length: Tensor,
    labels: Tensor,
    largest: float,
    chance: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mix each record with another of the batch, and their labels by the same shares.

    Only leads that both have and the time that both last stay; where no lead would, the record
    stays as it is. A label that either does not know is unknown. Zhang H et al. mixup. ICLR 2018;
    here the share of the other record is even from 0 to `largest`.

    Parameters
    ----------
    x : shape (B, n_leads, n_samples), mV.
    mask : shape (B, n_leads), 1 where recorded.
    length : shape (B,), samples before the padding.
    labels : shape (B, n_targets), 0 to 1 or NaN.

    Returns
    -------
    Records, masks, lengths and labels, of the same shapes.
    """
    circle = torch.randperm(len(x), generator=generator, device=x.device)
    other = circle.roll(1)[circle.argsort()]  # whoever sits next to: nobody is mixed with itself
    share = _uniform(x, (len(x),), 0, largest, generator)
    both = mask * mask[other]
    chosen = _chosen(x, chance, generator).view(-1) & (both.sum(1) > 0)
    share = share * chosen
    across = share.view(-1, 1, 1)
    labels_mixed = labels + share.unsqueeze(1) * (labels[other] - labels)
    return (
        x + across * (x[other] - x),
        torch.where(chosen.unsqueeze(1), both, mask),
        torch.where(chosen, length.minimum(length[other]), length),
        torch.where(chosen.unsqueeze(1), labels_mixed, labels),
    )


def drop_leads(mask: Tensor, at_most: int, chance: float, generator: torch.Generator) -> Tensor:
    """Hide 1 to `at_most` of the present leads of a record, never its last one.

    Parameters
    ----------
    mask : shape (B, n_leads), 1 where recorded.

    Returns
    -------
    The same shape.
    """
    order = torch.rand(mask.shape, generator=generator, device=mask.device) + (mask == 0)
    rank = order.argsort(dim=1).argsort(dim=1)
    count = _integers(mask, (len(mask), 1), 1, at_most, generator).minimum(
        mask.sum(1, keepdim=True).long() - 1
    )
    dropped = (rank < count) & _chosen(mask, chance, generator).squeeze(-1)
    return mask.masked_fill(dropped, 0)


def keep_nine(mask: Tensor, nine: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Hide the leads that a nine-lead recording lacks, unless nothing would be left.

    Parameters
    ----------
    mask : shape (B, n_leads), 1 where recorded.
    nine : shape (n_leads,), true for the nine leads.

    Returns
    -------
    Shape (B, n_leads).
    """
    hidden = _chosen(mask, chance, generator).squeeze(-1) & ~nine
    left = mask.masked_fill(hidden, 0)
    return torch.where(left.sum(1, keepdim=True) > 0, left, mask)


def _travelled(knots: Tensor, n_samples: int) -> Tensor:
    """Integrate speeds of shape (B, K), evenly spread knots with straight lines between them.

    Returns where each of the samples is read, shape (B, n_samples), from 0. (`cumsum` would do,
    but has no deterministic kernel on a GPU.)
    """
    n_parts = knots.shape[1] - 1
    width = (n_samples - 1) / n_parts
    before, after = knots[:, :-1], knots[:, 1:]
    sums = torch.ones(n_parts, n_parts, device=knots.device, dtype=knots.dtype).triu(1)
    start = (before + after) / 2 * width @ sums
    place = torch.arange(n_samples, device=knots.device, dtype=knots.dtype) / width
    part = place.floor().clamp_max(n_parts - 1).long()
    u = place - part
    v, rise = before[:, part], (after - before)[:, part]
    return start[:, part] + width * (v * u + rise * u * u / 2)


def _cubic(x: Tensor, at: Tensor) -> Tensor:
    """Read (B, n_leads, n) at fractional samples of shape (B, n); beyond the end it is zero."""
    last = x.shape[-1] - 1
    base = at.floor().clamp(0, last)
    t = (at - base).unsqueeze(1)
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    read = torch.zeros_like(x)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        index = (base.long() + offset).clamp(0, last).unsqueeze(1).expand(x.shape)
        read.addcmul_(x.gather(2, index), weight)
    return read.masked_fill_((at > last).unsqueeze(1), 0)


def _spread(x: Tensor) -> Tensor:
    """Return the SD over time, shape (B, n_leads, 1): `Tensor.std` takes four times as long."""
    square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
    variance: Tensor = square - x.mean(-1, keepdim=True).square()
    return variance.clamp_min(0).sqrt()


def _uniform(
    x: Tensor, shape: tuple[int, ...], low: float, high: float, generator: torch.Generator
) -> Tensor:
    drawn = torch.rand(shape, generator=generator, device=x.device, dtype=x.dtype)
    return drawn * (high - low) + low


def _integers(
    x: Tensor, shape: tuple[int, ...], low: int, high: int, generator: torch.Generator
) -> Tensor:
    """Draw whole numbers from `low` to `high`, both included."""
    return torch.randint(low, high + 1, shape, generator=generator, device=x.device)


def _normal(x: Tensor, n_records: int, generator: torch.Generator) -> Tensor:
    """Draw white noise for some records of a batch: drawing takes longer than all else here."""
    shape = (n_records, *x.shape[1:])
    return torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)


def _rows(x: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Draw which records of a batch are changed, as row numbers."""
    return _chosen(x, chance, generator).flatten().nonzero().squeeze(1)


def _chosen(x: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Draw which records of a batch are changed, shape (B, 1, 1)."""
    return torch.rand((len(x), 1, 1), generator=generator, device=x.device) < chance
