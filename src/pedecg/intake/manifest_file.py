"""Writing a draft into the folder that it lists; only an earlier draft is overwritten."""

import csv
from collections.abc import Sequence
from pathlib import Path

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.intake import drafted_preset
from pedecg.intake.dry_run import Refused
from pedecg.intake.manifest_draft import Draft


def place(folder: Path, file: str, preset: Path | None, replace: bool) -> tuple[Path, Path]:
    """Return where manifest and preset go.

    Raises
    ------
    PedecgError
        The manifest's name is no name of a CSV, or one of the files exists and is no draft that
        `replace` may overwrite.
    """
    if Path(file).name != file or not file.endswith(".csv"):
        raise PedecgError(f"--file {file}: expected a name such as manifest.csv, without a folder")
    manifest = folder / file
    preset = preset or manifest.with_suffix(".yaml")
    for path in (manifest, preset):
        if path.exists() and not replace:
            raise PedecgError(
                f"{path}: exists already; expected --replace for an earlier draft, or another "
                "name by --file"
            )
    if manifest.exists() and not _is_draft(preset, file):
        raise PedecgError(
            f"{manifest}: no earlier draft, and not overwritten; expected another name by --file"
        )
    return manifest, preset


def write(path: Path, draft: Draft) -> None:
    """Write the manifest: CSV, UTF-8, commas."""
    try:
        with (
            tables.replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.DictWriter(stream, draft.columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(draft.rows)
    except OSError as error:
        raise PedecgError(f"{path}: cannot be written ({error.strerror})") from None


def write_left_out(manifest: Path, refused: Sequence[Refused]) -> list[Path]:
    """List the recordings that have no row, with reasons; returns the file where there are some."""
    path = manifest.with_name(f"{manifest.stem}_left_out.csv")
    if not refused:
        path.unlink(missing_ok=True)  # of an earlier draft
        return []
    try:
        with (
            tables.replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["path", "reason", "detail"])
            writer.writerows((one.recording.path, one.reason, one.detail) for one in refused)
    except OSError as error:
        raise PedecgError(f"{path}: cannot be written ({error.strerror})") from None
    return [path]


def write_preset(path: Path, text: str) -> None:
    """Write the parameters."""
    try:
        with tables.replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PedecgError(f"{path}: cannot be written ({error.strerror})") from None


def _is_draft(preset: Path, file: str) -> bool:
    if not preset.is_file():
        return False
    text = preset.read_text(encoding="utf-8", errors="replace")
    return text.startswith(drafted_preset.FIRST_LINE) and f"cohort.manifest.file: '{file}'" in text
