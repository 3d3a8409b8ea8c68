"""The files of a data set with their published checksums, as each publisher states them."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from pedecg.core.errors import PedecgError

_SUM = re.compile(r"(?P<digits>[0-9a-fA-F]{64})[ \t]+\*?(?P<path>\S.*)")


@dataclass(frozen=True)
class RemoteFile:
    """One file.

    Attributes
    ----------
    path : relative to the data set's folder.
    urls : addresses, the first preferred.
    checksum : ``sha256:…`` or ``md5:…``; None: not published.
    size : bytes; None: not published.
    """

    path: str
    urls: tuple[str, ...]
    checksum: str | None = None
    size: int | None = None


def parse(kind: str, text: str, url: str, base: Sequence[str]) -> list[RemoteFile]:
    """Read a listing that came from `url`.

    Raises
    ------
    PedecgError
        It is of another form, names no file, or a path out of the folder.
    """
    try:
        found = _PARSERS[kind](text, url, base)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PedecgError(f"{url}: not a list of files as {kind} publishes them") from None
    if not found:
        raise PedecgError(f"{url}: lists no file")
    for one in found:
        path = PurePosixPath(one.path)
        if path.is_absolute() or ".." in path.parts or "\\" in one.path or not path.parts:
            raise PedecgError(f"{url}: lists {one.path!r}, a path out of the data set's folder")
    return found


def _sha256sums(text: str, url: str, base: Sequence[str]) -> list[RemoteFile]:
    found = []
    for line in text.splitlines():
        if line.strip():
            match = _SUM.fullmatch(line.strip())
            if match is None:
                raise ValueError(line)
            path = match["path"].removeprefix("./")
            urls = tuple(folder + quote(path) for folder in base)
            found.append(RemoteFile(path, urls, f"sha256:{match['digits'].lower()}"))
    return found


def _zenodo(text: str, url: str, base: Sequence[str]) -> list[RemoteFile]:
    return [
        RemoteFile(
            str(one["key"]),
            tuple(folder + quote(str(one["key"])) + "/content" for folder in base),
            one.get("checksum"),
            int(one["size"]),
        )
        for one in json.loads(text)["files"]
    ]


def _figshare(text: str, url: str, base: Sequence[str]) -> list[RemoteFile]:
    files: list[dict[str, Any]] = json.loads(text)
    return [
        RemoteFile(
            str(one["name"]),
            (str(one["download_url"]),),
            f"md5:{one['computed_md5']}" if one.get("computed_md5") else None,
            int(one["size"]),
        )
        for one in files
    ]


_PARSERS: dict[str, Callable[[str, str, Sequence[str]], list[RemoteFile]]] = {
    "sha256sums": _sha256sums,
    "zenodo": _zenodo,
    "figshare": _figshare,
}
