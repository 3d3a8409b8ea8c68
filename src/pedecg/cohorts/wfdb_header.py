"""The text of a WFDB header, read strictly.

Syntax: header(5) of the WFDB Applications Guide. The `wfdb` package reads a gain of 0 as 200, a
missing rate as 250 Hz and skips what it does not understand; here each of them is a fault, since
amplitude and time are the diagnosis.
"""

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pedecg.cohorts.record_faults import RecordFault

MV_PER_UNIT = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3}

_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN = re.compile(r"([^(/]*)(?:\((-?\d+)\))?(?:/(\S+))?")


@dataclass(frozen=True)
class Channel:
    """One signal line: ``mV = (count - baseline) / gain * mv_per_unit``.

    `calibrated` is False where the file gives no gain and one was assumed.
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


@dataclass(frozen=True)
class Header:
    """One record: rate in Hz, samples per channel, channels in the order of the file."""

    fs_hz: float
    n_samples: int
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]


def parse(text: str, source: str, assumed_gain: float | None = None) -> Header:
    """Read a header; `source` names it in messages.

    Parameters
    ----------
    assumed_gain : counts per unit of a channel whose gain is 0, which WFDB calls uncalibrated;
        None: such a channel is a fault.

    Raises
    ------
    RecordFault
        empty-header, bad-header, zero-rate, zero-gain, unknown-unit, path-outside-root,
        unsupported-format.
    """
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    content = [line for line in lines if line and not line.startswith("#")]
    if not content:
        raise RecordFault("empty-header", f"{source}: no record line")
    n_channels, fs_hz, n_samples = _record_line(content[0], source)
    if n_channels != len(content) - 1:
        raise RecordFault(
            "bad-header", f"{source}: announces {n_channels} channels, lists {len(content) - 1}"
        )
    channels = tuple(_channel(line, source, assumed_gain) for line in content[1:])
    return Header(fs_hz, n_samples, channels, comments)


def _record_line(line: str, source: str) -> tuple[int, float, int]:
    name, *fields = line.split()
    if "/" in name:
        raise RecordFault("unsupported-format", f"{source}: a record of several segments")
    if len(fields) < 3:
        raise RecordFault(
            "bad-header",
            f"{source}: record line {line!r}; expected name, channels, Hz, samples",
        )
    n_channels = _whole(fields[0], "channels", source, least=1)
    fs_hz = _number(fields[1].split("/")[0].split("(")[0], "sampling rate", source)
    if fs_hz <= 0:
        raise RecordFault("zero-rate", f"{source}: sampling rate {fields[1]}; expected > 0 Hz")
    return n_channels, fs_hz, _whole(fields[2], "samples", source, least=1)


def _channel(line: str, source: str, assumed_gain: float | None) -> Channel:
    fields = line.split(maxsplit=8)
    if len(fields) < 2:
        raise RecordFault("bad-header", f"{source}: signal line {line!r}")
    file, layout = fields[:2]
    fields += [""] * (9 - len(fields))
    if PurePosixPath(file.replace("\\", "/")).name != file:
        raise RecordFault("path-outside-root", f"{source}: signal file {file!r}; expected a name")
    shape = _FORMAT.fullmatch(layout)
    if shape is None:
        raise RecordFault("bad-header", f"{source}: format {layout!r}")
    storage, per_frame, skew, offset = (int(part or 0) for part in shape.groups())
    if per_frame > 1:
        raise RecordFault("unsupported-format", f"{source}: {per_frame} samples per frame")
    place = f"{source}: {fields[8]}"
    gain, baseline, mv_per_unit = _scale(fields[2], fields[4], place)
    if gain == 0 and assumed_gain is None:
        raise RecordFault("zero-gain", f"{place}: gain {fields[2]!r}; expected counts per mV")
    return Channel(
        name=fields[8].strip(),
        file=file,
        format=storage,
        skew=skew,
        byte_offset=offset,
        gain=gain or assumed_gain or math.nan,
        baseline=baseline,
        mv_per_unit=mv_per_unit,
        checksum=_whole(fields[6], "checksum", source) if fields[6] else None,
        calibrated=gain != 0,
    )


def _scale(text: str, adc_zero: str, place: str) -> tuple[float, int, float]:
    """Split ``1251.97(-196)/mV`` into gain, baseline (default: the ADC's zero) and mV per unit."""
    match = _GAIN.fullmatch(text)
    if match is None:
        raise RecordFault("bad-header", f"{place}: gain {text!r}")
    number, baseline, unit = match.groups()
    gain = _number(number, "gain", place) if number else 0.0
    mv_per_unit = MV_PER_UNIT.get((unit or "mV").lower())
    if mv_per_unit is None:
        raise RecordFault("unknown-unit", f"{place}: unit {unit!r}; expected mV, uV or V")
    return gain, _whole(baseline or adc_zero or "0", "baseline", place), mv_per_unit


def _number(text: str, what: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise RecordFault("bad-header", f"{place}: {what} {text!r}; expected a number") from None
    if not math.isfinite(value):
        raise RecordFault("bad-header", f"{place}: {what} {text!r}; expected a number")
    return value


def _whole(text: str, what: str, place: str, least: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise RecordFault("bad-header", f"{place}: {what} {text!r}; expected an integer") from None
    if least is not None and value < least:
        raise RecordFault("bad-header", f"{place}: {what} {value}; expected >= {least}")
    return value
