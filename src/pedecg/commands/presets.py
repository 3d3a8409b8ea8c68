"""From a preset to the command `dvc exp run` that runs its pipeline.

A preset is a YAML file of dotted keys and values in ``presets/`` of its pipeline. The command is a
list of arguments that no shell reads.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.runs.git_files import NO_REPOSITORY

_FOLDER = "presets"
_EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
# A word that Hydra's grammar (of `dvc exp run -S`) reads as text, as YAML does.
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_/][\w./-]*", re.IGNORECASE | re.ASCII)


def find(preset: str, folder: Path = Path()) -> Path:
    """Return the file of a preset: a path, or a name in ``presets/`` of `folder`.

    Raises
    ------
    PedecgError
        There is no such file; the presets of the folder are named.
    """
    if preset.endswith((".yaml", ".yml")):
        file = folder / preset
        if not file.is_file():
            raise PedecgError(f"{preset}: no such file")
        return file
    known = sorted(file.stem for file in (folder / _FOLDER).glob("*.yaml"))
    if not known:
        where = (folder / _FOLDER).resolve()
        raise PedecgError(f"{where}: no presets; call pedecg run in a pipeline's folder")
    if preset not in known:
        raise PedecgError(f"{preset}: no such preset{params.did_you_mean(preset, known)}")
    return folder / _FOLDER / f"{preset}.yaml"


def pipeline_of(file: Path, folder: Path = Path()) -> Path:
    """Return the folder of a preset's pipeline: where its ``presets/`` lies, else `folder`.

    Raises
    ------
    PedecgError
        Neither holds a dvc.yaml.
    """
    above = file.absolute().parent
    for candidate in ([above.parent] if above.name == _FOLDER else []) + [folder]:
        if (candidate / "dvc.yaml").is_file() and (candidate / params.PARAMS_FILE).is_file():
            return candidate
    raise PedecgError(f"{folder.resolve()}: no pipeline (dvc.yaml and {params.PARAMS_FILE}) here")


def overrides(file: Path) -> list[str]:
    """Return ``key=value`` in the grammar of ``dvc exp run -S`` for each value of a preset.

    A mapping may add keys that the parameter does not have yet (``++``); any other key must exist.

    Raises
    ------
    PedecgError
        The file is not a mapping of dotted keys.
    """
    values = params.read_yaml(file)
    if not isinstance(values, dict):
        raise PedecgError(f"{file}: expected lines `key: value` of dotted keys")
    return [line for key, value in values.items() for line in _lines(file, key, value)]


def check(folder: Path, lines: Sequence[str], queue: bool = False) -> None:
    """Check the parameters that a run would have; of a sweep, those of every combination.

    Parameters
    ----------
    lines : ``key=value`` as of ``dvc exp run -S``.
    queue : whether a parameter may have several values (``key=1,2``).

    Raises
    ------
    PedecgError
        A parameter is unknown, of the wrong type or out of range.
    """
    from dvc.exceptions import DvcException
    from dvc.utils import cli_parse, hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from pedecg.commands import parameter_sections

    for line in lines:
        if line.startswith("-") or ("=" not in line and not line.startswith("~")):
            raise PedecgError(f"-S {line}: expected KEY=VALUE")
    name = params.PARAMS_FILE.name
    by_file = cli_parse.to_path_overrides(lines)
    for other in by_file.keys() - {name}:
        raise PedecgError(f"-S {other}:…: the pipelines read no other file than {name}")
    try:
        combinations = hydra.get_hydra_sweeps(by_file)
        if len(combinations) > 1 and not queue:
            raise PedecgError(f"-S: {len(combinations)} combinations of values; add --queue")
        for combination in combinations:
            with _copy(folder / name) as file:
                hydra.apply_overrides(file, combination.get(name, []))
                try:
                    parameter_sections.check(file)
                except PedecgError as fault:
                    raise PedecgError(str(fault).replace(file.name, name)) from None
    except (DvcException, HydraException, OmegaConfBaseException) as error:
        raise PedecgError(f"{name}: {_reason(error)}") from None


def check_repository(folder: Path) -> None:
    """Check that DVC can work in `folder`: it needs a git repository around its own.

    Raises
    ------
    PedecgError
        The code was downloaded without its git history; what to do.
    """
    folder = folder.resolve()
    root = next((up for up in [folder, *folder.parents] if (up / ".dvc").is_dir()), folder)
    if not (root / ".git").exists():
        raise PedecgError(f"{root}: {NO_REPOSITORY}")


def command(
    lines: Sequence[str], name: str | None, queue: bool, further: Sequence[str]
) -> list[str]:
    """Return the command as a list of arguments; `further` ones are passed on as they are.

    Raises
    ------
    PedecgError
        The name is not one that DVC and git take.
    """
    if name is not None and not _EXPERIMENT_NAME.fullmatch(name):
        raise PedecgError(f"--name {name}: expected letters, digits, '.', '_' and '-'")
    naming = [] if name is None else ["--name", name]
    sets = [part for line in lines for part in ("-S", line)]
    return ["dvc", "exp", "run", *naming, *(["--queue"] if queue else []), *sets, *further]


def execute(arguments: Sequence[str], folder: Path) -> int:
    """Run a command in `folder` with this environment's programs first; return its exit status."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with subprocess.Popen(arguments, cwd=folder, env={**os.environ, "PATH": path}) as process:
        while True:
            try:
                status = process.wait()
                return status if status >= 0 else 128 - status
            except KeyboardInterrupt:
                continue  # the command has got it too, and ends by itself


class GitState:
    """The files of a pipeline's folder that git tracks, as they were before a run.

    A run that fails leaves changed parameters and deleted metrics, on which the next would build.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before = {name: _bytes(folder / name) for name in self._changed()}

    def restore(self) -> list[str]:
        """Undo what has changed since, and return the files; earlier edits are kept."""
        restored = []
        for name in self._changed():
            file = self.folder / name
            content = self.before[name] if name in self.before else self._committed(name)
            if _bytes(file) == content:
                continue
            if content is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            restored.append(name)
        return restored

    def _changed(self) -> list[str]:
        return self._git("diff", "--name-only", "--relative", "-z").decode().split("\0")[:-1]

    def _committed(self, name: str) -> bytes:
        return self._git("show", f":./{name}")

    def _git(self, *arguments: str) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=True)
        return done.stdout


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


@contextmanager
def _copy(file: Path) -> Iterator[Path]:
    """Yield a copy in the same folder, where relative paths mean the same; it is removed after."""
    handle, name = tempfile.mkstemp(prefix=".params-", suffix=file.suffix, dir=file.parent)
    os.close(handle)
    copy = Path(name)
    try:
        copy.write_bytes(file.read_bytes())
        yield copy
    finally:
        copy.unlink()


def _lines(file: Path, key: Any, value: Any) -> Iterator[str]:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise PedecgError(f"{file}: {key!r} is not a dotted key")
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str) or not _KEY.fullmatch(name):
                raise PedecgError(f"{file}: {key}: {name!r} is not a key")
            yield f"++{key}.{name}={_value(inner)}"
    else:
        yield f"{key}={_value(value)}"


def _value(value: Any) -> str:
    """Return a value in Hydra's grammar, in which a comma or a brace outside quotes has meaning."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_value(k)}:{_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_value, value)) + "]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    text = str(value)
    if isinstance(value, int | float) or _WORD.fullmatch(text):
        return text
    # Backslashes are doubled where a quotation mark follows, and nowhere else.
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"


def _reason(error: BaseException) -> str:
    """Return what is wrong in one line; DVC's own message says only that something is."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0]
