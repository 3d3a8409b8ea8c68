"""Archives of a data set, unpacked whole or not at all.

An archive is untrusted: a path outside the folder, a link, a device, the same path twice, or
more bytes than the disk or any real compression allows is refused before a file is written. Files
are written to a folder of their own and moved to their names when the whole archive was read and
its checksums agreed.
"""

import gzip
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pedecg.core import atomic_files
from pedecg.core.errors import PedecgError
from pedecg.downloads import http_file

SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")
MOST_FILES = 5_000_000  # MIMIC-IV-ECG has 1.6 million
MOST_TIMES = 200  # unpacked over packed bytes; ECGs shrink 2 to 10 times, bombs 1,000 and more
SMALL_BYTES = 10_000_000  # up to which the ratio is of no matter
_CHUNK = 1 << 20  # bytes
_PART = re.compile(r"\.z(\d\d+)$", re.IGNORECASE)  # of a split zip: .z01, .z02, …, .zip
_ENCRYPTED = 0x1  # flag of a member of a zip
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError,
    NotImplementedError, struct.error, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file in an archive; `source` is what the archive's library calls it."""

    path: str
    size: int
    source: zipfile.ZipInfo | tarfile.TarInfo


def is_archive(path: str) -> bool:
    """Return whether a name is that of an archive, the last part of a split one."""
    return path.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, kept: Sequence[str] = ()) -> list[Path]:
    """Unpack an archive into a folder; return the files, relative to it, sorted.

    Parameters
    ----------
    archive : ``.zip``, also split (with ``.z01`` and so on), ``.tar.gz``, ``.tgz``, ``.tar``.
    kept : paths in the folder that no archive may replace.

    Raises
    ------
    PedecgError
        The archive is broken, encrypted, refused as above, or does not fit on the disk; no file of
        it is in its place then.
    """
    packed = sum(part.stat().st_size for part in _parts(archive))
    try:
        with _opened(archive) as opened:
            members = list(_members(opened, archive))
            _require_sane(members, packed, archive, kept)
            http_file.require_space(folder, sum(member.size for member in members))
            with atomic_files.temporary_folder(folder / f"{archive.name}.unpacked") as partial:
                for member in members:
                    _write(opened, member, partial / member.path, archive)
                _read_to_end(opened)
                for member in members:
                    _place(partial / member.path, folder / member.path)
    except _BROKEN as error:
        raise PedecgError(f"{archive}: broken archive ({_line(error)}); delete it and fetch "
                          "it again") from None  # fmt: skip
    except OSError as error:
        raise PedecgError(f"{archive}: cannot be unpacked ({_line(error)})") from None
    return sorted(Path(member.path) for member in members)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    if not archive.name.lower().endswith(".zip"):
        with tarfile.open(archive, "r:*") as tar:
            yield tar
        return
    parts = _parts(archive)
    with _Joined(parts) as joined, zipfile.ZipFile(joined) as opened:
        if len(parts) > 1:  # places count from the start of a part, and a file names its part
            for info in opened.infolist():
                info.header_offset += joined.starts[info.volume] - joined.starts[-1]
        yield opened


def _parts(archive: Path) -> list[Path]:
    """Return the parts of a split zip in their order, the archive last."""
    if not archive.name.lower().endswith(".zip"):
        return [archive]
    stem = archive.name[: -len(".zip")]
    numbered = {
        int(match[1]): file
        for file in archive.parent.iterdir()
        if (match := _PART.search(file.name)) and file.name[: match.start()] == stem
    }
    missing = set(range(1, max(numbered, default=0) + 1)) - set(numbered)
    if missing:
        raise PedecgError(f"{archive}: part .z{min(missing):02d} of it is not there")
    return [*(numbered[number] for number in sorted(numbered)), archive]


class _Joined(io.RawIOBase):
    """Files end to end, read as one.

    Attributes
    ----------
    starts : where each begins.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files: list[IO[bytes]] = [file.open("rb") for file in files]
        sizes = [file.stat().st_size for file in files]
        self.starts = [sum(sizes[:k]) for k in range(len(sizes))]
        self._size, self._at = sum(sizes), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        if self._at < 0:
            raise OSError("a place before the start")
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = self._size - self._at if size is None or size < 0 else size
        found = []
        while left > 0 and self._at < self._size:
            number = max(k for k, start in enumerate(self.starts) if start <= self._at)
            self._files[number].seek(self._at - self.starts[number])
            piece = self._files[number].read(left)
            if not piece:  # an empty part, or one that was cut since
                break
            found.append(piece)
            self._at += len(piece)
            left -= len(piece)
        return b"".join(found)

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


def _members(opened: zipfile.ZipFile | tarfile.TarFile, archive: Path) -> Iterator[Member]:
    """Yield the files of an archive; whatever is neither file nor folder is refused."""
    if isinstance(opened, tarfile.TarFile):
        for number, info in enumerate(opened):
            if number >= MOST_FILES:
                raise PedecgError(f"{archive}: over {MOST_FILES:,} files; refused")
            if not (info.isfile() or info.isdir()):
                raise PedecgError(f"{archive}: holds a link or device, {info.name!r}; refused")
            if info.isfile():
                yield Member(_inside(info.name, archive), info.size, info)
        return
    for entry in opened.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise PedecgError(f"{archive}: holds a link or device, {entry.filename!r}; refused")
        if entry.flag_bits & _ENCRYPTED:
            raise PedecgError(f"{archive}: {entry.filename!r} is encrypted; unpack it by hand")
        if not entry.is_dir():
            yield Member(_inside(entry.filename, archive), entry.file_size, entry)


def _inside(name: str, archive: Path) -> str:
    """Return a member's path; one outside the folder is refused."""
    path = PurePosixPath(name)
    wrong = path.is_absolute() or ".." in path.parts or not path.parts
    if wrong or re.search(r"[\\\x00-\x1f]|^[A-Za-z]:", name):
        raise PedecgError(f"{archive}: holds {name!r}, a path out of its folder; refused")
    return path.as_posix()


def _require_sane(
    members: Sequence[Member], packed: int, archive: Path, kept: Sequence[str]
) -> None:
    paths = {member.path for member in members}
    if not members:
        raise PedecgError(f"{archive}: holds no file")
    if len(members) > MOST_FILES:
        raise PedecgError(f"{archive}: {len(members):,} files; refused above {MOST_FILES:,}")
    if len(paths) < len(members):
        raise PedecgError(f"{archive}: holds a path twice; refused")
    replaced = paths & {*kept, archive.name}
    if replaced:
        raise PedecgError(f"{archive}: would replace {min(replaced)}; refused")
    unpacked = sum(member.size for member in members)
    if unpacked > max(SMALL_BYTES, MOST_TIMES * packed):
        raise PedecgError(
            f"{archive}: {unpacked:,} bytes unpacked, {unpacked // max(packed, 1):,} times as many "
            f"as packed; refused above {MOST_TIMES}"
        )


def _write(
    opened: zipfile.ZipFile | tarfile.TarFile, member: Member, target: Path, archive: Path
) -> None:
    """Write one member; a library checks its CRC at the end, where the format has one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source = (
        opened.extractfile(member.source)  # type: ignore[arg-type]
        if isinstance(opened, tarfile.TarFile)
        else opened.open(member.source)  # type: ignore[arg-type]
    )
    if source is None:
        raise tarfile.ReadError(f"{member.path} is no file")
    left = member.size
    with source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise PedecgError(f"{archive}: {member.path} is longer than stated; refused")
            file.write(chunk)
    if left:
        raise EOFError(f"{member.path} ends {left} bytes early")
    target.chmod(0o644)


def _read_to_end(opened: zipfile.ZipFile | tarfile.TarFile) -> None:
    """Read what follows the last file of a tar: gzip checks its CRC at the very end."""
    if isinstance(opened, tarfile.TarFile) and opened.fileobj is not None:
        while opened.fileobj.read(_CHUNK):
            pass


def _place(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
