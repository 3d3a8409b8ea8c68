"""One page per answer: the ECG on ECG paper with what the network saw, the rules beside it."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.core import figures
from pedecg.explain import beat_regions, record_maps
from pedecg.explain.explain_settings import MapSettings
from pedecg.explain.explained_records import Person, Subject
from pedecg.explain.record_maps import Networks, Task
from pedecg.plots import ecg_paper

_BELOW_MM = 62.0  # room for words under the paper: with twelve leads the page is an A4 sheet
_MM = 1 / 25.4
_INK, _GREY, _BLUE, _PALE = "#1a1a1a", "#6b6b6b", "#2166ac", "#c9c9c9"
_SMOOTH_S = 0.02  # of the colour alone, so that a wave is one patch
_BRIGHTEST = 99.5  # percentile of the map that is drawn in full colour
_LABELS = {1.0: "present", 0.0: "absent"}
DPI = 110
_ENDS = {  # what the palest and the strongest colour of a map mean
    "grad_cam": ("speaks little for it", "most"),
    "integrated_gradients": ("speaks little for it", "most"),
    "attention": ("evenly or less", "3 times"),
}


@dataclass(frozen=True)
class Page:
    """What is drawn, and where to.

    Attributes
    ----------
    heading : before the title.
    title : what was said of the target; "": told from the subject.
    said : the two lines below the paper; none: the record's own label, and its flaws.
    """

    subject: Subject
    person: Person
    path: Path
    heading: str = ""
    title: str = ""
    said: tuple[str, ...] = ()


def first(chosen: dict[str, list[Subject]], at_most: int) -> Iterator[tuple[str, Subject]]:
    """Yield a file name and a subject for the first of each target."""
    for target, listed in chosen.items():
        for number, subject in enumerate(listed[:at_most], start=1):
            yield f"{target}_{number}.png", subject


def draw(page: Page, networks: Networks, settings: MapSettings, cohort: str) -> None:
    """Explain one record for one target and write its page."""
    subject, person = page.subject, page.person
    task = Task(person, (subject,))
    seen = record_maps.maps(networks, task, settings, (settings.map,))[subject.target][settings.map]
    _, _, signals = networks.open()
    signal_mv = signals.millivolts(person.position)[:, : seen.shape[1]]
    figure = compose(
        page, signal_mv, seen, signals.fs_hz, signals.leads, signals.lead_mask[person.position],
        settings.map,
    )  # fmt: skip
    figures.save(figure, page.path, cohort, dpi=DPI)


def compose(
    page: Page,
    signal_mv: NDArray[np.floating],
    seen: NDArray[np.float64] | None,
    fs_hz: float,
    leads: Sequence[str],
    present: NDArray[np.bool_],
    method: str = "grad_cam",
) -> Figure:
    """Return the page of one record and target.

    Parameters
    ----------
    signal_mv, seen : shape (n_leads, n_samples), of the same stretch of time from the start;
        without a map the waves are marked.
    present : shape (n_leads,); absent leads are not drawn.
    method : of the map, one of `_ENDS`.
    """
    subject, person = page.subject, page.person
    names = [lead for lead, there in zip(leads, present, strict=True) if there]
    verdict = "called" if subject.called else "not called"
    title = page.title or (
        f"{subject.target} {verdict}, "
        f"probability {subject.probability:.2f} (threshold {subject.threshold:.2f})"
    )
    heat = None
    if seen is not None:
        heat = (above_even(seen) if method == "attention" else colour(seen, fs_hz))[present]
    figure = ecg_paper.draw(
        signal_mv[present], fs_hz, names,
        f"{page.heading}{subject.record_id}, {person.who}: {title}",
        heat=heat,
        waves=person.waves if seen is None else None,
        stretches=math.ceil(signal_mv.shape[1] / fs_hz / ecg_paper.STRIP_S),
    )  # fmt: skip
    width, height = figure.get_size_inches()
    total = height + _BELOW_MM * _MM
    figure.set_size_inches(width, total)
    figure.axes[0].set_position((0.0, 1 - height / total, 1.0, height / total))
    share = _BELOW_MM * _MM / total
    said = page.said or _about(subject, person)
    _words(figure.add_axes((0.02, 0.0, 0.60, share)), said, person.rules)
    if seen is None:
        return figure
    region = beat_regions.of_samples(person.waves, fs_hz, seen.shape[1])
    _bars(
        figure.add_axes((0.655, 0.30 * share, 0.13, 0.48 * share)),
        "Where in the beat",
        beat_regions.shares(seen, region),
    )
    if len(names) > 1:
        _leads(figure, share, seen, leads, present)
    _legend(figure.add_axes((0.655, 0.105 * share, 0.13, 0.045 * share)), _ENDS[method])
    return figure


def _leads(
    figure: Figure,
    share: float,
    seen: NDArray[np.float64],
    leads: Sequence[str],
    present: NDArray[np.bool_],
) -> None:
    by_lead = seen.sum(axis=1)
    total_seen = by_lead.sum() or 1.0
    even = 1 / int(present.sum())
    _bars(
        figure.add_axes((0.845, 0.30 * share, 0.13, 0.48 * share)),
        "In which leads",
        {
            lead: (float(by_lead[i] / total_seen), even)
            for i, lead in enumerate(leads)
            if present[i]
        },
    )


def colour(seen: NDArray[np.float64], fs_hz: float) -> NDArray[np.float64]:
    """Return a map as 0 to 1, one scale for all leads so that they compare."""
    smooth = ndimage.gaussian_filter1d(seen, _SMOOTH_S * fs_hz, axis=1)
    brightest = np.percentile(smooth, _BRIGHTEST)
    if brightest <= 0:
        return np.zeros_like(smooth)
    return np.asarray(np.clip(smooth / brightest, 0, 1))


def above_even(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a map as 0 (as much as if spread evenly, or less) to 1 (three times as much)."""
    even = seen.sum() / seen.size
    return np.clip((seen / even - 1) / 2, 0, 1) if even > 0 else np.zeros_like(seen)


def _about(subject: Subject, person: Person) -> tuple[str, ...]:
    quality = ", ".join(person.flaws) or "no flaw found in any lead"
    label = _LABELS.get(subject.label, "unknown")
    return f"In the record: {subject.target} {label}", f"Signal: {quality[:110]}"


def _words(axes: Axes, said: Sequence[str], rules: Sequence[tuple[str, str]]) -> None:
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for height, line in zip((0.93, 0.84), said, strict=True):
        axes.text(0, height, line, fontsize=8.5, color=_INK, va="top")
    axes.text(0, 0.73, "Rules met", fontsize=9, weight="bold", color=_INK, va="top")
    lines = [
        line
        for title, reason in rules
        for line in textwrap.wrap(
            f"•  {title}: {reason}", 118, subsequent_indent="    ", break_long_words=False
        )
    ] or ["none"]
    if len(lines) > 9:
        lines = [*lines[:8], "…"]
    axes.text(0, 0.645, "\n".join(lines), fontsize=7.5, color=_INK, va="top", linespacing=1.3)


def _bars(axes: Axes, title: str, shares: dict[str, tuple[float, float]]) -> None:
    """Draw each part's share of the map as a bar, and what an even map would give as a tick."""
    height = np.arange(len(shares))
    found, even = (np.nan_to_num([pair[k] for pair in shares.values()]) for k in (0, 1))
    axes.barh(height, found, color=_BLUE, height=0.68)
    axes.plot(even, height, "|", color=_INK, ms=28 / len(shares) + 2, mew=1.2)
    axes.set_yticks(height, list(shares), fontsize=8 if len(shares) < 8 else 6)
    axes.set_ylim(len(shares) - 0.4, -0.6)
    limit = max(0.3, float(np.ceil(10 * max(found.max(), even.max())) / 10))
    axes.set_xlim(0, limit)
    axes.set_xticks([0, limit], ["0", f"{limit:.0%}"], fontsize=7)
    axes.set_title(title, fontsize=9, weight="bold", loc="left", color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_PALE)
    axes.tick_params(length=0)


def _legend(axes: Axes, ends: tuple[str, str]) -> None:
    axes.imshow(
        np.linspace(0, 1, 256)[None, :], cmap=ecg_paper.HEAT, aspect="auto", extent=(0, 1, 0, 1)
    )
    axes.set_yticks([])
    axes.set_xticks([0, 1], list(ends), fontsize=7, color=_GREY)
    axes.tick_params(length=0)
    axes.spines[:].set_color(_PALE)
    axes.text(1.22, -0.1, "bar: share of the map\n|  : if spread evenly",
              fontsize=7, color=_GREY, va="center", transform=axes.transAxes)  # fmt: skip
