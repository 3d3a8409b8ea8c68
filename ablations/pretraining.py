"""Does pre-training help where few patients have labels? Fine-tuned against from scratch.

    python ablations/pretraining.py [--patients 100] [--seeds 0 1 2 3 4] [--epochs 30]

Run it in the root after `dvc repro pretrain statistics`. Both sides are `models.foundation` with
the parameters of params.yaml, on the same labelled patients, seed by seed: one starts from
models/pretrained, the other from random weights. The weights of the best epoch on the validation
split are scored on the test split. Pre-training saw the training records without their labels.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pedecg.core import checkpoint, params, tables
from pedecg.learning import batches
from pedecg.learning.fit import PRETRAINED_FOLDER, fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.validation_monitor import macro_auroc
from pedecg.models.backbones import autoencoder
from pedecg.models.network_base import TrunkSettings
from pedecg.signals.signal_store import open_store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100, help="with labels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=30, help="of either side")
    parser.add_argument("--crops", type=int, default=8, help="of each record in one epoch")
    parser.add_argument("--learning-rate", type=float, nargs="+", default=[1e-3, 3e-3])
    parser.add_argument("--tuning", default="full", choices=["full", "layerwise", "probe"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pretrained", type=Path, default=PRETRAINED_FOLDER)
    arguments = parser.parse_args()

    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS).set_index("record_id")
    data = batches.dataset(open_store("data/processed/signals"), records, labels)
    about = splits.loc[list(data.record_ids)]
    split, patients = about["split"].to_numpy(str), about["patient_id"].to_numpy(str)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    model = params.read_section("models.foundation")
    model |= {"backbone": "masked_autoencoder"}

    with tempfile.TemporaryDirectory() as folder:
        random = Path(folder)
        sides = {"scratch": random, "fine-tuned": arguments.pretrained}
        scores: dict[tuple[str, float], list[float]] = {}
        for seed in arguments.seeds:
            write_random(random, model["masked_autoencoder"], data, arguments.pretrained, seed)
            labelled = draw(patients[split == "train"], arguments.patients, seed)
            training = np.flatnonzero((split == "train") & np.isin(patients, labelled))
            for rate in arguments.learning_rate:
                for side, start in sides.items():
                    tuning = arguments.tuning if side == "fine-tuned" else "full"
                    fitted = fit(
                        "foundation", model | {"tuning": tuning}, data, training,
                        np.flatnonzero(split == "validation"), normalisation,
                        train_settings(arguments, rate), seed, None, start,
                    )  # fmt: skip
                    rows = np.flatnonzero(split == "test")
                    p = fitted.trained.predict(
                        data.store, data.positions[rows], data.age_days[rows], data.sex[rows]
                    )
                    auroc = macro_auroc(data.labels[rows], p)
                    scores.setdefault((side, rate), []).append(auroc)
                    print(f"seed {seed} lr {rate:g} {side:10s} {len(training)} records: "
                          f"macro AUROC {auroc:.3f}, validation "
                          f"{fitted.trained.card.best_value:.3f}", flush=True)  # fmt: skip
    for rate in arguments.learning_rate:
        scratch, tuned = (np.array(scores[side, rate]) for side in ("scratch", "fine-tuned"))
        gain = tuned - scratch
        print(f"lr {rate:g}: scratch {said(scratch)}, fine-tuned {said(tuned)}, "
              f"gain {said(gain)}")  # fmt: skip


def train_settings(arguments: argparse.Namespace, rate: float) -> TrainSettings:
    values = params.read_section("train") | {
        "epochs": arguments.epochs,
        "learning_rate": rate,
        "threads": arguments.threads,
        "crops_per_record": arguments.crops,
        "patience": arguments.epochs,
    }
    return params.parse(values, "train", TrainSettings, params.PARAMS_FILE.name)


def draw(patients: NDArray[np.str_], count: int, seed: int) -> NDArray[np.str_]:
    """Draw patients; another seed draws others."""
    known = np.unique(patients)
    return np.random.default_rng([seed, 100]).choice(known, min(count, len(known)), replace=False)


def write_random(
    folder: Path, trunk: dict[str, Any], data: batches.Dataset, pretrained: Path, seed: int
) -> None:
    """Write weights as pre-training would begin with them."""
    torch.manual_seed(seed)
    settings = params.parse(trunk, "trunk", TrunkSettings, params.PARAMS_FILE.name)
    network = autoencoder.MaskedAutoencoder(
        settings, n_leads=len(data.store.leads), fs_hz=data.store.fs_hz
    )
    checkpoint.write_tensors(folder / autoencoder.WEIGHTS, network.state_dict(), {"format": "pt"})
    tables.write_text((pretrained / autoencoder.CARD).read_text(), folder / autoencoder.CARD)


def said(values: NDArray[np.float64]) -> str:
    """Mean and SD in three digits."""
    return f"{values.mean():.3f} ± {values.std(ddof=1) if len(values) > 1 else np.nan:.3f}"


if __name__ == "__main__":
    main()
