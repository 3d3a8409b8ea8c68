"""One WFDB record from its files: every fault is found, none is read over.

File sizes and the 16-bit checksum of every channel are verified here, because the `wfdb` package
decodes a truncated or altered file without a word.
"""

import math
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import (
    file_ecg,
    lead_names,
    numbers,
    wfdb_header,
    wfdb_notes,
    wfdb_samples,
)
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.formats.wfdb_header import Channel, Header
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import EcgRecord

SUFFIXES = (".hea", ".dat", ".mat")
NAME = "WFDB"
_LARGEST_HEADER = 1_000_000  # bytes; MIT-BIH's longest has 2,000
_CHECKSUM_RANGE = 2**16  # WFDB's checksums are 16-bit sums
_MATRIX = struct.Struct("<5i4s")  # MATLAB 4: type, rows, columns, imaginary, length of name, name
_FINEST_MV, _COARSEST_MV = 1e-12, 1e4  # of one count
_HAND_HELD = ("ECG",)  # the one channel of a PhysioNet/CinC 2017 record: between the two hands


def read(root: str | Path, path: str) -> EcgRecord:
    """Read the leads of the record at `path`, relative to `root`, with or without a suffix.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`: the files are absent, inconsistent or altered.
    """
    return read_channels(root, path).record


def read_channels(root: str | Path, path: str, assumed_gain: float | None = None) -> FileEcg:
    """Read all ECG channels of the record at `path`; faults as in `read`.

    Channels that are not ECG, by their unit or their name, are left out by name; all channels are
    verified. A record of several segments is read whole; gaps between them are NaN.

    Parameters
    ----------
    assumed_gain : counts per mV of a channel without a gain; None: such a channel is a fault.
    """
    stem = inside(root, path)
    try:
        return _read(stem, assumed_gain)
    except OSError as error:
        raise RecordFault("unreadable-file", f"{stem.name[:60]}: {error.strerror}") from None


def inside(root: str | Path, path: str) -> Path:
    """Return the record's place without suffix, or a fault where `path` leads out of `root`.

    Links are not followed: a data set that DVC linked from its cache lies inside its folder.
    """
    for suffix in SUFFIXES:
        if path.lower().endswith(suffix):
            path = path[: -len(suffix)]
    flat = os.path.normpath(path) if path and "\0" not in path else ""
    if not flat or flat == "." or Path(flat).is_absolute() or Path(flat).parts[0] == "..":
        raise RecordFault("path-outside-root", "a path outside the root, or not a file")
    return Path(root) / flat


def existing(place: Path) -> Path | None:
    """Return the file at a place, in upper case too (``KID.HEA`` of a DOS medium), or None."""
    if place.is_file():
        return place
    try:
        alike = [one for one in place.parent.iterdir() if one.name.lower() == place.name.lower()]
    except OSError:
        return None
    return alike[0] if len(alike) == 1 else None


def header_file(stem: Path) -> Path | None:
    """Return the header of a record's place without suffix, or None where there is none."""
    return existing(stem.with_name(stem.name + ".hea"))


def read_header(stem: Path, assumed_gain: float | None = None) -> Header:
    """Read ``<stem>.hea`` and check that no lead appears twice."""
    file = header_file(stem)
    if file is None:
        raise RecordFault("missing-header", f"{stem.name}.hea: not found in {stem.parent.name}")
    size = file.stat().st_size
    if size > _LARGEST_HEADER:
        raise RecordFault("oversized-file", f"{file.name}: a header of {size} bytes")
    header = wfdb_header.parse(_text(file.read_bytes()), file.name, assumed_gain)
    seen: dict[str, str] = {}
    for channel in header.channels:
        name = lead_names.standard(channel.name)
        if name is None:
            continue  # two channels called ECG are two channels
        if name in seen:
            raise RecordFault("duplicate-lead", f"{file.name}: lead {name} is listed twice")
        seen[name] = channel.name
    return header


def _text(data: bytes) -> str:
    """Decode a header: UTF-8, else Latin-1, in which older programs write ``µV``."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _read(stem: Path, assumed_gain: float | None) -> FileEcg:
    header = read_header(stem, assumed_gain)
    if header.segments:
        from pedecg.cohorts.formats import wfdb_segments

        found = wfdb_segments.join(stem, header, lambda part: _segment(part, assumed_gain))
    else:
        found = _single(stem, header)
    found = file_ecg.without_pulse(found)
    patient = wfdb_notes.patient(header.comments, stem.name)
    age = patient.age
    return replace(
        found, age_days=age.days, age_below_days=age.below_days, age_note=age.note, sex=patient.sex
    )


def _segment(stem: Path, assumed_gain: float | None) -> FileEcg:
    header = read_header(stem, assumed_gain)
    if header.segments:
        raise RecordFault("unsupported-format", f"{stem.name}.hea: segments within a segment")
    return _single(stem, header)


def _single(stem: Path, header: Header) -> FileEcg:
    kept, left_out = _ecg_channels(header, stem.name)
    counts = _counts(stem, header)
    verified = _verify(counts, header, stem.name)
    channels = [header.channels[row] for row in kept]
    signal = np.empty((len(kept), len(counts[kept[0]])), np.float32)
    for place, (row, channel) in enumerate(zip(kept, channels, strict=True)):
        signal[place] = _millivolts(counts[row], channel)
    names = tuple(lead_names.display(channel.name) for channel in channels)
    return FileEcg(
        names=names,
        signal=signal,
        fs_hz=header.fs_hz * channels[0].per_frame,
        vendor=NAME,
        left_out=left_out,
        verified=verified,
        calibrated=all(channel.calibrated for channel in channels),
        hand_held=names == _HAND_HELD and existing(stem.with_name(stem.name + ".mat")) is not None,
    )


def _ecg_channels(header: Header, name: str) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows of the ECG channels, and the others by name and unit.

    Raises
    ------
    RecordFault
        unknown-unit: a lead, or every channel, is in a unit other than a voltage;
        unsupported-format: leads of several rates.
    """
    kept, left_out = [], []
    for row, channel in enumerate(header.channels):
        role = lead_names.role(channel.name)
        if role == "not-ecg" or not channel.is_voltage:
            shown = lead_names.display(channel.name) or f"channel {row + 1}"
            left_out.append(shown if channel.is_voltage else f"{shown} ({channel.unit})")
        else:
            kept.append(row)
        if not channel.is_voltage and (role == "lead" or len(left_out) == len(header.channels)):
            raise RecordFault(
                "unknown-unit",
                f"{name}.hea: channel {row + 1}: unit {numbers.quoted(channel.unit)}; "
                "expected mV, uV, nV or V",
            )
    if not kept:
        raise RecordFault("no-ecg", f"{name}.hea: {len(left_out)} channels, none is an ECG")
    rates = sorted({header.channels[row].per_frame for row in kept})
    if len(rates) > 1:
        detail = ", ".join(f"{header.fs_hz * rate:g}" for rate in rates)
        raise RecordFault("unsupported-format", f"{name}.hea: ECG channels at {detail} Hz")
    return kept, tuple(left_out)


def _counts(stem: Path, header: Header) -> list[wfdb_samples.Counts]:
    """Decode the samples as stored: one array of shape (frames * per_frame,) per channel."""
    counts: list[wfdb_samples.Counts] = [np.empty(0, np.int16)] * len(header.channels)
    n_frames = header.n_samples
    for file in dict.fromkeys(channel.file for channel in header.channels):
        rows = [row for row, channel in enumerate(header.channels) if channel.file == file]
        channels = [header.channels[row] for row in rows]
        place = existing(stem.with_name(file))
        if place is None:
            own = file.lower().startswith(f"{stem.name.lower()}.")
            which = file[:60] if own else f"the signal file of channel {rows[0] + 1}"
            raise RecordFault("missing-signal", f"{stem.name}.hea: {which} not found")
        if channels[0].format in wfdb_samples.FLAC:
            stored = _compressed(place, channels, n_frames, stem.name)
            n_frames = len(stored) // channels[0].per_frame
            for column, row in enumerate(rows):
                counts[row] = np.ascontiguousarray(stored[:, column])
            continue
        n_frames = _check_size(place, channels, n_frames, stem.name)
        per_frame = sum(channel.per_frame for channel in channels)
        with place.open("rb") as stream:
            stream.seek(channels[0].byte_offset)
            raw = stream.read()
        flat = wfdb_samples.decode(raw, channels[0].format, n_frames * per_frame)
        frames = flat.reshape(n_frames, per_frame)
        at = 0
        for row, channel in zip(rows, channels, strict=True):
            counts[row] = np.ascontiguousarray(frames[:, at : at + channel.per_frame]).reshape(-1)
            if channel.format == wfdb_samples.DIFFERENCES:
                counts[row] = channel.initial + np.cumsum(counts[row], dtype=np.int64)
            at += channel.per_frame
    return counts


def _compressed(
    place: Path, channels: list[Channel], n_frames: int | None, name: str
) -> wfdb_samples.Counts:
    """Decode a file compressed by FLAC, shape (samples of a channel, n_channels)."""
    kinds = {(channel.format, channel.byte_offset, channel.per_frame) for channel in channels}
    if len(kinds) > 1 or channels[0].byte_offset:
        raise RecordFault(
            "unsupported-format", f"{name}.hea: {place.name}: channels stored in several ways"
        )
    first = channels[0]
    n_samples = None if n_frames is None else n_frames * first.per_frame
    return wfdb_samples.read_flac(place, first.format, len(channels), n_samples)


def _check_size(place: Path, channels: list[Channel], n_frames: int | None, name: str) -> int:
    """Compare a signal file's size with what the header announces; return the frames in it."""
    layouts = {(channel.format, channel.byte_offset) for channel in channels}
    if len(layouts) > 1 or channels[0].format not in wfdb_samples.STORAGE:
        formats = sorted({channel.format for channel in channels})
        raise RecordFault("unsupported-format", f"{name}.hea: {place.name} in format {formats}")
    storage = wfdb_samples.STORAGE[channels[0].format]
    offset = channels[0].byte_offset
    found = place.stat().st_size
    per_frame = sum(channel.per_frame for channel in channels)
    spare = 0 if storage.bytes_per_sample.denominator == 1 else 3
    if n_frames is None:  # header(5): then the size of the file says it
        n_frames = int((found - offset) / (per_frame * storage.bytes_per_sample))
        if n_frames < 1:
            raise RecordFault("empty-signal", f"{place.name}: {found} bytes, no sample")
    expected = offset + math.ceil(n_frames * per_frame * storage.bytes_per_sample)
    if found < expected:
        raise RecordFault("truncated-signal", f"{place.name}: {found} bytes; expected {expected}")
    # Packed formats may end in a half-filled group.
    if found > expected + spare:
        raise RecordFault("overlong-signal", f"{place.name}: {found} bytes; expected {expected}")
    file_ecg.require_size(per_frame, n_frames, place.name)
    if place.suffix.lower() == ".mat" and offset == _MATRIX.size:
        _check_matrix(place, (per_frame, n_frames))
    return n_frames


def _check_matrix(place: Path, shape: tuple[int, int]) -> None:
    """Compare what a MATLAB 4 file says of its matrix with the header's channels and samples."""
    with place.open("rb") as file:
        _, rows, columns, _, _, _ = _MATRIX.unpack(file.read(_MATRIX.size))
    if (rows, columns) != shape:
        raise RecordFault(
            "bad-matrix",
            f"{place.name}: a matrix of {rows} x {columns}; expected {shape[0]} x {shape[1]}",
        )


def _verify(counts: list[wfdb_samples.Counts], header: Header, name: str) -> bool:
    """Compare the sum of each channel modulo 2**16; False where the header gives none."""
    stated = [None if _placeholders(header) else channel.checksum for channel in header.channels]
    for channel, sum_stated, values in zip(header.channels, stated, counts, strict=True):
        found = int(values.sum(dtype=np.int64)) % _CHECKSUM_RANGE
        if sum_stated is not None and sum_stated % _CHECKSUM_RANGE != found:
            raise RecordFault(
                "corrupt-signal",
                f"{name}: {lead_names.labelled(channel.name)} fails its checksum "
                f"(header {sum_stated % _CHECKSUM_RANGE}, file {found})",
            )
    return None not in stated


def _placeholders(header: Header) -> bool:
    """Tell whether the checksums are the zeros that PhysioNet/CinC 2017 wrote into its headers."""
    return all(c.checksum == 0 and c.file.lower().endswith(".mat") for c in header.channels)


def _millivolts(counts: wfdb_samples.Counts, channel: Channel) -> NDArray[np.float64]:
    """Scale one channel, shape (n_samples,); its skew is taken out, missing values are NaN."""
    scale = channel.mv_per_unit / channel.gain
    name = lead_names.labelled(channel.name)
    if not _FINEST_MV <= abs(scale) <= _COARSEST_MV:
        raise RecordFault("bad-header", f"{name}: a gain of {channel.gain:g} is implausible")
    signal: NDArray[np.float64] = (counts.astype(np.float64) - channel.baseline) * scale
    signal[counts == wfdb_samples.no_value(channel.format)] = np.nan
    if channel.calibrated and np.any(np.abs(signal) > file_ecg.MOST_MV):
        raise RecordFault("corrupt-signal", f"{name}: over {file_ecg.MOST_MV:g} mV")
    skew = channel.skew * channel.per_frame
    if skew:
        if skew >= len(counts):
            raise RecordFault("bad-header", f"{name}: a skew beyond the record's end")
        signal = np.concatenate([signal[skew:], np.full(skew, np.nan)])
    return signal
