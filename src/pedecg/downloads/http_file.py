"""Download of one large file: complete and checked under its final name, or absent.

What arrives is written next to the final name (``.NAME.part``). A transfer that breaks off is
continued by the next attempt or call where the server says by a validator (ETag or Last-Modified)
that the file is still the same one; otherwise it starts again from the beginning.
"""

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pedecg.core import checksums
from pedecg.core.errors import PedecgError

TIME_LIMIT_S = 3600.0  # of a whole download; a server that sends a byte a minute is given up
ATTEMPTS = 5  # on one address: of a transfer that can be continued, or of a server that is busy
_SILENCE_S = 60  # without any byte
_PAUSE_S = 2.0  # before another attempt, where the server names no time
_CHUNK = 1 << 16  # bytes
_SPARE_BYTES = 100_000_000  # that a download leaves free on the disk
_DIGITS = {"sha256": 64, "md5": 32}  # hexadecimal digits of each kind of checksum
_HTML = (b"<!doctype html", b"<html")  # how an error page begins that is sent with status 200
_BUSY = (429, 503)  # HTTP: too many requests, service unavailable
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Limits:
    """When downloads end: at `deadline`, by the clock of `time.monotonic`, after `total_s`."""

    deadline: float
    total_s: float

    @classmethod
    def of(cls, seconds: float) -> "Limits":
        """Return limits that end so many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - time.monotonic())


class _TryAgain(Exception):  # noqa: N818 - the server is at fault, and may answer later
    """The attempt failed in a way that another attempt may not; `pause_s` before it.

    `from_start` : another attempt makes sense without anything to continue.
    """

    def __init__(self, detail: str, pause_s: float | None = None, from_start: bool = False) -> None:
        super().__init__(detail)
        self.pause_s = _PAUSE_S if pause_s is None else pause_s
        self.from_start = from_start


def fetch(
    url: str | Sequence[str],
    path: str | Path,
    checksum: str | None = None,
    time_limit_s: float | Limits = TIME_LIMIT_S,
    progress: bool = False,
    size: int | None = None,
) -> str:
    """Download a file over HTTP and return its SHA-256; an existing file is only checked.

    Several processes may fetch one file at once: one downloads, the others wait.

    Parameters
    ----------
    url : its address, or several of the same file, tried in order.
    checksum : ``sha256:…`` or ``md5:…``, in hexadecimal; bare digits are SHA-256; None accepts any
        content.
    time_limit_s : for the whole download, in seconds.
    progress : show a progress bar on standard error.
    size : bytes, where they are published.

    Raises
    ------
    PedecgError
        No address gives the file: the server cannot be reached, answers with an error, an empty
        file or a web page, breaks the transfer off or exceeds the time limit; or the file has
        another checksum or size, or the disk lacks the space. Nothing stands under the final name
        then; an existing file of another checksum stays as it is.
    """
    addresses = [url] if isinstance(url, str) else list(url)
    for address in addresses:
        if not address.startswith(("https://", "http://")):
            raise PedecgError(f"{address}: not an address of a file; expected https://…")
    wanted = _checksum(checksum)
    limits = time_limit_s if isinstance(time_limit_s, Limits) else Limits.of(time_limit_s)
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path, limits):
            if path.is_file():
                return _existing(path, wanted)
            return _first_that_has_it(_Download(path, wanted, size, limits, progress), addresses)
    except OSError as error:
        raise PedecgError(f"{path}: cannot be written ({_line(error)})") from None


def require_space(folder: Path, n_bytes: int) -> None:
    """Raise a `PedecgError` where a disk lacks the space for so many bytes and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise PedecgError(
            f"{folder}: {free / 1e9:.1f} GB free; expected {(n_bytes + _SPARE_BYTES) / 1e9:.1f} GB"
        )


def _checksum(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    kind, colon, digits = text.lower().rpartition(":")
    kind = kind if colon else "sha256"
    if kind not in _DIGITS or not re.fullmatch(f"[0-9a-f]{{{_DIGITS.get(kind)}}}", digits):
        raise PedecgError(f"{text}: not a SHA-256; expected 64 hexadecimal digits")
    return kind, digits


def _existing(path: Path, wanted: tuple[str, str] | None) -> str:
    if wanted is not None and (found := checksums.of_file(path, wanted[0])) != wanted[1]:
        raise PedecgError(f"{path}: {wanted[0]} is {found}; expected {wanted[1]}")
    return checksums.of_file(path)


def _first_that_has_it(download: "_Download", addresses: Sequence[str]) -> str:
    faults = []
    for address in addresses:
        try:
            return download.run(address)
        except _Expired as fault:
            raise PedecgError(str(fault)) from None
        except PedecgError as fault:
            faults.append(str(fault))
    raise PedecgError("; ".join(faults))


class _Expired(Exception):  # noqa: N818 - the time limit, which no other address extends
    """The time limit has passed."""


@dataclass
class _Download:
    """One file on its way; `run` tries one address."""

    path: Path
    checksum: tuple[str, str] | None
    size: int | None
    limits: Limits
    progress: bool
    expired: threading.Event = field(default_factory=threading.Event)

    @property
    def part(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def note(self) -> Path:
        """The file that says which version of the file the part belongs to."""
        return self.path.with_name(f".{self.path.name}.part.json")

    def run(self, url: str) -> str:
        """Download from one address, in several attempts where that helps."""
        import requests
        import urllib3

        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(url)
                break
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                self._expire_if_late(url)
                fault = _TryAgain(f"{url}: the download failed ({_line(error)})")
            except _TryAgain as error:
                fault = error
            kept = self._resumable_from(url) > 0
            if not (kept or fault.from_start):
                self._discard()
                raise PedecgError(f"{fault}; nothing was kept, try again") from None
            if attempt == ATTEMPTS or fault.pause_s > self.limits.left_s:
                detail = "the next call continues it" if kept else "try again later"
                raise PedecgError(f"{fault}; {detail}") from None
            time.sleep(fault.pause_s)
        self._check(url)
        self.part.chmod(0o644)
        computed = checksums.of_file(self.part)
        self.part.replace(self.path)
        self._discard()
        return computed

    def _attempt(self, url: str) -> None:
        import requests

        first = self._resumable_from(url)
        headers = {"Accept-Encoding": "identity"}
        if first:
            headers |= {"Range": f"bytes={first}-", "If-Range": self._noted()["validator"]}
        self._expire_if_late(url)
        silence = min(_SILENCE_S, max(self.limits.left_s, 0.001))
        with requests.get(url, headers=headers, stream=True, timeout=silence) as answer:
            first, total = self._begin(url, answer, first)
            with self._alarm(answer):
                self._receive(url, answer, first, total)

    def _begin(self, url: str, answer: Any, first: int) -> tuple[int, int | None]:
        """Return from which byte on the body continues, and the size of the whole file."""
        status = answer.status_code
        if status in _BUSY:
            raise _TryAgain(
                f"{url}: the server is busy ({status} {answer.reason})",
                _retry_after(answer.headers.get("Retry-After")),
                from_start=True,
            )
        if status == 416:  # the part is as long as the file, or longer
            self._discard()
            raise _TryAgain(f"{url}: the part was of another file", 0.0, from_start=True)
        if status >= 400:
            raise PedecgError(f"{url}: the server returned {status} {answer.reason}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise PedecgError(f"{url}: the server sent the file compressed, unasked")
        if status == 206:
            match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != first:
                self._discard()
                detail = f"{url}: the server sent another part than asked"
                raise _TryAgain(detail, 0.0, from_start=True)
            total = None if match[2] == "*" else int(match[2])
        else:
            self._discard()
            first, length = 0, answer.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
        if self.size is not None and total not in (None, self.size):
            raise PedecgError(f"{url}: {total} bytes; expected {self.size}, as published")
        require_space(self.path.parent, (total or self.size or 0) - first)
        etag = answer.headers.get("ETag", "")
        validator = "" if etag.startswith("W/") else etag
        validator = validator or answer.headers.get("Last-Modified", "")
        self.note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")
        return first, total

    def _receive(self, url: str, answer: Any, first: int, total: int | None) -> None:
        from tqdm import tqdm

        bar = tqdm(
            total=total, initial=first, unit="B", unit_scale=True, disable=not self.progress,
            desc=self.path.name, leave=False,
        )  # fmt: skip
        n_bytes = first
        # A truncated body is detected by its size below: urllib3 would drop its last bytes.
        answer.raw.enforce_content_length = False
        with bar, self.part.open("ab" if first else "wb") as file:
            for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                n_bytes += len(chunk)
                bar.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        self._expire_if_late(url)
        if total is not None and n_bytes < total:
            raise _TryAgain(f"{url}: the download failed (cut off at byte {n_bytes} of {total})")

    def _check(self, url: str) -> None:
        """Refuse what no file of weights or signals can be, before it gets its name."""
        with self.part.open("rb") as opened:
            beginning = opened.read(512).lstrip().lower()
        fault = ""
        if not beginning:
            fault = "the server sent an empty file"
        elif beginning.startswith(_HTML) and self.path.suffix.lower() not in (".html", ".htm"):
            fault = "the server sent a web page, not the file; open it in a browser"
        elif self.size is not None and self.part.stat().st_size != self.size:
            fault = f"{self.part.stat().st_size} bytes; expected {self.size}, as published"
        elif self.checksum is not None:
            kind, digits = self.checksum
            if (found := checksums.of_file(self.part, kind)) != digits:
                fault = f"{kind} does not match: expected {digits} but got {found}"
        if fault:
            self._discard()
            raise PedecgError(f"{url}: {fault}")

    def _resumable_from(self, url: str) -> int:
        """Return how many bytes are there of the same version of the file at this address."""
        noted = self._noted()
        same = noted.get("url") == url and noted.get("validator")
        return self.part.stat().st_size if same and self.part.is_file() else 0

    def _noted(self) -> dict[str, str]:
        try:
            noted = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _expire_if_late(self, url: str) -> None:
        if self.limits.left_s > 0 and not self.expired.is_set():
            return
        kept = self._resumable_from(url) > 0
        if not kept:
            self._discard()
        detail = "the next call continues it" if kept else "nothing was kept"
        raise _Expired(
            f"{url}: not complete after {self.limits.total_s:g} s, the time limit; {detail}"
        )

    @contextmanager
    def _alarm(self, answer: Any) -> Iterator[None]:
        """Wake the reader at the time limit: it may wait for a chunk to fill."""

        def expire() -> None:
            self.expired.set()
            answer.raw.shutdown()

        timer = threading.Timer(self.limits.left_s, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            self._expire_if_late(answer.url)
            raise
        finally:
            timer.cancel()


@contextmanager
def _locked(path: Path, limits: Limits) -> Iterator[None]:
    """Hold the one lock of a file; another process that fetches it waits."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock, timeout=limits.left_s):
            try:
                yield
            finally:
                # A folder of data keeps no lock; who waits for this one notices that it has gone.
                lock.unlink(missing_ok=True)
    except Timeout:
        raise PedecgError(
            f"{path}: another download of it did not end in {limits.total_s:g} s"
        ) from None


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After; None where it is a date or absent."""
    return float(text) if text is not None and text.isdecimal() else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
