"""Download of a data set: its list of files, then each file, checked against that list.

Archives are unpacked into the data set's folder, as their own paths say.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.downloads import archives, http_file, listings
from pedecg.downloads.data_sets import DataSet
from pedecg.downloads.listings import RemoteFile

SOURCE = "SOURCE.txt"  # in the data set's folder: address, DOI, licence, citation
CHECKSUMS = "fetched.csv"  # there: SHA-256 of every file, and whether the publisher states one
UNPACKED = "unpacked.csv"  # there: every file that came out of an archive, and its size
_GIGABYTE = 1e9  # bytes


@dataclass(frozen=True)
class Fetched:
    """What is there now.

    Attributes
    ----------
    files : downloaded.
    unchecked : of them without a published checksum.
    unpacked : files that came out of the archives among them.
    """

    files: int
    unchecked: int
    unpacked: int = 0


def described(name: str, data_set: DataSet) -> str:
    """Return what a user must know before a download, in lines."""

    def or_unknown(value: str | None) -> str:
        return value if value is not None else f"unknown here; see {data_set.address}"

    size = "unknown" if data_set.size_gb is None else f"{data_set.size_gb:g} GB"
    return "\n".join(
        [
            f"{name}: {data_set.title}",
            f"version: {data_set.version or 'unknown'}",
            f"address: {data_set.address}",
            f"DOI: {or_unknown(data_set.doi)}",
            f"paper: {or_unknown(data_set.paper)}",
            f"licence: {or_unknown(data_set.licence)}",
            f"citation: {data_set.citation}",
            f"layout: {data_set.layout}",
            f"size: {size}",
        ]
    )


def fetch(
    name: str,
    data_set: DataSet,
    folder: Path,
    only: Sequence[str] = (),
    base: Sequence[str] = (),
    time_limit_s: float = http_file.TIME_LIMIT_S,
    progress: bool = False,
    say: Callable[[str], None] = print,
    unpack: bool = True,
) -> Fetched:
    """Bring the files of a data set into a folder; those that are there are checked.

    The folder also gets `SOURCE` and `CHECKSUMS`. A file whose checksum nobody publishes is taken
    as it comes; its own is recorded.

    Parameters
    ----------
    only : patterns of paths (``records100/*``); none: all files.
    base : other addresses of the files, tried before those of the registry.
    time_limit_s : for everything together, in seconds.
    say : called with a line now and then.
    unpack : unpack archives that are not unpacked yet.

    Raises
    ------
    PedecgError
        As `http_file.fetch` and `archives.unpack`; the files that came before stay, and the next
        call continues. Also where no path fits `only`, or the disk lacks the space.
    """
    limits = http_file.Limits.of(time_limit_s)
    folder.mkdir(parents=True, exist_ok=True)
    with tables.replacing(folder / SOURCE) as temporary:
        temporary.write_text(described(name, data_set) + "\n", encoding="utf-8")
    found = _listed(data_set, folder, list(base), limits)
    wanted = [one for one in found if not only or any(fnmatchcase(one.path, p) for p in only)]
    if not wanted:
        raise PedecgError(f"{name}: no file fits {', '.join(only)}; the first is {found[0].path}")
    _require_space(folder, wanted, data_set, every=not only)
    say(f"{len(wanted)} files, {_known_size(wanted)}")
    rows = []
    for number, one in enumerate(wanted, start=1):
        say(f"{number}/{len(wanted)} {one.path}")
        digest = http_file.fetch(
            one.urls, folder / one.path, one.checksum, limits, progress, one.size
        )
        rows.append((one.path, digest, (one.checksum or "").partition(":")[0] or "none"))
    _record(folder / CHECKSUMS, rows)
    packed = {path: digest for path, digest, _ in rows if unpack and archives.is_archive(path)}
    unpacked = sum(_unpacked(folder, path, digest, say) for path, digest in packed.items())
    return Fetched(len(wanted), sum(one.checksum is None for one in wanted), unpacked)


def _unpacked(folder: Path, archive: str, digest: str, say: Callable[[str], None]) -> int:
    """Unpack an archive unless all that it holds is there; return the number of its files."""
    record = folder / UNPACKED
    known = _rows(record)
    of_it = [row for row in known if row[:2] == [archive, digest]]
    if of_it and all(_has_size(folder / path, size) for *_, path, size in of_it):
        return len(of_it)
    say(f"unpack {archive}")
    kept = (SOURCE, CHECKSUMS, UNPACKED, *(row[0] for row in _rows(folder / CHECKSUMS)))
    found = archives.unpack(folder / archive, (folder / archive).parent, kept)
    base = Path(archive).parent
    rows = [
        [archive, digest, (base / path).as_posix(), str((folder / base / path).stat().st_size)]
        for path in found
    ]
    _write(
        record,
        ["archive", "sha256", "path", "bytes"],
        sorted([*(row for row in known if row[0] != archive), *rows]),
    )
    return len(rows)


def _has_size(file: Path, size: str) -> bool:
    return file.is_file() and str(file.stat().st_size) == size


def _listed(
    data_set: DataSet, folder: Path, base: list[str], limits: http_file.Limits
) -> list[RemoteFile]:
    """Download the list of files anew: one of an earlier call may be of an earlier version."""
    kind = data_set.listing.kind
    found: list[RemoteFile] = []
    for number, url in enumerate(data_set.listing.urls):
        file = folder / f".listing_{number}"
        file.unlink(missing_ok=True)
        name = url.rpartition("/")[2].partition("?")[0]
        mirrors = [mirror + name for mirror in base] if kind == "sha256sums" else []
        http_file.fetch([*mirrors, url], file, None, limits)
        text = file.read_text(encoding="utf-8", errors="replace")
        file.unlink()
        found += listings.parse(kind, text, url, [*base, *data_set.base])
    return [_as_known(one, data_set) for one in found]


def _as_known(one: RemoteFile, data_set: DataSet) -> RemoteFile:
    """Hold a file of the list against the registry, which may know its checksum."""
    known = data_set.checksums.get(one.path)
    if known is None:
        return one
    same_kind = one.checksum is not None and one.checksum.split(":")[0] == known.split(":")[0]
    if same_kind and one.checksum != known:
        raise PedecgError(
            f"{one.path}: published with {one.checksum}; the registry knows {known}: another "
            "version, or not the file"
        )
    return replace(one, checksum=known)


def _require_space(
    folder: Path, wanted: Sequence[RemoteFile], data_set: DataSet, every: bool
) -> None:
    missing = [one for one in wanted if not (folder / one.path).is_file()]
    needed = sum(one.size or 0 for one in missing)
    if every and len(missing) == len(wanted) and all(one.size is None for one in wanted):
        needed = round((data_set.size_gb or 0) * _GIGABYTE)
    http_file.require_space(folder, needed)


def _known_size(wanted: Sequence[RemoteFile]) -> str:
    sizes = [one.size for one in wanted]
    known = sum(size for size in sizes if size is not None)
    return f"{known / _GIGABYTE:.2f} GB" if None not in sizes else "sizes not published"


def _record(file: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add files to the record of those that are there."""
    known = {row[0]: row for row in _rows(file)} | {row[0]: list(row) for row in rows}
    _write(file, ["path", "sha256", "published_checksum"], [known[path] for path in sorted(known)])


def _rows(file: Path) -> list[list[str]]:
    """Return the rows of a table without its header; none where there is no file."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


def _write(file: Path, header: list[str], rows: list[list[str]]) -> None:
    with (
        tables.replacing(file) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
