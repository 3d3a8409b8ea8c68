"""The forms of an answer: JSON as `predict --json` writes it, FHIR, and a page as PNG or PDF."""

import json
import math
from collections.abc import Callable

from pedecg.cohorts import recordings
from pedecg.cohorts.recordings import RecordingPath
from pedecg.predict import answer_recording, prediction_page, prediction_report
from pedecg.predict.loaded_model import Model
from pedecg.predict.prediction_report import Answer
from pedecg.service import fhir_report
from pedecg.service.messages import About, Done, Job

Writer = Callable[[Answer, Model, str | None], bytes]

# Form, see `content_choice.MEDIA_TYPES` -> what makes the body of the answer, the model and the
# target of the page's map.
WRITERS: dict[str, Writer] = {
    "json": lambda answer, *_: prediction_report.as_json_text(answer).encode(),
    "fhir": lambda answer, *_: json.dumps(fhir_report.report(answer)).encode(),
    "png": lambda answer, model, target: prediction_page.rendered(answer, model, "png", target),
    "pdf": lambda answer, model, target: prediction_page.rendered(answer, model, "pdf", target),
}


def about(model: Model) -> About:
    """Return what the server has to know of a model."""
    cuts = model.fitted.thresholds(model.seed)
    known = [None if math.isnan(cut) or model.fitted.exclusive else float(cut) for cut in cuts]
    return About(
        model=model.name,
        targets=model.targets,
        thresholds=tuple(None if cut is None else min(cut, 2.0) for cut in known),
        exclusive=model.fitted.exclusive,
        numbers=model.recipe.numbers,
        children=model.children,
        leads=tuple(model.recipe.about["leads"]),
        use=prediction_report.USE,
    )


def done(job: Job, model: Model) -> Done:
    """Read a recording, ask the model and write the answer.

    Raises
    ------
    RecordFault
        The file holds no ECG that the model may be asked about.
    PedecgError
        The model reads no such number.
    """
    stated = answer_recording.Stated(
        job.age_days,
        job.sex,
        answer_recording.numbers(job.numbers, model.recipe.numbers, "number"),
    )
    # Not by `recordings.find`: no table that lies in a folder above may say whose ECG this is.
    recording = recordings.read(RecordingPath(job.record_id, job.file))
    answer = answer_recording.answer(model, recording, stated)
    return Done(
        WRITERS[job.form](answer, model, job.target),
        dict(zip(answer.targets, answer.probabilities, strict=True)),
        len(answer.flags),
        dict(answer.exam.quality),
    )
