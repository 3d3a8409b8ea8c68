"""A trained network as an ONNX file: any number of records, the same logits.

The graph takes what `models.network_base.Batch` holds, by the same names, and gives ``logits`` of
shape (batch, n_targets), as the network does in evaluation mode. The signal may be of any length;
with recurrent layers, or poolings of one length, it is as long as a window of the training.
"""

import copy
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from pedecg.bundle import unpacked_recurrence
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.learning.trained_network import Card, Trained
from pedecg.models.network_base import Batch

OPSET = 20  # the first in which average pooling counts the samples of a last, partial window right
INPUTS = tuple(field.name for field in fields(Batch))
OUTPUT = "logits"
MOST_APART = 1e-4  # of the logits in torch and in onnxruntime


class _Flat(nn.Module):
    """The network with the fields of its batch as arguments: ONNX knows no classes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *parts: Tensor) -> Tensor:
        logits: Tensor = self.network(Batch(*parts))
        return logits


def export(trained: Trained, path: str | Path) -> None:
    """Write a network as ONNX; the same network gives the same bytes.

    Raises
    ------
    PedecgError
        The network does what a graph cannot hold, as released networks do that resample and
        filter their own input; or the graph does not say what the network says.
    """
    network = _Flat(unpacked_recurrence.unpacked(copy.deepcopy(trained.network)).cpu().eval())
    # Recurrent layers are written out step by step, and some poolings hold for one length alone.
    several = [{}] if unpacked_recurrence.has(network) else [{2: "samples"}, {}]
    for further in several:
        try:
            program = _program(network, trained.card, further)
            break
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
    else:
        raise PedecgError(
            f"model {trained.card.model}: cannot be written as ONNX; does it cut, filter or "
            f"resample its input record by record? ({reason[:160]})"
        )
    graph = plain(program.model_proto).SerializeToString(deterministic=True)
    _require_agreement(trained, graph)
    with tables.replacing(path) as temporary:
        temporary.write_bytes(graph)


def _require_agreement(trained: Trained, graph: bytes) -> None:
    """Ask torch and onnxruntime about the same windows: a graph may be wrong without a word."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    generator = torch.Generator().manual_seed(0)
    signal, *others = _example(trained.card)
    for n in (1, len(signal)):
        drawn = torch.randn(signal.shape, generator=generator)[:n]
        parts = [drawn, *(other[:n] for other in others)]
        with torch.inference_mode():
            expected = trained.network.cpu().eval()(Batch(*parts)).numpy()
        given = {name: part.numpy() for name, part in zip(INPUTS, parts, strict=True)}
        (found,) = session.run([OUTPUT], {k: v for k, v in given.items() if k in taken})
        worst = float(np.abs(found - expected).max())
        if not worst <= MOST_APART:
            raise PedecgError(
                f"model {trained.card.model}: cannot be written as ONNX; the graph's logits differ "
                f"from the network's by {worst:.2g}"
            )


def _program(network: _Flat, card: Card, signal_axes: dict[int, str]) -> torch.onnx.ONNXProgram:
    """Trace a network; of the signal these axes, besides the batch, are of any length."""
    axes = {name: {0: "batch"} for name in INPUTS}
    axes["signal"] |= signal_axes
    shapes = (tuple(axes[name] for name in INPUTS),)  # the one variadic argument of `_Flat`
    return trace(network, _example(card), shapes, INPUTS, OUTPUT)


def trace(
    layers: nn.Module,
    example: tuple[Tensor, ...],
    shapes: tuple[Any, ...],
    inputs: Sequence[str],
    output: str,
) -> torch.onnx.ONNXProgram:
    """Trace layers with torch's exporter.

    Parameters
    ----------
    example : of the inputs, two records.
    shapes : for each argument its axes of any length, with their names.
    """
    with _quietly():
        program = torch.onnx.export(
            layers,
            example,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=list(inputs),
            output_names=[output],
            verbose=False,
        )
    assert program is not None
    return program


def _example(card: Card) -> tuple[Tensor, ...]:
    """Return inputs to trace with: two records, one of them short and of unknown age."""
    n = 2
    batch = Batch(
        signal=torch.zeros(n, len(card.leads), card.crop),
        lead_mask=torch.ones(n, len(card.leads)),
        length=torch.tensor([card.crop, card.crop // 2]),
        age_days=torch.tensor([1000.0, math.nan]),
        sex=torch.tensor([0, -1]),
        features=torch.zeros(n, len(card.feature_names)),
    )
    return tuple(getattr(batch, name) for name in INPUTS)


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what tells where the graph was made: source paths and stack traces of every node."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")
    onnx.checker.check_model(model)
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter from telling its every step, and that torchvision is not there."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
