"""Labels of a record from the annotations of its beats, WFDB annotation files (``.atr``).

An annotation is ``symbol``, or ``symbol text`` where it has a text (``X AVNRT``). A record whose
beats were annotated throughout has a label where at least one of its annotations is there, and is
negative where none is.
"""

from pathlib import Path

from pedecg.cohorts.public_description import Annotations
from pedecg.cohorts.record_faults import RecordFault

_LARGEST = 50_000_000  # bytes; a day of beats has 500,000


def labels(stem: Path, described: Annotations) -> dict[str, int | None]:
    """Return 1 present, 0 absent or None unknown for every label.

    All are unknown without an annotation file. A text that the description does not know leaves
    those labels unknown that distinguish texts of this symbol.

    Parameters
    ----------
    stem : place of the record, without suffix.

    Raises
    ------
    RecordFault
        damaged-file: the annotation file cannot be read.
    """
    file = stem.with_name(f"{stem.name}.{described.extension}")
    if not file.is_file():
        return dict.fromkeys(described.labels)
    found = _read(file, stem, described.extension)
    listed = {one for many in described.labels.values() for one in many} | set(described.others)
    unclear = {one.split(" ", 1)[0] for one in found if " " in one and one not in listed}
    answers: dict[str, int | None] = {}
    for name, ones in described.labels.items():
        undecided = {one.split(" ", 1)[0] for one in ones if " " in one} & unclear
        present = not found.isdisjoint(ones)
        answers[name] = 1 if present else None if undecided or not found else 0
    return answers


def _read(file: Path, stem: Path, extension: str) -> set[str]:
    """Return the distinct annotations of a file."""
    import wfdb

    if file.stat().st_size > _LARGEST:
        raise RecordFault("oversized-file", f"{file.name}: larger than annotations of a day")
    try:
        annotation = wfdb.rdann(str(stem), extension)
    except Exception:  # wfdb raises whatever a damaged file leads to
        raise RecordFault("damaged-file", f"{file.name}: cannot be read") from None
    pairs = set(zip(annotation.symbol, annotation.aux_note, strict=True))
    # A symbol that the format does not know (X) is defined in the file, or stands in a comment.
    words = ((symbol.replace('"', ""), text.strip("\0 ")) for symbol, text in pairs)
    return {f"{symbol} {text}".strip() for symbol, text in words}
