"""What the server and its workers send each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pedecg.core.records import Sex


@dataclass(frozen=True)
class About:
    """What the server has to know of the model that the workers have loaded.

    Attributes
    ----------
    thresholds : None: no threshold, or classes of which exactly one holds.
    numbers : of the patient that the model reads in addition to age and sex.
    """

    model: str
    targets: tuple[str, ...]
    thresholds: tuple[float | None, ...]
    exclusive: bool
    numbers: tuple[str, ...]
    children: str
    leads: tuple[str, ...]
    use: str


@dataclass(frozen=True)
class Job:
    """One recording.

    Attributes
    ----------
    file : what is opened; the record's other files are in the same folder.
    record_id : as in the answer; None: as the file is called.
    form : a key of `content_choice.MEDIA_TYPES`.
    target : whose saliency map is drawn on a page; None: as `predict --plot` chooses.
    """

    file: Path
    form: str
    record_id: str
    age_days: float | None = None
    sex: Sex | None = None
    numbers: tuple[str, ...] = ()
    target: str | None = None


@dataclass(frozen=True)
class Done:
    """The answer as the body of a response, and what is counted of it.

    Attributes
    ----------
    flags : how many.
    quality : see `predict.prepared_recording.Exam`.
    """

    body: bytes
    probabilities: Mapping[str, float] = field(default_factory=dict)
    flags: int = 0
    quality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """Why there is no answer. `detail` is for the client: it may name the file."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Broken:
    """A fault of the program: the kind of the error and its place, never its text."""

    kind: str
    place: str


Reply = Done | Refused | Broken
