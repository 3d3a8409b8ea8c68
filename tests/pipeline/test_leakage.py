"""Nothing that is fitted, chosen or shown to a label reviewer depends on the test records.

Every test record gets another signal, age, sex, other numbers of the manifest, other labels, and
another value in each column of the rule table. Then every stage that fits something runs again.
Lead statistics, weights, training curves, calibration, thresholds, validation metrics, label
candidates and all predictions of other records stay as they were, for every registered model and
every variant with a section of its own.
"""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.api import types
from scratch import ROOT, Project, pipelines, settings_of

from pedecg.core import tables
from pedecg.models import registry

CHANGED = (
    "data/interim/labels.parquet",
    "data/interim/records.parquet",
    "data/features/rules.parquet",
    "data/processed/signals",
)
SPLITS = "data/interim/splits.parquet"  # which records are test records must not change
# What is fitted or chosen; a pipeline need not have all of it.
FITTED = (
    "models",
    "calibration",
    "predictions",
    "data/ensemble",
    "data/selected",
    "data/features/normal_beats.parquet",
    "data/norms",
    "data/processed/lead_statistics.json",
    "data/review/candidates.parquet",
)
SMALL = {"models.resnet1d_medium.width": 4, "models.resnet1d_medium.blocks": [1, 1, 1, 1, 1]}
# Pipelines that train models of the registry.
TRAINING = [
    name for name in pipelines() if "experiment" in settings_of(ROOT / name / "params.yaml")
]


def test_every_registered_model_is_examined_for_leaks() -> None:
    examined = {
        registry.family(name, values)
        for pipeline in TRAINING
        for name, values in settings_of(ROOT / pipeline / "params.yaml")["models"].items()
    }
    assert set(registry.names()) == examined, "a model without a section in any params.yaml"


# Its models are variants of families that the root trains too: CI can do without their minutes.
VARIANTS_ALONE = "pipelines/arrhythmia"


@pytest.mark.slow
@pytest.mark.parametrize(
    "pipeline",
    [pytest.param(name, marks=pytest.mark.nightly if name == VARIANTS_ALONE else ())
     for name in TRAINING],
)  # fmt: skip
def test_changing_every_test_record_changes_nothing_that_was_fitted(
    pipeline: str, smoke: Callable[[str], Project], forked_stages: Path, tmp_path: Path
) -> None:
    project = smoke(pipeline).copy(tmp_path / "project", commands=forked_stages)
    folder = project.folder
    train_every_model(project)
    test = ids_of_test_split(folder)
    models = sorted(file.name for file in (folder / "models").glob("*") if [*file.glob("seed*")])
    assert set(models) - {"ensemble"} == set(project.parameters()["models"])
    before, answers = fitted(folder, test), predictions_of(folder, models, test)

    exclusive = project.parameters()["train"]["task"] == "multiclass"
    change_test_records(folder / "data", test, exclusive)
    fit_again(project)

    after = fitted(folder, test)
    assert before.keys() == after.keys()
    assert not [file for file in before if before[file] != after[file]]
    # The change did arrive: every model answers otherwise on the test records.
    changed = predictions_of(folder, models, test)
    assert not [model for model in models if answers[model] == changed[model]]


def train_every_model(project: Project) -> None:
    """Train each section of `models`, also those that the run leaves out."""
    parameters = project.parameters()
    experiment, sections = parameters["experiment"], parameters["models"]
    continued = [name for name, values in sections.items() if values.get("cnn_from")]
    models = [name for name in sections if name not in continued]
    changes = {"experiment.models": models}
    if continued:
        changes["experiment.continued_models"] = continued
    if {key: experiment[key.partition(".")[2]] for key in changes} != changes:
        small = {key: value for key, value in SMALL.items() if key.split(".")[1] in sections}
        project.edit_params(changes | small)
        project.repro("select_models")


def ids_of_test_split(folder: Path) -> set[str]:
    splits = tables.read(folder / SPLITS, tables.SPLITS)
    return set(splits.loc[splits["split"] == "test", "record_id"])


def fit_again(project: Project) -> None:
    """Run the stages that lie between what was changed and what is fitted."""
    stages = stages_to_run(project.lock())
    for stage in stages:
        for out in outs(stage):
            made = project.folder / out
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    for stage in stages:
        project.run(*stage["cmd"].split())


def stages_to_run(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stages to run, each after those whose outputs it reads.

    The stages that write what was changed, or the splits, are left out.
    """
    changed, after = list(CHANGED), []
    for stage in in_order(lock):
        if overlap(deps(stage), changed) and not overlap(outs(stage), [*CHANGED, SPLITS]):
            after.append(stage)
            changed += outs(stage)
    wanted, between = list(FITTED), []
    for stage in reversed(after):
        if overlap(outs(stage), wanted):
            between.append(stage)
            wanted += deps(stage)
    assert between
    return between[::-1]


def in_order(lock: dict[str, Any]) -> list[dict[str, Any]]:
    above = {
        name: {other for other in lock if overlap(deps(stage), outs(lock[other]))}
        for name, stage in lock.items()
    }
    return [lock[name] for name in TopologicalSorter(above).static_order()]


def deps(stage: dict[str, Any]) -> list[str]:
    return [dep["path"] for dep in stage["deps"]]


def outs(stage: dict[str, Any]) -> list[str]:
    return [out["path"] for out in stage["outs"]]


def overlap(paths: Iterable[str], others: Iterable[str]) -> bool:
    """Say whether a path equals another or lies in it, or the other way round."""
    return any(
        f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
        for one, other in itertools.product(paths, others)
    )


def fitted(folder: Path, test: set[str]) -> dict[str, Any]:
    """Return by file what is fitted: bytes, rows of other records, or figures of validation."""
    contents: dict[str, Any] = {}
    for name in FITTED:
        place = folder / name
        for file in [place, *sorted(place.rglob("*"))]:
            if file.is_file():
                contents[file.relative_to(folder).as_posix()] = content(file, test)
    for file in sorted(folder.glob("metrics/evaluate/*.json")):
        figures = json.loads(file.read_text("utf-8"))
        thresholds = [target["threshold"] for target in figures["test"]["targets"].values()]
        contents[file.relative_to(folder).as_posix()] = figures["validation"], thresholds
    return contents


def content(file: Path, test: set[str]) -> Any:
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        if {"record_id", "probability"} <= set(table):
            return table[~table["record_id"].isin(test)].to_numpy().tolist()
    return file.read_bytes()


def predictions_of(folder: Path, models: list[str], test: set[str]) -> dict[str, list[float]]:
    """Return by model the uncalibrated probabilities of the test records."""
    found = {}
    for model in models:
        files = sorted((folder / "models" / model).glob("seed*/predictions.parquet"))
        table = pd.concat(map(pd.read_parquet, files))
        found[model] = table.loc[table["record_id"].isin(test), "probability"].tolist()
    return found


def change_test_records(data: Path, test: set[str], exclusive: bool) -> None:
    change_signals(data / "processed/signals", test)
    change_labels = change_classes if exclusive else partial(change_rows, schema=tables.LABELS)
    change_labels(data / "interim/labels.parquet", test=test)
    if (data / "features/rules.parquet").exists():  # a pipeline may make none
        change_rows(data / "features/rules.parquet", tables.RULES, test)
    records = data / "interim/records.parquet"
    numbers = [name for name in pd.read_parquet(records) if name.startswith("x_")]
    person = {"age_days": other_ages, "sex": other_sex, **dict.fromkeys(numbers, other_values)}
    change_rows(records, tables.RECORDS, test, person)


def change_signals(store: Path, test: set[str]) -> None:
    index = pd.read_parquet(store / "index.parquet")
    samples = np.fromfile(store / "samples.i16", "<i2")
    n_leads = len(json.loads((store / "store.json").read_text("utf-8"))["leads"])
    rng = np.random.default_rng(0)
    for row in index[index["record_id"].isin(test)].itertuples():
        place = slice(row.offset, row.offset + n_leads * row.n_samples)
        samples[place] = rng.integers(-3000, 3000, n_leads * row.n_samples)
    (store / "samples.i16").unlink()  # it may be a link into DVC's cache
    samples.tofile(store / "samples.i16")


def change_classes(file: Path, test: set[str]) -> None:
    """Give each test record another class: of exclusive ones it has exactly one."""
    table = tables.read(file, tables.LABELS)
    rows = table["record_id"].isin(test)
    classes = [column for column in table.columns if column != "record_id"]
    before = table.loc[rows, classes].to_numpy(float)
    assert (before.sum(axis=1) == 1).all()
    table.loc[rows, classes] = np.roll(before, 1, axis=1)
    tables.write(table, file, tables.LABELS)


def change_rows(
    file: Path,
    schema: Any,
    test: set[str],
    changes: dict[str, Callable[[pd.Series], pd.Series]] | None = None,
) -> None:
    """Change columns of the test rows: those named, or every number and truth value there is."""
    table = tables.read(file, schema)
    rows = table["record_id"].isin(test)
    ranges = tables.ranges(schema)
    chosen = changes or {
        column: partial(other_values, limits=limits_of(column, ranges))
        for column in table.columns
        if types.is_numeric_dtype(table[column]) or types.is_bool_dtype(table[column])
    }
    before = table[rows].copy()
    for column, change in chosen.items():
        table.loc[rows, column] = change(table.loc[rows, column])
    same = [
        column
        for column in chosen
        if (table.loc[rows, column].eq(before[column]) & before[column].notna()).any()
        or table.loc[rows, column].isna().any()
    ]
    assert not same, f"{file.name}: {same} not changed in every test row"
    tables.write(table, file, schema)


def limits_of(column: str, ranges: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Return the range of a column; a schema may name columns by a pattern."""
    for name, limits in ranges.items():
        if name == column or (name.startswith("^") and re.fullmatch(name, column)):
            return limits
    return -np.inf, np.inf


def other_values(values: pd.Series, limits: tuple[float, float] = (-np.inf, np.inf)) -> pd.Series:
    """Return a known value within the range that differs from each given one."""
    low, high = limits
    if types.is_bool_dtype(values):
        return ~values.fillna(False)
    if isinstance(values.dtype, pd.Int8Dtype):  # labels
        return 1 - values.fillna(0)
    known = values.fillna(low if np.isfinite(low) else 0.0)
    if np.isfinite(low) and np.isfinite(high):
        return low + (known - low + 0.37 * (high - low)) % (high - low)
    return known * 1.5 + 3


def other_ages(ages: pd.Series) -> pd.Series:
    """Return known ages, also where none was known."""
    return ages.fillna(0) + 77


def other_sex(sexes: pd.Series) -> pd.Series:
    """Return the other sex; a known one where none was known."""
    return sexes.map({"female": "male", "male": "female"}).fillna("female").astype("string")
