"""One page per prediction: ECG paper with the saliency map, probabilities and flags."""

import io
import math
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.bundle.inference_steps import at_threshold
from pedecg.core import figures
from pedecg.explain import attribution, explanation_pages, normal_beats, signal_excerpt
from pedecg.explain.explain_settings import MapSettings
from pedecg.explain.explained_records import RecordContext, RecordTarget
from pedecg.learning import batches
from pedecg.plots import explanation_page
from pedecg.predict.loaded_model import Model
from pedecg.predict.prediction_report import Answer
from pedecg.predict.prepared_recording import Exam
from pedecg.waves.delineate import GLOBAL

# As in section `explain` of params.yaml, which not every pipeline has.
HOW = MapSettings(seconds=10, min_hz=12, smooth_s=0.04, ig_steps=8)
_NO_METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FEW_LEADS, FEW_SECONDS = 2, 30  # so few leads leave room on the sheet for more of the record


def save(answer: Answer, model: Model, file: Path, target: str | None = None) -> None:
    """Draw the first ten seconds and save them as PNG.

    Parameters
    ----------
    target : whose Grad-CAM is drawn; None: the class, or the target nearest above its threshold.
    """
    explanation_page.save(_of(answer, model, target), file, cohort="")


def rendered(answer: Answer, model: Model, form: str, target: str | None = None) -> bytes:
    """Return the same page as the bytes of a file.

    Parameters
    ----------
    form : png or pdf; a PDF is drawn in lines, and neither holds a time or a program's name.
    """
    stream = io.BytesIO()
    figure = explanation_page.draw(_of(answer, model, target))
    figure.savefig(stream, format=form, dpi=explanation_page.DPI, metadata=_NO_METADATA[form])
    return stream.getvalue()


def _of(answer: Answer, model: Model, target: str | None) -> explanation_page.Contents:
    simulated = answer.children.startswith(figures.SIMULATED)
    note = f"{answer.model}, trained on {'simulated' if simulated else 'real'} patients"
    return _contents(answer, model, target or answer.chosen, f"{note}; research only")


def _contents(
    answer: Answer, model: Model, target: str, footnote: str
) -> explanation_page.Contents:
    """Return what stands on the page; waves are marked where no network can be looked into."""
    own = answer.exam.recording
    k = answer.targets.index(target)
    signals = answer.exam.signals
    how = HOW
    if signals.lead_mask[0].sum() <= FEW_LEADS:
        how = HOW.model_copy(update={"seconds": FEW_SECONDS})
    n = min(round(how.seconds * signals.fs_hz), int(signals.n_samples[0]))
    subject = RecordTarget(
        own.record_id, own.record_id, target, math.nan, answer.probabilities[k],
        answer.thresholds[k],
    )  # fmt: skip
    page = explanation_pages.Page(
        subject, _context(answer), Path(), "", _title(answer, k), _notes(answer), footnote
    )
    return explanation_pages.contents(
        page,
        signals.millivolts(0)[:, :n],
        _saliency(answer, model, target, how),
        signals.fs_hz,
        signals.leads,
        signals.lead_mask[0],
    )


def _saliency(
    answer: Answer, model: Model, target: str, how: MapSettings
) -> NDArray[np.float64] | None:
    """Return the mean Grad-CAM of the networks, shape (n_leads, n_samples)."""
    networks = model.networks
    if not networks:
        return None
    exam = answer.exam
    age_days, sex = batches.ages_and_sexes(exam.record)
    card = networks[0].trained.card
    read = card.scale.apply(exam.rows(networks[0].reads, networks[0].feature_names).features)[0]
    waves, normal_mv = _global(exam), None
    if model.normals is not None and len(waves):
        normal_mv = partial(
            normal_beats.instead_of, fs_hz=exam.signals.fs_hz, waves=waves,
            normal=model.normals.at(float(age_days[0])),
        )  # fmt: skip
    piece = signal_excerpt.cut(
        exam.signals, 0, float(age_days[0]), int(sex[0]), card, read, normal_mv,
        seconds=how.seconds,
    )  # fmt: skip
    modules = [one.trained.network.requires_grad_(False) for one in networks]
    number = card.targets.index(target)
    return attribution.explain(modules, piece, number, how, ("grad_cam",))["grad_cam"]


def _global(exam: Exam) -> pd.DataFrame:
    return exam.waves[exam.waves["lead"] == GLOBAL]


def _context(answer: Answer) -> RecordContext:
    exam, own = answer.exam, answer.exam.recording
    return RecordContext(
        record_id=own.record_id,
        position=0,
        age_days=own.age_days,
        sex=own.sex,
        features=exam.record,
        waves=_global(exam),
        criteria=answer.rules,
        flaws=tuple(f"{lead} {flaw}" for lead, flaw in exam.unusable.items()),
    )


def _title(answer: Answer, k: int) -> str:
    p, cut, predicted = answer.probabilities[k], answer.thresholds[k], answer.predicted[k]
    if answer.exclusive:
        verdict = f"class {answer.chosen}"
        return f"{verdict}; {answer.targets[k]}: probability {p:.2f}"
    if math.isnan(predicted):
        return f"{answer.targets[k]}: probability {p:.2f}, no threshold"
    word = "positive" if predicted else "negative"
    near = ", at the threshold" if at_threshold(p, cut) else ""
    return f"{answer.targets[k]} {word}{near}, probability {p:.3f} (threshold {cut:.3f})"


def _notes(answer: Answer) -> tuple[str, str]:
    """Return a line with every target's probability, and one with what makes them doubtful."""
    every = ",  ".join(
        f"{target} {p:.2f}" + ("*" if predicted == 1 else "")
        for target, p, predicted in zip(
            answer.targets, answer.probabilities, answer.predicted, strict=True
        )
    )
    flags = "; ".join(answer.flags) or "none: within the range of the training records"
    return every + "   (*: positive)", textwrap.shorten(f"Flags: {flags}", 118, placeholder=" …")
