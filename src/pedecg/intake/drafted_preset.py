"""The parameters of a drafted manifest, as a preset that `pedecg run` takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.intake.manifest_draft import Draft

FIRST_LINE = "# Drafted by `pedecg manifest`; run it in a pipeline's folder with"
_ROLES = ("age", "sex", "acquired_at", "split", "fold")


def cohort(draft: Draft, folder: Path, file: str) -> CohortSettings:
    """Return the parameters of the cohort, with which `manifest` reads the draft.

    Ages and sexes may be unknown; an age says its own unit in each cell.
    """
    there = {role: role if role in draft.columns else None for role in _ROLES}
    return CohortSettings.model_validate(
        {
            "name": "manifest",
            "root": folder.resolve().as_posix(),
            "min_age_days": None,
            "max_age_days": None,
            "require_age": False,
            "require_sex": False,
            "manifest": {
                "file": file,
                "columns": {"record_id": "record_id", "patient_id": "patient_id", "path": "path"}
                | there,
                "age_unit": None,
                "female": ["female"],
                "male": ["male"],
                "labels": list(draft.labels),
                "features": [],
                "conflicting_labels": "keep",
            },
        }
    )


def text(settings: CohortSettings, draft: Draft, ignored_channels: Sequence[str]) -> str:
    """Return the preset: a line for each parameter, and the open questions as comments.

    Parameters
    ----------
    ignored_channels : channels that ingest is to leave out, as the user chose.
    """
    lines = [FIRST_LINE, "# pedecg run THIS_FILE -n read ingest audit"]
    lines += [f"# Open question: {question}" for question in draft.questions]
    values = {"cohort": settings.model_dump(exclude={"zzu", "ptbxl", "cinc2017", "public"})}
    lines += [f"{key}: {_yaml(value)}" for key, value in _flat("", values)]
    if ignored_channels:
        lines.append(f"ingest.ignore_channels: {_yaml(list(ignored_channels))}")
    return "\n".join(lines) + "\n"


def _flat(prefix: str, values: Mapping[str, object]) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat += _flat(f"{name}.", value) if isinstance(value, Mapping) else [(name, value)]
    return flat


def _yaml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"
