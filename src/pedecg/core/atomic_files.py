"""Files and folders that are written whole or not at all.

They are written next to their place under a name that ends in ``.partial`` and then renamed: a
killed process leaves either the old one or the new one.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
_LONGEST = 200  # bytes; with process, random part and suffix below the 255 of a file name


def write_text(text: str, path: str | Path) -> None:
    """Write UTF-8 text by way of a temporary file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path` that takes its place when the block ends well.

    What a process that was killed (SIGKILL) has left of this file is removed.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(final)
    prefix = f"{_prefix(final)}{os.getpid()}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=PARTIAL, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield a new folder next to `path` that takes its place when the block ends well.

    Whatever ends the block otherwise, the older folder stays and the new one is removed.
    """
    final = Path(path)
    with temporary_folder(final) as temporary:
        yield temporary
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)


@contextmanager
def temporary_folder(path: str | Path) -> Iterator[Path]:
    """Yield a new folder next to `path`, on the same disk; what is left in it is removed.

    What a process that was killed (SIGKILL) has left of one is removed first.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(final)
    temporary = final.with_name(f"{_prefix(final)}{os.getpid()}{PARTIAL}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_abandoned(final: Path) -> None:
    """Remove the temporary files and folders of `final` whose process is no longer there."""
    pattern = re.compile(re.escape(_prefix(final)) + r"(\d+)\b.*" + re.escape(PARTIAL))
    for entry in os.scandir(final.parent):
        named = pattern.fullmatch(entry.name)
        if named is None or _is_alive(int(named[1])):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


def _prefix(final: Path) -> str:
    """Return how the temporary names of a file begin; a long name is shortened to its digest."""
    name = final.name.encode(errors="surrogateescape")
    if len(name) > _LONGEST:
        return f".{hashlib.blake2b(name, digest_size=16).hexdigest()}."
    return f".{final.name}."


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of another user
    return True
