"""Fetch one large file: goes on where it was cut off, and is there whole or not at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pedecg.core.errors import PedecgError

_CHUNK = 1 << 20
_TIMEOUT_S = 60
_PARTIAL, _NOTHING_LEFT = 206, 416


def fetch(
    url: str,
    path: str | Path,
    sha256: str | None = None,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> str:
    """Download a file and return its SHA-256; what is there already is not fetched again.

    What has come so far lies beside it as ``<name>.part``. Bytes are asked for from there on; a
    server that sends all of them again is listened to from the start.

    Parameters
    ----------
    sha256 : that the file must have, in hexadecimal; None: whatever comes is kept.
    progress : told of each piece, in bytes.

    Raises
    ------
    PedecgError
        The server cannot be reached, refuses, breaks off, or sends another file. After a break the
        part is kept; a file of another hash is removed.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, progress)
        found = _checked(part, url, sha256)
        part.replace(path)
        return found
    return _checked(path, str(path), sha256, keep=True)


def _receive(url: str, part: Path, progress: Callable[[int], None]) -> None:
    if not url.startswith(("https://", "http://")):
        raise PedecgError(f"{url}: not an address (https://…)")
    had = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={had}-"} if had else {})
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = had > 0 and answer.status == _PARTIAL
            expected = answer.headers.get("Content-Length")
            received = 0
            with part.open("ab" if resumed else "wb") as file:
                if resumed:
                    progress(had)
                while piece := answer.read(_CHUNK):
                    file.write(piece)
                    received += len(piece)
                    progress(len(piece))
    except HTTPError as error:
        if error.code == _NOTHING_LEFT and had:
            return  # the part is the whole; its hash will tell
        raise PedecgError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (URLError, OSError) as error:
        raise PedecgError(f"{url}: broken off ({error}); run it again to go on") from None
    if expected is not None and received < int(expected):
        raise PedecgError(
            f"{url}: broken off after {received:,} of {int(expected):,} bytes; "
            "run it again to go on"
        )


def _checked(path: Path, source: str, sha256: str | None, keep: bool = False) -> str:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and found != sha256.lower():
        if not keep:
            path.unlink()
        raise PedecgError(f"{source}: sha256 is {found}; expected {sha256.lower()}")
    return found
