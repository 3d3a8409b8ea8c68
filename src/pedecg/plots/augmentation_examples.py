"""Examples of augmentation: one ECG, and the same after each change.

Each change is made for certain, whatever `probability` says, at the upper end of a range. What the
parameters leave off is drawn with an example of its own, and labelled off.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.cohorts.recordings import Recording
from pedecg.core import figures
from pedecg.core.errors import PedecgError
from pedecg.core.records import NINE_LEADS
from pedecg.signals.augmentation import AugmentSettings, Crops, augment

# What is drawn where the parameters say off, with its unit.
EXAMPLES: dict[str, tuple[Any, str]] = {
    "time_shift_s": (1.0, "s"),
    "amplitude": ([0.8, 1.2], "times"),
    "noise_snr_db": ([20, 40], "dB"),
    "jitter_mv": (0.05, "mV"),
    "wander_mv": (0.2, "mV"),
    "powerline_mv": (0.1, "mV"),
    "cutout_s": (0.5, "s"),
    "lead_dropout": (2, "leads at most"),
    "nine_leads": (1.0, "of 12-lead crops"),
    "polarity": (1.0, "of crops"),
    "rate": ([0.8, 1.2], "times"),
    "time_warp": (0.15, "of the speed"),
    "mixup": (0.4, "of the other"),
}
STRONGEST = {"noise_snr_db": 0}  # of a range the last is, but for a ratio of signal to noise
CERTAIN = ("nine_leads", "polarity")  # their parameter is a share of the crops
_SECONDS = 5.0  # 5 to 15 beats of a child, and waves that can be seen
_SEED = 44  # a draw in which every change is plain to see
_BEFORE, _AFTER = "#c9a9a9", "#1b1b1b"


@dataclass(frozen=True)
class Change:
    """One change alone: what the picture calls it, and settings that make nothing else."""

    name: str
    title: str
    settings: AugmentSettings


def changes_alone(settings: AugmentSettings) -> list[Change]:
    """Return every change there is, in the order of `EXAMPLES`."""
    off = settings.off()
    return [_alone(name, settings, off) for name in EXAMPLES]


def draw(
    recording: Recording,
    other: Recording | None,
    settings: AugmentSettings,
    file: Path,
    lead: str | None = None,
) -> None:
    """Draw one lead of a recording, as it is and after each change, over its first 5 s.

    Where leads are masked it is the first of these.

    Parameters
    ----------
    other : what `mixup` mixes in; of the same leads and rate. None: the row says what it needs.
    lead : canonical name; None: II, or the first lead that there is.

    Raises
    ------
    PedecgError
        The lead is not in the recording, or the other recording is of other leads or rate.
    """
    shown = lead or ("II" if "II" in recording.leads else recording.leads[0])
    if shown not in recording.leads:
        found = " ".join(recording.leads)
        raise PedecgError(f"{recording.record_id}: no lead {shown}; it has {found}")
    crops = _crops(recording, other)
    listed = changes_alone(settings)
    figure = Figure(figsize=(10, 1.2 * len(listed) + 0.6), layout="constrained")
    axes = figure.subplots(len(listed), 1, sharex=True)
    for axis, change in zip(axes, listed, strict=True):
        title = change.title
        if change.name == "mixup" and other is None:
            title += "; name a second recording to see it"
        changed = _changed(crops, change.settings, recording)
        hidden = np.flatnonzero((crops.lead_mask[0] > changed.lead_mask[0]).numpy())
        row = recording.leads.index(shown)
        if len(hidden):
            title += "; masked: " + " ".join(recording.leads[i] for i in hidden)
            row = hidden[0]
        before, after = (one.signal_mv[0, row].numpy() for one in (crops, changed))
        _row(axis, before, after, recording.fs_hz, title)
    axes[-1].set_xlabel("s")
    figure.suptitle(f"{recording.record_id}, {shown}, mV: before (pale) and after one change")
    figures.save(figure, file, "")


def _alone(name: str, settings: AugmentSettings, off: AugmentSettings) -> Change:
    own = getattr(settings, name)
    on = own not in (0, None)
    value, unit = EXAMPLES[name]
    if on:
        value = own
    if isinstance(value, list):
        strongest = value[STRONGEST.get(name, -1)]
        text, value = f"{value[0]:g} to {value[1]:g} {unit}", [strongest, strongest]
    else:
        text = f"{value:g} {unit}"
    if name in CERTAIN:
        value = 1.0
    title = f"{name}: {text}" if on else f"{name}: off; drawn with {text}"
    return Change(name, title, off.model_copy(update={"probability": 1.0, name: value}))


def _crops(recording: Recording, other: Recording | None) -> Crops:
    """Return a batch of the recording and, where there is one, of the other."""
    both = [recording] if other is None else [recording, other]
    for one in both:
        if (one.leads, one.fs_hz) != (recording.leads, recording.fs_hz):
            raise PedecgError(
                f"{one.record_id}: {' '.join(one.leads)} at {one.fs_hz:g} Hz; expected those of "
                f"{recording.record_id}: {' '.join(recording.leads)} at {recording.fs_hz:g} Hz"
            )
    lengths = [one.signal_mv.shape[1] for one in both]
    n_samples = min(round(_SECONDS * recording.fs_hz), *lengths)
    signals = np.stack([np.nan_to_num(one.signal_mv[:, :n_samples]) for one in both])
    return Crops(
        signal_mv=torch.from_numpy(signals.astype(np.float32)),
        lead_mask=torch.ones(len(both), len(recording.leads)),
        length=torch.full((len(both),), n_samples),
        labels=torch.zeros(len(both), 1),
    )


def _changed(crops: Crops, settings: AugmentSettings, recording: Recording) -> Crops:
    nine = torch.tensor([lead in NINE_LEADS for lead in recording.leads])
    return augment(
        crops, recording.fs_hz, nine, torch.zeros(1, dtype=torch.bool), settings,
        torch.Generator().manual_seed(_SEED),
    )  # fmt: skip


def _row(axis: Axes, before: Any, after: Any, fs_hz: float, title: str) -> None:
    time_s = np.arange(len(before)) / fs_hz
    axis.plot(time_s, before, color=_BEFORE, linewidth=1.6)
    axis.plot(time_s, after, color=_AFTER, linewidth=0.7)
    axis.set_title(title, loc="left", fontsize=8, pad=2)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0)
