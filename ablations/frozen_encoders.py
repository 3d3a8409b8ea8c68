"""What does an encoder know that learnt without labels? Linear heads on frozen encoders.

    python ablations/frozen_encoders.py [--labels 50 100] [--draws 5] [--epochs 30]

Run it in the root after `dvc repro statistics`. Patients are divided into two halves. On each half
an encoder is pre-trained by every objective, without labels, and logistic regression is fitted to
its embeddings of a few labelled records of that half; the other half is the test set. A random
encoder, whose weights nobody trained, gets the same records. Prints the macro AUROC over targets
with at least 3 labelled and 5 tested records of either class, and the gain over the random encoder,
as mean and SD over halves and draws. Only the statistics of the leads saw both halves.
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from pedecg.core import params, tables
from pedecg.learning import batches
from pedecg.learning.batches import Normalisation
from pedecg.learning.crop_training import crops
from pedecg.learning.pretrain import pretrain
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.models import model_settings, registry
from pedecg.models.contract import Rows
from pedecg.models.network_base import Trunk, TrunkSettings
from pedecg.signals.signal_store import open_store

OBJECTIVES = ("masked_autoencoder", "cpc")
SECONDS = 10.0  # of a record, from its start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 100], help="records")
    parser.add_argument("--draws", type=int, default=5, help="of labelled records")
    parser.add_argument("--epochs", type=int, default=30, help="of pre-training")
    parser.add_argument("--crops", type=int, default=4, help="of each record in one epoch")
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    data = batches.dataset(open_store("data/processed/signals"), records, labels)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    trunk = model_settings.trunk(params.read_file(), "models.foundation.masked_autoencoder")
    patients = records.set_index("record_id").loc[list(data.record_ids), "patient_id"]
    known = np.unique(patients.to_numpy(str))
    half = np.random.default_rng(0).permutation(known)[: len(known) // 2]
    in_half = np.isin(patients.to_numpy(str), half)

    scores: dict[tuple[int, str], list[float]] = {}
    for learnt in (in_half, ~in_half):
        rows, tested = np.flatnonzero(learnt), np.flatnonzero(~learnt)
        encoders = {"random": random_encoder(trunk, data)}
        for objective in OBJECTIVES:
            done = pretrain(
                [data.store], [data.positions[rows]], normalisation, trunk,
                settings(arguments, objective), None,
            )  # fmt: skip
            print(f"{objective}, {len(rows)} records: {done.curves[-1]}", flush=True)
            encoders[objective] = done.network.encoder
        embedded = {name: embed(encoder, data, normalisation) for name, encoder in encoders.items()}
        for count in arguments.labels:
            for draw in range(arguments.draws):
                labelled = np.random.default_rng([draw, count]).choice(rows, count, replace=False)
                for name, x in embedded.items():
                    score = macro_auroc(x, data.labels, labelled, tested)
                    scores.setdefault((count, name), []).append(score)
    for (count, name), each in scores.items():
        gain = np.subtract(each, scores[count, "random"])
        print(f"{count} labels, {name:18s} {np.mean(each):.3f}, gain {np.mean(gain):+.3f} "
              f"± {np.std(gain, ddof=1):.3f}")  # fmt: skip


def settings(arguments: argparse.Namespace, objective: str) -> PretrainSettings:
    values = params.read_section("pretrain") | {
        "objective": objective,
        "epochs": arguments.epochs,
        "crops_per_record": arguments.crops,
        "batch_size": arguments.batch_size,
        "warmup_epochs": min(2, arguments.epochs),
        "threads": 1,
    }
    return params.parse(values, "pretrain", PretrainSettings, params.PARAMS_FILE.name)


def random_encoder(trunk: TrunkSettings, data: Rows) -> Trunk:
    """Return the frozen network of the model random_encoder."""
    torch.manual_seed(0)
    network = registry.build(
        "random_encoder", trunk.model_dump(), n_leads=len(data.store.leads),
        n_samples=round(SECONDS * data.store.fs_hz), fs_hz=data.store.fs_hz, n_targets=1,
    )  # fmt: skip
    assert isinstance(network.trunk, Trunk)
    return network.trunk


def embed(encoder: Trunk, data: Rows, normalisation: Normalisation) -> NDArray[np.float32]:
    """Return the embeddings of all records, shape (n, n_features)."""
    encoder.eval()
    signals = batches.Signals(data.store, normalisation, torch.device("cpu"))
    n_samples, each = round(SECONDS * data.store.fs_hz), []
    with torch.inference_mode():
        for first in range(0, len(data.positions), 64):
            chosen = data.positions[first : first + 64]
            batch = crops(signals, chosen, np.zeros(len(chosen), np.int64), n_samples)
            each.append(encoder(batch).numpy())
    return np.concatenate(each)


def macro_auroc(
    x: NDArray[np.float32],
    labels: NDArray[np.float32],
    labelled: NDArray[np.int64],
    tested: NDArray[np.int64],
) -> float:
    """Fit a linear head per target on the labelled rows; return its mean AUROC on the tested."""
    scaler = StandardScaler().fit(x[labelled])
    found = []
    for y in labels.T:
        fitted, asked = (rows[~np.isnan(y[rows])] for rows in (labelled, tested))
        if rarer(y[fitted]) < 3 or rarer(y[asked]) < 5:
            continue
        head = LogisticRegression(C=0.01, max_iter=500)
        head.fit(scaler.transform(x[fitted]), y[fitted])
        found.append(roc_auc_score(y[asked], head.decision_function(scaler.transform(x[asked]))))
    return float(np.mean(found))


def rarer(y: NDArray[np.float32]) -> float:
    """Return how many rows the rarer class has."""
    return float(min(y.sum(), len(y) - y.sum()))


if __name__ == "__main__":
    main()
