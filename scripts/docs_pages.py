"""Pages of the documentation that are made from the code when the site is built.

A hook of MkDocs (``mkdocs.yml``): parameters from their pydantic classes, commands from the command
line's parser, one page of the API per package (mkdocstrings fills it), and the changelog. Each is a
function from the project to Markdown text that needs no MkDocs.
"""

import ast
import html
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))  # this checkout's code, whatever is installed

from pedecg.cli import app  # noqa: E402
from pedecg.commands import parameter_sections  # noqa: E402
from pedecg.core import params  # noqa: E402

# Packages that hold no code to import.
NO_API = {"weights"}
# The entry of the navigation that stands for all pages of the API.
_API_ENTRY = "reference/api/"
# A search shows pages of text and parameters before functions of the same name.
_SEARCHED_LAST = "---\nsearch:\n  boost: 0.3\n---\n"
_PACKAGE_ROW = re.compile(r"^\| `(\w+)/` \| (.+) \|$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Put one page per package into the navigation, so that a new package needs no edit of it."""
    pages_of_api: list[Any] = [f"{_API_ENTRY}index.md"]
    pages_of_api += [{f"pedecg.{name}": f"{_API_ENTRY}{name}.md"} for name in packages()]
    config.nav = _replaced(config.nav, pages_of_api)
    return config


def _replaced(entry: Any, pages_of_api: list[Any]) -> Any:
    if isinstance(entry, list):
        return [_replaced(each, pages_of_api) for each in entry]
    if isinstance(entry, dict):
        return {title: _replaced(each, pages_of_api) for title, each in entry.items()}
    return pages_of_api if entry == _API_ENTRY else entry


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the site; called by MkDocs."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path in the site's source."""
    made = {
        "changelog.md": changelog(),
        "reference/cli.md": commands(),
        "reference/parameters/index.md": parameter_index(),
        "reference/api/index.md": api_index(),
    }
    for folder in pipelines():
        made[f"reference/parameters/{slug(folder)}.md"] = parameters(folder)
    for package in packages():
        made[f"reference/api/{package}.md"] = api(package)
    return made


def pipelines() -> dict[str, str]:
    """Return the title of each pipeline by its folder, the root first."""
    folders = sorted(file.parent for file in ROOT.glob("pipelines/*/dvc.yaml"))
    titles = {folder.relative_to(ROOT).as_posix(): folder.name.capitalize() for folder in folders}
    return {".": "Paediatric (root)", **titles}


def slug(folder: str) -> str:
    """Return the name of a pipeline's page of parameters."""
    return "paediatric" if folder == "." else Path(folder).name


# Parameters


def parameter_index() -> str:
    """Return the page that leads to the parameters of each pipeline."""
    listed = "".join(f"- [{title}]({slug(folder)}.md)\n" for folder, title in pipelines().items())
    return (
        "# Parameters\n\nEvery value that a user sets is in a pipeline's `params.yaml`, with a "
        "comment. `pedecg params` lists them with type, range and meaning; `pedecg params --check` "
        "checks them. Change one for an experiment with `dvc exp run -S section.key=value`. "
        "These tables are generated from the classes that read the parameters.\n\n"
        f"{listed}\nReference limits by age and the thresholds of criteria are rows of "
        "`limits.csv` and `thresholds.csv` in `src/pedecg/rules/`, each with its source; see "
        "[Add a criterion](../../how-to/criterion.md).\n"
    )


def parameters(folder: str) -> str:
    """Return the parameters of one pipeline by section of its ``params.yaml``."""
    file = ROOT / folder / params.PARAMS_FILE
    place = "params.yaml" if folder == "." else f"{folder}/params.yaml"
    text = [f"# Parameters: {pipelines()[folder]}\n\nDefaults are those of `{place}`.\n"]
    first: dict[type[params.Section], str] = {}
    defaults: dict[str, str] = {}
    for section, schema in parameter_sections.sections(file).items():
        text.append(f"\n## {section}\n\n")
        listed = list(parameter_sections.described(section, schema, file))
        defaults |= {p.key: p.default for p in listed}
        alike = first.setdefault(schema, section)
        if alike != section:
            listed = [
                p
                for p in listed
                if defaults.get(f"{alike}{p.key.removeprefix(section)}") != p.default
            ]
            text.append(
                f"The keys of [`{alike}`](#{_anchor(alike)}), with the same values"
                + (" except:\n\n" if listed else ".\n")
            )
        if listed:
            text.append("\n".join(map(_parameter, listed)))
    return "".join(text)


def _parameter(p: parameter_sections.Parameter) -> str:
    """Return one parameter as an entry of a definition list: key and default, then its meaning."""
    kind = f"{p.kind}, {p.bounds}" if p.bounds else p.kind
    meaning = " ".join(p.meaning.split())
    return f"`{p.key}` : `{p.default}`\n:   {meaning}  \n    <small>{html.escape(kind)}</small>\n"


def _anchor(heading: str) -> str:
    """Return the anchor that MkDocs gives a heading (its default slugify)."""
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# Commands


def commands() -> str:
    """Return every command with its arguments and options, from the functions behind them."""
    text = [
        "# Command line\n\nGenerated from the commands themselves; `pedecg COMMAND --help` prints "
        "the same. A command that fails prints one line to stderr and ends with a status other "
        "than 0.\n"
    ]
    for name, function in _functions(app, "pedecg"):
        signature = inspect.signature(function, eval_str=True).parameters.values()
        listed = [_argument(p) for p in signature if get_origin(p.annotation) is Annotated]
        arguments = [row[0] for row in listed if not row[0].startswith("`-")]
        usage = " ".join([name, *(word.strip("`") for word in arguments), "[OPTIONS]"])
        text += [
            f"\n## {name}\n\n{inspect.getdoc(function)}\n\n```text\n{usage}\n```\n\n",
            "\n".join(_entry(*row) for row in listed),
        ]
    return "".join(text)


def _functions(typer_app: typer.Typer, prefix: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the full name and the function of each command."""
    for command in typer_app.registered_commands:
        if command.callback is not None and not command.hidden:
            yield f"{prefix} {command.name}", command.callback
    for group in typer_app.registered_groups:
        if group.typer_instance is not None:
            yield from _functions(group.typer_instance, f"{prefix} {group.name}")


def _argument(parameter: inspect.Parameter) -> tuple[str, str, str]:
    """Return how an argument or option is written, its default, and what it means."""
    kind, info = get_args(parameter.annotation)
    flag = kind is bool
    required = parameter.default is inspect.Parameter.empty
    if isinstance(info, typer.models.ArgumentInfo):
        names = f"`{info.metavar or parameter.name.upper()}{'…' if _many(kind) else ''}`"
    else:
        option = "--" + parameter.name.replace("_", "-")
        # With Annotated, typer takes the first name of an option as if it were its default.
        first = [info.default] if isinstance(info.default, str) else []
        written = sorted([*first, *(info.param_decls or ())] or [option], key=_is_long)
        value = "" if flag else f" `{info.metavar or _value(kind)}`"
        names = ", ".join(f"`{word}`" for word in written) + value
    default = "required" if required else _default(parameter.default)
    return names, default, info.help or ""


def _entry(names: str, default: str, meaning: str) -> str:
    """Return one argument or option as an entry of a definition list."""
    shown = f" <small>default: {default}</small>" if default.startswith("`") else ""
    if default == "required":
        shown = " <small>required</small>"
    return f"{names}{shown}\n:   {' '.join(meaning.split())}\n"


def _is_long(name: str) -> bool:
    return name.startswith("--")


def _many(kind: Any) -> bool:
    return any(get_origin(each) is list for each in (kind, *get_args(kind)))


def _value(kind: Any) -> str:
    """Return what an option takes: its choices, or the name of its type."""
    inner = [each for each in get_args(kind) if each is not type(None)]
    if inner:
        return _value(inner[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(choice.value) for choice in kind)
    return {"Path": "PATH", "str": "TEXT", "int": "INTEGER", "float": "NUMBER"}[kind.__name__]


def _default(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


# API


def packages() -> list[str]:
    """Return the packages of ``pedecg`` in the alphabetical order."""
    found = (folder.name for folder in (SOURCE / "pedecg").iterdir() if folder.is_dir())
    return sorted(name for name in found if name not in NO_API and not name.startswith("__"))


def modules(package: str) -> list[str]:
    """Return the dotted names of a package's public modules, those of inner packages included."""
    files = sorted((SOURCE / "pedecg" / package).rglob("*.py"))
    names = (file.relative_to(SOURCE).with_suffix("") for file in files)
    return [
        ".".join(name.parts)
        for name in names
        if name.name != "__init__" and not name.name.startswith("_")
    ]


def api_index() -> str:
    """Return the page that says what each package is for."""
    contents = dict(_PACKAGE_ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    rows = [("package", "contents"), ("---", "---")]
    rows += [(f"[`pedecg.{name}`]({name}.md)", contents.get(name, "")) for name in packages()]
    return (
        "# API\n\nOne page per package of `src/pedecg`, generated from the docstrings. "
        "`CONTRIBUTING.md` says which package may import which.\n\n" + _table(rows)
    )


def api(package: str) -> str:
    """Return the page of one package: a table of its modules, then each module's docstrings."""
    names = modules(package)
    rows = [("module", "contents"), ("---", "---")]
    rows += [(f"[`{name}`][{name}]", summary(name)) for name in names]
    blocks = "".join(f"\n::: {name}\n" for name in names)
    return f"{_SEARCHED_LAST}# pedecg.{package}\n\n{_table(rows)}{blocks}"


def summary(module: str) -> str:
    """Return the first line of a module's docstring, read without importing it."""
    file = SOURCE / Path(*module.split(".")).with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0]


# Changelog


def changelog() -> str:
    """Return CHANGELOG.md as a page."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
