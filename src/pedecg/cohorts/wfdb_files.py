"""One WFDB record from its files: every fault is found, none is read over.

File sizes and the 16-bit checksum of every channel are verified here, because the `wfdb` package
decodes a truncated or altered file without a word. It decodes all storage formats but the plain
one (16, little-endian int16 in turn), where it would spend most of its time on the header again.
"""

import math
import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import wfdb_header
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS, EcgRecord, canonical_lead

SUFFIXES = (".hea", ".dat", ".mat")

# Storage formats of signal(5): bytes per sample, and the count that stands for "no value".
_FORMATS: dict[int, tuple[Fraction, int]] = {
    16: (Fraction(2), -(2**15)),
    24: (Fraction(3), -(2**23)),
    32: (Fraction(4), -(2**31)),
    61: (Fraction(2), -(2**15)),
    80: (Fraction(1), -(2**7)),
    160: (Fraction(2), -(2**15)),
    212: (Fraction(3, 2), -(2**11)),
    310: (Fraction(4, 3), -(2**9)),
    311: (Fraction(4, 3), -(2**9)),
}
_CHECKSUM_RANGE = 2**16  # WFDB's checksums are 16-bit sums
_MATRIX = struct.Struct("<5i4s")  # MATLAB 4: type, rows, columns, imaginary, length of name, name
_HAND_HELD = ("ECG",)  # the one channel of a PhysioNet/CinC 2017 record: between the two hands


@dataclass(frozen=True)
class Channels:
    """Every channel of a record, in the order of its header, whatever it is called.

    Attributes
    ----------
    signal : shape (n_channels, n_samples), millivolts, float32; NaN where the file marks no value.
    verified : every channel had a checksum in the file, and it agreed.
    calibrated : every channel's gain is known; otherwise heights are in no unit.
    comments : the header's comment lines, without ``#``.
    """

    names: tuple[str, ...]
    signal: NDArray[np.float32]
    fs_hz: float
    verified: bool
    calibrated: bool
    comments: tuple[str, ...]


def read(root: str | Path, path: str) -> EcgRecord:
    """Read the record at `path`, relative to `root`, with or without a suffix.

    Raises
    ------
    RecordFault
        With a reason of `record_faults.REASONS`: the files are absent, inconsistent or altered.
    """
    found = channels(root, path)
    names = found.names
    if is_hand_held(root, path, names):
        names = ("I",)
    placed = sorted(
        (LEADS.index(lead), number)
        for number, name in enumerate(names)
        if (lead := canonical_lead(name))
    )
    return EcgRecord(
        signal=found.signal[[number for _, number in placed]],
        fs_hz=found.fs_hz,
        leads=tuple(LEADS[lead] for lead, _ in placed),
        other_channels=tuple(name for name in names if canonical_lead(name) is None),
        verified=found.verified,
    )


def is_hand_held(root: str | Path, path: str, names: tuple[str, ...]) -> bool:
    """Say whether a record is of one channel between the two hands, as in PhysioNet/CinC 2017."""
    return names == _HAND_HELD and _beside(root, path, ".mat").is_file()


def _beside(root: str | Path, path: str, suffix: str) -> Path:
    stem = inside(root, path)
    return stem.with_name(stem.name + suffix)


def channels(root: str | Path, path: str, assumed_gain: float | None = None) -> Channels:
    """Read all channels of the record at `path`; faults as in `read`.

    Parameters
    ----------
    assumed_gain : counts per mV of a channel without a gain; None: such a channel is a fault.
    """
    stem = inside(root, path)
    try:
        return _channels(stem, assumed_gain)
    except OSError as error:
        raise RecordFault("unreadable-file", f"{stem.name[:60]}: {error.strerror}") from None


def _channels(stem: Path, assumed_gain: float | None) -> Channels:
    header = read_header(stem, assumed_gain)
    _check_sizes(stem, header)
    counts = _counts(stem, header)
    verified = _verify(counts, header, stem.name)
    signal = np.empty((len(header.channels), header.n_samples), np.float32)
    for row, channel in enumerate(header.channels):
        signal[row] = _millivolts(counts[row], channel)
    names = tuple(channel.name for channel in header.channels)
    calibrated = all(channel.calibrated for channel in header.channels)
    return Channels(names, signal, header.fs_hz, verified, calibrated, header.comments)


def read_header(stem: Path, assumed_gain: float | None = None) -> wfdb_header.Header:
    """Read ``<stem>.hea`` and check that no lead appears twice."""
    file = stem.with_name(stem.name + ".hea")
    if not file.is_file():
        raise RecordFault("missing-header", f"{file.name}: not found in {stem.parent.name}")
    text = file.read_bytes().decode("utf-8", errors="replace")
    header = wfdb_header.parse(text, file.name, assumed_gain)
    seen: dict[str, str] = {}
    for channel in header.channels:
        name = canonical_lead(channel.name)
        if name is None:
            continue  # two channels called ECG are two channels
        if name in seen:
            raise RecordFault("duplicate-lead", f"{file.name}: {seen[name]} and {channel.name}")
        seen[name] = channel.name
    return header


def inside(root: str | Path, path: str) -> Path:
    """Return the record's place without suffix, or a fault where `path` leads out of `root`.

    Links are not followed: a data set that DVC linked from its cache lies inside its folder.
    """
    for suffix in SUFFIXES:
        path = path.removesuffix(suffix)
    flat = os.path.normpath(path) if path and "\0" not in path else ""
    if not flat or flat == "." or Path(flat).is_absolute() or Path(flat).parts[0] == "..":
        raise RecordFault("path-outside-root", f"path {path!r}; expected one below the root")
    return Path(root) / flat


def _check_sizes(stem: Path, header: wfdb_header.Header) -> None:
    """Compare every signal file's size with what the header announces."""
    for file in dict.fromkeys(channel.file for channel in header.channels):
        channels = [channel for channel in header.channels if channel.file == file]
        place = stem.with_name(file)
        if not place.is_file():
            raise RecordFault("missing-signal", f"{stem.name}.hea: {file} not found")
        layouts = {(channel.format, channel.byte_offset) for channel in channels}
        if len(layouts) > 1 or channels[0].format not in _FORMATS:
            formats = sorted({channel.format for channel in channels})
            raise RecordFault("unsupported-format", f"{stem.name}.hea: {file} in format {formats}")
        bytes_per_sample, _ = _FORMATS[channels[0].format]
        samples = header.n_samples * len(channels)
        expected = channels[0].byte_offset + math.ceil(samples * bytes_per_sample)
        found = place.stat().st_size
        # Packed formats may end in a half-filled group.
        spare = 0 if bytes_per_sample.denominator == 1 else 3
        if found < expected:
            raise RecordFault("truncated-signal", f"{file}: {found} bytes; expected {expected}")
        if found > expected + spare:
            raise RecordFault("overlong-signal", f"{file}: {found} bytes; expected {expected}")
        if place.suffix == ".mat" and channels[0].byte_offset == _MATRIX.size:
            _check_matrix(place, (len(channels), header.n_samples))


def _check_matrix(place: Path, shape: tuple[int, int]) -> None:
    """Compare what a MATLAB 4 file says of its matrix with the header's channels and samples."""
    with place.open("rb") as file:
        _, rows, columns, _, _, name = _MATRIX.unpack(file.read(_MATRIX.size))
    if (rows, columns) != shape:
        raise RecordFault(
            "bad-matrix",
            f"{place.name}: {name.rstrip(bytes(1)).decode('latin-1')} is {rows} x {columns}; "
            f"expected {shape[0]} x {shape[1]}",
        )


def _counts(stem: Path, header: wfdb_header.Header) -> NDArray[np.integer[Any]]:
    """Decode the samples as stored, shape (n_channels, n_samples)."""
    first, *others = header.channels
    plain = first.format == 16 and all(channel.file == first.file for channel in others)
    try:
        if plain:
            stored = np.fromfile(stem.with_name(first.file), "<i2", offset=first.byte_offset)
            return np.ascontiguousarray(stored.reshape(header.n_samples, -1).T)
        import wfdb  # here, since it takes as long to import as a hundred records to read

        record: Any = wfdb.rdrecord(str(stem.absolute()), physical=False, ignore_skew=True)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RecordFault("bad-header", f"{stem.name}.hea: wfdb: {said}") from None
    counts: NDArray[np.int64] = record.d_signal.T
    return counts


def _verify(counts: NDArray[np.integer[Any]], header: wfdb_header.Header, name: str) -> bool:
    """Compare the sum of each channel modulo 2**16; False where the header gives none."""
    stated = [None if _placeholders(header) else channel.checksum for channel in header.channels]
    sums = counts.sum(axis=1, dtype=np.int64) % _CHECKSUM_RANGE
    for channel, sum_stated, found in zip(header.channels, stated, sums.tolist(), strict=True):
        if sum_stated is not None and sum_stated % _CHECKSUM_RANGE != found:
            raise RecordFault(
                "corrupt-signal",
                f"{name}: lead {channel.name} fails its checksum "
                f"(header {sum_stated % _CHECKSUM_RANGE}, file {found})",
            )
    return None not in stated


def _placeholders(header: wfdb_header.Header) -> bool:
    """Tell whether the checksums are the zeros that PhysioNet/CinC 2017 wrote into its headers."""
    return all(c.checksum == 0 and c.file.endswith(".mat") for c in header.channels)


def _millivolts(
    counts: NDArray[np.integer[Any]], channel: wfdb_header.Channel
) -> NDArray[np.float64]:
    """Scale one channel, shape (n_samples,); its skew is taken out, missing values are NaN."""
    scale = channel.mv_per_unit / channel.gain
    signal: NDArray[np.float64] = (counts.astype(np.float64) - channel.baseline) * scale
    signal[counts == _FORMATS[channel.format][1]] = np.nan
    if channel.skew:
        signal = np.concatenate([signal[channel.skew :], np.full(channel.skew, np.nan)])
        signal = signal[: len(counts)]
    return signal
