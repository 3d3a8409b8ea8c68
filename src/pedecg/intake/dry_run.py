"""Recordings of a draft read as ingest will read them: which are refused, and ten in pictures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np

from pedecg.cohorts import cohort_scan, manifest, record_check, signal_files
from pedecg.cohorts.cohort_scan import CohortRow
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_check import CheckedRecord, IngestSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import age_text, figures, parallel, params
from pedecg.intake.found_files import FoundRecording
from pedecg.plots import ecg_paper

# As in params.yaml, for a folder that is no pipeline; a test holds them equal.
DEFAULTS = IngestSettings(
    max_quarantine_fraction=0.05, min_fs_hz=80, max_fs_hz=20000, max_xml_mb=20,
    required_leads=[], ignore_channels=[], saturation_mv=12,
    max_saturated_fraction=0.1, flat_mv=0.02, flat_s=0.2,
    max_flat_fraction=0.5, max_gap_s=0.1, max_gap_fraction=0.02,
)  # fmt: skip
MOST_OPENED = 500  # recordings of a folder that are all opened without being asked: under a minute
T = TypeVar("T")
_FEW = 20  # recordings; starting processes takes longer than reading these


@dataclass(frozen=True)
class Refused:
    """A recording that ingest would quarantine, and why.

    `unknown_channels` are those for which it is refused; the user may let ingest ignore them.
    """

    recording: FoundRecording
    reason: str
    detail: str
    unknown_channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DryRun:
    """What ingest would do.

    Attributes
    ----------
    records : line by record id, of those that were drawn.
    row_faults : rows of the manifest that ingest quarantines before it opens a file, by reason.
    """

    records: dict[str, str]
    row_faults: dict[str, int]


def ingest_settings(ignore_channels: Sequence[str]) -> IngestSettings:
    """Return those of the pipeline in the working folder, or the defaults."""
    if not params.PARAMS_FILE.is_file() or "ingest" not in params.read_file():
        settings = DEFAULTS
    else:
        settings = params.load("ingest", IngestSettings)
    ignored = [*settings.ignore_channels, *ignore_channels]
    return settings.model_copy(update={"ignore_channels": list(dict.fromkeys(ignored))})


def opened(
    found: Sequence[FoundRecording], n_records: int, every: bool
) -> Sequence[FoundRecording]:
    """Return the recordings to open: all of a small folder, else `n_records` of all formats."""
    if every or len(found) <= MOST_OPENED:
        return found
    return _some_of_each(found, [one.form for one in found], n_records)


def refused(
    folder: Path, recordings: Sequence[FoundRecording], ingest: IngestSettings
) -> list[Refused]:
    """Open recordings and return those that ingest would quarantine."""
    work = partial(_opened, root=folder.as_posix(), ingest=ingest)
    if len(recordings) > _FEW:
        outcomes = list(parallel.records(work, recordings, "open"))
    else:
        outcomes = [work(one) for one in recordings]
    return [one for one in outcomes if one is not None]


def check(
    cohort: CohortSettings,
    forms: Mapping[str, str],
    n_records: int,
    pictures: Path,
    ingest: IngestSettings,
) -> DryRun:
    """Read the whole manifest, and open and draw `n_records` of it, some of each format.

    Parameters
    ----------
    forms : format by record id.
    pictures : folder of the drawings, ``RECORD.png``.

    Raises
    ------
    PedecgError
        The manifest cannot be read.
    """
    scan = manifest.scan_cohort(cohort)
    chosen = _some_of_each(scan.rows, [forms[row.record_id] for row in scan.rows], n_records)
    records = {}
    for row in chosen:
        try:
            records[row.record_id] = _drawn(row, cohort, ingest, pictures)
        except RecordFault as fault:
            records[row.record_id] = f"quarantine, {fault.reason}: {fault.detail}"
    faults = Counter(fault.reason for fault in scan.quarantined)
    return DryRun(records, dict(sorted(faults.items())))


def _some_of_each(items: Sequence[T], kinds: Sequence[str], n: int) -> list[T]:
    """Return items of every kind in turns, those of each spread over the list."""
    by_kind: dict[str, list[T]] = {}
    for item, kind in zip(items, kinds, strict=True):
        by_kind.setdefault(kind, []).append(item)
    spread = [group[:: max(1, len(group) // n)] for group in by_kind.values()]
    return [item for turn in zip_longest(*spread) for item in turn if item is not None][:n]


def _opened(one: FoundRecording, root: str, ingest: IngestSettings) -> Refused | None:
    outcome = record_check.decode_or_fault((one.path, None, None), root=root, settings=ingest)
    if isinstance(outcome, CheckedRecord):
        return None
    reason, detail = outcome
    unknown: tuple[str, ...] = ()
    if reason == "unknown-lead":
        others = signal_files.read(root, one.path, ingest.max_xml_mb).record.other_channels
        unknown = tuple(name for name in others if name not in ingest.ignore_channels)
    return Refused(one, reason, detail, unknown)


def _drawn(row: CohortRow, cohort: CohortSettings, ingest: IngestSettings, pictures: Path) -> str:
    """Draw one record, and return what ingest reads of it in one line."""
    found = record_check.decode(row.path, None, None, cohort.root, ingest)
    whole = cohort_scan.complete(row, found.age, found.sex, cohort)
    unusable = [
        lead for lead, used in zip(found.leads, found.quality.usable, strict=True) if not used
    ]
    age = "age unknown" if whole.age_days is None else age_text.in_words(whole.age_days)
    leads = "lead" if len(found.leads) == 1 else "leads"
    outcome = (
        f"{len(found.leads)} {leads}, {found.fs_hz:g} Hz, {found.n_samples / found.fs_hz:.1f} s, "
        f"{age}, {whole.sex or 'sex unknown'}"
    ) + (f", unusable: {' '.join(unusable)}" if unusable else "")
    record = signal_files.read(cohort.root, row.path, ingest.max_xml_mb).record
    known = np.nan_to_num(record.signal)  # a lead without values has no median
    figure = ecg_paper.draw(
        record.signal - np.median(known, axis=1, keepdims=True),
        record.fs_hz,
        record.leads,
        f"{row.record_id}: {outcome}",
        note="as in the file, not filtered",
    )
    figures.save(figure, pictures / f"{row.record_id}.png", cohort="", dpi=110)
    return outcome
