"""The table of runs: one row per experiment and model; columns are found by name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pedecg.core.errors import PedecgError
from pedecg.core.params import did_you_mean
from pedecg.runs.experiment_history import Run

# Of several names that end alike, the one that begins with one of these, in this order.
FIRST = (
    "train.",
    "models.",
    "split.",
    "test_classes.",
    "test.macro.",
    "test.",
    "validation.macro.",
)
_OWN = ("experiment", "model", "created", "commit", "baseline")
_MODELS = "models."


class AmbiguousNameError(PedecgError):
    """A name that stands for several columns."""


@dataclass(frozen=True)
class RunRow:
    """One model of one run; ``model`` is empty where a pipeline has no models to choose from."""

    run: Run
    model: str

    @cached_property
    def values(self) -> dict[str, Any]:
        """Everything that can be selected: own fields, parameters and metrics, by full name.

        Parameters of other models are left out, so that ``width`` is this model's.
        """
        run, prefix = self.run, f"{_MODELS}{self.model}."
        own = (run.name, self.model or None, run.created or None, run.commit[:7] or None,
               run.baseline[:7] or None)  # fmt: skip
        settings = {
            name: value
            for name, value in run.params.items()
            if not (self.model and name.startswith(_MODELS)) or name.startswith(prefix)
        }
        metrics = run.metrics | run.by_model.get(self.model, {})
        metrics.pop("model", None)
        return dict(zip(_OWN, own, strict=True)) | settings | metrics

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for name in self.values:
            index.setdefault(name.rpartition(".")[2], []).append(name)
        return index

    def name_of(self, wanted: str) -> str | None:
        """Return the full name that `wanted`, a full name or its last parts, stands for here.

        Raises
        ------
        AmbiguousNameError
            Several names end like that, and none goes first.
        """
        if wanted in self.values:
            return wanted
        alike = [
            name
            for name in self._by_last_part.get(wanted.rpartition(".")[2], [])
            if name.endswith(f".{wanted}")
        ]
        if len(alike) < 2:
            return alike[0] if alike else None
        for first in FIRST:
            preferred = [name for name in alike if name.startswith(first)]
            if preferred:
                alike = preferred
                break
        if len(alike) > 1:
            shown = ", ".join(alike[:6]) + (", …" if len(alike) > 6 else "")
            raise AmbiguousNameError(f"{wanted}: stands for {len(alike)} columns: {shown}")
        return alike[0]

    def get(self, wanted: str) -> Any:
        """Return a value by name, or None where this row has none."""
        name = self.name_of(wanted)
        return None if name is None else self.values[name]


def of(runs: Iterable[Run]) -> list[RunRow]:
    """Return a row for each model of each run; one row for a run without models."""
    return [RunRow(run, model) for run in runs for model in (run.by_model or {"": {}})]


def check_names(rows: Sequence[RunRow], wanted: Iterable[str]) -> None:
    """Refuse a name that no row knows.

    Raises
    ------
    PedecgError
        The name, and what may have been meant.
    """
    for name in wanted:
        if rows and all(row.name_of(name) is None for row in rows):
            full = names(rows)
            known = sorted({*full, *(one.rpartition(".")[2] for one in full)})
            hint = did_you_mean(name, known)
            near = hint if "did you mean" in hint else "; pedecg runs --names lists all"
            raise PedecgError(f"{name}: no parameter or metric of these runs{near}")


def changed(rows: Sequence[RunRow]) -> list[str]:
    """Return the names of the parameters whose values differ between the runs of the rows.

    They stand in the order of ``params.yaml``; those of models that no row has are left out.
    """
    runs = _runs(rows)
    names = dict.fromkeys(name for run in runs for name in run.params)
    return [
        name
        for name in names
        if len({repr(run.params.get(name)) for run in runs}) > 1
        and any(name in row.values for row in rows)
    ]


def of_models(rows: Sequence[RunRow]) -> list[str]:
    """Return the last parts of the names of the rows' models' own parameters."""
    own = (name.split(".", 2) for row in rows for name in row.values if name.startswith(_MODELS))
    return list(dict.fromkeys(parts[2] for parts in own))


def names(rows: Sequence[RunRow]) -> list[str]:
    """Return every full name that a row has."""
    return list(dict.fromkeys(name for row in rows for name in row.values))


def ordered(rows: Sequence[RunRow], by: str, ascending: bool) -> list[RunRow]:
    """Sort rows by a column; rows without a value come last."""
    check_names(rows, [by])
    there = [row for row in rows if row.get(by) is not None]
    lacking = [row for row in rows if row.get(by) is None]
    numbers = all(is_number(row.get(by)) for row in there)

    def key(row: RunRow) -> Any:
        return row.get(by) if numbers else str(row.get(by))

    return [*sorted(there, key=key, reverse=not ascending), *lacking]


def chosen(rows: Sequence[RunRow], wanted: Sequence[str]) -> list[RunRow]:
    """Return the rows of the experiments named, in the order of the names.

    A name may be the beginning of an experiment's name or commit, where only one begins so.
    """
    found: list[RunRow] = []
    for name in wanted:
        runs = list(_named(rows, name))
        if not runs:
            known = list(dict.fromkeys(row.run.name for row in rows))
            raise PedecgError(f"{name}: no such experiment{did_you_mean(name, known)}")
        if len(runs) > 1:
            several = ", ".join(run.name for run in runs)
            raise PedecgError(f"{name}: begins {len(runs)} experiments: {several}")
        found += [row for row in rows if row.run is runs[0]]
    return found


def _runs(rows: Sequence[RunRow]) -> list[Run]:
    return list({id(row.run): row.run for row in rows}.values())


def _named(rows: Sequence[RunRow], name: str) -> Iterator[Run]:
    runs = _runs(rows)
    exact = [run for run in runs if run.name == name]
    if not exact and name == "HEAD":
        exact = [run for run in runs if run.commit and not run.is_experiment][:1]
    yield from exact or (
        run for run in runs if run.name.startswith(name) or run.commit.startswith(name)
    )


def is_number(value: Any) -> bool:
    """Return whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
