"""Prediction for one recording, with what its sender states of the patient."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pedecg.cohorts.recordings import Recording
from pedecg.core.errors import PedecgError
from pedecg.core.records import Sex
from pedecg.predict import prediction_report, prepared_recording
from pedecg.predict.loaded_model import Model
from pedecg.predict.prediction_report import Answer


@dataclass(frozen=True)
class Stated:
    """What is stated of the patient in addition to the file; None: as the file says.

    Attributes
    ----------
    numbers : further numbers that the model reads, by name.
    """

    age_days: float | None = None
    sex: Sex | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


def answer(model: Model, recording: Recording, stated: Stated) -> Answer:
    """Prepare a recording and ask the model; raises `RecordFault` where it must not be asked."""
    recording = recording.with_stated(stated.age_days, stated.sex)
    recording = replace(recording, numbers={**recording.numbers, **stated.numbers})
    exam = prepared_recording.prepare(recording, model.recipe)
    return prediction_report.of(model, exam)


def numbers(given: Iterable[str], known: tuple[str, ...], place: str) -> dict[str, float]:
    """Read ``NAME=VALUE`` texts.

    Parameters
    ----------
    known : names that the model reads.
    place : where they were given, for messages.

    Raises
    ------
    PedecgError
        The model reads no such number, or it is none.
    """
    found = {}
    for one in given:
        name, _, text = one.partition("=")
        if name not in known:
            read = ", ".join(known) or "none"
            raise PedecgError(f"{place} {one}: the model reads no {name!r}; it reads {read}")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise PedecgError(f"{place} {one}: expected {name}=<number>")
        found[name] = value
    return found
