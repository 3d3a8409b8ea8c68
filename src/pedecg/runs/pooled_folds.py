"""Out-of-fold predictions of all folds scored together.

The mean over folds answers how a model does on a test set of one fold's size; the pooled figure
uses all patients at once, so that its interval is narrower and rare targets can be scored at all.
Probabilities are calibrated within their fold, since trainings of different folds need not be on
one scale. Folds still differ a little in scale, so a pooled AUROC is more often below the mean of
the folds than above it.
"""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, calibration, cases, evaluate, metrics, multiclass
from pedecg.evaluation.evaluate import Scoring
from pedecg.runs import run_outputs, run_table
from pedecg.runs.run_rows import RunRow
from pedecg.runs.run_table import Table

_SHOWN = ("auroc", "auprc")
_OF_CLASSES = ("accuracy", "f1_macro", "f1_weighted", "f1_challenge")
_COLUMNS = ("target", "metric", "records", "patients", "positives", "value", "low", "high")

Floats = NDArray[np.float64]


def pool(rows: Sequence[RunRow], varied: Sequence[str], folder: Path = Path()) -> Table:
    """Score the test predictions of rows that differ in nothing but the `varied` parameters.

    Returns
    -------
    A line per group, target and metric, with 95% intervals over patients.

    Raises
    ------
    PedecgError
        Outputs that DVC's cache does not hold, or a record that two of the rows test on.
    """
    groups, shown = run_table.groups(rows, varied)
    lines: list[list[Any]] = []
    for group in groups:
        first = group[0]
        group_cells = [first.model or None, *(first.get(name) for name in shown), len(group)]
        lines += [[*group_cells, *line] for line in _figures(group, folder)]
    return Table(["model", *shown, "n", *_COLUMNS], lines)


def _figures(group: Sequence[RunRow], folder: Path) -> list[list[Any]]:
    tests = [_tested(row, folder) for row in group]
    assignment = pd.concat([splits for splits, _, _ in tests], ignore_index=True)
    twice = assignment[assignment.duplicated("record_id")]
    if len(twice):
        raise PedecgError(
            f"--pool: {len(twice)} records are in two test sets, {twice['record_id'].iloc[0]} "
            "among them; pooling is for folds (split.folds), seeds have --over alone"
        )
    subjects = cases.of_records(tests[0][1], assignment)
    place = {name: at for at, name in enumerate(subjects.record_ids)}
    p = np.empty(subjects.y.shape)
    for splits, _, probabilities in tests:
        p[[place[name] for name in sorted(splits["record_id"])]] = probabilities
    scoring = _scoring(group[0])
    lines = list(_of_targets(subjects, p, scoring))
    if group[0].run.params.get("train.task") == "multiclass":
        challenge = group[0].run.params.get("evaluate.challenge_classes") or []
        figures = multiclass.as_metrics(subjects, p, challenge, scoring)
        size = [len(subjects.record_ids), subjects.n_patients, None]
        lines += [["classes", name, *size, *figures[name].values()] for name in _OF_CLASSES]
    return lines


def _tested(row: RunRow, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, Floats]:
    """Return a run's test records, all labels, and calibrated probabilities (n, n_targets).

    Probabilities are in the order of the sorted record ids.
    """
    files = run_outputs.of(row.run, folder)
    try:
        splits, labels, predictions = (
            pd.read_parquet(io.BytesIO(files.read(path)))
            for path in (
                "data/interim/splits.parquet",
                "data/interim/labels.parquet",
                f"predictions/{row.model}.parquet",
            )
        )
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "calibration.json"
            copy.write_bytes(files.read(f"calibration/{row.model}.json"))
            fitted = calibration.load(copy)
    except FileNotFoundError as error:
        raise PedecgError(f"{row.run.name}: not in DVC's cache: {error}") from None
    subjects = cases.of_split(labels, splits, "test")
    raw = cases.probabilities(predictions, subjects, f"{row.run.name}: predictions/{row.model}")
    test = splits.loc[splits["split"] == "test", ["record_id", "patient_id"]]
    return test, labels, fitted.apply(raw.mean(axis=0), None)


def _scoring(row: RunRow) -> Scoring:
    values = {name: row.run.params[f"evaluate.{name}"] for name in Scoring.model_fields}
    return params.parse(values, "evaluate", Scoring, row.run.name)


def _of_targets(subjects: cases.Cases, p: Floats, scoring: Scoring) -> list[list[Any]]:
    """Return lines of the mean over targets and of each target; no decision is pooled."""
    counted = evaluate.enough(subjects, scoring.min_positives)
    no_cuts = np.full((len(subjects.targets), len(metrics.POINTS)), np.nan)
    weights = bootstrap.counts(subjects.patients, scoring.bootstrap, scoring.seed)
    once = np.ones((len(subjects.y), 1), np.uint16)
    value = metrics.with_averages(subjects.y, p, once, no_cuts, counted)[0]
    drawn = metrics.with_averages(subjects.y, p, weights, no_cuts, counted)
    lines: list[list[Any]] = []
    for row, target in [(len(subjects.targets), evaluate.MACRO), *enumerate(subjects.targets)]:
        known = subjects.y[:, row] if row < len(subjects.targets) else None
        n = len(subjects.record_ids) if known is None else int((~np.isnan(known)).sum())
        positives = None if known is None else int(np.nansum(known))
        for name in _SHOWN:
            at = metrics.METRICS.index(name)
            figure = bootstrap.estimate(value[row, at], drawn[:, row, at])
            lines.append([target, name, n, subjects.n_patients, positives, *figure.values()])
    return lines
