"""Labelled records of a folder, whichever of the known layouts it has."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import Field, field_validator

from pedecg.core import names, params, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.delineator import annotated_library
from pedecg.waves import annotations, rdb_annotations
from pedecg.waves.annotations import Labelled

# A file that only this kind of folder holds -> its reader.
_KINDS = {
    annotations.REVIEWED_TABLE: annotations.read_reviewed,  # before LUDB, whose layout it has
    "*.ii": annotations.read_ludb,
    "*.q1c": annotations.read_qtdb,
    "signals.f32": annotated_library.read,
    "*_isp_delineation_data.csv": annotations.read_isp,
    rdb_annotations.FOLDER: rdb_annotations.read_rdb,
}


OWN = "cohort"  # name of the source `root` in the library


class Settings(Section):
    """Section `cohort` of the delineation pipeline."""

    root: str = Field(
        description="folder of LUDB, QTDB, ISP, RDB, simulated children or waves corrected in "
        "pedecg review, recognised by its files"
    )
    also: dict[str, str] = Field(
        description="further such folders, name: path; all sources together train one network"
    )

    @field_validator("also")
    @classmethod
    def _names(cls, also: dict[str, str]) -> dict[str, str]:
        if OWN in also:
            raise ValueError(f"must not name a source {OWN!r}: that is cohort.root")
        names.require(also)
        dotted = [name for name in also if "." in name]
        if dotted:
            raise ValueError(f"must be names without a dot (found {dotted[0]!r})")
        return also


class _Paths(Section):
    paths: dict[str, str]


def source(key: str | None) -> tuple[str, Path]:
    """Return name and folder of the cohort (None), or of a further source, a key of `also`.

    Only the one parameter is read, so that a further source runs no other one again.
    """
    name, parameter = (OWN, "cohort.root") if key is None else (key, f"cohort.also.{key}")
    values = {"paths": {name: params.read_section(parameter)}}
    paths = params.parse(values, parameter, _Paths, params.PARAMS_FILE.name).paths
    why = names.fault(name)
    if why:
        raise PedecgError(f"{params.PARAMS_FILE.name}: cohort.also: {name!r} {why}")
    return name, Path(paths[name])


def read(root: Path) -> Iterator[Labelled]:
    """Yield the records of a folder, whose layout is recognised by its files.

    Identifiers are ``source/record``.

    Raises
    ------
    PedecgError
        The folder holds none of them.
    """
    if not root.is_dir():
        raise PedecgError(f"{root}: not found; expected a folder of labelled ECGs")
    for pattern, reader in _KINDS.items():
        if next(root.rglob(pattern), None) is not None:
            for record in reader(root):
                prefix = "" if "/" in record.record_id else f"{record.source}/"
                yield replace(record, record_id=f"{prefix}{record.record_id}")
            return
    raise PedecgError(f"{root}: no labelled ECGs; expected one of the files {', '.join(_KINDS)}")


def census(records: list[Labelled]) -> dict[str, dict[str, int]]:
    """Count records and labelled waves by source, over all leads."""
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        own = counts.setdefault(record.source, {"records": 0} | dict.fromkeys(["P", "QRS", "T"], 0))
        own["records"] += 1
        for kind, wave in enumerate(tables.WAVES_IN_ORDER):
            own[wave] += sum(len(marks.of(kind)) for marks in record.marks)
    return counts
