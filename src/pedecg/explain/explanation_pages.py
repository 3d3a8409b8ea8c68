"""One page per explained target: the ECG on paper, the saliency map, the criteria that are met."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.core import names
from pedecg.explain import beat_regions, record_maps
from pedecg.explain.explain_settings import MapSettings
from pedecg.explain.explained_records import RecordContext, RecordTarget
from pedecg.explain.record_maps import Networks, Task
from pedecg.plots import explanation_page

_SMOOTH_S = 0.02  # of the colour alone, so that a wave is one patch
_BRIGHTEST = 99.5  # percentile of the map that is drawn in full colour
_LABELS = {1.0: "present", 0.0: "absent"}
_ENDS = {  # what the palest and the strongest colour of a map mean
    "grad_cam": ("low contribution", "high"),
    "integrated_gradients": ("low contribution", "high"),
    "attention": ("evenly or less", "3 times"),
}


@dataclass(frozen=True)
class Page:
    """What is drawn, and where to.

    Attributes
    ----------
    heading : before the title.
    title : the answer for the target; "": made from `subject`.
    notes : the two lines below the paper; None: the record's own label, and its signal quality.
    footnote : small print at the lower left edge.
    """

    subject: RecordTarget
    record: RecordContext
    path: Path
    heading: str = ""
    title: str = ""
    notes: tuple[str, str] | None = None
    footnote: str = ""


def first(
    chosen: dict[str, list[RecordTarget]], at_most: int
) -> Iterator[tuple[str, RecordTarget]]:
    """Yield a file name and a subject for the first of each target."""
    for target, listed in chosen.items():
        for number, subject in enumerate(listed[:at_most], start=1):
            yield f"{names.file_stem(target)}_{number}.png", subject


def draw(page: Page, networks: Networks, settings: MapSettings, cohort: str) -> None:
    """Explain one record for one target and write its page."""
    subject, record = page.subject, page.record
    task = Task(record, (subject,))
    saliency = record_maps.maps(networks, task, settings, (settings.map,))
    drawn = saliency[subject.target][settings.map]
    _, _, signals = networks.open()
    signal_mv = signals.millivolts(record.position)[:, : drawn.shape[1]]
    present = signals.lead_mask[record.position]
    page_contents = contents(
        page, signal_mv, drawn, signals.fs_hz, signals.leads, present, settings.map
    )
    explanation_page.save(page_contents, page.path, cohort)


def contents(
    page: Page,
    signal_mv: NDArray[np.floating],
    saliency: NDArray[np.float64] | None,
    fs_hz: float,
    leads: Sequence[str],
    present: NDArray[np.bool_],
    method: str = "grad_cam",
) -> explanation_page.Contents:
    """Return what stands on the page of one record and target.

    Parameters
    ----------
    signal_mv, saliency : shape (n_leads, n_samples), of the same segment of time from the start;
        without a map the waves are marked.
    present : shape (n_leads,); absent leads are not drawn.
    method : of the map, one of `_ENDS`.
    """
    subject, record = page.subject, page.record
    verdict = "positive" if subject.positive else "negative"
    title = page.title or (
        f"{subject.target} {verdict}, "
        f"probability {subject.probability:.3f} (threshold {subject.threshold:.3f})"
    )
    lead_names = [lead for lead, there in zip(leads, present, strict=True) if there]
    heat_map = None
    if saliency is not None:
        colours = above_even(saliency) if method == "attention" else colour(saliency, fs_hz)
        region = beat_regions.of_samples(record.waves, fs_hz, saliency.shape[1])
        heat_map = explanation_page.HeatMap(
            colours[present],
            _ENDS[method],
            beat_regions.shares(saliency, region),
            dict(zip(lead_names, _lead_shares(saliency, present), strict=True)),
        )
    return explanation_page.Contents(
        title=f"{page.heading}{subject.record_id}, {record.sex_and_age}: {title}",
        signal_mv=signal_mv[present],
        fs_hz=fs_hz,
        leads=lead_names,
        notes=page.notes or _about(subject, record),
        criteria=record.criteria,
        waves=record.waves,
        heat_map=heat_map,
        footnote=page.footnote,
    )


def _lead_shares(
    saliency: NDArray[np.float64], present: NDArray[np.bool_]
) -> list[tuple[float, float]]:
    """Return the share of the map in each present lead, compared with that of a uniform map."""
    by_lead = saliency.sum(axis=1)
    total = by_lead.sum() or 1.0
    even = 1 / int(present.sum())
    return [(float(one / total), even) for one in by_lead[present]]


def colour(saliency: NDArray[np.float64], fs_hz: float) -> NDArray[np.float64]:
    """Return a map as 0 to 1, one scale for all leads so that they compare.

    Parameters
    ----------
    saliency : shape (n_leads, n_samples), ≥ 0.

    Returns
    -------
    Shape (n_leads, n_samples).
    """
    smooth = ndimage.gaussian_filter1d(saliency, _SMOOTH_S * fs_hz, axis=1)
    brightest = np.percentile(smooth, _BRIGHTEST)
    if brightest <= 0:
        return np.zeros_like(smooth)
    return np.asarray(np.clip(smooth / brightest, 0, 1))


def above_even(saliency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a map as 0 (as much as if spread evenly, or less) to 1 (three times as much).

    Parameters
    ----------
    saliency : shape (n_leads, n_samples), ≥ 0.

    Returns
    -------
    Shape (n_leads, n_samples).
    """
    even = saliency.sum() / saliency.size
    return np.clip((saliency / even - 1) / 2, 0, 1) if even > 0 else np.zeros_like(saliency)


def _about(subject: RecordTarget, record: RecordContext) -> tuple[str, str]:
    quality = ", ".join(record.flaws) or "no flaw found in any lead"
    label = _LABELS.get(subject.label, "unknown")
    return f"In the record: {subject.target} {label}", f"Signal: {quality[:110]}"
