"""The files below a folder, as users keep them: linked folders, copies from a Mac, segments."""

import os
from collections.abc import Iterator
from pathlib import Path

from pedecg.cohorts.formats import wfdb_header

_FIRST_LINES = 4096  # bytes of a header that hold its record line


def below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, sorted by path; each folder once, links followed.

    AppleDouble files (``._r.hea``) and ``__MACOSX`` folders, which macOS adds to archives and
    foreign disks, hold no data and are ignored.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name != "__MACOSX")
        yield from (Path(place, file) for file in sorted(files) if not file.startswith("._"))


def segments_of(header: Path) -> tuple[str, ...]:
    """Return the names of a multi-segment WFDB record's segments; () for any other header."""
    with header.open("rb") as stream:
        text = stream.read(_FIRST_LINES).decode("latin-1")
    first = next((line for line in text.splitlines() if line.strip()[:1] not in ("", "#")), "")
    if "/" not in first.split(" ")[0]:
        return ()
    lines = header.read_bytes()[:1_000_000].decode("latin-1").splitlines()
    content = [line.split() for line in lines if line.strip()[:1] not in ("", "#")]
    if not wfdb_header.announces_segments(content[0][0], header.name):
        return ()
    return tuple(fields[0] for fields in content[1:])
