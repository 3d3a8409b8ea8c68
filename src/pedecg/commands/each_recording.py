"""Shared loop of the commands over recordings: open each one, process it, report errors.

A recording that cannot be read costs one line on stderr and the exit status 1; the others are
done all the same.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import typer

from pedecg.cohorts import recordings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.recordings import Fault, Recording, RecordingPath
from pedecg.core import freed_memory, names
from pedecg.core.errors import PedecgError

FEW = 8  # recordings; starting processes that each import torch takes longer than these

T = TypeVar("T")


class Run:
    """The recordings of a command's paths; `faults` counts those that could not be done."""

    def __init__(self, paths: Iterable[Path], age_unit: str | None = None) -> None:
        self.places, faults = recordings.find(paths, age_unit)
        self.faults = 0
        for fault in faults:
            self._report(fault)

    def each(self, function: Callable[[Recording], T], what: str) -> Iterator[T]:
        """Yield ``function(recording)`` of every recording that can be read, in order."""
        one = partial(_one, function=function)
        for found in self._mapped(one, what):
            if isinstance(found, Fault):
                self._report(found)
            else:
                yield found

    def _mapped(self, one: Callable[[RecordingPath], T | Fault], what: str) -> Iterable[T | Fault]:
        if len(self.places) <= FEW:
            freed_memory.keep()
            return map(one, self.places)
        from pedecg.core import parallel  # joblib: not for a few

        return parallel.records(one, self.places, what)

    def end(self) -> None:
        """Leave with exit status 1 if anything could not be done."""
        if self.faults:
            raise typer.Exit(1)

    def _report(self, fault: Fault) -> None:
        self.faults += 1
        typer.echo(f"error: {fault}", err=True)


def _one(place: RecordingPath, function: Callable[[Recording], T]) -> T | Fault:
    found = recordings.read_or_fault(place)
    if isinstance(found, Fault):
        return found
    try:
        return function(found)
    except RecordFault as fault:
        return Fault(str(place.path), f"{fault.reason}: {fault.detail}")


def picture_file(plot: Path | None, places: list[RecordingPath]) -> Callable[[str], Path | None]:
    """Return where the picture of a recording goes; raises where one file is to hold several."""
    if plot is None:
        return _no_picture
    if plot.suffix.lower() != ".png":
        return partial(_in_folder, plot)
    if len(places) > 1:
        raise PedecgError(f"--plot {plot}: one file for {len(places)} recordings; name a folder")
    return partial(_only, plot)


def _no_picture(record_id: str) -> None:
    return None


def _in_folder(folder: Path, record_id: str) -> Path:
    return folder / f"{names.file_stem(record_id.strip('/'))}.png"


def _only(file: Path, record_id: str) -> Path:
    return file
