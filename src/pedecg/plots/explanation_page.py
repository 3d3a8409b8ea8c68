"""Page of an explained ECG: ECG paper with the map behind the traces, and notes below."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pedecg.core import figures
from pedecg.plots import ecg_paper

DPI = 110  # small writing can be read, and a report with dozens of pages stays small
_BELOW_MM = 62.0  # for the words under the paper: with twelve leads the page is an A4 sheet
_MM = 1 / 25.4  # inches
_INK, _GREY, _BLUE, _PALE = "#1a1a1a", "#6b6b6b", "#2166ac", "#c9c9c9"

Shares = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class HeatMap:
    """A saliency map and where it lies.

    Attributes
    ----------
    colour : shape (n_leads, n_samples), 0 to 1, as it is drawn.
    ends : what the palest and the strongest colour mean.
    regions, leads : part of the beat, or lead: its share of the map, and the share of a map that
        is spread evenly.
    """

    colour: NDArray[np.float64]
    ends: tuple[str, str]
    regions: Shares
    leads: Shares


@dataclass(frozen=True)
class Contents:
    """What stands on a page.

    Attributes
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts, of the leads that are present.
    leads : their names.
    notes : the two lines below the paper.
    criteria : (title, reason) of each criterion that is met.
    waves : columns lead, wave, onset_s, peak_s, offset_s; marked where there is no map.
    heat_map : None: no map.
    footnote : small print at the lower left edge.
    """

    title: str
    signal_mv: NDArray[np.floating]
    fs_hz: float
    leads: Sequence[str]
    notes: tuple[str, str]
    criteria: Sequence[tuple[str, str]] = ()
    waves: pd.DataFrame | None = field(default=None, repr=False)
    heat_map: HeatMap | None = None
    footnote: str = ""


def save(contents: Contents, path: Path, cohort: str) -> None:
    """Draw a page and write it as PNG; `cohort` as in `figures.save`."""
    figures.save(draw(contents), path, cohort, dpi=DPI)


def draw(contents: Contents) -> Figure:
    """Return the page: the paper at its true size, below it notes, criteria and, of a map, bars."""
    heat = contents.heat_map
    figure = ecg_paper.draw(
        contents.signal_mv,
        contents.fs_hz,
        contents.leads,
        contents.title,
        heat=None if heat is None else heat.colour,
        waves=contents.waves if heat is None else None,
        stretches=math.ceil(contents.signal_mv.shape[1] / contents.fs_hz / ecg_paper.STRIP_S),
    )
    width, height = figure.get_size_inches()
    total = height + _BELOW_MM * _MM
    figure.set_size_inches(width, total)
    figure.axes[0].set_position((0.0, 1 - height / total, 1.0, height / total))
    share = _BELOW_MM * _MM / total
    _words(figure.add_axes((0.02, 0.0, 0.60, share)), contents.notes, contents.criteria)
    if heat is not None:
        middle, tall = 0.30 * share, 0.48 * share
        _bars(figure.add_axes((0.655, middle, 0.13, tall)), "Where in the beat", heat.regions)
        if len(contents.leads) > 1:
            _bars(figure.add_axes((0.845, middle, 0.13, tall)), "In which leads", heat.leads)
        _legend(figure.add_axes((0.655, 0.105 * share, 0.13, 0.045 * share)), heat.ends)
    if contents.footnote:
        figure.text(0.02, 0.01, contents.footnote, fontsize=8, color="0.45")
    return figure


def _words(axes: Axes, notes: Sequence[str], criteria: Sequence[tuple[str, str]]) -> None:
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for height, line in zip((0.93, 0.84), notes, strict=True):
        axes.text(0, height, line, fontsize=8.5, color=_INK, va="top")
    axes.text(0, 0.73, "Criteria met", fontsize=9, weight="bold", color=_INK, va="top")
    lines = [
        line
        for title, reason in criteria
        for line in textwrap.wrap(
            f"•  {title}: {reason}", 118, subsequent_indent="    ", break_long_words=False
        )
    ] or ["none"]
    if len(lines) > 9:
        lines = [*lines[:8], "…"]
    axes.text(0, 0.645, "\n".join(lines), fontsize=7.5, color=_INK, va="top", linespacing=1.3)


def _bars(axes: Axes, title: str, shares: Shares) -> None:
    """Draw each part's share of the map as a bar, and what an even map would give as a tick."""
    height = np.arange(len(shares))
    share, even = (np.nan_to_num([pair[k] for pair in shares.values()]) for k in (0, 1))
    axes.barh(height, share, color=_BLUE, height=0.68)
    axes.plot(even, height, "|", color=_INK, ms=28 / len(shares) + 2, mew=1.2)
    axes.set_yticks(height, list(shares), fontsize=8 if len(shares) < 8 else 6)
    axes.set_ylim(len(shares) - 0.4, -0.6)
    limit = max(0.3, float(np.ceil(10 * max(share.max(), even.max())) / 10))
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
    axes.text(1.22, 1.6, "bar: share of the map\n|  : share of time or leads",
              fontsize=7, color=_GREY, va="center", transform=axes.transAxes)  # fmt: skip
