"""One record as ingest needs it: opened, compared with its row, every lead measured.

Separate from `pedecg.cohorts.ingest`, so that worker processes start without the tables.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

from pydantic import Field, field_validator

from pedecg.cohorts import ages, signal_files
from pedecg.cohorts.formats import lead_names
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import ALL_LEADS, LEADS, Sex
from pedecg.signals import padding, quality, signal_notes


class IngestSettings(quality.LeadLimits):
    """When a lead, a record or a whole cohort is refused."""

    max_quarantine_fraction: float = Field(
        ge=0,
        le=1,
        description="share of quarantined rows above which the stage fails, after the "
        "quarantine is written",
    )
    min_fs_hz: float = Field(
        gt=0,
        description="lowest sampling rate that resolves a QRS, Hz; a child's QRS reaches 40 Hz "
        "and more",
    )
    max_fs_hz: float = Field(
        gt=0,
        le=1e6,
        description="highest sampling rate of an ECG recorder, Hz; above it the header is wrong",
    )
    ignore_channels: list[str] = Field(
        description=(
            "channels that are no lead and may be left out, e.g. RESP; any other unknown "
            "channel quarantines its record"
        )
    )
    required_leads: list[str] = Field(
        description="a record without one of these, or with an unusable one, is quarantined; "
        "empty: it is used, with zeros and a mask there"
    )
    max_xml_mb: float = Field(
        gt=0, le=1000, description="largest vendor XML file read, MB; one of 10 s has 0.1 to 0.5"
    )

    @field_validator("required_leads")
    @classmethod
    def _canonical(cls, leads: list[str]) -> list[str]:
        unknown = [lead for lead in leads if lead not in ALL_LEADS]
        if unknown:
            raise ValueError(f"must be some of {' '.join(ALL_LEADS)} (found {unknown[0]!r})")
        return leads


@dataclass(frozen=True)
class CheckedRecord:
    """What ingest keeps of one record's signal; `quality` is in the order of `leads`.

    `age` and `sex` are what the file itself says; unknown where it says nothing. `examined` has
    the notes, see `signal_notes`. Padding around the recording counts in `n_samples` only.
    """

    fs_hz: float
    n_samples: int
    leads: tuple[str, ...]
    quality: quality.LeadQuality
    verified: bool
    digest: bytes
    age: ages.Age = ages.UNKNOWN
    sex: Sex | None = None
    examined: signal_notes.Examined | None = None


def decode(
    path: str, n_samples: int | None, n_leads: int | None, root: str, settings: IngestSettings
) -> CheckedRecord:
    """Open one record, compare it with what its row says, and measure every lead.

    Raises
    ------
    RecordFault
        The record cannot be used.
    """
    opened = signal_files.read(root, path, settings.max_xml_mb)
    found = opened.record
    unknown = [name for name in found.other_channels if name not in settings.ignore_channels]
    if unknown:
        shown = ", ".join(map(lead_names.shown, unknown))
        raise RecordFault("unknown-lead", f"{path}: channel {shown} (ingest.ignore_channels)")
    if not settings.min_fs_hz <= found.fs_hz <= settings.max_fs_hz:
        raise RecordFault(
            "unusable-rate",
            f"{path}: {found.fs_hz:g} Hz; expected {settings.min_fs_hz:g} to "
            f"{settings.max_fs_hz:g} (ingest.min_fs_hz, ingest.max_fs_hz)",
        )
    if n_samples not in (None, found.signal.shape[1]):
        raise RecordFault(
            "sample-count-mismatch", f"{path}: row {n_samples}, header {found.signal.shape[1]}"
        )
    of_the_twelve = sum(lead in LEADS for lead in found.leads)  # which some tables count
    if n_leads not in (None, len(found.leads), of_the_twelve):
        raise RecordFault(
            "lead-count-mismatch", f"{path}: row {n_leads}, header {len(found.leads)}"
        )
    found = padding.trimmed(found)
    measured = quality.lead_quality(found.signal, found.fs_hz, settings)
    if not measured.usable.any():
        flaws = Counter(measured.flaw)
        raise RecordFault("no-usable-lead", f"{path}: {counted(flaws) or 'no lead at all'}")
    flaw_of = dict(zip(found.leads, measured.flaw, strict=True))
    usable = {lead for lead, used in zip(found.leads, measured.usable, strict=True) if used}
    lacking = [lead for lead in settings.required_leads if lead not in usable]
    if lacking:
        detail = ", ".join(f"{lead} {flaw_of.get(lead) or 'absent'}" for lead in lacking)
        raise RecordFault("missing-lead", f"{path}: {detail} (ingest.required_leads)")
    return CheckedRecord(
        fs_hz=found.fs_hz,
        n_samples=opened.record.signal.shape[1],
        leads=found.leads,
        quality=measured,
        verified=found.verified,
        digest=hashlib.blake2b(found.signal.data, digest_size=16).digest(),
        age=ages.Age(opened.age_days, opened.age_below_days),
        sex=opened.sex,
        examined=signal_notes.examine(found, measured.usable),
    )


def decode_or_fault(
    wanted: tuple[str, int | None, int | None], root: str, settings: IngestSettings
) -> CheckedRecord | tuple[str, str]:
    """Return `decode` of (path, samples, leads), or the fault's reason and detail."""
    try:
        return decode(*wanted, root=root, settings=settings)
    except RecordFault as fault:
        return fault.reason, fault.detail


def counted(counts: dict[str, int]) -> str:
    """Say counts in words, the largest first: ``3 missing-header, 1 invalid-age``."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name}" for name, count in ranked)
