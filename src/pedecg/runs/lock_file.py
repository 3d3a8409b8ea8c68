"""What a ``dvc.lock`` says: with which inputs and parameters each stage ran, and what it made."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from pedecg.core.errors import PedecgError

LOCK = "dvc.lock"
Stages = dict[str, dict[str, Any]]
_SEED = re.compile(r".+-(\d+)")  # train@resnet1d-0


def load(text: str, place: str) -> Stages:
    """Return the stages of a lock file by name.

    The lock of a pipeline has thousands of lines: libyaml reads it in 0.2 s, ruamel.yaml in 2 s.

    Raises
    ------
    PedecgError
        The text is no lock file.
    """
    try:
        stages = yaml.load(text, Loader=yaml.CSafeLoader)["stages"]
        return {str(name): dict(entry) for name, entry in stages.items()}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise PedecgError(f"{place}: not a lock file of DVC ({type(error).__name__})") from error


def outputs(stage: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the MD5 of each output of a stage, by path; none of a stage that is not there."""
    return _hashes(stage, "outs")


class ReadPaths:
    """What a stage reads: its dependencies, files or whole folders."""

    def __init__(self, stage: Mapping[str, Any]) -> None:
        self._paths = set(_hashes(stage, "deps"))
        self._with_folders = {each for path in self._paths for each in _with_folders_of(path)}

    def __contains__(self, path: str) -> bool:
        """Return whether a dependency is this path, lies in it or holds it."""
        return path in self._with_folders or not self._paths.isdisjoint(_with_folders_of(path))


class Freshness:
    """Whether the outputs of a run's stages belong to its parameters and to each other.

    A run of some stages only leaves the outputs of all others as they were: those
    of another run, whose parameters they do not name.

    Parameters
    ----------
    stages : of the run's lock file.
    settings : the run's ``params.yaml``.
    """

    def __init__(self, stages: Stages, settings: Mapping[str, Any]) -> None:
        self.stages, self.settings = stages, settings
        self._makers = {path: name for name, entry in stages.items() for path in outputs(entry)}
        self._known: dict[str, str | None] = {}

    def of_output(self, path: str, md5: str) -> str | None:
        """Return why an output is not of this run, or None.

        Parameters
        ----------
        md5 : of the file that is there.
        """
        maker = self._makers.get(path)
        if maker is None:
            return f"no stage of {LOCK} made it"
        if outputs(self.stages[maker])[path] != md5:
            return f"not what stage {maker} wrote"
        return self.of_stage(maker)

    def of_stage(self, name: str) -> str | None:
        """Return why the outputs of a stage are not of this run, or None."""
        if name not in self._known:
            self._known[name] = None  # a stage never depends on itself
            self._known[name] = next(self._faults(name), None)
        return self._known[name]

    def _faults(self, name: str) -> Iterator[str]:
        entry, stage = self.stages[name], name.partition("@")[0]
        for sections in (entry.get("params") or {}).values():
            for section, value in (sections or {}).items():
                if not _same(value, self._setting(section)):
                    yield f"stage {stage} last ran with another {section}"
        for dep, md5 in _hashes(entry, "deps").items():
            maker = self._makers.get(dep)
            if maker is not None and outputs(self.stages[maker])[dep] != md5:
                yield f"{dep} has changed since stage {stage} ran"
        read = ReadPaths(entry)
        for path, maker in self._makers.items():
            if maker != name and path in read and self._is_of_this_run(maker):
                fault = self.of_stage(maker)
                if fault:
                    yield fault

    def _setting(self, dotted: str) -> Any:
        value: Any = self.settings
        for part in dotted.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _is_of_this_run(self, name: str) -> bool:
        """Return False for a training by a seed that the run no longer has: DVC keeps its entry."""
        seeds, found = self._setting("experiment.seeds"), _SEED.fullmatch(name)
        return not (seeds and found) or int(found[1]) in seeds


def _hashes(stage: Mapping[str, Any] | None, kind: str) -> dict[str, str]:
    return {str(one["path"]): str(one.get("md5", "")) for one in (stage or {}).get(kind) or []}


@cache
def _with_folders_of(path: str) -> tuple[str, ...]:
    """Return a path and the folders that hold it: a/b/c, a/b, a."""
    parts = path.split("/")
    return tuple("/".join(parts[:n]) for n in range(len(parts), 0, -1))


def _same(one: Any, other: Any) -> bool:
    """Compare parameters; 1e-3 is a text to YAML 1.1 and a number to 1.2, which DVC writes."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(_number(one) == _number(other))


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
