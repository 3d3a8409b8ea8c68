"""Every ECG format of a single file: how it is recognised, its reader and its limits.

WFDB records consist of several files and are opened by name (`wfdb_files`); all other formats are
rows of `FORMATS` and are recognised by their content, never by the suffix alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pedecg.cohorts.formats import (
    dicom,
    edf,
    fhir,
    file_ecg,
    hdf5_file,
    ishne,
    kardia,
    mfer,
    scp,
    text_file,
    vendor_xml,
    xml_file,
)
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault

MAX_MB = 20.0  # vendors' files hold 10 s in 0.1 to 0.5 MB
_MEGABYTE = 1_000_000  # bytes
_PEAKS = 0.998  # quantile of the deflections that a QRS reaches
_FLAT_MV, _TALLEST_MV = 0.02, 4.0  # of the median lead; with hypertrophy hearts reach 3
_START = 4096  # bytes of a file that tell its format


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    suffixes : that its files usually have, in lower case; a folder is searched for them.
    recognises : says from a file's first 4,096 bytes whether it is of this kind.
    read : opens one; raises `RecordFault`.
    max_mb : a larger file is refused unread; None: the limit of the caller, `ingest.max_xml_mb`.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    read: Callable[[Path], FileEcg]
    max_mb: float | None = None


XML = Format(vendor_xml.NAMES, (".xml",), xml_file.starts_with_tag, vendor_xml.read)
# In the order in which they are tried: the surest signs first.
FORMATS: tuple[Format, ...] = (
    XML,
    Format(dicom.NAME, dicom.SUFFIXES, dicom.recognises, dicom.read),
    Format(
        hdf5_file.NAME, hdf5_file.SUFFIXES, hdf5_file.recognises, hdf5_file.read, hdf5_file.MAX_MB
    ),
    Format(ishne.NAME, ishne.SUFFIXES, ishne.recognises, ishne.read, ishne.MAX_MB),
    Format(edf.NAME, edf.SUFFIXES, edf.recognises, edf.read, edf.MAX_MB),
    Format(scp.NAME, scp.SUFFIXES, scp.recognises, scp.read),
    Format(kardia.NAME, kardia.SUFFIXES, kardia.recognises, kardia.read),
    Format("HL7 FHIR JSON", (".json",), fhir.recognises, fhir.read_json),
    Format(mfer.NAME, mfer.SUFFIXES, mfer.recognises, mfer.read),
    Format(text_file.NAME, text_file.SUFFIXES, text_file.recognises, text_file.read),
)
VAGUE_SUFFIXES = (
    ".csv",
    ".txt",
    ".tsv",
    ".json",
    ".ecg",
    ".h5",
    ".hdf5",
    ".rec",
)  # of other files too: their content tells
SUFFIXES = tuple(dict.fromkeys(suffix for form in FORMATS for suffix in form.suffixes))


def read(file: str | Path, max_mb: float = MAX_MB) -> FileEcg:
    """Read one file of any format but WFDB.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`; no message quotes what a file says of a person.
    """
    file, exam = examination(Path(file))
    name = file.name[:60]
    try:
        form = format_of(file)
        if form is None:
            reason = "malformed-xml" if file.suffix.lower() == ".xml" else "unknown-vendor"
            raise RecordFault(reason, f"{name}: unknown ECG format; expected {kinds()}")
        size, most = file.stat().st_size / _MEGABYTE, max(max_mb, form.max_mb or 0)
        if size > most:
            raise RecordFault(
                "oversized-file",
                f"{name}: {size:.1f} MB; expected at most {most:g} (ingest.max_xml_mb)",
            )
        if exam is not None:
            return _checked(hdf5_file.read(file, exam))
        return _checked(form.read(file))
    except FileNotFoundError:
        raise RecordFault("missing-file", f"{name}: not found in {file.parent.name}") from None
    except OSError as error:
        detail = error.strerror or "the operating system refuses to read it"
        raise RecordFault("unreadable-file", f"{name}: {detail}") from None
    except RecordFault:
        raise
    except Exception as error:
        # Libraries raise anything on damaged bytes. Their texts may quote the file: not passed on.
        detail = type(error).__name__
        raise RecordFault("damaged-file", f"{name}: cannot be decoded ({detail})") from None


def examination(path: Path) -> tuple[Path, str | None]:
    """Split ``exams_part0.hdf5#1169160`` into the file and the examination named, or None."""
    name, mark, exam = path.name.rpartition("#")
    if mark and name.lower().endswith(hdf5_file.SUFFIXES) and not path.is_file():
        return path.with_name(name), exam
    return path, None


def _checked(found: FileEcg) -> FileEcg:
    """Remove a calibration pulse, and mark an implausible scale as unknown.

    Converters write scales that are wrong by a factor: an ECG whose leads together reach several
    times what any heart does keeps its times, and its amplitudes count as not calibrated.
    """
    found = file_ecg.without_pulse(found)
    middle = np.nanmedian(found.signal, axis=1, keepdims=True) if found.signal.size else 0.0
    heights = np.nanquantile(np.abs(found.signal - middle), _PEAKS, axis=1)
    heights = heights[heights > _FLAT_MV]
    if heights.size and float(np.median(heights)) > _TALLEST_MV:
        return replace(found, calibrated=False)
    return found


def format_of(file: Path) -> Format | None:
    """Return the format of a file, by its first bytes, or None."""
    with file.open("rb") as stream:
        start = stream.read(_START)
    return next((form for form in FORMATS if form.recognises(start)), None)


def kinds() -> str:
    """Name every format, for messages."""
    return ", ".join(form.name for form in FORMATS)
