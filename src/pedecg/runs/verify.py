"""Whether a finished run says what the committed one says, output by output.

Outputs are compared by the hashes of ``dvc.lock``. What does not depend on a trained network must
have the same bytes on every processor. Networks differ a little between processor families,
and so does what follows from them; of these the figures are compared, with the tolerances of
``verify_tolerances.csv``. What holds no figures (weights, pictures, pages) is judged by the figures
of its run.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pedecg.core.errors import PedecgError
from pedecg.core.run_models import FILE as RUN_MODELS
from pedecg.runs import lock_file
from pedecg.runs.git_files import Git
from pedecg.runs.lock_file import LOCK

# The stages that train networks; {network} stands for each network of the run.
TRAINS_NETWORKS = (
    "pretrain", "train", "train@{network}-*", "train_continued@{network}*", "check@{network}*",
    "noise_review",
)  # fmt: skip

Status = Literal["same bytes", "within tolerance", "not compared", "different"]


@dataclass(frozen=True)
class Tolerance:
    """How far figures may differ, and why.

    Attributes
    ----------
    of_networks : whether it holds for what depends on a trained network, or for all else.
    file, key : patterns of an output's path, and of a figure's dotted name in it; without a key
        the row is about the bytes of an output that holds no committed figures.
    absolute : largest absolute difference of a figure.
    """

    of_networks: bool
    file: str
    key: str
    absolute: float
    reason: str


@dataclass(frozen=True)
class Finding:
    """What was found about one output; ``detail`` says what differs, and by how much."""

    stage: str
    output: str
    status: Status
    detail: str = ""


@cache
def tolerances() -> tuple[Tolerance, ...]:
    """Return the rows of ``verify_tolerances.csv``; the first that fits a figure holds."""
    text = (resources.files("pedecg.runs") / "verify_tolerances.csv").read_text("utf-8")
    return tuple(
        Tolerance(row["of_networks"] == "yes", row["file"], row["key"],
                  float(row["absolute"] or 0), row["reason"])
        for row in csv.DictReader(text.splitlines())
    )  # fmt: skip


def verify(changed: Iterable[str], revision: str = "HEAD", folder: Path = Path()) -> list[Finding]:
    """Compare the outputs of a pipeline's last run with those of a commit.

    Parameters
    ----------
    changed : outputs whose files are not those of the working tree's ``dvc.lock``.
    revision : the commit to compare with.
    folder : of the pipeline.

    Raises
    ------
    PedecgError
        No ``dvc.lock`` here or in the commit, or a revision that git does not know.
    """
    committed = _committed(revision, folder)
    expected = lock_file.load(committed[LOCK].decode(), f"{revision}:{LOCK}")
    if not (folder / LOCK).is_file():
        raise PedecgError(f"{folder / LOCK}: not found; `dvc repro` writes it")
    found = lock_file.load((folder / LOCK).read_text(encoding="utf-8"), LOCK)
    networks = _of_networks(found, _networks(folder))
    changed = set(changed)
    findings = []
    for stage in dict.fromkeys([*expected, *found]):
        outputs = lock_file.outputs(expected.get(stage)), lock_file.outputs(found.get(stage))
        for path in dict.fromkeys([*outputs[0], *outputs[1]]):
            before, now = outputs[0].get(path), outputs[1].get(path)
            if before is None or now is None:
                where = "this run" if now is None else revision
                findings.append(Finding(stage, path, "different", f"not in {LOCK} of {where}"))
            elif before == now and path not in changed:
                findings.append(Finding(stage, path, "same bytes"))
            else:
                status, detail = _compare(path, stage in networks, committed, folder)
                findings.append(Finding(stage, path, status, detail))
    return findings


def _committed(revision: str, folder: Path) -> dict[str, bytes]:
    """Return the files that tell a run, as a commit holds them."""
    if revision.startswith("-"):
        raise PedecgError(f"{revision}: not a revision of git")
    git = Git(folder)
    files = git.files(revision)
    if LOCK not in files:
        raise PedecgError(f"{LOCK}: not in {revision}; commit a finished run first")
    blobs = git.contents(files.values())
    return {path: blobs[blob] for path, blob in files.items()}


def _compare(
    path: str, of_networks: bool, committed: Mapping[str, bytes], folder: Path
) -> tuple[Status, str]:
    """Compare two versions of an output that have other bytes."""
    file = folder / path
    before = committed.get(path) if path.endswith(".json") else None
    if before is None or not file.is_file():
        if of_networks:
            return "not compared", "follows from a trained network and holds no committed figures"
        reason = next((row.reason for row in _fitting(path, "", False)), None)
        return ("different", "other bytes") if reason is None else ("not compared", reason)
    try:
        now = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        return "different", f"no JSON: {error}"
    return _figures(path, of_networks, _flat(json.loads(before)), _flat(now))


def _figures(
    path: str, of_networks: bool, before: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[Status, str]:
    """Compare the figures of two versions of a file, by dotted name."""
    beyond, largest = [], (0.0, "")
    for name in dict.fromkeys([*before, *now]):
        one, other = before.get(name), now.get(name)
        if one == other and name in before and name in now:
            continue
        far = _distance(one, other)
        allowed = _allowed(path, name, of_networks)
        if far > allowed:
            beyond.append((far, name, f"{name}: {_told(one)} -> {_told(other)}"))
        elif far > largest[0]:
            largest = far, name
    if beyond:
        beyond.sort(key=lambda entry: -entry[0])
        shown = "; ".join(text for _, _, text in beyond[:3])
        rest = f" and {len(beyond) - 3} more" if len(beyond) > 3 else ""
        return "different", f"{shown}{rest}"
    return "within tolerance", f"largest difference {largest[0]:.2g} ({largest[1]})"


def _allowed(path: str, name: str, of_networks: bool) -> float:
    return next((row.absolute for row in _fitting(path, name, of_networks)), 0.0)


def _fitting(path: str, name: str, of_networks: bool) -> Iterator[Tolerance]:
    """Yield the rows about a figure of an output; about the output's bytes where `name` is ""."""
    for row in tolerances():
        fits = fnmatch(name, row.key) if name else not row.key
        if fits and row.of_networks == of_networks and fnmatch(path, row.file):
            yield row


def _distance(one: Any, other: Any) -> float:
    """Return how far two values lie apart; infinity where they are not numbers or one is absent."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    return abs(float(one) - float(other)) if numbers else math.inf


def _told(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)


def _flat(values: Any, name: str = "") -> dict[str, Any]:
    """Return every leaf of nested mappings and lists, by its dotted name."""
    if isinstance(values, dict | list):
        items = values.items() if isinstance(values, dict) else enumerate(values)
        return {
            leaf: value
            for key, inner in items
            for leaf, value in _flat(inner, f"{name}.{key}" if name else str(key)).items()
        }
    return {name: values}


def _networks(folder: Path) -> list[str]:
    """Return the names of the run's networks; none where the pipeline trains one of its own."""
    file = folder / RUN_MODELS
    if not file.is_file():
        return []
    models = json.loads(file.read_text(encoding="utf-8"))["models"]
    return [model["name"] for model in models if "signals" in model["reads"]]


def _of_networks(stages: lock_file.Stages, networks: Iterable[str]) -> set[str]:
    """Return the stages that train networks, and all that read what came of them."""
    patterns = [
        pattern.format(network=network)
        for pattern in TRAINS_NETWORKS
        for network in (networks if "{network}" in pattern else [""])
    ]
    touched = {name for name in stages if any(fnmatch(name, pattern) for pattern in patterns)}
    read = {name: lock_file.ReadPaths(stage) for name, stage in stages.items()}
    while True:
        made = [path for name in touched for path in lock_file.outputs(stages[name])]
        reading = {
            name
            for name in stages
            if name not in touched and any(path in read[name] for path in made)
        }
        if not reading:
            return touched
        touched |= reading
