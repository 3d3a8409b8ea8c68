"""What a request sends: one file as the body, or the files of one record as a form.

Files are written into a folder of their own under names that the service chooses or has checked,
so that no name leads elsewhere, and the folder is removed with the request.
"""

import re
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.datastructures import Headers, QueryParams, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pedecg.cohorts import ages, signal_files
from pedecg.cohorts.formats import registry, wfdb_files
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex
from pedecg.service.messages import Job
from pedecg.web.bodies import HttpError

PARAMETERS = ("name", "exam", "age", "age_days", "sex", "number", "target", "form")
MOST_FILES = 40  # of one record; a WFDB record has a header and as many signal files as leads
_NAMELESS = "ecg"
_LONGEST_NAME, _LONGEST_SUFFIX = 200, 20  # bytes; file systems take 255
_LONGEST_EXAM, _LONGEST_AGE = 100, 40  # characters
_UNUSUAL = re.compile(r"[^\w .+-]")  # letters of any script, digits and what files' names hold
_SEXES: dict[str, Sex] = {"f": "female", "female": "female", "m": "male", "male": "male"}
_LONGEST_LIFE_DAYS = ages.OLDEST_DAYS


@dataclass(frozen=True)
class Upload:
    """The files of one record by name."""

    files: Mapping[str, bytes]


async def parse(headers: Headers, body: bytes, name: str | None) -> Upload:
    """Return the files of a request.

    Parameters
    ----------
    name : of the file that is the body; "" or None: nameless.

    Raises
    ------
    HttpError
        There is no file, there are too many, or two have one name.
    """
    if headers.get("content-type", "").split(";")[0].strip().lower() != "multipart/form-data":
        if not body:
            raise HttpError(400, "the body is empty; expected an ECG file", "no-file")
        return Upload({safe_name(name or _NAMELESS): body})

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(
            headers, stream(), max_files=MOST_FILES, max_fields=0, max_part_size=len(body)
        ).parse()
    except (MultiPartException, KeyError, ValueError, UnicodeError) as error:
        fault = error.message if isinstance(error, MultiPartException) else "no boundary"
        raise HttpError(400, f"unusable form: {fault}", "unusable-form") from None
    files: dict[str, bytes] = {}
    try:
        for _, part in form.multi_items():
            if not isinstance(part, UploadFile):
                continue
            known = safe_name(part.filename or _NAMELESS)
            if known in files:
                raise HttpError(400, f"two files are called {known}", "unusable-form")
            files[known] = await part.read()
    finally:
        await form.close()  # and its temporary files
    if not files:
        raise HttpError(400, "the form holds no file; expected the files of one ECG", "no-file")
    return Upload(files)


def safe_name(given: str) -> str:
    """Return the last part of a name without anything that leads elsewhere or is markup."""
    last = PurePosixPath(given.replace("\\", "/")).name
    plain = _UNUSUAL.sub("_", last).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not stem or len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, dot, suffix = plain, "", ""
    # A file system's limit is in bytes.
    longest = _LONGEST_NAME - len(suffix.encode()) - len(dot)
    stem = stem.encode()[:longest].decode(errors="ignore").strip(" .")
    return f"{stem}{dot}{suffix}" if stem else _NAMELESS


@contextmanager
def stored(upload: Upload, below: Path) -> Iterator[Path]:
    """Write the files into a new folder below `below`, and remove it in the end."""
    with tempfile.TemporaryDirectory(dir=below, ignore_cleanup_errors=True) as folder:
        for name, data in upload.files.items():
            Path(folder, name).write_bytes(data)
        yield Path(folder)


def job(upload: Upload, folder: Path, query: QueryParams, form: str) -> Job:
    """Return what a worker is to do.

    Raises
    ------
    HttpError
        The files are not those of one record, or a parameter cannot be used.
    """
    unknown = sorted(set(query) - set(PARAMETERS))
    if unknown:
        known = ", ".join(PARAMETERS)
        raise _unusable(f"unknown parameter {unknown[0][:40]!r}; expected {known}")
    opened = _opened(tuple(upload.files))
    record_id = signal_files.without_suffix(opened)
    exam = query.get("exam")
    if exam is not None:
        usable = len(exam) <= _LONGEST_EXAM and not set(exam) & set("/\0")
        if not usable or registry.examination(folder / f"{opened}#{exam}")[1] != exam:
            raise _unusable("exam: names an examination of an HDF5 file that holds several")
        opened = record_id = f"{opened}#{exam}"
    return Job(
        file=folder / opened,
        form=form,
        record_id=record_id,
        age_days=_age_days(query),
        sex=_sex(query.get("sex")),
        numbers=tuple(query.getlist("number")),
        target=query.get("target"),
    )


def _opened(names: Sequence[str]) -> str:
    headers = [name for name in names if name.lower().endswith(".hea")]
    if len(headers) == 1:
        return headers[0]
    if headers or len(names) > 1:
        raise HttpError(
            400,
            f"{len(names)} files, {len(headers)} of them headers (.hea); expected one file, or the "
            f"files of one {wfdb_files.NAME} record",
            "unusable-form",
        )
    return names[0]


def _age_days(query: QueryParams) -> float | None:
    age, days = query.get("age"), query.get("age_days")
    if age is not None and days is not None:
        raise _unusable("age and age_days: give one of them")
    if days is not None:
        try:
            value = float(days)
        except ValueError:
            value = -1.0
        if not 0 <= value <= _LONGEST_LIFE_DAYS:  # NaN is not in the range either
            raise _unusable(f"age_days: expected 0 to {_LONGEST_LIFE_DAYS} days")
        return value
    if age is None:
        return None
    if len(age) > _LONGEST_AGE:
        raise _unusable(f"age: {len(age)} characters; expected a number and its unit, as 7mo")
    if ages.has_no_unit(age):
        raise _unusable(f"age: {ages.ask(age)}")
    try:
        return float(ages.in_days(age))
    except RecordFault as fault:
        raise _unusable(f"age: {fault.detail}") from None


def _sex(given: str | None) -> Sex | None:
    if given is None:
        return None
    if given.lower() not in _SEXES:
        raise _unusable("sex: expected F, M, female or male")
    return _SEXES[given.lower()]


def _unusable(message: str) -> HttpError:
    return HttpError(400, message, "unusable-parameter")
