"""Identify a cohort's folder by its table, which lists records and their patients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pedecg.cohorts import cohort_settings, csv_table, manifest, ptbxl, zzu, zzu_targets
from pedecg.cohorts.cohort_scan import CohortRow, Quarantined, Scan
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.core import params
from pedecg.core.errors import PedecgError

MANIFEST = "manifest.csv"
_NEEDED = ("record_id", "patient_id", "path")


@dataclass(frozen=True)
class Listing:
    """What a cohort's table says.

    Attributes
    ----------
    rows : the records, each once, in order.
    faulty : rows that cannot be used.
    unlisted : paths of records that no row describes, relative to the root.
    copies : rows of further copies of the same records, as PTB-XL's at 100 Hz.
    """

    rows: tuple[CohortRow, ...]
    faulty: tuple[Quarantined, ...] = ()
    unlisted: tuple[str, ...] = ()
    copies: tuple[CohortRow, ...] = ()

    def row_of(self, path: str) -> CohortRow | None:
        """Return the row of a record by its path without suffix, relative to the root."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> dict[str, CohortRow]:
        return {row.path: row for row in (*self.copies, *self.rows)}


@lru_cache(maxsize=64)  # most folders hold no table
def listing(root: Path, age_unit: str | None = None) -> Listing | None:
    """Return what the table in a folder lists, or None where it holds no table of a known kind.

    A manifest may have another name or other columns where the project of the working folder says
    so of this folder.

    Parameters
    ----------
    age_unit : of a manifest's ages without a unit; None: as ``params.yaml`` of the working folder
        says of the cohort of this folder, and without it as `ManifestSettings.age_unit` ``ask``.

    Raises
    ------
    PedecgError
        There is such a table, and it cannot be read.
    """
    for table, read in _TABLES.items():
        if (root / table).is_file() and (found := read(root, age_unit)) is not None:
            return found
    return _project_manifest(root, age_unit)


def _zzu(root: Path, _: str | None) -> Listing:
    return _listing(zzu.scan_cohort(_settings("zzu", root)))


def _ptbxl(root: Path, _: str | None) -> Listing:
    """Take each record at 500 Hz where its file is there, else at 100 Hz."""
    fast, slow = (
        ptbxl.scan_cohort(_settings("ptbxl", root, records=copy))
        for copy in ("records500", "records100")
    )
    rows = tuple(
        one if (root / f"{one.path}.hea").is_file() else other
        for one, other in zip(fast.rows, slow.rows, strict=True)
    )
    return Listing(rows, tuple(fast.quarantined), copies=(*fast.rows, *slow.rows))


def _manifest(root: Path, age_unit: str | None) -> Listing | None:
    """Read a manifest whose columns have the names of ``params.yaml``; another is not a cohort."""
    try:
        rows = csv_table.read(root / MANIFEST, _NEEDED)
    except PedecgError:
        return None
    there = tuple(rows[0]) if rows else ()
    unit = age_unit or _unit_in_project(root)
    return _listing(manifest.scan_cohort(_settings("manifest", root, columns=there, unit=unit)))


def _project_manifest(root: Path, age_unit: str | None) -> Listing | None:
    """Read the manifest that the project of the working folder names for this cohort."""
    section = _section_of(root)
    if section is None:
        return None
    own = cohort_settings.load(section)
    if not own.name.endswith("manifest") or not (root / own.manifest.file).is_file():
        return None
    columns = own.manifest.columns.model_copy(update={"split": None, "fold": None})
    table = own.manifest.model_copy(
        update={
            "columns": columns, "labels": [], "features": [], "conflicting_labels": "keep",
            "age_unit": age_unit or own.manifest.age_unit,
        }
    )  # fmt: skip
    everyone = {"require_age": False, "require_sex": False, "min_age_days": None,
                "max_age_days": None, "manifest": table, "root": str(root)}  # fmt: skip
    return _listing(manifest.scan_cohort(own.model_copy(update=everyone)))


def _unit_in_project(root: Path) -> str | None:
    """Return the unit of ages by which the project of the working folder reads this cohort."""
    section = _section_of(root)
    if section is None:
        return "ask"
    shared = params.read_file().get("cohort") or {}
    block = params.read_section(section).get("manifest") or shared.get("manifest") or {}
    unit = block.get("age_unit", "ask")
    return unit if unit is None else str(unit)


def _section_of(root: Path) -> str | None:
    """Return the section of the working folder's parameters whose cohort lies in `root`."""
    if not params.PARAMS_FILE.is_file():
        return None
    values = params.read_file()
    others = values.get("external_cohorts") or {}
    sections = {"cohort": values.get("cohort") or {}} | {
        f"external_cohorts.{name}": one for name, one in others.items()
    }
    for section, named in sections.items():
        if "root" in named and Path(str(named["root"])).resolve() == root.resolve():
            return section
    return None


_TABLES: dict[str, Callable[[Path, str | None], Listing | None]] = {
    zzu.TABLE: _zzu,
    ptbxl.TABLE: _ptbxl,
    MANIFEST: _manifest,
}


def _listing(scan: Scan) -> Listing:
    paths = tuple(record.path for record in scan.unlisted)
    return Listing(tuple(scan.rows), tuple(scan.quarantined), paths)


def _settings(
    name: str,
    root: Path,
    records: str = "records500",
    columns: tuple[str, ...] = (),
    unit: str | None = "ask",
) -> CohortSettings:
    """Say that every record is wanted: labels are not read, age and sex may be unknown."""
    optional = ("age", "sex", "acquired_at")
    return CohortSettings.model_validate(
        {
            "name": name,
            "root": str(root),
            "min_age_days": None,
            "max_age_days": None,
            "require_age": False,
            "require_sex": False,
            "zzu": {
                "normal_verdicts": [],
                "benign_findings": [],
                "rate_findings": [],
                "unlisted_diagnoses": "unknown",
                "targets": list(zzu_targets.USUAL),
            },
            "ptbxl": {"records": records},
            "manifest": {
                "file": MANIFEST,
                "columns": {column: column for column in _NEEDED}
                | {column: column if column in columns else None for column in optional}
                | {"split": None, "fold": None},
                "age_unit": unit,
                "female": ["female", "f", "w"],
                "male": ["male", "m"],
                "labels": [],
                "features": [],
                "conflicting_labels": "keep",
            },
        }
    )
