"""Checks of an ECG against the validated range of a model: refusals and flags.

Imports nothing of pedecg: `pedecg predict` and a bundle's runner judge by the same lines. `about`
is what ``bundle.json`` holds: `leads`, `preprocess`, `trained_on`, `min_fs_hz`, `max_fs_hz`.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

OLDEST_DAYS = 45_000  # as of ingest: nobody is known to have grown older
NOISE = {"psqi": "little of the power is QRS", "bassqi": "the baseline wanders"}


def judge(
    about: Mapping[str, Any],
    fs_hz: float,
    n_samples: int,
    leads: Collection[str],
    age_days: float | None,
    sex: str | None,
    carries: bool,
) -> tuple[str | None, list[str]]:
    """Return the reason to refuse a prediction (None: accepted), and warnings.

    Parameters
    ----------
    leads : the record's standard leads.
    carries : the rate carries the band of the filter.
    """
    refusal = _refusal(about, fs_hz, n_samples, age_days)
    if refusal:
        return refusal, []
    seconds = n_samples / fs_hz
    flags = []
    longest = about["trained_on"]["length_s"][1]
    if seconds > 2 * longest:
        flags.append(f"{seconds:.0f} s: the longest training record had {longest:.0f} s")
    flags += _whose(about["trained_on"], age_days, sex)
    read = " ".join(lead for lead in about["leads"] if lead in leads)
    if read not in about["trained_on"]["leads"]:
        flags.append(f"leads {read or 'none'}: no training record had exactly these")
    if not carries:
        band = about["preprocess"]["high_hz"]
        flags.append(f"{fs_hz:g} Hz does not carry the {band:g} Hz of the filter")
    return None, flags


def too_few(about: Mapping[str, Any], usable: Collection[str]) -> str | None:
    """Return why these usable leads are too few, or None."""
    lacking = [lead for lead in about.get("required_leads", ()) if lead not in usable]
    if lacking:
        return f"without {', '.join(lacking)}, or not usable there; every training record had it"
    fewest = about["trained_on"]["fewest_leads"]
    if len(usable) >= fewest:
        return None
    return f"{len(usable)} usable leads; no training record had fewer than {fewest}"


def amplitude(about: Mapping[str, Any], swing_mv: float) -> list[str]:
    """Return a flag where the amplitude lies outside the training records' range (wrong unit).

    Parameters
    ----------
    swing_mv : the median over the usable leads of each one's peak-to-peak value after the filter,
        mV. A bundle made before the range was kept flags nothing.
    """
    lowest, highest = about["trained_on"].get("swing_mv", (0.0, math.inf))
    if lowest <= swing_mv <= highest:
        return []
    return [
        f"amplitude: leads swing {swing_mv:.2f} mV (median); "
        f"training records {lowest:.2f} to {highest:.2f} mV; is the unit right?"
    ]


def noisy(about: Mapping[str, Any], quality: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one flag per measure of noise in which leads are worse than the training leads.

    Parameters
    ----------
    quality : lead -> its pSQI and basSQI. A bundle made before these were kept flags nothing.
    """
    flags = []
    for measure, meaning in NOISE.items():
        low = about["trained_on"].get(f"{measure}_low", 0.0)
        worse = [lead for lead, found in quality.items() if found[measure] < low]
        if worse:
            flags.append(
                f"noisy, {meaning} ({measure} below {low:.2f}, as in 1% of the training leads): "
                f"{', '.join(worse)}"
            )
    return flags


def _refusal(
    about: Mapping[str, Any], fs_hz: float, n_samples: int, age_days: float | None
) -> str | None:
    slowest, fastest = about["min_fs_hz"], about["max_fs_hz"]
    if not slowest <= fs_hz <= fastest:
        return f"{fs_hz:g} Hz; expected {slowest:g} to {fastest:g}"
    known = age_days is not None and not math.isnan(age_days)
    if known and not 0 <= age_days <= OLDEST_DAYS:  # type: ignore[operator]
        return f"age {age_days:g} days; expected 0 to {OLDEST_DAYS}"
    shortest = about["trained_on"]["length_s"][0]
    seconds = n_samples / fs_hz
    if seconds < shortest - 1 / fs_hz:
        return f"{seconds:.2f} s; no training record was shorter than {shortest:.2f} s"
    return None


def _whose(trained: Mapping[str, Any], age_days: float | None, sex: str | None) -> list[str]:
    flags = []
    youngest, oldest = trained["age_days"]
    if youngest is not None and (age_days is None or math.isnan(age_days)):
        flags.append("age unknown")
    elif age_days is not None and (youngest is None or not youngest <= age_days <= oldest):
        flags.append(f"age {age_days:g} days: outside the training records' {youngest} to {oldest}")
    if sex is None and trained["sex"]:
        flags.append("sex unknown")
    return flags
