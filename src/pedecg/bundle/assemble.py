"""A model as a folder that works without this project: networks, settings, script, hashes."""

import json
import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pedecg.bundle import onnx_export, provenance
from pedecg.bundle.provenance import Origin
from pedecg.core import atomic_files, folder_hashes, params, schema_versions, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, prediction_sets, training_distance
from pedecg.learning import trained_network
from pedecg.learning.trained_network import Card, Trained
from pedecg.models import registry
from pedecg.signals import filters

ABOUT, CALIBRATION = "bundle.json", "calibration.json"
MANIFEST, SEAL = "manifest.json", "manifest.sha256"  # as in run.py, which imports no pedecg
# Copied as they are: they import nothing of this project. run.py takes them from its own folder.
HERE = Path(__file__).parent
CODE = (
    *(
        HERE / f"{name}.py"
        for name in ("run", "inference_steps", "input_checks", "bundle_form", "ecg_files")
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
    """One training: its folder and what lies in it."""

    folder: Path
    trained: Trained

    @property
    def card(self) -> Card:
        """Model card of the trained network."""
        return self.trained.card


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
    sources = _trainings(model)
    card = sources[0].card
    made = provenance.read(project)
    if made.preprocess.fs_hz != card.fs_hz:
        raise PedecgError(
            f"{model}: trained at {card.fs_hz:g} Hz; preprocess.fs_hz is {made.preprocess.fs_hz:g}"
        )
    fitted = project / "calibration" / f"{card.model}.json"
    _require_calibration(fitted, card, [source.card.seed for source in sources])

    with atomic_files.replacing_folder(out) as partial:
        names = [f"network_seed{source.card.seed}.onnx" for source in sources]
        for source, name in zip(sources, names, strict=True):
            onnx_export.export(source.trained, partial / name)
        shutil.copyfile(fitted, partial / CALIBRATION)
        for file, name in ((made.limits, LIMITS), (made.thresholds, THRESHOLDS)):
            shutil.copyfile(file, partial / name)  # for `pedecg predict`
        for file, name in (
            (project / prediction_sets.FOLDER / f"{card.model}.json", SETS),
            (project / training_distance.FILE, DISTANCE),
        ):
            if file.is_file():  # not every pipeline makes them
                shutil.copyfile(file, partial / name)
        for file in CODE:
            shutil.copyfile(file, partial / file.name)
        tables.write_text(_requirements(), partial / "requirements.txt")
        tables.write_text(_readme(card, made), partial / "README.md")
        about = _about(sources, names, made)
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


def _trainings(model: Path) -> list[Source]:
    """Load every training of a model, in the order of the seeds."""
    folders = sorted(model.glob("seed*"), key=lambda folder: int(folder.name.removeprefix("seed")))
    if not folders:
        raise PedecgError(f"{model}: no trained model in it; expected seed0, seed1, …")
    absent = [folder for folder in folders if not (folder / "weights.safetensors").is_file()]
    if absent:
        raise PedecgError(
            f"{absent[0]}: no network (weights.safetensors); this model type cannot be exported; "
            f"`pedecg predict --model {model}` applies it where it was trained"
        )
    return [Source(folder, trained_network.load(folder, accelerator="cpu")) for folder in folders]


def _require_calibration(file: Path, card: Card, seeds: list[int]) -> None:
    fitted = calibration.load(file)
    if fitted.targets != card.targets:
        raise PedecgError(
            f"{file}: for targets {', '.join(fitted.targets)}; the model answers "
            f"{', '.join(card.targets)}; run the stage evaluate"
        )
    known = sorted(int(seed) for seed in fitted.curves if seed != calibration.MEAN)
    if known != sorted(seeds):
        raise PedecgError(f"{file}: fitted on seeds {known}; the model has {sorted(seeds)}")


def _about(sources: list[Source], names: list[str], made: Origin) -> dict[str, Any]:
    card = sources[0].card
    further = sorted(registry.reads(card.model, card.settings) - {"signals", "demographics"})
    return {
        schema_versions.KEY: schema_versions.current("bundle"),
        "model": card.model,
        "use": USE,
        "licence": LICENCE,
        "made_by": f"pedecg {metadata.version('pedecg')}",
        "opset": onnx_export.OPSET,
        "task": card.task,
        "targets": list(card.targets),
        "leads": list(card.leads),
        "reads": ["signal", "leads", "age", "sex", *further],
        **made.about(),
        "networks": [
            _network(source, name) for source, name in zip(sources, names, strict=True)
        ],
    }  # fmt: skip


def _network(source: Source, name: str) -> dict[str, Any]:
    card = source.card
    return {
        "file": name,
        "seed": card.seed,
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
        "sha256": {
            file: folder_hashes.digest(source.folder / file)
            for file in ("weights.safetensors", "model.json")
        },
    }


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


def _readme(card: Card, made: Origin) -> str:
    children = "simulated children only" if made.simulated else made.cohort
    on = made.trained_on
    return f"""# {card.model}: {", ".join(card.targets)}

{USE} {LICENCE}

Trained on {on["records"]} ECGs of {on["patients"]} patients ({children}), aged
{on["age_days"][0]} to {on["age_days"][1]} days and
{on["length_s"][0]:.1f} to {on["length_s"][1]:.1f} s long. Everything else stands in `{ABOUT}`.

```sh
pip install -r requirements.txt
python run.py ECG.csv --fs-hz 500 --age-days 400 --sex F    # a CSV of mV, its header the leads
python run.py RECORD.hea --age-days 400 --sex F             # WFDB
```
Each ECG gives one line of JSON: calibrated probabilities, thresholds, decisions, and `flags`, which
say what the model was not trained for. Unknown or too few leads, a record shorter than any that
the model was trained on, and altered, added or missing files are refused.
"""
