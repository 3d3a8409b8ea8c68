"""WFDB records of several segments, read whole: header(5), 'multi-segment records'."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pedecg.cohorts.formats import file_ecg
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.formats.wfdb_header import Header
from pedecg.cohorts.record_faults import RecordFault

_GAP = "~"


def join(stem: Path, header: Header, read: Callable[[Path], FileEcg]) -> FileEcg:
    """Lay the segments of a record end to end, by channel name; NaN where nothing was recorded.

    A first segment of length 0 describes the layout and holds no samples; channels are identified
    by the segments' own headers, so that it is not needed.

    Parameters
    ----------
    stem : the record's place without suffix; its segments are in the same folder.
    read : opens one segment, which has no segments of its own.

    Raises
    ------
    RecordFault
        bad-header: segments of another length or rate than announced; and those of `read`.
    """
    total = sum(frames for _, frames in header.segments)
    place = f"{stem.name}.hea"
    if header.n_samples is not None and total != header.n_samples:
        raise RecordFault(
            "bad-header", f"{place}: segments of {total} frames; announced {header.n_samples}"
        )
    parts: list[tuple[int, FileEcg]] = []
    at = 0
    for name, frames in header.segments:
        if name != _GAP and frames > 0:
            if name.lower() == stem.name.lower():
                raise RecordFault("bad-header", f"{place}: a record that is its own segment")
            parts.append((at, _segment(stem.with_name(name), frames, header, read)))
        at += frames
    if not parts:
        raise RecordFault("empty-signal", f"{place}: no segment with samples")
    first = parts[0][1]
    if any(part.fs_hz != first.fs_hz for _, part in parts):
        raise RecordFault("unsupported-format", f"{place}: segments of several rates")
    ratio = round(first.fs_hz / header.fs_hz)
    names = tuple(dict.fromkeys(name for _, part in parts for name in part.names))
    file_ecg.require_size(len(names), total * ratio, place)
    signal = np.full((len(names), total * ratio), np.nan, np.float32)
    for start, part in parts:
        for name, values in zip(part.names, part.signal, strict=True):
            signal[names.index(name), start * ratio : start * ratio + len(values)] = values
    return replace(
        first,
        names=names,
        signal=signal,
        left_out=tuple(dict.fromkeys(name for _, part in parts for name in part.left_out)),
        verified=all(part.verified for _, part in parts),
        calibrated=all(part.calibrated for _, part in parts),
        hand_held=False,
    )


def _segment(stem: Path, frames: int, header: Header, read: Callable[[Path], FileEcg]) -> FileEcg:
    found = read(stem)
    expected = frames * found.fs_hz / header.fs_hz
    if found.signal.shape[1] != expected:
        raise RecordFault(
            "bad-header",
            f"{stem.name}.hea: {found.signal.shape[1]} samples; announced {expected:g}",
        )
    return found
