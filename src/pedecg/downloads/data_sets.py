"""The registry of public data sets: one YAML file each in ``registry/``.

A field that no source at hand states is null, and is shown as unknown.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section

FOLDER = Path(__file__).parent / "registry"


class Listing(Section):
    """Where the names and checksums of a data set's files are published."""

    kind: Literal["sha256sums", "zenodo", "figshare"] = Field(
        description="sha256sums: a file of PhysioNet's form; zenodo, figshare: their interface"
    )
    urls: list[str] = Field(min_length=1, description="its address; of figshare one per item")


class DataSet(Section):
    """One data set of the registry."""

    title: str
    version: str | None = Field(description="null: unknown")
    address: str = Field(description="page of the data set, for readers")
    doi: str | None = Field(description="of this version; null: unknown")
    paper: str | None = Field(description="DOI of the paper; null: unknown")
    licence: str | None = Field(description="null: unknown; the page says it")
    citation: str
    layout: str = Field(description="what lies where, and which cohort reads it")
    size_gb: float | None = Field(description="of all files, GB; null: unknown")
    listing: Listing
    base: list[str] = Field(description="addresses below which the files lie, the first preferred")
    checksums: dict[str, str] = Field(
        default={},
        description="known here by path, as md5:… or sha256:…; another in the list is another file",
    )

    @field_validator("checksums")
    @classmethod
    def _of_a_known_kind(cls, known: dict[str, str]) -> dict[str, str]:
        for path, checksum in known.items():
            if not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum):
                raise ValueError(f"must be md5:… or sha256:… (found {checksum!r} of {path})")
        return known

    @field_validator("base")
    @classmethod
    def _folders(cls, base: list[str]) -> list[str]:
        for address in base:
            if not address.endswith("/"):
                raise ValueError(f"must end with / (found {address!r})")
        return base


def names() -> list[str]:
    """Return the names of all data sets."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(name: str) -> DataSet:
    """Return one data set.

    Raises
    ------
    PedecgError
        There is none of this name; the nearest is named.
    """
    if name not in names():
        raise PedecgError(f"{name}: no such data set{params.did_you_mean(name, names())}")
    file = FOLDER / f"{name}.yaml"
    return params.parse(params.read_file(file), name, DataSet, file.name)
