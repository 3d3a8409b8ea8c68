"""`pedecg manifest`: a cohort's manifest and parameters, drafted from a folder of files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pedecg.commands.options import AgeUnit


class PatientFrom(StrEnum):
    """What stands for a patient where no column does."""

    FILE = "file"
    FOLDER = "folder"


def manifest(
    folder: Annotated[Path, typer.Argument(help="folder of ECG files of any formats")],
    table: Annotated[
        Path | None,
        typer.Option(
            help="table of patients and labels (CSV of any dialect); default: the one below the "
            "folder that names most files",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=COLUMN",
            help="column of path, patient, age, sex, acquired_at, split or fold; none: it has none",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,COLUMN", help="columns of labels; default: those of 0 and 1",
            show_default=False,
        ),
    ] = None,
    age_unit: Annotated[
        AgeUnit | None,
        typer.Option(help="of ages without a unit; it is never guessed", show_default=False),
    ] = None,
    female: Annotated[
        list[str] | None, typer.Option(help="code of the female sex", show_default=False)
    ] = None,
    male: Annotated[
        list[str] | None, typer.Option(help="code of the male sex", show_default=False)
    ] = None,
    patient_from: Annotated[
        PatientFrom | None,
        typer.Option(
            help="where no column names the patient: each file, or each folder, is one",
            show_default=False,
        ),
    ] = None,
    file: Annotated[str, typer.Option(help="name of the manifest in the folder")] = "manifest.csv",
    preset: Annotated[
        Path | None,
        typer.Option(help="file of the parameters; default: next to the manifest, as .yaml",
                     show_default=False),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="folder of the pictures; default: FOLDER/manifest_pictures",
                     show_default=False),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="records of the dry run")] = 10,
    every: Annotated[
        bool, typer.Option("--all", help="open every recording, also of a folder of over 500")
    ] = False,
    ignore_channel: Annotated[
        list[str] | None,
        typer.Option(help="channel that is none of the twelve leads and may be left out",
                     show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="overwrite an earlier draft")] = False,
) -> None:  # fmt: skip
    """Draft a manifest and its parameters from a folder of ECG files, and try ten records.

    Prints what was found, guessed and is missing, and the questions that are open. Recordings that
    cannot be used are left out and listed with their reasons.
    """
    from pedecg.core.errors import PedecgError
    from pedecg.intake import (
        draft_summary,
        drafted_preset,
        dry_run,
        found_files,
        manifest_draft,
        manifest_file,
        table_dialects,
    )

    target, parameters = manifest_file.place(folder, file, preset, replace)
    answers = manifest_draft.answers(
        columns=column or [],
        labels=labels,
        age_unit=None if age_unit is None else age_unit.value,
        female=female or [],
        male=male or [],
        patient_from=None if patient_from is None else patient_from.value,
    )
    found = found_files.search(folder).without_table(target)
    given = None if table is None else table_dialects.read(table)
    ingest = dry_run.ingest_settings(ignore_channel or [])
    opened = dry_run.opened(found.recordings, records, every)
    refused = dry_run.refused(folder, opened, ingest)
    usable = found.without([one.recording for one in refused])
    if not usable.recordings:
        raise PedecgError(
            f"{folder}: none of {len(opened)} recordings can be used, the first for "
            f"{refused[0].reason}: {refused[0].detail}"
        )
    drafted = manifest_draft.draft(usable, answers, given)
    cohort = drafted_preset.cohort(drafted, folder, file)
    manifest_file.write(target, drafted)
    left_out = manifest_file.write_left_out(target, refused)
    drawn = pictures or folder / "manifest_pictures"
    forms = {one.record_id: one.form for one in usable.recordings}
    tried = dry_run.check(cohort, forms, records, drawn, ingest)
    text = drafted_preset.text(cohort, drafted, ignore_channel or [])
    manifest_file.write_preset(parameters, text)
    typer.echo(draft_summary.text(found, refused, len(opened), drafted, tried), nl=False)
    typer.echo(
        f"Written: {', '.join(map(str, (target, parameters, *left_out)))}, pictures in {drawn}\n"
        f"Next, in a pipeline's folder: pedecg run {parameters.resolve()} -n read ingest audit"
    )
