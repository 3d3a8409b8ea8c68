"""The text of a WFDB header, read strictly.

Syntax: header(5) of the WFDB Applications Guide. The `wfdb` package reads a gain of 0 as 200, a
missing rate as 250 Hz and skips what it does not understand; here each of them is a fault, since
amplitude and time are the diagnosis. Dates and what follows them in the record line are not read:
data sets write them in forms that header(5) does not know.
"""

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pedecg.cohorts.formats import numbers
from pedecg.cohorts.record_faults import RecordFault

MV_PER_UNIT = {
    "mv": 1.0, "millivolt": 1.0, "millivolts": 1.0,
    "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "microv": 1e-3, "microvolt": 1e-3, "microvolts": 1e-3,
    "nv": 1e-6, "nanovolt": 1e-6, "nanovolts": 1e-6, "v": 1e3, "volt": 1e3, "volts": 1e3,
}  # fmt: skip
MOST_CHANNELS = 512  # a damaged header must not claim memory; body surface maps have some 250

_FORMAT = re.compile(r"(\d{1,3})(?:x(\d{1,4}))?(?::(\d{1,18}))?(?:\+(\d{1,12}))?", re.ASCII)
_GAIN = re.compile(r"([^(/]*)(?:\(([^()]*)\))?(?:/(\S+))?")
_UNIT = re.compile(r"[A-Za-zµμ%°][\w%°µμ/.^-]{0,11}")


@dataclass(frozen=True)
class Channel:
    """One signal line: ``mV = (count - baseline) / gain * mv_per_unit``.

    Attributes
    ----------
    per_frame : samples in each frame; the channel's rate is this times the header's.
    skew : frames by which the channel is stored late.
    initial : count from which the differences of storage format 8 start.
    unit : as written; "" where the file gives none, which is mV.
    mv_per_unit : NaN where the unit is not a voltage.
    calibrated : False where the file gives no gain and one was assumed.
    """

    name: str
    file: str
    format: int
    skew: int
    byte_offset: int
    gain: float
    baseline: int
    mv_per_unit: float
    checksum: int | None
    calibrated: bool = True
    per_frame: int = 1
    unit: str = ""
    initial: int = 0

    @property
    def is_voltage(self) -> bool:
        """Whether the channel is a voltage, so that it can be converted to mV."""
        return not math.isnan(self.mv_per_unit)


@dataclass(frozen=True)
class Header:
    """One record.

    Attributes
    ----------
    fs_hz : frames per second.
    n_samples : frames; None where the header leaves it to the size of the file.
    channels : in the order of the file.
    segments : (record name, frames) of a record of several segments; then `channels` is empty.
        The name ``~`` is a gap.
    """

    fs_hz: float
    n_samples: int | None
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]
    segments: tuple[tuple[str, int], ...] = ()


def parse(text: str, source: str, assumed_gain: float | None = None) -> Header:
    """Read a header; `source` is its file's name, also in messages.

    Parameters
    ----------
    assumed_gain : counts per unit of a channel whose gain is 0, which WFDB calls uncalibrated;
        None: such a channel is a fault.

    Raises
    ------
    RecordFault
        empty-header, bad-header, zero-rate, zero-gain, path-outside-root, unsupported-format.
        No message quotes free text.
    """
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    content = [line for line in lines if line and not line.startswith("#")]
    if not content:
        raise RecordFault("empty-header", f"{source}: no record line")
    n_segments, n_channels, fs_hz, n_samples = _record_line(content[0], source)
    stated = n_channels if n_segments is None else n_segments
    if stated != len(content) - 1:
        what = "channels" if n_segments is None else "segments"
        raise RecordFault(
            "bad-header", f"{source}: announces {stated} {what}, lists {len(content) - 1}"
        )
    if n_segments is not None:
        parts = tuple(_segment(line, source) for line in content[1:])
        return Header(fs_hz, n_samples, (), comments, parts)
    channels = tuple(
        _channel(line, source, f"channel {row + 1}", assumed_gain)
        for row, line in enumerate(content[1:])
    )
    return Header(fs_hz, n_samples, channels, comments)


def _record_line(line: str, source: str) -> tuple[int | None, int, float, int | None]:
    """Return segments (None: not segmented), channels, frames per second and frames."""
    name, *fields = line.split()
    if len(fields) < 2:
        raise RecordFault(
            "bad-header",
            f"{source}: the record line has {1 + len(fields)} fields; expected at least name, "
            "channels and Hz",
        )
    n_channels = _whole(fields[0], "number of channels", source, least=1)
    if n_channels > MOST_CHANNELS:
        raise RecordFault("bad-header", f"{source}: {n_channels} channels; most {MOST_CHANNELS}")
    rate = fields[1].split("/")[0].split("(")[0]
    fs_hz = _number(rate, "sampling rate", source)
    if fs_hz <= 0:
        raise RecordFault(
            "zero-rate", f"{source}: sampling rate {numbers.quoted(rate)}; expected > 0 Hz"
        )
    n_samples = None
    if len(fields) > 2 and numbers.whole(fields[2]) is not None:
        n_samples = _whole(fields[2], "number of samples", source, least=0) or None
    elif len(fields) > 2 and ":" not in fields[2] and "/" not in fields[2]:
        n_samples = _whole(fields[2], "number of samples", source)
    return _segments_in(name, source), n_channels, fs_hz, n_samples


def _segments_in(name: str, source: str) -> int | None:
    """Return the number of segments that a record's name announces (``name/3``), or None.

    Data sets also write a folder there, ``beats/00001``: then the part behind the slash is the
    header's own name.
    """
    before, slash, after = name.rpartition("/")
    stem = source[:-4] if source.lower().endswith(".hea") else source
    folder = after.lower() == stem.lower() and before.rpartition("/")[2].lower() != stem.lower()
    if not slash or folder:
        return None
    n = numbers.whole(after)
    if n is None or n < 1:
        raise RecordFault(
            "bad-header", f"{source}: a slash in the record's name, with no number of segments"
        )
    return n


def announces_segments(name: str, source: str) -> bool:
    """Return whether the name in a record line is that of a record of several segments."""
    try:
        return _segments_in(name, source) is not None
    except RecordFault:
        return False


def _segment(line: str, source: str) -> tuple[str, int]:
    name, _, count = line.partition(" ")
    return _own_name(name, "segment", source), _whole(count, "samples of a segment", source, 0)


def _channel(line: str, source: str, which: str, assumed_gain: float | None) -> Channel:
    fields = line.split(maxsplit=8)
    place = f"{source}: {which}"
    if len(fields) < 2:
        raise RecordFault("bad-header", f"{place}: no storage format")
    file, layout = fields[:2]
    fields += [""] * (9 - len(fields))
    shape = _FORMAT.fullmatch(layout)
    if shape is None:
        raise RecordFault("bad-header", f"{place}: format {numbers.quoted(layout)}")
    storage, per_frame, skew, offset = (int(part or 0) for part in shape.groups())
    gain, baseline, unit = _scale(fields[2], fields[4], place)
    mv_per_unit = MV_PER_UNIT.get((unit or "mV").lower(), math.nan)
    zero = fields[4] if numbers.whole(fields[4]) is not None else "0"
    if gain == 0 and assumed_gain is None and not math.isnan(mv_per_unit):
        detail = numbers.quoted(fields[2])
        raise RecordFault("zero-gain", f"{place}: gain {detail}; expected counts per mV")
    return Channel(
        name=fields[8].strip(),
        file=_own_name(file, "signal file", source),
        format=storage,
        skew=skew,
        byte_offset=offset,
        gain=gain or assumed_gain or math.nan,
        baseline=baseline,
        mv_per_unit=mv_per_unit,
        checksum=_whole(fields[6], "checksum", place) if fields[6] else None,
        calibrated=gain != 0,
        per_frame=max(per_frame, 1),
        unit=unit,
        initial=_whole(fields[5] or zero, "initial value", place) if storage == 8 else 0,
    )


def _own_name(path: str, what: str, source: str) -> str:
    """Return the last part of a path: files of a record lie next to its header.

    PTB-XL+ writes the folder of the data set in front.
    """
    place = PurePosixPath(path.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in path or not place.name:
        raise RecordFault("path-outside-root", f"{source}: a {what} outside the header's folder")
    return place.name


def _scale(text: str, adc_zero: str, place: str) -> tuple[float, int, str]:
    """Split ``1251.97(-196)/mV`` into gain, baseline (default: the ADC's zero) and unit."""
    match = _GAIN.fullmatch(text)
    if match is None:
        raise RecordFault("bad-header", f"{place}: gain {numbers.quoted(text)}")
    number, baseline, unit = match.groups()
    gain = _number(number, "gain", place) if number else 0.0
    if unit and not _UNIT.fullmatch(unit):
        raise RecordFault("bad-header", f"{place}: unit {numbers.quoted(unit)}; expected e.g. mV")
    if baseline and "." in baseline:  # some writers print the baseline as a real number
        value = _number(baseline, "baseline", place)
        if not value.is_integer():
            raise RecordFault("bad-header", f"{place}: baseline {value:g}; expected an integer")
        return gain, int(value), unit or ""
    return gain, _whole(baseline or adc_zero or "0", "baseline", place), unit or ""


def _number(text: str, what: str, place: str) -> float:
    value = numbers.number(text) if "," not in text else None
    if value is None:
        detail = numbers.quoted(text)
        raise RecordFault("bad-header", f"{place}: {what} is {detail}; expected a number")
    return value


def _whole(text: str, what: str, place: str, least: int | None = None) -> int:
    value = numbers.whole(text)
    if value is None:
        detail = numbers.quoted(text)
        raise RecordFault("bad-header", f"{place}: {what} is {detail}; expected an integer")
    if least is not None and value < least:
        raise RecordFault("bad-header", f"{place}: {what} {value}; expected >= {least}")
    return value
