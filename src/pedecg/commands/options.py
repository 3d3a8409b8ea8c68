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
