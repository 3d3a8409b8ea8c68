"""The files of one record, whatever their kind: WFDB, or a vendor's XML."""

from dataclasses import dataclass
from pathlib import Path

from pedecg.cohorts import vendor_xml, wfdb_files, wfdb_notes, xml_file
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import EcgRecord, Sex

# How files of records end; those that no row names are reported.
SUFFIXES = (*wfdb_files.SUFFIXES, vendor_xml.SUFFIX)


@dataclass(frozen=True)
class OpenedFile:
    """A record with what its own file says of the patient; None where it says nothing.

    `age_below_days` is of an age of 0 whole years, see `ages.Age`.
    """

    record: EcgRecord
    age_days: int | None = None
    sex: Sex | None = None
    age_below_days: int | None = None


def read(root: str | Path, path: str, max_xml_mb: float = xml_file.MAX_MB) -> OpenedFile:
    """Read the record at `path`, relative to `root`; a file's content says its kind.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`.
    """
    header = wfdb_files.inside(root, path)
    header = header.with_name(header.name + ".hea")
    file = Path(root, path)
    try:
        if not header.is_file() and not path.endswith(wfdb_files.SUFFIXES) and file.is_file():
            if not xml_file.looks_like_xml(file):
                raise RecordFault("malformed-xml", f"{file.name}: neither WFDB nor XML")
            ecg = vendor_xml.read(file, max_xml_mb)
            return OpenedFile(ecg.record, ecg.age_days, ecg.sex)
    except OSError as error:
        raise RecordFault("unreadable-file", f"{file.name[:60]}: {error.strerror}") from None
    if path.lower().endswith(vendor_xml.SUFFIX):
        raise RecordFault("missing-file", f"{file.name}: not found in {file.parent.name}")
    record = wfdb_files.read(root, path)
    patient = wfdb_notes.of_header(header, header.stem)
    return OpenedFile(record, patient.age.days, patient.sex, patient.age.below_days)


def without_suffix(path: str) -> str:
    """Return a path without the suffix of a record's file."""
    for suffix in SUFFIXES:
        if path.lower().endswith(suffix):
            return path[: -len(suffix)]
    return path
