"""The recordings and tables below a folder, before any table says whose they are."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pedecg.cohorts import folder_files, recordings, signal_files
from pedecg.cohorts.formats import hdf5_file, registry, wfdb_files
from pedecg.core.errors import PedecgError
from pedecg.intake import table_dialects
from pedecg.intake.table_dialects import Table


@dataclass(frozen=True)
class FoundRecording:
    """A recording by its place.

    Attributes
    ----------
    path : relative to the folder, with the suffix of its file; ``FILE.hdf5#EXAM`` of several.
    form : its format in words.
    record_id : unique in the folder.
    """

    path: str
    form: str
    record_id: str = ""


@dataclass(frozen=True)
class FoundFiles:
    """What lies below a folder: recordings by path, tables, and files that are neither."""

    recordings: tuple[FoundRecording, ...]
    tables: tuple[Table, ...]
    unreadable_tables: tuple[str, ...]
    other: tuple[str, ...]

    def without(self, recordings: Collection[FoundRecording]) -> "FoundFiles":
        """Return the same without some recordings."""
        left_out = {one.path for one in recordings}
        kept = tuple(one for one in self.recordings if one.path not in left_out)
        return replace(self, recordings=kept)

    def without_table(self, file: Path) -> "FoundFiles":
        """Return the same without a table, as an earlier draft."""
        return replace(self, tables=tuple(one for one in self.tables if one.file != file))


def search(folder: Path) -> FoundFiles:
    """List a folder; signals are not decoded.

    Raises
    ------
    PedecgError
        The folder is absent or holds no recording.
    """
    if not folder.is_dir():
        raise PedecgError(f"{folder}: no such folder; expected one of ECG files")
    found: list[FoundRecording] = []
    used: set[Path] = set()
    for place in recordings.walk(folder):
        used.add(place.path)
        found += _recordings(place.path, folder)
    if not found:
        raise PedecgError(f"{folder}: no recording in it; see docs/formats.md for what is read")
    tables, faults, other = [], [], []
    stems = {path.with_suffix("") for path in used if _is_wfdb(path)}
    for path in folder_files.below(folder):
        if path in used or (_is_wfdb(path) and path.with_suffix("") in stems):
            continue
        shown = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in table_dialects.SUFFIXES:
            other.append(shown)
            continue
        try:
            tables.append(table_dialects.read(path))
        except PedecgError as fault:
            faults.append(str(fault))
    return FoundFiles(_named(found), tuple(tables), tuple(faults), tuple(other))


def _is_wfdb(path: Path) -> bool:
    return path.suffix.lower() in wfdb_files.SUFFIXES


def _recordings(path: Path, folder: Path) -> list[FoundRecording]:
    shown = path.relative_to(folder).as_posix()
    if _is_wfdb(path):
        header = wfdb_files.header_file(path.with_suffix(""))
        return [FoundRecording(shown if header is None else _beside(shown, header), "WFDB")]
    try:
        form = registry.format_of(path)
        exams = hdf5_file.examinations(path) if path.suffix.lower() in hdf5_file.SUFFIXES else []
    except OSError:
        return [FoundRecording(shown, "unreadable")]
    name = "of no known format" if form is None else form.name
    if form is registry.XML:
        name = _xml_kind(path)
    return [FoundRecording(f"{shown}#{exam}", name) for exam in exams] or [
        FoundRecording(shown, name)
    ]


def _beside(shown: str, header: Path) -> str:
    return str(Path(shown).with_name(header.name).as_posix())


def _xml_kind(path: Path) -> str:
    """Name an XML format by its root element."""
    with path.open("rb") as stream:
        start = stream.read(4096).replace(b"\0", b"")  # as registry's; UTF-16 without its zeros
    match = re.search(rb"<([A-Za-z][\w.]*)[\s>/]", start)
    return f"XML <{match[1].decode('ascii')}>" if match else "XML"


def _named(found: list[FoundRecording]) -> tuple[FoundRecording, ...]:
    """Name each recording by its path without suffix, and with it where two would be one."""
    names = [_flat(signal_files.without_suffix(one.path)) for one in found]
    times = Counter(names)
    whole = [
        _flat(one.path.replace(".", "_")) if times[name] > 1 else name
        for one, name in zip(found, names, strict=True)
    ]
    again = Counter(whole)
    unique = [
        f"{name}_{number}" if again[name] > 1 else name
        for number, name in enumerate(whole, start=1)
    ]
    return tuple(
        FoundRecording(one.path, one.form, name) for one, name in zip(found, unique, strict=True)
    )


def _flat(path: str) -> str:
    return path.replace("/", "_").replace("#", "_")
