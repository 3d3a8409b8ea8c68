"""The order of the stages in ``dvc.lock``: as a serial `dvc repro` writes them.

`dvc repro` appends a stage that the file does not have yet when the stage ends. Stages that run
at the same time end in any order, so that new ones are put in the order of the plan afterwards.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pedecg.core import atomic_files


def serial(present: Sequence[str], before: Sequence[str], plan: Sequence[str]) -> list[str]:
    """Return the names that are `present` in the order that a serial run gives them.

    Parameters
    ----------
    before : names that the file had before the run, in its order, which stays.
    plan : names in the order in which a serial run reaches them.
    """
    first = {name: place for place, name in enumerate(before)}
    then = {name: place for place, name in enumerate(plan)}
    beyond = len(first) + len(then)

    def place(name: str) -> int:
        return first.get(name, len(first) + then.get(name, beyond))

    return sorted(present, key=place)


class LockOrder:
    """The order of the lock files of a run's stages, kept over runs that did not come to an end.

    Parameters
    ----------
    repository : DVC's, locked.
    stages : DVC's, in the order of the plan.
    memory : file with the names in each lock file before the run; it is there while a run is
        incomplete, and belongs to one commit of git.
    """

    def __init__(self, repository: Any, stages: Sequence[Any], memory: Path) -> None:
        self._repository = repository
        self._memory = memory
        self._plans: dict[str, list[str]] = {}
        for stage in stages:
            if getattr(stage, "name", None):  # a .dvc file has no lock file
                self._plans.setdefault(_lock_file(stage.path), []).append(stage.name)
        commit = _commit(repository)
        kept = json.loads(memory.read_text()) if memory.is_file() else {}
        known = kept.get("before", {}) if kept.get("commit") == commit else {}
        self._before = {file: known.get(file, _names(file)) for file in self._plans}
        text = json.dumps({"commit": commit, "before": {**known, **self._before}})
        atomic_files.write_text(text, memory)

    def restore(self, complete: bool) -> None:
        """Put the stages in order.

        Parameters
        ----------
        complete : whether no stage of the plan is left; what the files had before is forgotten.
        """
        from dvc.repo import lock_repo
        from dvc.utils.serialize import modify_yaml

        with lock_repo(self._repository):
            for file, plan in self._plans.items():
                present = _names(file)
                ordered = serial(present, self._before[file], plan)
                if ordered != present:
                    with modify_yaml(file) as content:
                        stages = dict(content["stages"])
                        content["stages"].clear()
                        content["stages"].update({name: stages[name] for name in ordered})
            if complete:
                self._memory.unlink(missing_ok=True)


def _lock_file(path: str) -> str:
    return str(Path(path).with_suffix(".lock"))


def _names(file: str) -> list[str]:
    from pedecg.runs import lock_file

    if not Path(file).is_file():
        return []
    return list(lock_file.load(Path(file).read_text(encoding="utf-8"), file))


def _commit(repository: Any) -> str:
    from dvc.scm import SCMError

    try:
        return str(repository.get_rev())
    except (SCMError, AttributeError):
        return ""  # no commit, or no git
