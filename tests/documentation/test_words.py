"""Words that readers had to read twice are not used where a user reads: one standard term each."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import docs_pages

from pedecg.commands import parameter_sections

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "pedecg"
# Regular expression: the term to use instead.
BANNED = {
    r"abroad|at home": "external, internal",
    r"(?<!so-)\b(not )?called (positive|so|ill)|not called|wrongly called": "positive, negative",
    r"models? to beat|what a network must beat|naive models?": "baseline",
    r"\bheeds?\b": "saliency, attends to",
    r"\brailed\b|\bat (its|the) rail\b|\btouch the rail\b": "saturated",
    r"disbeliev\w+": "disagrees with",
    r"outside-model": "outside the validated range",
    r"\bis worth\b|\bworth (more|acting)\b": "net benefit, or name the quantity",
    r"from which on one would act": "threshold probability",
    r"gathers? most": "clusters most",
    r"\bbeside (it|this page|treating|the (limits|2nd|source))\b": "compared with",
    r"\bsaid are\b": "the output contains",
    r"weighed by judgement|by judgement": "expert-weighted",
    r"filled in( right)?\b|\bfills in\b": "reconstructed",
    r"as strong as it should|right on average|always right": "1: ideal",
    r"they do not exist": "trained on simulated data only",
    r"how true\b": "accuracy",
    r"speaks? (little|for|against)\b": "low contribution",
    r"only networks export": "cannot be exported",
    r"\brr turns\b|\brr lag1\b": "number of turning points of RR, lag-1 autocorrelation of RR",
    r"says less of": "down-weights",
    r"\btree's answer\b|questions from the root": "learning rate, tree depth",
    r"\bthe (ill|well)\b|\bill (children|patients)\b": "positives, negatives; patients with",
    r"\bstrangers?\b": "untrusted",
    r"its place is taken": "replaces",
    r"\bborne\b": "robust to",
    r"\bno say\b": "is ignored",
    r"\bbut for\b": "except for",
    r"in company": "on shared cores",
    r"told (this )?exactly": "maximum alignment shift",
    r"drawn anew": "random, randomised",
    r"learnt by heart|by heart": "overfit",
    r"none of all": "name the set",
    r"\bwill do\b": "is sufficient",
    r"the memory of one": "gradient accumulation",
    r"hearts? that come": "name the rhythm",
    r"\bwalls?\b|\brooms?\b": "no metaphors",
    r"put back to normal": "replaced by the normal beat",
    r"what the network saw|what it saw": "explanation, saliency map",
    r"make (it|this) again": "reproduce",
}  # fmt: skip
# Words that no public name of the code is made of.
BANNED_IN_NAMES = {"said", "told", "mine", "abroad", "heed", "stranger", "disbelieved", "railed",
                   "ill", "hollow", "calm", "wild"}  # fmt: skip
# Text that others' packages hold, or whose key is part of a file format; with the reason.
ALLOWED = {
    "auroc.home": "key of metrics/external_summary.json",
    "auroc.abroad": "key of metrics/external_summary.json",
    "saturated_share": "column of data/audit/quality_by_lead.csv",
}
# Packages whose strings users read as they are; parameters of all packages are on generated pages.
SHOWN = ("benchmarks", "bundle", "commands", "delineator", "evaluation", "explain", "learning",
         "models", "plots", "predict", "report", "runs", "tabular")  # fmt: skip
# Sections and packages that are being reworked: their texts change with their columns.
REWORKED = ("rule_features.", "ingest.", "simulate", "split.", "preprocess.", "train.augment.",
            "delineate.", "cohort.", "external_cohort.")  # fmt: skip
REWORKED_PACKAGES = {"cohorts", "core", "rules", "signals", "simulation", "waves"}

WORDS = re.compile("|".join(f"(?:{pattern})" for pattern in BANNED), re.IGNORECASE)


def faults(text: str) -> list[str]:
    """Return each banned expression in a text, with the line that holds it."""
    for allowed in ALLOWED:
        text = text.replace(allowed, "")
    return [
        f"{found[0]!r} in {line.strip()[:120]!r}"
        for line in text.splitlines()
        for found in WORDS.finditer(line)
    ]


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of every page that is written by hand, and of the page of commands."""
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))):
        yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
    yield "reference/cli.md", docs_pages.commands()


def strings(file: Path) -> str:
    """Return the string constants of a module that are sentences, without its docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    constants = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in docstrings
    )
    return "\n".join(text for text in constants if " " in text)


def public_names(file: Path) -> list[str]:
    """Return the names of a module and of its public functions, classes and methods."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = (ast.FunctionDef, ast.ClassDef)
    names = [node.name for node in ast.walk(tree) if isinstance(node, named)]
    return [name for name in (file.stem, *names) if not name.startswith("_")]


@pytest.mark.parametrize(("name", "text"), [pytest.param(*page, id=page[0]) for page in pages()])
def test_pages_use_the_standard_terms(name: str, text: str) -> None:
    assert not faults(text)


@pytest.mark.parametrize("pipeline", list(docs_pages.pipelines()))
def test_parameters_use_the_standard_terms(pipeline: str) -> None:
    listed = list(parameter_sections.parameters(ROOT / pipeline / "params.yaml"))
    assert listed
    judged = [p for p in listed if not p.key.startswith(REWORKED)]
    assert not {p.key: faults(p.meaning) for p in judged if faults(p.meaning)}


@pytest.mark.parametrize("package", sorted(set(docs_pages.packages()) - REWORKED_PACKAGES))
def test_summaries_of_modules_use_the_standard_terms(package: str) -> None:
    summaries = {name: docs_pages.summary(name) for name in docs_pages.modules(package)}
    assert not {name: faults(text) for name, text in summaries.items() if faults(text)}


@pytest.mark.parametrize("package", SHOWN)
def test_help_figures_and_reports_use_the_standard_terms(package: str) -> None:
    files = sorted((PACKAGE / package).rglob("*"))
    texts = {file: strings(file) for file in files if file.suffix == ".py"}
    texts |= {file: file.read_text("utf-8") for file in files if file.suffix == ".jinja"}
    assert texts
    found = {file.relative_to(ROOT).as_posix(): faults(text) for file, text in texts.items()}
    assert not {file: listed for file, listed in found.items() if listed}


@pytest.mark.parametrize(
    "pipeline", [ROOT / "dvc.yaml", *sorted(ROOT.glob("pipelines/*/dvc.yaml"))], ids=str
)
def test_stages_and_curves_use_the_standard_terms(pipeline: Path) -> None:
    stages = YAML(typ="safe").load(pipeline.read_text("utf-8"))["stages"]
    shown = "\n".join(_shown(stages))
    assert shown
    assert not faults(shown)


def _shown(entry: object) -> Iterator[str]:
    """Yield the descriptions of stages and the titles and labels of curves."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("desc", "title", "x_label", "y_label"):
                yield str(value)
            else:
                yield from _shown(value)
    elif isinstance(entry, list):
        for each in entry:
            yield from _shown(each)


def test_public_names_use_the_standard_terms() -> None:
    found = [
        f"{file.relative_to(PACKAGE).as_posix()}: {name}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in public_names(file)
        if BANNED_IN_NAMES & set(re.findall(r"[a-z]+|[A-Z][a-z]*", name))
    ]
    assert not found


@pytest.mark.parametrize(
    "text", ["Calibration slope (1: as strong as it should be)", "abnormal not called", "At home"]
)
def test_a_banned_word_is_found(text: str) -> None:
    assert faults(text)


def test_every_exception_is_still_needed() -> None:
    listed = [file for file in PACKAGE.rglob("*") if file.suffix in (".py", ".jinja")]
    code = "\n".join(file.read_text("utf-8") for file in listed)
    assert not [name for name in ALLOWED if name not in code]
