"""Parameters and metrics of the experiments of one pipeline, from DVC and git.

DVC writes an experiment as a commit under ``refs/exps/<baseline>/<name>``: ``params.yaml``,
``dvc.lock`` and the metrics are files of that commit. They are read from there, all in two or
three calls of git. ``dvc.api.exp_show()`` gives the same parameters and metrics, but parses the
``dvc.lock`` of every pipeline for each experiment that it has not seen before: 20 experiments took
89 s of processor time the first time and 4.5 s afterwards, with this module 4.0 s every time
(``benchmarks/experiment_table.py``). It also shows figures that a run's own stages did not make.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ENSEMBLE
from pedecg.runs import lock_file
from pedecg.runs.git_files import METRICS, Git
from pedecg.runs.lock_file import LOCK

WORKSPACE = "workspace"
_BY_MODEL = "evaluate/"  # metrics/evaluate/<model>.json
_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)")

Values = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """An experiment, a baseline or the workspace, as one pipeline sees it.

    ``params`` and ``metrics`` are flat, dotted name to value; ``by_model`` holds the metrics of
    each model that was evaluated. ``commit`` is empty for the workspace.
    """

    name: str
    commit: str = ""
    baseline: str = ""
    created: str = ""
    params: Values = field(default_factory=dict)
    metrics: Values = field(default_factory=dict)
    by_model: dict[str, Values] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def is_experiment(self) -> bool:
        """Whether the run is a DVC experiment, not a commit of the branch."""
        return bool(self.baseline)


@dataclass(frozen=True)
class History:
    """All runs, baselines first, and how many experiments are not among them.

    Figures that a run's own stages did not make with its parameters are left out; each run's
    ``left_out`` says which files, and why.
    """

    runs: list[Run]
    of_other_commits: int
    of_other_pipelines: int
    queued: int


def read(every_commit: bool = False, folder: Path = Path()) -> History:
    """Read the runs of the pipeline in `folder`.

    Parameters
    ----------
    every_commit : also experiments that began at another commit than HEAD.

    Raises
    ------
    PedecgError
        The folder is no pipeline, or not in a git repository.
    """
    if not (folder / params.PARAMS_FILE).exists():
        where = folder.resolve()
        raise PedecgError(f"{where}: no params.yaml; call pedecg runs in a pipeline's folder")
    git = Git(folder)
    head = git("rev-parse", "--verify", "-q", "HEAD", check=False).strip()
    listed = list(_experiments(git))
    wanted = [run for run in listed if every_commit or run.baseline == head]
    commits = dict.fromkeys([*([head] if head else []), *(run.baseline for run in wanted)])
    baselines = [
        Run(_short_name(git, commit), commit, created=git.date(commit)) for commit in commits
    ]
    trees = {run.commit: git.files(run.commit) for run in [*baselines, *wanted]}
    experiments = [run for run in wanted if _differs(trees[run.commit], trees[run.baseline])]
    blobs = git.contents(
        blob for run in [*baselines, *experiments] for blob in trees[run.commit].values()
    )
    parsed = _Parsed(blobs)
    runs = [parsed.run(run, trees[run.commit]) for run in [*baselines, *experiments]]
    here = _workspace(folder)
    if not any(
        (run.params, run.metrics, run.by_model) == (here.params, here.metrics, here.by_model)
        for run in runs
    ):
        runs.insert(0, here)
    return History(runs, len(listed) - len(wanted), len(wanted) - len(experiments), git.queued())


def notes(history: History) -> Iterator[str]:
    """Yield a line for each kind of experiment that is not among the runs."""
    counted = {
        "of other commits; --all shows them": history.of_other_commits,
        "without any change of this pipeline": history.of_other_pipelines,
        "in the queue; dvc queue status": history.queued,
    }
    for which, count in counted.items():
        if count:
            yield f"{count} experiment{'s' * (count > 1)} {which}"
    for run in history.runs:
        by_reason: dict[str, list[str]] = {}
        for path, reason in run.left_out.items():
            by_reason.setdefault(reason, []).append(path)
        for reason, paths in by_reason.items():
            which = paths[0] if len(paths) == 1 else f"{len(paths)} files of {METRICS}/"
            yield f"{run.name}: figures of {which} are left out: {reason}"


def flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and leaves; a figure with its interval is called as the figure is.

    ``{"auroc": {"value": 0.8, "low": 0.7}}`` gives ``auroc`` and ``auroc.low``.
    """
    if not isinstance(values, dict):
        yield name, values
        return
    for key, value in values.items():
        below = name if key == "value" and name else f"{name}.{key}".lstrip(".")
        yield from flat(value, below)


def _experiments(git: Git) -> Iterator[Run]:
    fields = "%(refname) %(objectname) %(committerdate:iso-strict)"
    for line in git(
        "for-each-ref", "--sort=committerdate", f"--format={fields}", "refs/exps"
    ).splitlines():
        ref, commit, created = line.split(" ")
        if match := _REF.fullmatch(ref):
            yield Run(match[3], commit, match[1] + match[2], created)


def _short_name(git: Git, commit: str) -> str:
    """Return the branch or tag of a commit, or the beginning of its number."""
    names = git(
        "for-each-ref",
        "--points-at",
        commit,
        "--format=%(refname:short)",
        "refs/heads",
        "refs/tags",
    )
    return names.splitlines()[0] if names else commit[:7]


def _differs(files: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Return whether an experiment changed anything of this pipeline: others share its history."""
    return any(files.get(name) != before.get(name) for name in (str(params.PARAMS_FILE), LOCK))


class _Parsed:
    """Files by object, each parsed once however many commits hold it."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self.blobs = blobs
        self.known: dict[str, Values] = {}
        self.locks: dict[str, lock_file.Stages] = {}

    def run(self, bare: Run, files: Mapping[str, str]) -> Run:
        values = {path: self.values(path, blob) for path, blob in files.items() if path != LOCK}
        if LOCK not in files:
            return _filled(bare, values, {})
        lock = files[LOCK]
        if lock not in self.locks:
            self.locks[lock] = _stages(self.blobs[lock])
        contents = {path: self.blobs[blob] for path, blob in files.items()}
        return _filled(bare, values, _not_of_this_run(self.locks[lock], contents))

    def values(self, path: str, blob: str) -> Values:
        if blob not in self.known:
            self.known[blob] = _parse(path, self.blobs[blob].decode())
        return self.known[blob]


def _workspace(folder: Path) -> Run:
    paths = [folder / params.PARAMS_FILE, *sorted((folder / METRICS).rglob("*.json"))]
    contents = {file.relative_to(folder).as_posix(): file.read_bytes() for file in paths}
    values = {path: _parse(path, content.decode()) for path, content in contents.items()}
    lock = folder / LOCK
    if not lock.is_file():
        return _filled(Run(WORKSPACE), values, {})
    return _filled(Run(WORKSPACE), values, _not_of_this_run(_stages(lock.read_bytes()), contents))


def _stages(lock: bytes) -> lock_file.Stages:
    """Return the stages of a lock file; none of a damaged one, whose figures are of no stage."""
    try:
        return lock_file.load(lock.decode(), LOCK)
    except (PedecgError, UnicodeDecodeError):
        return {}


def _not_of_this_run(stages: lock_file.Stages, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the files of figures that are not of a run, each with the reason."""
    settings = yaml.load(contents[str(params.PARAMS_FILE)], Loader=yaml.CSafeLoader) or {}
    freshness = lock_file.Freshness(stages, settings)
    found = {
        path: freshness.of_output(path, hashlib.md5(content, usedforsecurity=False).hexdigest())
        for path, content in contents.items()
        if path.startswith(f"{METRICS}/")
    }
    return {path: reason for path, reason in found.items() if reason is not None}


def _parse(path: str, text: str) -> Values:
    """Read a file as flat values; lists stay values, of metrics they are left out."""
    if path.endswith(".json"):
        try:
            return {name: v for name, v in flat(json.loads(text)) if not isinstance(v, list)}
        except json.JSONDecodeError as error:
            raise PedecgError(f"{path}: not valid JSON: {error}") from None
    return dict(flat(YAML(typ="safe", pure=True).load(text)))


def _filled(bare: Run, values: Mapping[str, Values], left_out: dict[str, str]) -> Run:
    """Sort the values of a run's files into parameters, metrics, and metrics of its models.

    A model whose figures are left out keeps its row.
    """
    settings = values.get(str(params.PARAMS_FILE), {})
    # A model that is not evaluated any more leaves its file behind.
    trained = settings.get("experiment.models")
    continued = settings.get("experiment.continued_models") or []
    evaluated = None if trained is None else [*trained, *continued, ENSEMBLE]
    metrics: Values = {}
    by_model: dict[str, Values] = {}
    for path, found in sorted(values.items()):
        name = path.removeprefix(f"{METRICS}/").removesuffix(".json")
        model = name.removeprefix(_BY_MODEL)
        if name == path:
            continue
        if path in left_out:
            found = dict.fromkeys(found)  # known by name, without a value
        if model == name or evaluated is None:
            metrics |= {f"{name.replace('/', '.')}.{key}": value for key, value in found.items()}
        elif model in evaluated:
            by_model[model] = found
    in_order = {model: by_model[model] for model in evaluated or [] if model in by_model}
    left_out = {
        path: reason
        for path, reason in left_out.items()
        if evaluated is None
        or not path.startswith(f"{METRICS}/{_BY_MODEL}")
        or path.removeprefix(f"{METRICS}/{_BY_MODEL}").removesuffix(".json") in evaluated
    }
    return replace(bare, params=settings, metrics=metrics, by_model=in_order, left_out=left_out)
