"""Which code each stage of a dvc.yaml imports, and whether its deps say exactly that.

    python scripts/stage_deps.py [--write] [dvc.yaml]

A stage's cache key is its declared code, so a module too few is a stale result and a module too
many is work done in vain. The imports are read from the source (nothing is run), followed through
`pedecg`; a folder stands for all of its modules. A module's own data lie beside it under its name
(`codes.py` reads `codes/` or `codes.csv`). A stage that names the code of all stages by its hash
(report/digests.py) depends on all of it. `--write` mends the lists in place.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
DIGESTS = SOURCE / "pedecg/report/digests.py"
# What a model may read besides signals (models/registry.py), and the dep that gives it.
INPUTS = {"rules": "data/features/rules.parquet", "pretrained": "models/pretrained"}


@cache
def imported(file: Path) -> frozenset[Path]:
    """Return the `pedecg` modules that a file imports itself, empty packages left out."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]  # a module that a registry names and imports on use
        else:
            continue
        found.update(module for name in names for module in _modules(name))
    return frozenset(found)


def _modules(dotted: str) -> Iterator[Path]:
    """Yield the file behind ``pedecg.x.y`` or behind ``pedecg.x`` where y is a name in it."""
    parts = dotted.split(".")
    if parts[0] != "pedecg" or not all(map(str.isidentifier, parts)):
        return
    for length in (len(parts), len(parts) - 1):
        file = SOURCE.joinpath(*parts[:length]).with_suffix(".py")
        if file.is_file():
            yield file
            return


def closure(*files: Path) -> set[Path]:
    """Return all `pedecg` modules that the files import, directly or through others."""
    seen: set[Path] = set()
    todo = list(files)
    while todo:
        for module in imported(todo.pop()):
            if module not in seen:
                seen.add(module)
                todo.append(module)
    return seen


def stage_files(stage: dict[str, Any]) -> list[Path]:
    """Return the script that a stage runs and the modules that it loads by name.

    A dep such as ``src/pedecg/models/${item.model}.py`` is loaded by name: every module of that
    folder could be meant, so what they import must be declared too.
    """
    script = re.search(r"stages/\w+\.py", str(stage["cmd"]))
    if script is None:
        return []
    return [ROOT / script.group(), *(f for dep in by_name(stage) for f in candidates(dep, stage))]


def by_name(stage: dict[str, Any]) -> list[str]:
    """Return the code deps that name their module through a parameter."""
    return [d for d in deps(stage) if "src/pedecg/" in d and "${" in d and d.endswith(".py")]


def candidates(dep: str, stage: dict[str, Any]) -> list[Path]:
    """Return the modules that a templated dep can stand for: a `Model` whose READS are declared.

    A stage that asks a trained model, any there is, may load each of them.
    """
    folder = ROOT / dep[dep.index("src/") : dep.rindex("/")]
    given = {name for name, path in INPUTS.items() if any(path in d for d in deps(stage))}
    if any(d.startswith("models/${") for d in deps(stage)):
        given = set(INPUTS)
    return sorted(
        f
        for f in folder.glob("*.py")
        if "class Model(" in (text := f.read_text("utf-8")) and reads(text) <= given
    )


def reads(source: str) -> set[str]:
    """Return what the module of a model says in READS."""
    line = re.search(r"^READS\b.*$", source, re.MULTILINE)
    return set(re.findall(r'"(\w+)"', line.group())) if line else set()


def deps(stage: dict[str, Any]) -> list[str]:
    return [str(dep) for dep in stage.get("deps", [])]


def wanted(stage: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the code deps that a stage should have; a folder where it imports all of it."""
    files = stage_files(stage)
    if not files:
        return []
    named = {f for dep in by_name(stage) for f in candidates(dep, stage)}
    return _collapsed(files[:1], closure(*files) - named, prefix)


def _collapsed(scripts: list[Path], modules: set[Path], prefix: str) -> list[str]:
    """Return scripts and modules as deps, with their data; a folder where all of it is there."""
    whole = {
        folder
        for folder in SOURCE.glob("pedecg/*/")
        if len(inside := set(folder.glob("*.py")) - {folder / "__init__.py"}) > 1
        and inside <= modules
    }
    paths = {p for m in modules if m.parent not in whole for p in (m, *own_data(m))} | whole
    code = sorted(p.relative_to(ROOT).as_posix() for p in paths)
    return [prefix + p for p in [*(s.relative_to(ROOT).as_posix() for s in scripts), *code]]


def own_data(module: Path) -> list[Path]:
    """Return the data files of a module: a folder without code, or a table, of its own name."""
    folder, table = module.with_suffix(""), module.with_suffix(".csv")
    is_data = folder.is_dir() and not any(folder.glob("*.py"))
    return [p for p, is_there in ((folder, is_data), (table, table.is_file())) if is_there]


def is_code(dep: str) -> bool:
    """Say whether a dep belongs to the code that is imported, by its fixed name."""
    return "${" not in dep and ("src/pedecg" in dep or dep.endswith(".py"))


def body(stage: dict[str, Any]) -> dict[str, Any]:
    return stage.get("do", stage)  # a foreach stage holds its body under `do`


def wanted_of_all(stages: list[dict[str, Any]], prefix: str) -> list[str]:
    """Return the code deps of a stage that names the code of all: scripts and all they import.

    A model that is named by a parameter stands for every module beside it.
    """
    scripts = sorted({file for stage in stages for file in stage_files(stage)[:1]})
    named = {(ROOT / dep[dep.index("src/") :]).parent for s in stages for dep in by_name(s)}
    beside = {f for folder in named for f in folder.glob("*.py") if f.stem != "__init__"}
    return _collapsed(scripts, closure(*scripts, *beside) | beside, prefix)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "dvc.yaml")
    parser.add_argument("--write", action="store_true", help="mend the deps in place")
    arguments = parser.parse_args()
    yaml = YAML()
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    pipeline = yaml.load(arguments.file.read_text(encoding="utf-8"))
    depth = len(arguments.file.resolve().parent.relative_to(ROOT).parts)
    wrong = 0
    prefix = "../" * depth
    stages = {name: body(entry) for name, entry in pipeline["stages"].items()}
    for name, stage in stages.items():
        of_all = DIGESTS in closure(*stage_files(stage)[:1])
        code = wanted_of_all([*stages.values()], prefix) if of_all else wanted(stage, prefix)
        if not code or sorted(code) == sorted(d for d in deps(stage) if is_code(d)):
            continue
        wrong += 1
        declared = {d for d in deps(stage) if is_code(d)}
        print(f"{name}: add {sorted(set(code) - declared)}, drop {sorted(declared - set(code))}")
        if arguments.write:
            stage["deps"] = code + [d for d in deps(stage) if not is_code(d)]
    if arguments.write and wrong:
        with arguments.file.open("w", encoding="utf-8") as file:
            yaml.dump(pipeline, file)
    sys.exit(1 if wrong and not arguments.write else 0)


if __name__ == "__main__":
    main()
