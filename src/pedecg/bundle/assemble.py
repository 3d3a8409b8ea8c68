"""A model as a folder that works without this project: graphs, settings, script, hashes."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pedecg.bundle import onnx_export, parts, provenance, table_export
from pedecg.bundle.provenance import Origin
from pedecg.core import atomic_files, folder_hashes, params, schema_versions, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, prediction_sets, training_distance
from pedecg.learning import network_model
from pedecg.learning.trained_network import Card
from pedecg.models import features, model_inputs, registry
from pedecg.signals import filters

ABOUT, CALIBRATION = "bundle.json", "calibration.json"
MANIFEST, SEAL = "manifest.json", "manifest.sha256"  # as in run.py, which imports no pedecg
# Copied as they are: they import nothing of this project. run.py takes them from its own folder.
HERE = Path(__file__).parent
CODE = (
    *(
        HERE / f"{name}.py"
        for name in (
            "run",
            "inference_steps",
            "graph_answers",
            "input_checks",
            "bundle_form",
            "ecg_files",
        )
    ),
    Path(filters.__file__),
)
LIMITS, THRESHOLDS = "limits.csv", "thresholds.csv"
SETS, DISTANCE = "prediction_sets.json", "training_distance.json"  # for `pedecg predict`
NEEDS = ("numpy", "scipy", "onnxruntime", "wfdb")  # wfdb: only for WFDB records
LICENCE = (
    "Code: Apache-2.0. The weights stand under the terms of the data that they were trained on."
)
USE = "Research only. Not a medical device, and not for the care of any patient."


@dataclass(frozen=True)
class Source:
    """All trainings of a model.

    Attributes
    ----------
    targets : in the order of the calibration.
    exclusive : exactly one target holds.
    trainings : how the ends of each training are joined.
    ends : of all trainings, with the seed of each.
    reads : what they read of a record: some of `registry.INPUTS`.
    """

    name: str
    seeds: tuple[int, ...]
    targets: tuple[str, ...]
    exclusive: bool
    trainings: tuple[parts.Node, ...]
    ends: tuple[tuple[int, parts.End], ...]
    reads: frozenset[str]

    @property
    def cards(self) -> list[Card]:
        """Model cards of its networks."""
        models = (end.model for _, end in self.ends)
        return [one.trained.card for one in models if isinstance(one, network_model.Model)]


def write(model: Path, out: Path, project: Path) -> dict[str, Any]:
    """Write a bundle and return what its ``bundle.json`` says; the same model, the same bytes.

    Parameters
    ----------
    model : ``models/<name>``, with a ``seed<k>`` folder for each training.
    out : new, or a bundle, which is replaced.
    project : the folder of the pipeline that trained it.

    Raises
    ------
    PedecgError
        The model cannot be exported, is not calibrated, or belongs to another pipeline; `out`
        holds something else.
    """
    if out.exists() and not (out / ABOUT).is_file():
        raise PedecgError(f"{out}: exists and is not a bundle; name another folder")
    made = provenance.read(project)
    source = _source(model, project)
    for card in source.cards:
        if made.preprocess.fs_hz != card.fs_hz or made.preprocess.leads != list(card.leads):
            raise PedecgError(
                f"{model}: trained at {card.fs_hz:g} Hz on {' '.join(card.leads)}; preprocess is "
                f"{made.preprocess.fs_hz:g} Hz, {' '.join(made.preprocess.leads)}"
            )
    columns = _columns(source.reads, project)

    with atomic_files.replacing_folder(out) as partial:
        networks, of_tables = [], []
        for seed, end in source.ends:
            if isinstance(end.model, network_model.Model):
                onnx_export.export(end.model.trained, partial / end.file)
                networks.append(_network(end, seed))
            else:
                names = table_export.export(end.model, columns, partial / end.file)
                of_tables.append(_table(end, seed, names))
        shutil.copyfile(_fitted(project, source.name), partial / CALIBRATION)
        for file, name in ((made.limits, LIMITS), (made.thresholds, THRESHOLDS)):
            shutil.copyfile(file, partial / name)  # for `pedecg predict`
        for file, name in (
            (project / prediction_sets.FOLDER / f"{source.name}.json", SETS),
            (project / training_distance.FILE, DISTANCE),
        ):
            if file.is_file():  # not every pipeline makes them
                shutil.copyfile(file, partial / name)
        for file in CODE:
            shutil.copyfile(file, partial / file.name)
        tables.write_text(_requirements(), partial / "requirements.txt")
        tables.write_text(_readme(source, made), partial / "README.md")
        about = _about(source, made) | {"networks": networks, "tables": of_tables}
        text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False)
        tables.write_text(text + "\n", partial / ABOUT)
        _seal(partial)
    return about


def project_of(model: Path) -> Path:
    """Return the folder of the pipeline that a model's folder lies in; else the working folder."""
    above = (
        folder for folder in model.resolve().parents if (folder / params.PARAMS_FILE).is_file()
    )
    return next(above, Path())


def digest(bundle: Path) -> str:
    """Return the SHA-256 of the manifest of a bundle: it stands for all of its files."""
    return folder_hashes.digest(bundle / MANIFEST)


def _seal(folder: Path) -> None:
    """Write the SHA-256 of every file as ``manifest.json``, and that of the manifest next to it."""
    hashes = {file.name: folder_hashes.digest(file) for file in sorted(folder.iterdir())}
    tables.write_text(json.dumps(hashes, indent=1) + "\n", folder / MANIFEST)
    tables.write_text(digest(folder) + "\n", folder / SEAL)


def _source(model: Path, project: Path) -> Source:
    """Load every training of a model, in the order of the seeds, and check its calibration."""
    folders = {
        int(folder.name[4:]): folder
        for folder in model.glob("seed*")
        if folder.name[4:].isdecimal()
    }
    if not folders:
        raise PedecgError(f"{model}: no trained model in it; expected seed0, seed1, …")
    seeds = tuple(sorted(folders))
    opened = [registry.load(folders[seed], accelerator="cpu") for seed in seeds]
    name = opened[0].name
    file = _fitted(project, name)
    fitted = calibration.load(file)
    for one in opened:
        if sorted(fitted.targets) != sorted(one.targets):
            raise PedecgError(
                f"{file}: for targets {', '.join(fitted.targets)}; the model answers "
                f"{', '.join(one.targets)}; run the stage evaluate"
            )
    known = sorted(int(seed) for seed in fitted.curves if seed != calibration.MEAN)
    if known != list(seeds):
        raise PedecgError(f"{file}: fitted on seeds {known}; the model has {list(seeds)}")
    found = [
        parts.of(one, folders[seed], fitted.targets, f"seed{seed}")
        for seed, one in zip(seeds, opened, strict=True)
    ]
    return Source(
        name, seeds, fitted.targets, fitted.exclusive,
        trainings=tuple(node for node, _ in found),
        ends=tuple((seed, end) for seed, own in zip(seeds, found, strict=True) for end in own[1]),
        reads=frozenset().union(*(one.reads for one in opened)),
    )  # fmt: skip


def _fitted(project: Path, name: str) -> Path:
    return project / "calibration" / f"{name}.json"


def _columns(reads: frozenset[str], project: Path) -> list[str]:
    """Return the rule features that the pipeline makes; none where the model reads none."""
    if "rules" not in reads:
        return []
    rules = tables.read(project / model_inputs.RULES, tables.RULES)
    return list(features.of_rules(rules.head(1), list(rules["record_id"].head(1))).columns)


def _about(source: Source, made: Origin) -> dict[str, Any]:
    further = sorted(source.reads - {"signals", "demographics"})
    return {
        schema_versions.KEY: schema_versions.current("bundle"),
        "model": source.name,
        "use": USE,
        "licence": LICENCE,
        "made_by": f"pedecg {metadata.version('pedecg')}",
        "opset": onnx_export.OPSET,
        "task": "multiclass" if source.exclusive else "multilabel",
        "targets": list(source.targets),
        "leads": made.preprocess.leads,
        "reads": ["signal", "leads", "age", "sex", *further],
        **made.about(),
        "trainings": list(source.trainings),
    }  # fmt: skip


def _network(end: parts.End, seed: int) -> dict[str, Any]:
    """Describe a network; its seed is that of its own training, `seed` that of the model's."""
    assert isinstance(end.model, network_model.Model)
    card = end.model.trained.card
    return {
        **_end(end, seed),
        "task": card.task,
        "crop": card.crop,
        "window_overlap": card.window_overlap,
        "mean_mv": list(card.mean_mv),
        "sd_mv": list(card.sd_mv),
        "logit_shift": list(card.logit_shift),
        "feature_names": list(card.feature_names),
        "feature_mean": list(card.feature_mean),
        "feature_sd": list(card.feature_sd),
        "settings": card.settings,
        "n_parameters": card.n_parameters,
        "best_epoch": card.best_epoch,
        "pretrained": card.pretrained,
    }


def _table(end: parts.End, seed: int, names: Sequence[str]) -> dict[str, Any]:
    return {**_end(end, seed), "feature_names": list(names)}


def _end(end: parts.End, seed: int) -> dict[str, Any]:
    files = ("weights.safetensors", "arrays.safetensors", "model.json")
    return {
        "file": end.file,
        "model": end.model.name,
        "seed": seed,
        "targets": list(end.model.targets),
        "sha256": {
            file: folder_hashes.digest(end.folder / file)
            for file in files
            if (end.folder / file).is_file()
        },
    }


_ALONE = """```sh
pip install -r requirements.txt
python run.py ECG.csv --fs-hz 500 --age-days 400 --sex F    # a CSV of mV, its header the leads
python run.py RECORD.hea --age-days 400 --sex F             # WFDB
```"""
_MEASURED = """The model reads rule features: intervals, axes, heights, criteria. `run.py` does not
measure them, and refuses an ECG without them. pedecg measures them and answers:

```sh
pedecg predict RECORD.hea --model . --age-days 400 --sex F --json
```"""


def _requirements() -> str:
    """Return the packages that the runner needs, from the version that this bundle was made with.

    Minor versions of the same major one are taken to read it.
    """
    lines = []
    for name in NEEDS:
        version = metadata.version(name)
        major, minor = re.findall(r"\d+", version)[:2]
        lines.append(f"{name}>={major}.{minor},<{int(major) + 1}  # made with {version}\n")
    return "".join(lines)


def _readme(source: Source, made: Origin) -> str:
    children = "simulated children only" if made.simulated else made.cohort
    on = made.trained_on
    call = _MEASURED if "rules" in source.reads else _ALONE
    return f"""# {source.name}: {", ".join(source.targets)}

{USE} {LICENCE}

Trained on {on["records"]} ECGs of {on["patients"]} patients ({children}), aged
{on["age_days"][0]} to {on["age_days"][1]} days and
{on["length_s"][0]:.1f} to {on["length_s"][1]:.1f} s long. Everything else stands in `{ABOUT}`.

{call}
Each ECG gives one line of JSON: calibrated probabilities, thresholds, decisions, and `flags`, which
say what the model was not trained for. Unknown or too few leads, a record shorter than any that
the model was trained on, and altered, added or missing files are refused.
"""
