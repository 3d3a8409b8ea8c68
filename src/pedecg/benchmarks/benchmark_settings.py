"""Parameters of the benchmark pipeline: where the data lie, and what is compared on them."""

from typing import Literal

from pydantic import Field, field_validator

from pedecg.core import params
from pedecg.core.params import Section

# A folder of the pipeline that holds no data: DVC can only depend on a folder that exists.
ABSENT = "absent"


class DataSettings(Section):
    """Section `data`: the folder of each data set, as published."""

    delineation: dict[str, str] = Field(
        description=(
            "folders of LUDB 1.0.1 (doi 10.13026/eegm-h675) and QT Database 1.0.0 (doi "
            "10.13026/C24K53); absent: not measured"
        )
    )
    ptbxl: str = Field(
        description="folder of PTB-XL (doi 10.13026/kfzx-aw45), its signals at 100 Hz; absent: "
        "not measured"
    )
    cinc2017: str = Field(
        description=(
            "folder of PhysioNet/CinC Challenge 2017 (doi 10.13026/d3hm-sf11), labels "
            "REFERENCE-v3.csv; absent: not measured"
        )
    )
    vendor_xml: str = Field(
        description=(
            "folder of GE MUSE, Philips Sierra or HL7 aECG files that hold measurements; "
            "absent: not measured"
        )
    )

    @field_validator("delineation")
    @classmethod
    def _known_sources(cls, folders: dict[str, str]) -> dict[str, str]:
        if set(folders) != {"ludb", "qtdb"}:
            raise ValueError(f"must name ludb and qtdb (found {', '.join(folders)})")
        return folders


class DelineationSettings(Section):
    """Section `delineation`: which delineators are compared, and on which records."""

    weights: str = Field(
        description=(
            "folder of the weights of our delineator; after a training "
            "../delineation/models/delineator"
        )
    )
    records: Literal["all", "held_out"] = Field(
        description="all: every record; held_out: those that held_out.json of the weights lists"
    )
    neurokit2_methods: list[Literal["prominence", "dwt", "cwt", "peak"]] = Field(
        description="methods of NeuroKit2 to compare with; dwt is its default"
    )
    openecg_python: str | None = Field(
        description=(
            "Python of an environment with openecg==0.11.0 and ai-edge-litert; null: "
            "openecg is left out"
        )
    )


class HeartRateSettings(Section):
    """Section `heart_rates`: simulated children at fixed heart rates, lead II."""

    seed: int = Field(ge=0, description="not the seed of the training records")
    records: int = Field(
        ge=1, le=1000, description="simulated records at each heart rate: healthy, 10 s, lead II"
    )
    rates_bpm: list[float] = Field(min_length=1, description="heart rates, beats per minute")
    detected_f1: float = Field(
        gt=0,
        le=1,
        description="F1 of detection from which a wave counts as detected at a heart rate",
    )


class PtbxlFolds(Section):
    """The keys of section `ptbxl` on which predictions depend."""

    repeats: int = Field(ge=1, le=100, description="trainings of each fold, with other seeds")
    test_folds: Literal[1, 2, 5] = Field(
        description="official folds that are tested at once; the others are training folds"
    )


class Cinc2017Folds(Section):
    """The keys of section `cinc2017` on which predictions depend."""

    repeats: int = Field(
        ge=1, le=100, description="cross-validations, each with other folds and seeds"
    )
    folds: int = Field(
        ge=2, le=100, description="folds of recordings; who was recorded is not published"
    )


class PtbxlSettings(PtbxlFolds):
    """Section `ptbxl`: cross-validation over the ten official folds of PTB-XL."""

    models: list[str] = Field(description="models of the root pipeline")
    means: list[list[str]] = Field(
        description="groups of models whose mean probability is scored as well"
    )


class Cinc2017Settings(Cinc2017Folds):
    """Section `cinc2017`: cross-validation over random folds of recordings."""

    models: list[str] = Field(description="models of the arrhythmia pipeline")
    means: list[list[str]] = Field(
        description="groups of models whose mean probability is scored as well"
    )


class ResamplingSettings(Section):
    """Section `resampling`: the 95% intervals of every figure."""

    resamples: int = Field(
        ge=2,
        le=10_000,
        description="resamples of patients (LUDB, QTDB, CinC 2017: of records) for the 95% "
        "intervals",
    )
    seed: int = Field(ge=0, description="seed of the resampling; all models share it")


class _Folder(Section):
    folder: str


def folder(parameter: str) -> str:
    """Return the folder of a data set, a key of section `data` such as ``data.ptbxl``."""
    values = {"folder": params.read_section(parameter)}
    return params.parse(values, parameter, _Folder, params.PARAMS_FILE.name).folder


def not_measured(parameter: str, root: str) -> str | None:
    """Return why nothing is measured, or None where the folder of a data set is named."""
    if root != ABSENT:
        return None
    return f"not measured: no data, {parameter} is {ABSENT}"
