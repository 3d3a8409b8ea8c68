"""Waves of one record in samples, and how a reader's correction changes them.

A correction is a list of changes, each of one wave of one lead from one state to another, so that
it can be taken back and so that a correction of a state that is no longer current is noticed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pedecg.core import tables

GLOBAL = "global"  # one set of boundaries for all leads together
NARROWEST = 1  # samples from onset to offset
Edge = Literal["onset", "offset"]


class Wave(NamedTuple):
    """One wave of one lead; samples from the record's start, None where it was not found."""

    kind: str
    onset: int | None
    peak: int | None
    offset: int | None

    @property
    def first(self) -> int:
        """The earliest of its samples."""
        return min(sample for sample in self[1:] if sample is not None)

    @property
    def last(self) -> int:
        """The latest of its samples."""
        return max(sample for sample in self[1:] if sample is not None)


class Change(NamedTuple):
    """One wave of one lead before and after a correction; None: not there."""

    lead: str
    before: Wave | None
    after: Wave | None


Waves = dict[str, list[Wave]]  # by lead, and `GLOBAL`; each in order of time


class MarkError(Exception):
    """A correction that is not possible; the message is for the reader."""


def from_seconds(
    found: Mapping[str, Sequence[Sequence[Any]]],
    leads: Iterable[str],
    fs_hz: float,
    n_samples: int,
) -> Waves:
    """Return the delineator's waves in samples, without overlap within a lead.

    Parameters
    ----------
    found : by lead, rows of kind, onset, peak and offset in seconds, None where not found.
    leads : of the record; other rows than theirs and the global ones are left out.

    Notes
    -----
    A file of WFDB annotations cannot hold waves that overlap: where a wave ends after the next
    one begins, it ends one sample before that.
    """

    def sample(seconds: float | None) -> int | None:
        if seconds is None:
            return None
        return min(max(round(seconds * fs_hz), 0), n_samples - 1)

    waves: Waves = {}
    for lead in (*leads, GLOBAL):
        rows = [Wave(str(kind), *map(sample, times)) for kind, *times in found.get(lead, ())]
        known = [row for row in rows if any(value is not None for value in row[1:])]
        waves[lead] = _without_overlap(sorted(known, key=lambda wave: (wave.first, wave.last)))
    return waves


def applied(waves: Waves, changes: Iterable[Change]) -> Waves:
    """Return the waves after some changes.

    Raises
    ------
    KeyError
        A wave that a change begins from is not there.
    """
    result = {lead: list(rows) for lead, rows in waves.items()}
    for lead, before, after in changes:
        if before is not None:
            if before not in result[lead]:
                raise KeyError(before)
            result[lead].remove(before)
        if after is not None:
            result[lead].append(after)
        result[lead].sort(key=lambda wave: (wave.first, wave.last))
    return result


def reverse(changes: Sequence[Change]) -> list[Change]:
    """Return the changes that take these back."""
    return [Change(lead, after, before) for lead, before, after in reversed(changes)]


def moved(waves: Waves, lead: str, wave: Wave, edge: Edge, sample: int, last: int) -> list[Change]:
    """Return the changes that put one boundary of a wave on a sample.

    Parameters
    ----------
    lead : a lead, or `GLOBAL`: the boundary is then set in every lead that has this wave, too. A
        lead in which a neighbouring wave or the other boundary stands in the way is set as near
        as they allow; the global boundary itself is set exactly or not at all.
    last : the record's last sample.

    Raises
    ------
    MarkError
        The wave is not there, or another boundary stands in the way.
    """
    if wave not in waves.get(lead, ()):
        raise MarkError("this wave has been changed meanwhile")
    low, high = _room(waves[lead], wave, edge, last)
    if not low <= sample <= high:
        raise MarkError(
            f"{edge} of {wave.kind} in {_words(lead)}: sample {sample} is beyond the neighbouring "
            f"boundary; expected {low} to {high}"
        )
    changes = [Change(lead, wave, _with_edge(wave, edge, sample))]
    for other in waves if lead == GLOBAL else ():
        for same in _same(waves[other], wave) if other != GLOBAL else ():
            low, high = _room(waves[other], same, edge, last)
            after = _with_edge(same, edge, min(max(sample, low), high))
            changes.append(Change(other, same, after))
    return [change for change in changes if change.before != change.after]


def removed(waves: Waves, lead: str, wave: Wave) -> list[Change]:
    """Return the changes that take a wave out of a lead, or with `GLOBAL` out of all leads."""
    if wave not in waves.get(lead, ()):
        raise MarkError("this wave has been changed meanwhile")
    changes = [Change(lead, wave, None)]
    for other in waves if lead == GLOBAL else ():
        if other != GLOBAL:
            changes += [Change(other, same, None) for same in _same(waves[other], wave)]
    return changes


def added(waves: Waves, lead: str, wave: Wave, last: int) -> list[Change]:
    """Return the changes that put a new wave into a lead, or with `GLOBAL` into all leads.

    Raises
    ------
    MarkError
        It is no wave, lies beyond the record, or overlaps with another one of that lead; with
        `GLOBAL`, leads in which it would overlap are left as they are.
    """
    if wave.kind not in tables.WAVES_IN_ORDER or lead not in waves:
        raise MarkError(f"no wave {wave.kind[:10]!r} in {lead[:20]!r}")
    if wave.onset is None or wave.offset is None or wave.peak is None:
        raise MarkError("a new wave needs onset, peak and offset")
    if not 0 <= wave.onset <= wave.peak <= wave.offset <= last or wave.onset == wave.offset:
        raise MarkError(f"a wave lies within the record, from 0 to {last}, onset before offset")

    def is_free(rows: Sequence[Wave]) -> bool:
        return all(row.last < wave.first or wave.last < row.first for row in rows)

    if not is_free(waves[lead]):
        raise MarkError(f"a wave is marked there in {_words(lead)} already")
    others = [name for name in waves if name != lead] if lead == GLOBAL else []
    return [Change(name, None, wave) for name in (lead, *others) if is_free(waves[name])]


def _without_overlap(rows: list[Wave]) -> list[Wave]:
    kept: list[Wave] = []
    for row in rows:
        if kept and kept[-1].last >= row.first:
            # The earlier wave is cut; one that would not be left is no wave of its own.
            cut = row.first - 1
            before = kept.pop()
            if before.first < cut:
                clipped = (None if value is None else min(value, cut) for value in before[1:])
                kept.append(Wave(before.kind, *clipped))
        kept.append(row)
    return kept


def _room(rows: Sequence[Wave], wave: Wave, edge: Edge, last: int) -> tuple[int, int]:
    """Return the first and the last sample that a boundary may be put on."""
    place = rows.index(wave)
    if edge == "onset":
        end = wave.offset if wave.offset is not None else wave.last
        return rows[place - 1].last + 1 if place else 0, end - NARROWEST
    begin = wave.onset if wave.onset is not None else wave.first
    return begin + NARROWEST, rows[place + 1].first - 1 if place + 1 < len(rows) else last


def _with_edge(wave: Wave, edge: Edge, sample: int) -> Wave:
    """Return the wave with a boundary moved; a peak that would lie outside moves with it."""
    onset, offset = (sample, wave.offset) if edge == "onset" else (wave.onset, sample)
    peak = wave.peak
    if peak is not None and onset is not None:
        peak = max(peak, onset)
    if peak is not None and offset is not None:
        peak = min(peak, offset)
    return Wave(wave.kind, onset, peak, offset)


def _same(rows: Sequence[Wave], wave: Wave) -> list[Wave]:
    """Return the wave of a lead that belongs to a global one: of its kind and overlapping most."""

    def shared(row: Wave) -> int:
        return min(row.last, wave.last) - max(row.first, wave.first)

    alike = [row for row in rows if row.kind == wave.kind and shared(row) >= 0]
    return [max(alike, key=shared)] if alike else []


def _words(lead: str) -> str:
    return "all leads" if lead == GLOBAL else f"lead {lead}"
