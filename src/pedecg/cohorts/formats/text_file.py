"""ECGs as text: CSV with a declared unit and rate, and the exports of Apple Health.

A CSV has lines of keys and values, as comments or plain (``# unit: mV``, ``# fs_hz: 500``,
``# age: 5 months``, ``# sex: female``), then a line of lead names, then one line per sample. A unit
may stand with each name instead (``II (mV)``), and a column of times instead of the rate. What is
not declared is never assumed: a CSV without unit or rate is refused.

Apple Health writes keys in the user's language; its values tell what they are, and its one column
of numbers follows without names.
"""

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault

NAME = "CSV with a declared unit, Apple Health"
SUFFIXES = (".csv", ".txt", ".tsv")
_MOST_HEADER_LINES = 64  # lines before the samples; a table without samples ends here
_RATE_KEYS = ("fs", "fs_hz", "sampling rate", "sampling_rate", "sample rate", "sample_rate", "rate",
              "frequency", "sampling frequency", "sampling_frequency")  # fmt: skip
_UNIT_KEYS = ("unit", "units", "amplitude unit")
_HERTZ = re.compile(r"([0-9.,]+)\s*(?:hz|hertz)\b", re.IGNORECASE)
_NAMED = re.compile(r"(?P<name>[^()\[\]]+?)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]")
_NAMED_BY_LINE = re.compile(r"(?P<name>.+)_(?P<unit>[mµμu]?V)")
_APPLE_LEAD = re.compile(r"\S+\s+(I{1,3}|aV[RLF]|V[1-6])", re.IGNORECASE)  # Lead I, Afleiding I
# Seconds of each unit of a time column.
_TIME_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6}
_AGE = re.compile(r"([0-9.]+)\s*([A-Za-z]+)")
_DATES = ("%Y-%m-%d", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_CELLS = re.compile(r'[0-9eE+.,;\s"-]*', re.ASCII)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # marks of the order of bytes, as Excel writes
_NO_NUMBER = re.compile(r"\bnan\b", re.IGNORECASE)  # how programs write that there is no value
_AT_ONCE = 1000  # lines
_NUMBER = re.compile(r"-?[0-9]*[.,]?[0-9]+(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class _Sheet:
    """A text, split: keys and values, the line of names (or none), and lines of numbers."""

    keys: Mapping[str, str]
    values: tuple[str, ...]
    names: tuple[str, ...]
    lines: list[str]
    separator: str
    decimal_comma: bool


def recognises(start: bytes) -> bool:
    """Return whether a text declares a rate or times and a unit of voltage before its numbers."""
    if b"\0" in start[:64] and start[:2] not in _UTF16:
        return False
    try:
        sheet = _split(_text(start), whole=False)
    except RecordFault:
        return False
    is_time = any(_time_unit(name) is not None for name in sheet.names)
    has_rate = is_time or _rate(sheet) is not None
    leads = [name for name in sheet.names if lead_names.standard(_plain(name))]
    return bool(sheet.lines) and has_rate and (bool(leads) or not sheet.names)


def read(file: Path) -> FileEcg:
    """Read every ECG column; raises `RecordFault`."""
    sheet = _split(_text(file.read_bytes()), whole=True)
    n_columns = len(sheet.names) or 1
    table = _numbers(sheet, n_columns, file.name)
    times = [row for row, name in enumerate(sheet.names) if _time_unit(name) is not None]
    fs_hz = _rate(sheet)
    if times:
        seconds = table[times[0]] * (_time_unit(sheet.names[times[0]]) or 1.0)
        fs_hz = _rate_of(seconds, fs_hz, file.name)
    if fs_hz is None or not 0 < fs_hz < 1e6:
        raise RecordFault("zero-rate", f"{file.name}: no sampling rate; expected e.g. # fs_hz: 500")
    unit = next((v for k, v in sheet.keys.items() if k in _UNIT_KEYS), "")
    unit = unit or next((v for v in sheet.values if v.lower() in MV_PER_UNIT), "")
    traces, left_out = [], []
    for row in (row for row in range(n_columns) if row not in times):
        name, own = _name(sheet, row)
        scale = own or unit
        shown = lead_names.display(name)
        if scale.lower() not in MV_PER_UNIT:
            if lead_names.role(name) == "lead" or n_columns - len(times) == 1:
                detail = numbers.quoted(scale) if scale else "none"
                raise RecordFault(
                    "unknown-unit",
                    f"{file.name}: {lead_names.labelled(name)}: unit {detail}; "
                    "expected e.g. # unit: mV",
                )
            left_out.append(f"{shown} ({scale[:12]})" if scale else shown)
        elif lead_names.role(name) == "not-ecg":
            left_out.append(shown)
        else:
            traces.append(Trace(name, 0, table[row] * MV_PER_UNIT[scale.lower()]))
    if not traces:
        raise RecordFault("no-ecg", f"{file.name}: no column is an ECG")
    names, signal = file_ecg.assemble(traces, file.name)
    age_days, sex_word = _age(sheet), sheet.keys.get("sex") or sheet.keys.get("gender") or ""
    return FileEcg(
        names, signal, fs_hz, "CSV", age_days=age_days, sex=file_ecg.sex(sex_word),
        left_out=tuple(left_out),
    )  # fmt: skip


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            return data.decode("utf-16" if data[:2] in _UTF16 else encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _split(text: str, whole: bool) -> _Sheet:
    """Tell keys, names and numbers apart; only complete lines of a part of a file count."""
    lines = [line.strip() for line in text.splitlines()]
    if not whole and lines:
        lines = lines[:-1]
    at = next((row for row, line in enumerate(lines) if _is_data(line)), len(lines))
    if at > _MOST_HEADER_LINES:
        raise RecordFault("bad-header", "no numbers after the header of a text")
    sample = lines[at] if at < len(lines) else ""
    separator = next((s for s in (";", "\t") if s in sample), ",")
    before = [line for line in lines[:at] if line.strip(separator)]
    names: tuple[str, ...] = ()
    if before and not before[-1].startswith("#"):
        cells = tuple(cell.strip().strip('"') for cell in before[-1].split(separator))
        if any(lead_names.standard(_plain(cell)) or _time_unit(cell) for cell in cells) and (
            len(cells) != 2 or separator != "," or _is_column_pair(cells)
        ):
            names, before = cells, before[:-1]
    keys, values = _keys(before)
    data = [line for line in lines[at:] if line.strip(separator)]
    if names and not names[-1] and all(line.endswith(separator) for line in data):
        names, data = names[:-1], [line[:-1] for line in data]  # a separator after the last column
    decimal_comma = separator != "," and "," in sample
    if separator == "," and not names and all(line.count(",") <= 1 for line in data[:50]):
        decimal_comma = True  # one column, as Apple Health writes it in German or Dutch
    return _Sheet(keys, values, names, data, separator, decimal_comma)


def _is_column_pair(cells: tuple[str, ...]) -> bool:
    """Return whether two cells are column names, not a key and its value (``Lead,Lead I``)."""
    return all(
        lead_names.standard(_plain(cell)) or _time_unit(cell) is not None for cell in cells
    ) and not cells[0].lower().startswith(("lead", "ableit", "afleid", "deriv"))


def _is_data(line: str) -> bool:
    cells = [_NO_NUMBER.sub("", cell).strip().strip('"') for cell in re.split(r"[;\t,]", line)]
    return (
        bool(line) and all(_NUMBER.fullmatch(cell) or cell == "" for cell in cells) and any(cells)
    )


def _keys(lines: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    found, values = {}, []
    for line in lines:
        key, mark, value = line.lstrip("# ").partition(":" if line.startswith("#") else ",")
        if not mark:
            key, mark, value = line.lstrip("# ").partition("=")
        if not mark:
            key, mark, value = line.partition(";")
        value = value.rstrip(" ,;\t").strip().strip('"').strip()  # spreadsheets fill up every line
        found[key.strip().lower()] = value
        values.append(value)
    return found, tuple(values)


def _numbers(sheet: _Sheet, n_columns: int, place: str) -> NDArray[np.float64]:
    """Return the numbers, shape (n_columns, n_samples); an empty cell is NaN."""
    file_ecg.require_size(n_columns, len(sheet.lines), place)
    values = array("d")
    for first in range(0, len(sheet.lines), _AT_ONCE):
        lines = sheet.lines[first : first + _AT_ONCE]
        between = sheet.separator if n_columns > 1 else "\n"
        if n_columns > 1 and any(line.count(between) != n_columns - 1 for line in lines):
            row = next(k for k, line in enumerate(lines) if line.count(between) != n_columns - 1)
            raise RecordFault(
                "corrupt-signal",
                f"{place}: sample {first + row + 1} has {lines[row].count(between) + 1} columns; "
                f"expected {n_columns}",
            )
        text = _NO_NUMBER.sub("", between.join(lines))
        try:
            if not _CELLS.fullmatch(text):
                raise ValueError
            values.extend(_values(text.split(between), sheet.decimal_comma))
        except ValueError:
            raise RecordFault(
                "corrupt-signal",
                f"{place}: samples {first + 1} to {first + len(lines)}: one is not a number",
            ) from None
    if not values:
        raise RecordFault("empty-signal", f"{place}: no sample")
    return np.array(values, np.float64).reshape(-1, n_columns).T


def _values(cells: list[str], decimal_comma: bool) -> list[float]:
    """Read numbers; quickly where none is empty, quoted or has a comma."""
    try:
        return list(map(float, cells))
    except ValueError:
        return [_value(cell, decimal_comma) for cell in cells]


def _value(cell: str, decimal_comma: bool) -> float:
    cell = cell.strip().strip('"').strip()
    if cell == "":
        return np.nan
    return float(cell.replace(",", ".") if decimal_comma else cell)


def _named(name: str) -> re.Match[str] | None:
    """Split ``II (mV)``, ``II [mV]`` or ``II_mV`` into name and unit."""
    return _NAMED.fullmatch(name.strip()) or _NAMED_BY_LINE.fullmatch(name.strip())


def _plain(name: str) -> str:
    found = _named(name)
    return found["name"] if found else name


def _name(sheet: _Sheet, row: int) -> tuple[str, str]:
    """Return a column's name and its own unit; an Apple Health export names its lead in a value."""
    if not sheet.names:
        leads = [m[1] for v in sheet.values if (m := _APPLE_LEAD.fullmatch(v)) is not None]
        return (leads[0] if leads else "ECG"), ""
    found = _named(sheet.names[row])
    return (found["name"], found["unit"].strip()) if found else (sheet.names[row], "")


def _time_unit(name: str) -> float | None:
    """Return the seconds of a time column's unit; None: no column of times with a unit."""
    found = _NAMED.fullmatch(name.strip())
    if found and found["name"].strip().lower() in ("t", "time", "seconds"):
        return _TIME_SECONDS.get(found["unit"].strip().lower())
    match = re.fullmatch(r"(?:t|time)_(s|sec|ms|us)", name.strip().lower())
    return _TIME_SECONDS[match[1]] if match else None


def _rate(sheet: _Sheet) -> float | None:
    for key, value in sheet.keys.items():
        if key in _RATE_KEYS:
            hertz = _HERTZ.fullmatch(value)
            return numbers.number(hertz[1] if hertz else value)
    found = [m for value in sheet.values if (m := _HERTZ.fullmatch(value)) is not None]
    return numbers.number(found[0][1]) if found else None


def _rate_of(seconds: NDArray[np.float64], stated: float | None, place: str) -> float:
    """Return the rate of a column of times; a fault where they are uneven or contradict a rate."""
    steps = np.diff(seconds)
    if steps.size < 2 or not np.isfinite(steps).all() or not (steps > 0).all():
        raise RecordFault("zero-rate", f"{place}: the column of times does not increase")
    mean = float(seconds[-1] - seconds[0]) / steps.size
    if float(np.abs(steps - mean).max()) > 0.5 * mean:
        raise RecordFault("zero-rate", f"{place}: the times are not evenly spaced")
    rate = float(np.round(1 / mean, 3))
    if stated is not None and abs(rate - stated) > 0.01 * stated:
        raise RecordFault("zero-rate", f"{place}: times of {rate:g} Hz; stated {stated:g}")
    return rate if stated is None else stated


def _age(sheet: _Sheet) -> int | None:
    stated = _AGE.fullmatch(sheet.keys.get("age", ""))
    if "age_days" in sheet.keys:
        return file_ecg.age_days(sheet.keys["age_days"], "days", None, None)
    if stated is not None:
        return file_ecg.age_days(stated[1], stated[2], None, None)
    birth = _date(sheet.keys.get("date of birth", ""))
    acquired = _date(sheet.keys.get("recorded date", ""))
    if birth is None or acquired is None or birth > acquired:
        return None
    return file_ecg.age_days("", "", birth, acquired)


def _date(cell: str) -> date | None:
    first = cell[:10] if re.match(r"[0-9]{4}-", cell) else cell
    for form in _DATES:
        try:
            return datetime.strptime(first, form).date()
        except ValueError:
            continue
    return None
