"""Download of one large file: complete and checked under its final name, or absent."""

import hashlib
import logging
import re
import threading
from pathlib import Path
from typing import Any

from pedecg.core.errors import PedecgError

TIME_LIMIT_S = 3600.0  # of a whole download; a server that sends a byte a minute is given up
_SILENCE_S = 60  # without any byte
_CHUNK = 1 << 16  # bytes
_SHA256 = re.compile("[0-9a-f]{64}")
_HTML = (b"<!doctype html", b"<html")  # how an error page begins that is sent with status 200


def fetch(
    url: str,
    path: str | Path,
    sha256: str | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    progress: bool = False,
) -> str:
    """Download a file over HTTP and return its SHA-256; an existing file is only checked.

    pooch writes to a temporary file in the same folder, and renames it when all checks have passed.
    A download that was interrupted starts again from the beginning.

    Parameters
    ----------
    sha256 : expected hash, in hexadecimal; None accepts any content.
    time_limit_s : for the whole download, in seconds.
    progress : show a progress bar on standard error.

    Raises
    ------
    PedecgError
        The server cannot be reached, answers with an error, an empty file or a web page, breaks
        the transfer off or exceeds the time limit; or the file has another hash. Nothing is left
        behind; an existing file of another hash stays as it is.
    """
    if not url.startswith(("https://", "http://")):
        raise PedecgError(f"{url}: not an address of a file; expected https://…")
    if sha256 is not None and not _SHA256.fullmatch(sha256 := sha256.lower()):
        raise PedecgError(f"{sha256}: not a SHA-256; expected 64 hexadecimal digits")
    path = Path(path)
    if path.is_file():
        existing = digest(path)
        if sha256 is not None and existing != sha256:
            raise PedecgError(f"{path}: sha256 is {existing}; expected {sha256}")
        return existing
    _retrieve(url, path, sha256, _Download(time_limit_s, progress))
    return digest(path)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _retrieve(url: str, path: Path, sha256: str | None, download: "_Download") -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # it reports each step otherwise
    try:
        pooch.retrieve(url, sha256, path.name, path.parent, downloader=download)
    except requests.HTTPError as error:
        answer = error.response
        status = "an error" if answer is None else f"{answer.status_code} {answer.reason}"
        raise PedecgError(f"{url}: the server returned {status}") from None
    except requests.RequestException as error:
        raise PedecgError(
            f"{url}: the download failed ({_line(error)}); nothing was kept, try again"
        ) from None
    except OSError as error:
        raise PedecgError(f"{path}: cannot be written ({_line(error)})") from None
    except ValueError as error:  # pooch: another hash than expected
        raise PedecgError(f"{url}: {_line(error)}") from None


class _Download:
    """A downloader as pooch calls it: HTTP with a time limit, and a look at what came."""

    def __init__(self, time_limit_s: float, progress: bool) -> None:
        self.time_limit_s = time_limit_s
        self.progress = progress
        self.expired = threading.Event()
        self.response: Any = None

    def __call__(self, url: str, output_file: str, pooch_: Any) -> None:
        import pooch
        import requests

        http = pooch.HTTPDownloader(
            progressbar=self.progress,
            chunk_size=_CHUNK,
            timeout=min(_SILENCE_S, self.time_limit_s),
            hooks={"response": self._remember},
        )
        timer = threading.Timer(self.time_limit_s, self._expire)
        timer.daemon = True
        timer.start()
        try:
            http(url, output_file, pooch_)
        except requests.RequestException:
            if not self.expired.is_set():
                raise
        finally:
            timer.cancel()
        if self.expired.is_set():
            raise PedecgError(
                f"{url}: not complete after {self.time_limit_s:g} s, the time limit; "
                "nothing was kept"
            )
        _check(url, Path(output_file))

    def _remember(self, response: Any, **_: Any) -> None:
        self.response = response

    def _expire(self) -> None:
        self.expired.set()
        if self.response is not None:
            self.response.raw.shutdown()  # wakes the reader, which may wait for a chunk to fill


def _check(url: str, file: Path) -> None:
    """Refuse what no file of weights or signals can be, before it gets its name."""
    with file.open("rb") as opened:
        beginning = opened.read(512).lstrip().lower()
    if not beginning:
        raise PedecgError(f"{url}: the server sent an empty file")
    if beginning.startswith(_HTML):
        raise PedecgError(f"{url}: the server sent a web page, not the file; open it in a browser")
    file.chmod(0o644)  # temporary files are readable by their owner alone


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
