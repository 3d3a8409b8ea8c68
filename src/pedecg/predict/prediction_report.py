"""Prediction for one recording as an object, as JSON and as text."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pedecg.bundle.inference_steps import at_threshold
from pedecg.core import criterion_lines
from pedecg.evaluation import prediction_sets, training_distance
from pedecg.predict.loaded_model import Model
from pedecg.predict.measurement_report import sentence
from pedecg.predict.prepared_recording import Exam
from pedecg.predict.waves_page import rate_bpm
from pedecg.rules.criteria import CRITERIA

USE = "Research only. Not a medical device, and not for the care of any patient."


@dataclass(frozen=True)
class Answer:
    """One recording's answer.

    Attributes
    ----------
    targets, probabilities, thresholds : of each target; NaN: no threshold could be fitted, or
        classes of which exactly one holds.
    predicted : 1 where the probability reaches the threshold, 0 where not, NaN without one; of
        classes 1 for the predicted one.
    exclusive : the targets are classes of which exactly one holds.
    rules : (title, reason) of every criterion that is met.
    sets : target -> its prediction set, shape (2,): absent, present; None: there are none.
    confidence : of the sets.
    far : that the record is far from the training records, in words; empty: it is not, or the
        pipeline measures no distance.
    """

    model: str
    children: str
    exam: Exam
    targets: tuple[str, ...]
    probabilities: tuple[float, ...]
    thresholds: tuple[float, ...]
    predicted: tuple[float, ...]
    exclusive: bool
    rules: tuple[tuple[str, str], ...]
    sets: dict[str, NDArray[np.bool_]] | None = None
    confidence: float = math.nan
    far: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """What makes the answer doubtful, in words."""
        return (*self.exam.flags, *([self.far] if self.far else []))

    @property
    def guaranteed(self) -> dict[str, str]:
        """Positive, negative or uncertain by target, at the confidence of the sets."""
        made = self.sets or {}
        return {target: prediction_sets.answers(one[None])[0] for target, one in made.items()}

    @property
    def chosen(self) -> str:
        """The class; of targets, the one farthest above its threshold, or nearest below it."""
        odds = np.log(np.clip(self.probabilities, 1e-9, 1)) - np.log(
            np.clip(np.nan_to_num(self.thresholds, nan=0.5), 1e-9, 2)
        )
        best = np.argmax(self.predicted if self.exclusive else odds)
        return self.targets[int(best)]


def of(model: Model, exam: Exam) -> Answer:
    """Ask a model about an exam."""
    raw = model.ask(exam)
    p = model.calibrated(raw)
    cuts = model.fitted.thresholds(model.seed)
    if model.fitted.exclusive:
        cuts = np.full(len(p), math.nan)
    return Answer(
        model=model.name,
        children=model.children,
        exam=exam,
        targets=model.targets,
        probabilities=tuple(p.tolist()),
        thresholds=tuple(cuts.tolist()),
        predicted=tuple(model.fitted.decide(p[None], model.seed)[0].tolist()),
        exclusive=model.fitted.exclusive,
        rules=criterion_lines.split(exam.measured["why"]),
        sets=model.conforming(raw, exam.recording.age_days),
        confidence=model.sets.confidence if model.sets else math.nan,
        far=_far(model, exam),
    )


def _far(model: Model, exam: Exam) -> str:
    if model.distance is None:
        return ""
    return model.distance.flag(training_distance.measures(exam.rules, exam.record)) or ""


def as_json(answer: Answer) -> dict[str, Any]:
    """Return one object; a threshold of 2 is one that no probability reaches."""
    own, names = answer.exam.recording, {c.title: c.name for c in CRITERIA}
    predicted = [None if math.isnan(one) else int(one) for one in answer.predicted]
    cuts = [None if math.isnan(cut) else min(cut, 2.0) for cut in answer.thresholds]
    report: dict[str, Any] = {
        "record": own.record_id,
        "model": answer.model,
        "age_days": own.age_days,
        "sex": own.sex,
        "fs_hz": own.fs_hz,
        "length_s": round(own.length_s, 3),
        "leads": list(own.leads),
        "probabilities": dict(zip(answer.targets, answer.probabilities, strict=True)),
        "thresholds": dict(zip(answer.targets, cuts, strict=True)),
        "decisions": dict(zip(answer.targets, predicted, strict=True)),
        "at_threshold": [
            target
            for target, p, cut in zip(
                answer.targets, answer.probabilities, answer.thresholds, strict=True
            )
            if at_threshold(p, cut)
        ],
    }
    if answer.exclusive:
        report["class"] = answer.chosen
    if answer.sets is not None:
        report["prediction_sets"] = {
            "confidence": answer.confidence,
            "answers": answer.guaranteed,
            "sets": {t: prediction_sets.as_plain(one[None])[0] for t, one in answer.sets.items()},
        }
    return report | {
        "rules_fired": [
            {"rule": names.get(title, title), "title": title, "reason": reason}
            for title, reason in answer.rules
        ],
        "unusable_leads": dict(answer.exam.unusable),
        "signal_quality": {
            measure: float(f"{value:.6g}") if math.isfinite(value) else None
            for measure, value in answer.exam.quality.items()
        },
        "flags": list(answer.flags),
        "training_children": answer.children,
        "use": USE,
    }


def as_json_text(answer: Answer) -> str:
    """Return `as_json` in one line."""
    return json.dumps(as_json(answer), ensure_ascii=False, allow_nan=False)


def as_text(answer: Answer) -> RenderableType:
    """Return probabilities with their thresholds, flags, and the criteria that are met."""
    own = answer.exam.recording
    subject = sentence(own.record_id, own.age_days, own.sex, rate_bpm(answer.exam.waves))
    table = Table()
    table.add_column("class" if answer.exclusive else "target")
    table.add_column("probability", justify="right")
    if not answer.exclusive:
        table.add_column("threshold", justify="right")
    table.add_column("decision")
    if answer.sets is not None:
        table.add_column(f"at {answer.confidence:.0%} confidence")
    for target, p, cut, predicted in zip(
        answer.targets, answer.probabilities, answer.thresholds, answer.predicted, strict=True
    ):
        limit = [] if answer.exclusive else ["none" if math.isnan(cut) else f"{cut:.3f}"]
        near = ", at the threshold" if at_threshold(p, cut) else ""
        sure = [] if answer.sets is None else [answer.guaranteed[target]]
        decided = decision(predicted, answer.exclusive) + near
        table.add_row(target, f"{p:.3f}", *limit, decided, *sure)
    met = [Text(f"{title}: {reason}") for title, reason in answer.rules]
    flags = [Text(f"! {flag}", style="bold") for flag in answer.flags]
    met = met or [Text("No criterion is met.")]
    return Group(Text(subject, style="bold"), table, *flags, *met, Text(""))


def decision(predicted: float, exclusive: bool) -> str:
    """Say a decision in a word or two."""
    if math.isnan(predicted):
        return "no threshold"
    if exclusive:
        return "predicted class" if predicted else ""
    return "positive" if predicted else "negative"
