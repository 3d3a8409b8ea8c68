"""Whether the numbers in a calibration file can be a curve: its form, not who fitted it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

# The names of the parameters of each method of `calibration.METHODS`.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "temperature": ("slope", "intercept"),
    "platt": ("slope", "intercept"),
    "isotonic": ("raw", "calibrated"),
}
NEVER = 2.0  # the threshold that JSON holds for infinity: no probability reaches it


def parameters(method: Any, values: Any) -> dict[str, list[float]]:
    """Return the parameters of a method; a ValueError says what cannot be."""
    if method not in PARAMETERS:
        raise ValueError(f"method {method!r}; expected one of {', '.join(PARAMETERS)}")
    names = PARAMETERS[method]
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise ValueError(f"method {method} with other parameters than {', '.join(names) or 'none'}")
    found = {name: _numbers(name, values[name]) for name in names}
    if names == ("slope", "intercept"):
        _check_line(found)
    elif names:
        _check_steps(found)
    return found


def threshold(value: Any) -> float:
    """Return a threshold as JSON holds it: null is NaN, `NEVER` infinity."""
    if value is None:
        return math.nan
    if not _is_number(value) or not (0 <= value <= 1 or value == NEVER):
        raise ValueError(f"threshold {value!r}; expected 0 to 1, null or {NEVER:g}")
    return math.inf if value == NEVER else float(value)


def _check_line(found: Mapping[str, Sequence[float]]) -> None:
    if any(len(values) != 1 for values in found.values()) or found["slope"][0] <= 0:
        raise ValueError("slope and intercept must be one number each, the slope above 0")


def _check_steps(found: Mapping[str, Sequence[float]]) -> None:
    raw, calibrated = found["raw"], found["calibrated"]
    rising = all(list(values) == sorted(values) for values in (raw, calibrated))
    inside = all(0 <= value <= 1 for value in (*raw, *calibrated))
    if not raw or len(raw) != len(calibrated) or not rising or not inside:
        raise ValueError("raw and calibrated must be equally many probabilities that rise")


def _numbers(name: str, values: Any) -> list[float]:
    if not isinstance(values, list) or not all(map(_is_number, values)):
        raise ValueError(f"{name} must be a list of finite numbers")
    return [float(value) for value in values]


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and abs(value) < 1e300 and math.isfinite(value)
