"""Which code each stage of a dvc.yaml imports, and whether its dependencies name exactly that.

    python scripts/stage_deps.py [--write] [dvc.yaml]

A stage depends on its script and on the packages of ``src/pedecg`` that it imports from, directly
or through other modules. A package too few is a stale result; a package too many is work done
again for nothing. Imports are read from the source; nothing is run. `--write` corrects the lists
in place.

A file of data that the script reads by a literal path must be declared, too: each such path that is
not declared is listed, to be added by hand.
"""

import argparse
import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "pedecg"

# Modules that import others by a computed name: those that they may import.
IMPORT_BY_NAME = {
    PACKAGE / "models/registry.py": sorted(
        [
            *(PACKAGE / "models/networks").glob("*.py"),
            *(PACKAGE / "models/fused").glob("*.py"),
            *(PACKAGE / "tabular").glob("*.py"),
            PACKAGE / "learning/network_model.py",
        ]
    ),
    PACKAGE / "rules/criteria.py": sorted((PACKAGE / "rules").glob("*_criteria.py")),
}
# Data files that lie outside the package of the module that reads them.
DATA_OF = {PACKAGE / "waves/shipped_delineator.py": PACKAGE / "weights"}
# A stage that lists the code of all stages by its hash depends on all code.
LISTS_ALL_CODE = PACKAGE / "report/file_digests.py"
ALL_CODE = (ROOT / "stages", PACKAGE)
# Functions that read the path which they are given begin so: tables.read, signal_store.open_store.
READS = re.compile(r"(read|open|load)(_|$)")


@cache
def imported(file: Path) -> frozenset[Path]:
    """Return the `pedecg` modules that a file imports itself, empty ``__init__`` files left out."""
    found: set[Path] = set(IMPORT_BY_NAME.get(file, ()))
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


def script(stage: dict[str, Any]) -> Path | None:
    """Return the script that a stage runs, if it runs one."""
    named = re.search(r"stages/\w+\.py", str(stage["cmd"]))
    return ROOT / named.group() if named else None


def wanted(stage: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the code dependencies that a stage should have: its script, then packages."""
    own = script(stage)
    if own is None:
        return []
    modules = closure(own)
    if LISTS_ALL_CODE in modules:
        return [prefix + path.relative_to(ROOT).as_posix() for path in ALL_CODE]
    packages = {PACKAGE / module.relative_to(PACKAGE).parts[0] for module in modules}
    packages |= {data for module, data in DATA_OF.items() if module in modules}
    return [prefix + path.relative_to(ROOT).as_posix() for path in (own, *sorted(packages))]


def paths_read(file: Path) -> set[str]:
    """Return the literal paths that a script reads: as an argument, or by a constant of the module.

    Texts without a slash name a section of parameters or a column.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = {
        target.id: text
        for node in tree.body
        if isinstance(node, ast.Assign) and (text := _literal(node.value, {})) is not None
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if READS.match(name):
            texts = [_literal(argument, constants) for argument in node.args]
            found |= {text for text in texts if text is not None and "/" in text}
    return found


def _literal(node: ast.expr, constants: dict[str, str]) -> str | None:
    """Return a text, ``Path(text)``, ``path / text`` or a constant of these; None for others."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path":
        return _literal(node.args[0], constants) if len(node.args) == 1 else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts = _literal(node.left, constants), _literal(node.right, constants)
        return None if None in parts else "/".join(map(str, parts))
    return None


def undeclared(stage: dict[str, Any]) -> list[str]:
    """Return the literal paths that a stage's script reads and the stage does not declare.

    What the stage itself writes it may read again.
    """
    own = script(stage)
    if own is None:
        return []
    outs = [next(iter(out)) if isinstance(out, dict) else str(out) for out in stage.get("outs", [])]
    declared = [*dependencies(stage), *outs]
    return sorted(
        path
        for path in paths_read(own)
        if not any(path == one or path.startswith(f"{one}/") for one in declared)
    )


def dependencies(stage: dict[str, Any]) -> list[str]:
    return [str(dep) for dep in stage.get("deps", [])]


def is_code(dep: str) -> bool:
    """Say whether a dependency is code: a script, a package, or all of either."""
    return "${" not in dep and bool(re.search(r"(^|/)(src/pedecg|stages)(/|$)", dep))


def body(stage: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = stage.get("do", stage)  # a foreach stage holds its body under `do`
    return inner


def laid_out(code: list[str], data: list[str], indent: str) -> str:
    """Return the dependencies of a stage as text: code first, then data on a new line."""
    start, further = f"{indent}deps: [", f"{indent}  "
    wrapped = [
        textwrap.fill(
            ", ".join(f'"{dep}"' if "${" in dep else dep for dep in deps),
            width=100,
            initial_indent=start if deps is code or not code else further,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for deps in (code, data)
        if deps
    ]
    return ",\n".join(wrapped) + "]\n"


def written(text: str, name: str, code: list[str], data: list[str]) -> str:
    """Return the text of a dvc.yaml with the dependencies of one stage replaced."""
    listed_so_far = r"deps:(?: \[[^\]]*\]\n|\n(?: +- .*\n)+)"  # one list, or a line each
    before = rf"^  {name}:(?: &\w+)?\n(?:    .*\n)*?"  # a stage may be named by an anchor
    pattern = re.compile(rf"({before})( +){listed_so_far}", re.MULTILINE)
    found = pattern.search(text)
    if found is None:
        raise SystemExit(f"{name}: no list `deps` to correct")
    listed = laid_out(code, data, found[2])
    return text[: found.start()] + found[1] + listed + text[found.end() :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "dvc.yaml")
    parser.add_argument("--write", action="store_true", help="correct the lists in place")
    arguments = parser.parse_args()
    text = arguments.file.read_text(encoding="utf-8")
    pipeline = YAML(typ="safe").load(text)
    prefix = "../" * len(arguments.file.resolve().parent.relative_to(ROOT).parts)
    wrong = unread = 0
    for name, entry in pipeline["stages"].items():
        stage = body(entry)
        code = wanted(stage, prefix)
        if paths := undeclared(stage):
            unread += 1
            print(f"{name}: reads {', '.join(paths)}, not among its deps")
        declared = [dep for dep in dependencies(stage) if is_code(dep)]
        if not code or sorted(code) == sorted(declared):
            continue
        wrong += 1
        missing, unused = sorted(set(code) - set(declared)), sorted(set(declared) - set(code))
        print(f"{name}: add {missing}, drop {unused}")
        if arguments.write:
            data = [dep for dep in dependencies(stage) if not is_code(dep)]
            text = written(text, name, code, data)
    if arguments.write and wrong:
        arguments.file.write_text(text, encoding="utf-8")
    sys.exit(1 if unread or (wrong and not arguments.write) else 0)


if __name__ == "__main__":
    main()
