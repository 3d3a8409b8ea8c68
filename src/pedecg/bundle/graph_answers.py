"""What the ONNX graphs of a bundle answer, for `run.py`; they are joined by `inference_steps`.

Copied into every bundle, so it imports nothing of this project.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

SEX_CODES = {"female": 0, "male": 1}  # unknown: -1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Whose ECG it is: what a graph reads besides the signal; None where unknown."""

    mask: NDArray[np.bool_]
    age_days: float | None
    sex: str | None
    features: dict[str, float] | None
    length: int

    def demographics(self, n: int) -> dict[str, NDArray[Any]]:
        """Return age and sex, shape (n,) each, by name of the graph's input."""
        age_days = math.nan if self.age_days is None else self.age_days
        return {
            "age_days": np.full(n, age_days, np.float32),
            "sex": np.full(n, -1 if self.sex is None else SEX_CODES[self.sex], np.int64),
        }

    def values(self, names: Sequence[str]) -> Floats:
        """Return features by name, NaN where unknown, shape (n_names,)."""
        known = self.features or {}
        return np.array([known.get(name, math.nan) for name in names], np.float64)

    def inputs(self, n: int, about: dict[str, Any]) -> dict[str, NDArray[Any]]:
        """Return the inputs of `n` windows for the network that `about` describes.

        Returns
        -------
        Name of each input of the ONNX network -> array whose first axis has `n` rows.
        """
        values = self.values(about["feature_names"])
        scaled = (values - about["feature_mean"]) / about["feature_sd"]
        return {
            "lead_mask": np.tile(self.mask.astype(np.float32), (n, 1)),
            "length": np.full(n, min(self.length, about["crop"]), np.int64),
            **self.demographics(n),
            "features": np.tile(scaled.astype(np.float32), (n, 1)),
        }


def of_network(
    session: Any,
    about: dict[str, Any],
    signal: NDArray[np.float32],
    subject: Subject,
    cut: Callable[..., Iterable[NDArray[np.float32]]],
) -> Floats:
    """Return the raw probabilities of a network, shape (n_targets,), from its mean logits.

    Parameters
    ----------
    about : its entry in ``bundle.json``.
    signal : shape (n_leads, n_samples), mV; 0 where a lead was not recorded.
    cut : `inference_steps.cut`.
    """
    mean, sd = (np.array(about[key], np.float32)[:, None] for key in ("mean_mv", "sd_mv"))
    mask = subject.mask[:, None]
    scaled = ((signal - mean) / np.where(sd > 0, sd, 1) * mask).astype(np.float32)
    logits = [
        session.run(["logits"], {"signal": windows} | subject.inputs(len(windows), about))[0]
        for windows in cut(scaled, about["crop"], about["window_overlap"])
    ]
    if not all(np.isfinite(values).all() for values in logits):
        return np.full(len(about["targets"]), np.nan)
    shifted = np.concatenate(logits).mean(axis=0, dtype=np.float64) - about["logit_shift"]
    exclusive = about["task"] == "multiclass"
    return np.asarray(special.softmax(shifted) if exclusive else special.expit(shifted))


def of_table(session: Any, about: dict[str, Any], subject: Subject) -> Floats:
    """Return the raw probabilities of a model of tables, shape (n_targets,).

    Parameters
    ----------
    about : its entry in ``bundle.json``.
    """
    features = subject.values(about["feature_names"])[None].astype(np.float32)
    given = {"features": features, **subject.demographics(1)}
    taken = {one.name for one in session.get_inputs()}
    (p,) = session.run(["probabilities"], {k: v for k, v in given.items() if k in taken})
    return np.asarray(p[0], np.float64)
