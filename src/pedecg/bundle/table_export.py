"""A model of tables as an ONNX file: the same probabilities.

The graph takes ``features``, float32 of shape (batch, n_features), NaN where unknown, ``age_days``
and ``sex`` as `models.contract.TableLayers` names them, those of them that the model reads, and
gives ``probabilities`` of shape (batch, n_targets), float64.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch

from pedecg.bundle import onnx_export
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.models import contract

INPUTS, OUTPUT = ("features", "age_days", "sex"), "probabilities"
MOST_APART = 1e-6  # of the probabilities of the model and of its graph
_N_COMPARED = 64  # drawn records on which both are compared


def export(model: contract.Model, columns: Sequence[str], path: Path) -> tuple[str, ...]:
    """Write a model of tables as ONNX; the same model gives the same bytes.

    Parameters
    ----------
    columns : the features that the model's pipeline makes.

    Returns
    -------
    Names of the features that the graph reads, in the order of its input.

    Raises
    ------
    PedecgError
        The model has no layers, holds NaN, or its graph does not say what the model says.
    """
    made = model.table_layers(columns)
    if made is None:
        raise PedecgError(f"model {model.name}: cannot be written as ONNX; it has no layers (head)")
    for name, values in made.layers.named_buffers():
        if values.isnan().any():
            raise PedecgError(f"model {model.name}: {name} holds values that are not numbers")
    rows = _drawn(model, columns)
    given = {
        "features": rows.features[list(made.names)].to_numpy(np.float32),
        "age_days": rows.age_days,
        "sex": rows.sex,
    }
    example = tuple(torch.from_numpy(given[name][:2]) for name in INPUTS)
    program = onnx_export.trace(
        made.layers.eval(), example, ({0: "batch"},) * len(INPUTS), INPUTS, OUTPUT
    )
    graph = onnx_export.plain(program.model_proto).SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    for n in (1, len(rows)):
        some = {name: values[:n] for name, values in given.items() if name in taken}
        (found,) = session.run([OUTPUT], some)
        worst = float(np.abs(found - model.predict(rows.take(np.arange(n)))).max())
        if not worst <= MOST_APART:
            raise PedecgError(
                f"model {model.name}: cannot be written as ONNX; the graph's probabilities differ "
                f"from the model's by {worst:.2g}"
            )
    with tables.replacing(path) as temporary:
        temporary.write_bytes(graph)
    return made.names


def _drawn(model: contract.Model, columns: Sequence[str]) -> contract.Rows:
    """Draw records like those of the training and beyond, with gaps, to compare graph and model."""
    rng = np.random.default_rng(0)
    n = _N_COMPARED
    scale = getattr(model, "scale", None)
    usual = {}
    if scale is not None:
        pairs = zip(scale.mean, scale.sd, strict=True)
        usual = dict(zip(scale.names, pairs, strict=True))
    mean, sd = np.array([usual.get(name, (0.5, 1.0)) for name in columns]).reshape(-1, 2).T
    values = rng.normal(mean, 2 * sd, (n, len(columns)))
    values[rng.random(values.shape) < 0.2] = np.nan
    age_days = rng.uniform(0, 7000, n).astype(np.float32)
    age_days[rng.random(n) < 0.1] = np.nan
    return contract.Rows(
        record_ids=tuple(f"drawn{k}" for k in range(n)),
        age_days=age_days,
        sex=rng.integers(-1, 2, n),
        targets=(),
        labels=np.empty((n, 0), np.float32),
        features=pd.DataFrame(values.astype(np.float32), columns=list(columns)),
        positions=np.arange(n),
    )
