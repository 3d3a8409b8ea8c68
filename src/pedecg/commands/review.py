"""`pedecg review`: review of suspect labels in the browser, agreement of the readers and effect."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from pedecg.review_app.worklist import Worklist
    from pedecg.rules.norms import Limits

app = typer.Typer(invoke_without_command=True)

JOURNAL = Path("labels/review.jsonl")
PASSWORD_VARIABLE = "PEDECG_REVIEW_PASSWORD"

JournalOption = Annotated[Path, typer.Option(help="where every answer is appended; keep it in git")]
ListOption = Annotated[
    Path | None,
    typer.Option("--list", help="CSV with record_id and label instead", show_default=False),
]
LabelOption = Annotated[
    str | None, typer.Option(help="target to ask of every record of --list", show_default=False)
]
MistakesOption = Annotated[
    bool, typer.Option("--mistakes", help="the model's mistakes (data/errors) instead")
]
AtMost = Annotated[int, typer.Option(min=1, max=100_000, help="cases from the top of the list")]
Seed = Annotated[int, typer.Option(help="of the choice of shared cases, and of the intervals")]


@app.callback()
def review(
    context: typer.Context,
    list_file: ListOption = None,
    label: LabelOption = None,
    mistakes: MistakesOption = False,
    at_most: AtMost = 200,
    journal: JournalOption = JOURNAL,
    overlap: Annotated[
        float, typer.Option(min=0, max=1, help="share of the cases that every reader answers")
    ] = 0.3,
    reader: Annotated[
        list[str] | None, typer.Option(help="name that may sign in; repeatable; default: any")
    ] = None,
    senior: Annotated[
        list[str] | None,
        typer.Option(help="name of a senior reader, who holds the consensus round; repeatable"),
    ] = None,
    show_labels: Annotated[
        bool, typer.Option("--show-labels", help="not blinded: recorded labels are in view")
    ] = False,
    seed: Seed = 0,
    host: Annotated[
        str, typer.Option(help=f"another one needs a password in {PASSWORD_VARIABLE}")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one")] = 8765,
) -> None:
    """Review suspect labels in the browser: ECGs on true paper, blinded, one key per decision.

    Run it in the folder of a pipeline. The cases are the candidates of noise_review. Every answer
    is saved at once, and labels/decisions.csv is brought up to date for `labels.use_decisions`.
    """
    if context.invoked_subcommand is not None:
        return
    from pedecg.core.errors import PedecgError
    from pedecg.review_app import ecg_source, review_session, server, wave_editor, wave_journal
    from pedecg.web import access, run_server

    password = os.environ.get(PASSWORD_VARIABLE) or None
    local = run_server.is_loopback(host)
    if not local and password is None:
        raise PedecgError(
            f"--host {host}: other machines could read the ECGs; set a password in "
            f"{PASSWORD_VARIABLE}, or leave --host out"
        )
    records, labels, findings, splits = ecg_source.open_tables(Path())
    split_of = dict(zip(splits["record_id"], splits["split"], strict=True))
    worklist = _worklist(labels, records, at_most, list_file, label, mistakes)
    limits = _limits(Path())
    settings = review_session.ReviewSettings(
        blinded=not show_labels,
        overlap=overlap,
        readers=tuple(reader or ()),
        senior=tuple(senior or ()),
        seed=seed,
    )
    running = review_session.start(worklist, journal, settings, split_of, _statements(findings))
    gate = access.Access(server.COOKIE, password)
    ecgs = ecg_source.EcgSource(Path(), records, limits)
    try:
        waves = wave_journal.WaveJournal(wave_journal.path_beside(journal))
    except BaseException:
        running.journal.close()
        raise
    editor = wave_editor.WaveEditor(waves)
    try:
        sock = run_server.listen(host, port)
        hosts = access.LOOPBACK if local else ()
        if running.journal.cut:
            typer.echo(f"{journal}: removed a last line that was never confirmed", err=True)
        if not local:
            typer.echo(
                f"warning: {host} is open to the network and not encrypted; use it inside a "
                "trusted network only, or behind a proxy with TLS",
                err=True,
            )
        typer.echo(f"{len(worklist.items)} cases, {len(running.journal.entries)} entries so far")
        typer.echo(f"open {run_server.address(sock, gate.token)}")
        typer.echo("Ctrl-C ends the review; every saved answer is kept.")
        run_server.serve(server.build(running, ecgs, gate, editor, hosts), sock)
    finally:
        ecgs.close()
        editor.close()
        running.journal.close()


@app.command("report")
def report(
    list_file: ListOption = None,
    label: LabelOption = None,
    mistakes: MistakesOption = False,
    at_most: AtMost = 200,
    journal: JournalOption = JOURNAL,
    without: Annotated[
        Path | None,
        typer.Option(help="predictions/<model>.parquet of a run without decisions; with --with"),
    ] = None,
    with_decisions: Annotated[
        Path | None,
        typer.Option("--with", help="the same of a run with labels.use_decisions: true"),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="also write labels/review_report.json for the report")
    ] = False,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Summarise a review: confirmed errors by rank, agreement, and what retraining changed.

    With --save, the HTML report of the pipeline has a section on the review.
    """
    from pedecg.core.errors import PedecgError
    from pedecg.review_app import answers, ecg_source, review_report, review_summary
    from pedecg.review_app import journal as journals

    if (without is None) != (with_decisions is None):
        raise PedecgError("--without and --with: expected both or neither")
    records, labels, _, _ = ecg_source.open_tables(Path())
    worklist = _worklist(labels, records, at_most, list_file, label, mistakes)
    entries = list(journals.read(journal))
    found = review_summary.summary(worklist, answers.Answers(entries), seed)
    changed = None
    if without is not None and with_decisions is not None:
        changed = _effect(without, with_decisions, journal, seed)
    if save:
        review_report.write(found, changed, len(entries))
    if as_json:
        _print_json(found if changed is None else {**found, "effect": changed})
        return
    for line in review_summary.as_text(found):
        typer.echo(line)
    if changed is not None:
        _print_effect(changed)


@app.command("export")
def export(
    journal: JournalOption = JOURNAL,
    out: Annotated[Path, typer.Option(help="decisions as the pipeline reads them")] = Path(
        "labels/decisions.csv"
    ),
) -> None:
    """Write the decisions of a journal for the pipeline; rows written by hand stay as they are."""
    from pedecg.review_app import answers, decision_file
    from pedecg.review_app import journal as journals

    state = answers.Answers(journals.read(journal))
    count = decision_file.write(state, out)
    waiting = len(state.disagreements())
    typer.echo(f"{count} decisions: {out}; {waiting} disagreements wait for consensus", err=True)


@app.command("waves")
def waves(
    journal: JournalOption = JOURNAL,
    out: Annotated[Path, typer.Option(help="folder of WFDB records; made anew")] = Path(
        "data/review/waves"
    ),
) -> None:
    """Write checked waves as WFDB records with annotations, to train the delineator on.

    Each lead has an annotation file as in LUDB, and reviewed_waves.csv lists all waves. The folder
    is a cohort of `pipelines/delineation`: name it as `cohort.root`, or under `cohort.also`.
    """
    from pedecg.review_app import ecg_source, wave_export, wave_journal

    records = ecg_source.open_tables(Path())[0]
    marked = wave_journal.MarkedRecords(wave_journal.read(wave_journal.path_beside(journal)))
    ecgs = ecg_source.EcgSource(Path(), records, _limits(Path()))
    try:
        table = wave_export.write(list(marked.by_id.values()), ecgs.source, out)
    finally:
        ecgs.close()
    written = table["record_id"].nunique()
    typer.echo(
        f"{written} records, {len(table)} waves: {out}; {len(marked.by_id) - written} records "
        "have corrections and are not checked",
        err=True,
    )


@app.command("effect")
def effect(
    without: Annotated[Path, typer.Argument(help="predictions/<model>.parquet without decisions")],
    with_decisions: Annotated[
        Path,
        typer.Argument(metavar="WITH", help="the same after a run with labels.use_decisions: true"),
    ],
    journal: JournalOption = JOURNAL,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Compare a model trained with and without the decisions, on test patients without one."""
    changed = _effect(without, with_decisions, journal, seed)
    if as_json:
        _print_json(changed)
    else:
        _print_effect(changed, space=False)


def _effect(without: Path, with_decisions: Path, journal: Path, seed: int) -> dict[str, Any]:
    from pedecg.core import tables
    from pedecg.review_app import answers, ecg_source, retraining_effect
    from pedecg.review_app import journal as journals

    _, labels, _, splits = ecg_source.open_tables(Path())
    state = answers.Answers(journals.read(journal))
    return retraining_effect.effect(
        tables.read(without, tables.PREDICTIONS),
        tables.read(with_decisions, tables.PREDICTIONS),
        labels,
        splits,
        {record_id for record_id, _ in state.cases()},
        seed=seed,
    )


def _print_effect(changed: dict[str, Any], space: bool = True) -> None:
    from pedecg.review_app import retraining_effect

    if space:
        typer.echo("")
    for line in retraining_effect.as_text(changed):
        typer.echo(line)


def _print_json(found: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(found, ensure_ascii=False))


def _worklist(
    labels: "pd.DataFrame",
    records: "pd.DataFrame",
    at_most: int,
    list_file: Path | None,
    label: str | None,
    mistakes: bool,
) -> "Worklist":
    from pedecg.core.errors import PedecgError
    from pedecg.review_app import worklist

    if mistakes and list_file is not None:
        raise PedecgError("--mistakes and --list: expected one of them")
    if label is not None and list_file is None:
        raise PedecgError("--label: the target of the records of a --list; expected --list, too")
    if mistakes:
        return worklist.from_mistakes(labels, records, at_most)
    if list_file is not None:
        return worklist.from_list(labels, records, at_most, list_file, label)
    return worklist.from_candidates(labels, records, at_most)


def _limits(project: Path) -> "Limits":
    """Return the normal limits of the pipeline, or the shipped ones where it measures nothing."""
    from pedecg.core import params
    from pedecg.rules import norms
    from pedecg.rules.rule_features import RuleFeaturesSettings

    file = project / params.PARAMS_FILE
    if "rule_features" not in params.read_file(file):
        return norms.load(norms.LIMITS)
    settings = params.load("rule_features", RuleFeaturesSettings, file)
    return norms.load(project / settings.limits, project / settings.thresholds)


def _statements(findings: "pd.DataFrame") -> dict[str, list[str]]:
    """Return what the source states of each record, each statement once."""
    text = findings["description"].fillna(findings["code"])
    grouped = text.groupby(findings["record_id"])
    return {str(record): list(dict.fromkeys(rows)) for record, rows in grouped}
