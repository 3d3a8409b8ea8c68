"""Words that readers had to read twice are not used where a user reads: one standard term each."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import docs_pages

from pedecg.commands import parameter_sections
from pedecg.core import table_schemas
from pedecg.rules import criteria, measure, norms
from pedecg.rules.rhythm_strip import strip_features

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
    r"\btold\b|\bsaid\b": "stated, reported, detected, distinguished",
    r"upside down|wrong way round|right way round": "inverted, reversed",
    r"\b(is|are|that is) no (number|list|voltage|heart|matrix)s?\b|no heart\b":
        "not a …; above any QRS, outside the physiological range",
    r"heart shows": "ECG shows, normal ECG, subclinical changes",
    r"\blooks? (swapped|inverted|mirrored)": "suspected reversal, inversion, dextrocardia",
    r"commonest": "most frequent",
    r"\bcomes and goes\b": "may resolve, intermittent",
    r"\bstands? (in rows|in their place|beside)\b": "is in, replaces, next to",
    r"\bbeyond a lifetime|none of a lifetime": "implausible age",
    r"\bwhole numbers? from\b.*\beach once\b.*\bnone\b": "distinct integers",
    r"leads? out of (the|its)": "outside",
    r"\bcut off\b(?! at| frequenc)": "truncated, clipped",
    r"\bamounts to\b": "name the quantity",
    r"\bwhat .{3,30} was worth\b|\bare worth\b": "effect",
    r"(?<![\w`.])beside\b(?![`(=.\w])": "besides, in addition to, next to, compared with",
    r"\bsay whether\b": "return whether",
    r"neighbouring leads?": "contiguous leads",
    r"chest[- ]leads?(?! on the ECG)": "precordial leads",
}  # fmt: skip
# Words that no public name of the code is made of.
BANNED_IN_NAMES = {"said", "told", "mine", "abroad", "heed", "stranger", "disbelieved", "railed",
                   "ill", "hollow", "calm", "wild"}  # fmt: skip
# Words that no column of the tables of measures is made of.
BANNED_IN_COLUMNS = BANNED_IN_NAMES | {
    "adds", "alike", "beyond", "chest", "early", "least", "most", "odd", "slur", "sound",
    "sure", "told", "unlike", "usual",
}  # fmt: skip
# Every package but the files of weights: its strings are messages, titles, columns and help texts.
SHOWN = docs_pages.packages()

WORDS = re.compile("|".join(f"(?:{pattern})" for pattern in BANNED), re.IGNORECASE)


def faults(text: str) -> list[str]:
    """Return each banned expression in a text, with the line that holds it."""
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


def docstrings(file: Path) -> str:
    """Return the docstrings of a module, its classes and functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
    return "\n".join(text for text in found if text)


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
    assert not {p.key: faults(p.meaning) for p in listed if faults(p.meaning)}


@pytest.mark.parametrize("folder", ["stages", *(f"src/pedecg/{name}" for name in SHOWN)])
def test_docstrings_use_the_standard_terms(folder: str) -> None:
    files = [
        file for file in sorted((ROOT / folder).rglob("*.py")) if "stages/pedecg" not in str(file)
    ]
    texts = {file.relative_to(ROOT).as_posix(): docstrings(file) for file in files}
    assert any(texts.values())
    assert not {name: faults(text) for name, text in texts.items() if faults(text)}


PARAMETER_FILES = [
    *ROOT.glob("params.yaml"), *ROOT.glob("pipelines/*/params.yaml"),
    *ROOT.glob("**/presets/*.yaml")
]  # fmt: skip


@pytest.mark.parametrize("file", PARAMETER_FILES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_comments_of_parameters_use_the_standard_terms(file: Path) -> None:
    assert not faults(file.read_text("utf-8"))


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


def test_columns_use_the_standard_terms() -> None:
    """Every column of the tables, those of one lead and of thresholds included."""
    schemas = (s for s in vars(table_schemas).values() if isinstance(s, pa.DataFrameSchema))
    columns = [name for schema in schemas for name in schema.columns]
    columns += strip_features.measure(
        pd.DataFrame(columns=list(table_schemas.WAVES.columns)), np.zeros(3000), 300.0,
        norms.load(norms.LIMITS),
    )  # fmt: skip
    columns += [*measure.COLUMNS, *measure.FURTHER_COLUMNS, *norms.load(norms.LIMITS).thresholds]
    columns += [f"rule_{criterion.name}" for criterion in criteria.CRITERIA]
    assert "strip_qrs_correlation_median" in columns
    assert not [name for name in columns if BANNED_IN_COLUMNS & set(re.findall(r"[a-z]+", name))]


@pytest.mark.parametrize(
    "text", ["Calibration slope (1: as strong as it should be)", "abnormal not called", "At home"]
)
def test_a_banned_word_is_found(text: str) -> None:
    assert faults(text)
