"""The files of one record, whatever their kind: WFDB, or a single file of another format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pedecg.cohorts.formats import registry, wfdb_files
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import EcgRecord, Sex

# How files of records end; those that no row names are reported.
SUFFIXES = (*wfdb_files.SUFFIXES, *registry.SUFFIXES)


@dataclass(frozen=True)
class OpenedFile:
    """A record with the patient data of its own file; None where absent.

    `left_out` names channels that are not ECG, with their unit, as ``ABP (mmHg)``.
    `age_below_days` is of an age of 0 whole years, see `ages.Age`.
    """

    record: EcgRecord
    age_days: int | None = None
    sex: Sex | None = None
    left_out: tuple[str, ...] = ()
    age_below_days: int | None = None


def read(root: str | Path, path: str, max_xml_mb: float = registry.MAX_MB) -> OpenedFile:
    """Read the record at `path`, relative to `root`; a file's content says its kind.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`. Whatever is wrong with a file ends here.
    """
    found = guarded(lambda: _read(root, path, max_xml_mb), Path(path).name)
    if not found.calibrated:
        raise RecordFault(
            "implausible-scale",
            f"{Path(path).name[:60]}: {found.vendor}: amplitudes are in no known unit, or several "
            "times those of a heart",
        )
    return OpenedFile(found.record, found.age_days, found.sex, found.left_out, found.age_below_days)


def guarded(read: Callable[[], FileEcg], name: str) -> FileEcg:
    """Call `read`; whatever it raises on damaged bytes becomes a `RecordFault`.

    One file must not end a run over thousands. The fault gives the kind of the error alone, since
    its text may quote the file.
    """
    try:
        return read()
    except RecordFault:
        raise
    except OSError as error:
        detail = error.strerror or "the operating system refuses to read it"
        raise RecordFault("unreadable-file", f"{name[:60]}: {detail}") from None
    except Exception as error:
        raise RecordFault(
            "damaged-file", f"{name[:60]}: cannot be decoded ({type(error).__name__})"
        ) from None


def _read(root: str | Path, path: str, max_xml_mb: float) -> FileEcg:
    stem = wfdb_files.inside(root, path)
    file = Path(root, path)
    header = stem.with_name(stem.name + ".hea")
    if path.lower().endswith(wfdb_files.SUFFIXES) or header.is_file():
        return wfdb_files.read_channels(root, path)
    found = wfdb_files.existing(registry.examination(file)[0])
    if found is not None:
        return registry.read(file if "#" in file.name else found, max_xml_mb)
    if path.lower().endswith(registry.SUFFIXES):
        raise RecordFault("missing-file", f"{file.name}: not found in {file.parent.name}")
    return wfdb_files.read_channels(root, path)


def without_suffix(path: str) -> str:
    """Return a path without the suffix of a record's file."""
    for suffix in SUFFIXES:
        if path.lower().endswith(suffix):
            return path[: -len(suffix)]
    return path
