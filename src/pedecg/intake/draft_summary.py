"""What `pedecg manifest` prints: found, guessed, missing, open questions, the dry run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from pedecg.cohorts.record_faults import REASONS
from pedecg.intake.dry_run import DryRun, Refused
from pedecg.intake.found_files import FoundFiles
from pedecg.intake.manifest_draft import Draft


def text(
    found: FoundFiles, refused: Sequence[Refused], n_opened: int, draft: Draft, tried: DryRun
) -> str:
    """Return the summary, a block of lines for each part that has something to say."""
    left_out = f"Left out, {len(refused)} of {n_opened} recordings that were opened:"
    blocks = (
        (f"Found {len(found.recordings)} recordings:", _found(found)),
        (left_out, _refused(refused)),
        ("Guessed:", draft.guesses),
        ("Missing:", draft.missing),
        ("Questions:", draft.questions),
        (f"Dry run of {len(tried.records)} records, as ingest reads them:", _tried(tried)),
    )
    return "".join(_block(title, lines) for title, lines in blocks)


def _block(title: str, lines: Iterable[str]) -> str:
    listed = list(lines)
    return "\n".join([title, *(f"  {line}" for line in listed)]) + "\n\n" if listed else ""


def _found(found: FoundFiles) -> Iterator[str]:
    for form, count in sorted(Counter(one.form for one in found.recordings).items()):
        yield f"{count} {form}"
    for table in found.tables:
        yield f"table {table.file.name}: {len(table.rows)} rows, {table.dialect}"
    for fault in found.unreadable_tables:
        yield f"no table: {fault}"
    others = Counter(PurePosixPath(path).suffix or "without suffix" for path in found.other)
    if others:
        yield "other files: " + ", ".join(f"{n} {kind}" for kind, n in sorted(others.items()))


def _refused(refused: Sequence[Refused]) -> Iterator[str]:
    counts = Counter(one.reason for one in refused)
    for reason, count in sorted(counts.items(), key=lambda item: -item[1]):
        first = next(one for one in refused if one.reason == reason)
        yield f"{count} {reason} ({REASONS[reason]}), as {first.detail}"
    channels = dict.fromkeys(name for one in refused for name in one.unknown_channels)
    if channels:
        yield "to leave out channels of unknown names instead: " + " ".join(
            f"--ignore-channel {name!r}" for name in channels
        )


def _tried(tried: DryRun) -> Iterator[str]:
    yield from (f"{record_id}: {outcome}" for record_id, outcome in tried.records.items())
    for reason, count in tried.row_faults.items():
        yield f"{count} rows of the manifest in quarantine as {reason}: {REASONS[reason]}"
