"""Arguments and options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Method(StrEnum):
    """How waves are found; a test holds that these are the methods of `waves.delineate`."""

    LEARNED = "learned"
    SLOPES = "slopes"
    PROMINENCE = "prominence"
    DWT = "dwt"
    CWT = "cwt"
    PEAK = "peak"


class SexOption(StrEnum):
    """How a sex may be typed, in any case."""

    F = "F"
    M = "M"
    FEMALE = "female"
    MALE = "male"


Paths = Annotated[
    list[Path],
    typer.Argument(
        help="WFDB records (with or without suffix; also .mat), vendors' XML, folders of them, or "
        "the folder of a cohort (ZZU-pECG, PTB-XL, manifest.csv)",
        show_default=False,
    ),
]
Age = Annotated[
    str | None,
    typer.Option(
        help="age with its unit: 12d, 5w, 7mo, 3y; default: the age in the file", show_default=False
    ),
]
AgeDays = Annotated[float | None, typer.Option(min=0, help="the same in days", show_default=False)]


def given_age_days(age: str | None, age_days: float | None) -> float | None:
    """Return the age of ``--age`` or ``--age-days``, days; None where neither is given.

    Raises
    ------
    PedecgError
        Both are given, or ``--age`` cannot be read: a number without a unit is refused.
    """
    from pedecg.cohorts import ages
    from pedecg.cohorts.record_faults import RecordFault
    from pedecg.core.errors import PedecgError

    if age is not None and age_days is not None:
        raise PedecgError("--age and --age-days: give one of them")
    if age is None:
        return age_days
    if ages.has_no_unit(age):
        raise PedecgError(f"--age {age}: {ages.ask(age)}")
    try:
        return float(ages.in_days(age))
    except RecordFault as fault:
        raise PedecgError(f"--age {age}: {fault.detail}") from None


class AgeUnit(StrEnum):
    """Units of a manifest's ages."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


Delineator = Annotated[
    Method,
    typer.Option(
        help="learned: network of pedecg; slopes: rules without training; others: NeuroKit2"
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER|FILE.png",
        help="draw each recording on ECG paper with P, QRS and T marked",
        show_default=False,
    ),
]
PlotFrom = Annotated[float, typer.Option(min=0, help="start of the drawing, s")]
