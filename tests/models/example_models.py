"""Small settings for every model of the registry, and rows that any of them can learn from."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "learning"))
import small_hospital

from pedecg.learning.pipeline_inputs import Inputs
from pedecg.models import registry
from pedecg.models.contract import Rows, Training

TRUNK: dict[str, Any] = small_hospital.SMALL
AGE: dict[str, Any] = {"age_features": 8, "hide_probability": 0.1}
SETTINGS: dict[str, dict[str, Any]] = {
    "age_sex": {"strength": 1.0},
    "cnn1d": {
        "channels": [8, 12], "first_hz": 62.5, "kernel_s": 0.06, "dropout": 0.1, "mask": "leads",
        "tabular": True, "hidden": 8, "hide_probability": 0.1,
    },
    "cnn_rnn": {
        "channels": [8, 16], "reduce": [4, 4], "frame_s": 0.04, "kernel_s": 0.035,
        "residual": False, "sequence": "gru", "hidden": 8, "layers": 1, "both_ways": False,
        "heads": 2, "pooling": "mean", "forget_bias": 1, "sequence_rate": 1, "dropout": 0.1,
    },
    "foundation": AGE | {
        "backbone": "masked_autoencoder", "hubert_size": "small", "weights": None,
        "without_weights": "stop", "tuning": "full", "layer_decay": 0.75, "dropout": 0.1,
        "masked_autoencoder": TRUNK,
    },
    "random_encoder": TRUNK,
    "resnet1d": TRUNK,
    "resnet1d_age": TRUNK | AGE | {"conditioning": "film"},
    "rules": {"max_slope": 5.0},
    "rules_boosted": {
        "models": 2, "rounds": 8, "learning_rate": 0.2, "depth": 2, "min_leaf": 2,
        "record_share": 0.7, "feature_share": 0.7, "balance": 0,
    },
    "rules_linear": {"strength": 1.0},
    "s4d": {
        "width": 8, "layers": 1, "states": 4, "step_hz": 62.5, "stem_s": 0.1,
        "memory_s": [0.05, 5.0], "both_ways": True, "dropout": 0.1,
    },
    "rules_trees": {"trees": 10, "min_leaf": 2, "feature_share": 0.5},
}  # fmt: skip
SETTINGS["hybrid"] = {
    "network": "resnet1d_age", "rules": ["rules_boosted", "rules_linear"], "shrinkage": 20.0,
    "sides": {name: SETTINGS[name] for name in ("resnet1d_age", "rules_boosted", "rules_linear")},
}  # fmt: skip
SPLIT = np.array(["train"] * 48 + ["validation"] * 24 + ["test"] * 24)


def inputs(folder: Path, name: str, **changes: Any) -> Inputs:
    """Return 96 rows of the small hospital as the training of a model reads them.

    Parameters
    ----------
    folder : that `prepare` has filled; changes : of the model's settings.
    """
    values = SETTINGS[name] | changes
    reads = registry.reads(name, values)
    rows = small_hospital.load(folder).take(np.arange(len(SPLIT)))
    table = _measured(rows)
    unread = [c for c in table if ("numbers" if str(c).startswith("x_") else "rules") not in reads]
    rows = replace(
        rows, features=table.drop(columns=unread),
        signals=rows.signals if "signals" in reads else None,
    )  # fmt: skip
    settings = small_hospital.train_settings(epochs=1, crops_per_record=1, batch_size=16)
    statistics = asdict(small_hospital.NORMALISATION)
    training = Training(
        name, values, 3, settings.model_dump(), statistics, folder / "weights", folder / "state"
    )
    return Inputs(rows, SPLIT, training)


def prepare(folder: Path) -> None:
    """Write the signals, and weights for a model that starts from some."""
    small_hospital.build(folder)
    network = registry.build(
        "foundation", SETTINGS["foundation"], n_leads=12, n_samples=250, fs_hz=125, n_targets=2
    )
    trunk = network.get_submodule("backbone").state_dict()
    (folder / "weights").mkdir()
    save_file({f"encoder.{key}": t for key, t in trunk.items()},
              folder / "weights/weights.safetensors")  # fmt: skip
    card = {"model": "masked_autoencoder", "records": 8, "epochs": 1}
    (folder / "weights/model.json").write_text(json.dumps(card))


def _measured(rows: Rows) -> pd.DataFrame:
    """Measures and criteria that tell the labels, and a number of the manifest, all with gaps."""
    rng, labels = np.random.default_rng(1), np.nan_to_num(rows.labels)
    noise = rng.normal(size=(len(rows), 3))
    table = pd.DataFrame(
        {
            "qrs_ms": 70 + 20 * labels[:, 0] + 8 * noise[:, 0],
            "z_qrs": 2 * labels[:, 0] + noise[:, 0],
            "rule_wide_qrs": labels[:, 0],
            "z_t": 1 - labels[:, 1] + noise[:, 1],
            "x_weight_kg": noise[:, 2],
        }
    ).astype("float32")
    return table.mask(rng.random(table.shape) < 0.1)
