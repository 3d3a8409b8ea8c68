"""Further numbers of a patient from the manifest next to a recording."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pedecg.cohorts import manifest, signal_files
from pedecg.cohorts.cohort_scan import CohortRow
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.recordings import RecordingPath
from pedecg.core.errors import PedecgError


def with_numbers(
    places: Iterable[RecordingPath], cohort: CohortSettings | None
) -> list[RecordingPath]:
    """Add age, sex and further numbers where a manifest above a recording lists it.

    Its file and columns are called as the model's pipeline calls them, and its ages are in the
    unit that the model was trained with; a manifest of other columns says nothing. Labels are not
    read.
    """
    if cohort is None or "manifest" not in cohort.model_fields_set:
        return list(places)
    named = cohort.manifest.model_copy(
        update={
            "labels": [],
            "conflicting_labels": "keep",
            "columns": cohort.manifest.columns.model_copy(update={"split": None, "fold": None}),
        }
    )
    wanted = cohort.model_copy(
        update={
            "manifest": named, "min_age_days": None, "max_age_days": None, "require_age": False,
            "require_sex": False,
        }
    )  # fmt: skip
    read = lru_cache(maxsize=None)(lambda root: _rows(root, wanted))
    return [_told(place, read, named.file) for place in places]


def age_unit(cohort: CohortSettings | None) -> str | None:
    """Return the unit of ages of the manifest that a model was trained with; None: it had none."""
    trained = cohort is not None and cohort.name.endswith("manifest")
    return cohort.manifest.age_unit if cohort is not None and trained else None


def _told(
    place: RecordingPath, read: Callable[[Path], dict[Path, CohortRow]], file: str
) -> RecordingPath:
    path = place.path.resolve()
    for root in path.parents:
        if (root / file).is_file():
            row = read(root).get(_plain(path))
            if row is None:
                return place
            known = {name: value for name, value in row.features.items() if value is not None}
            if row.age_days is not None or row.age_below_days is not None:
                place = replace(place.with_row(row), sex=place.sex)
            return replace(place, sex=place.sex or row.sex, numbers=known)
    return place


def _rows(root: Path, cohort: CohortSettings) -> dict[Path, CohortRow]:
    try:
        rows = manifest.scan_cohort(cohort.model_copy(update={"root": str(root)})).rows
    except PedecgError:
        return {}
    return {_plain((root / row.path).resolve()): row for row in rows}


def _plain(path: Path) -> Path:
    return Path(signal_files.without_suffix(str(path)))
