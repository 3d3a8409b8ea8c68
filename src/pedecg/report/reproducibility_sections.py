"""Report sections on reproducibility: parameters, hashes, commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pedecg.report import file_digests
from pedecg.report.content_blocks import Block, Code, Fold, Table, Text
from pedecg.report.run_files import RunFiles

_SHOWN = 16  # characters of a hash on the page; the model card has them in full


def parameters(run: RunFiles) -> list[Block]:
    """Every value of params.yaml, section by section."""
    return [
        Text("All of params.yaml as it was read; the documentation describes every key."),
        *(
            Fold(
                section,
                [Table(section, ["key", "value"], [list(row) for row in flat(values, section)])],
            )
            for section, values in run.parameters.items()
            if section != "report"
        ),
    ]


def flat(values: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the value of every parameter below a key."""
    if isinstance(values, dict) and values:
        for name, inner in values.items():
            yield from flat(inner, f"{key}.{name}")
    else:
        yield key, _plain(values)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return "null" if value is None else str(value)


def hashes(run: RunFiles) -> list[Block]:
    """SHA-256 of the data, the code and the weights."""
    found = file_digests.all_of(run.root, run.models)
    return [
        Text(
            "SHA-256, of a folder: of the names and hashes of its files. The first characters; "
            "model_card.json has them in full. dvc.lock, in git, names the same files by MD5."
        ),
        *(
            Table(
                f"{kind.capitalize()}",
                [kind, "SHA-256"],
                [[name, digest[:_SHOWN]] for name, digest in listed.items()],
            )
            for kind, listed in found.items()
            if listed
        ),
    ]


def commands(run: RunFiles) -> list[str]:
    """Return the commands that make all of this again, from a clone of the project."""
    folder = run.root.resolve()
    there = [f"cd pipelines/{folder.name}"] if folder.parent.name == "pipelines" else []
    return ["make env", "source .venv/bin/activate", *there, "pedecg params --check", "dvc repro"]


def reproduce(run: RunFiles) -> list[Block]:
    """Return the commands that reproduce the run."""
    return [
        Text(
            "In a clone of the project at the commit whose dvc.lock belongs to these files, with "
            "the parameters above in params.yaml:"
        ),
        Code("\n".join(commands(run))),
        Text(
            "The same inputs give the same bytes on one machine; between kinds of processors the "
            "last digits may differ. "
            f"The data are read from {_root(run)}."
        ),
    ]


def _root(run: RunFiles) -> str:
    root = Path(run.parameters["cohort"]["root"])
    return f"the folder {root.name}" if root.is_absolute() else root.as_posix()
