"""The delineator in whole numbers: close to the trained network, and exact on every processor."""

import os
import subprocess
import sys
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from pedecg.core.errors import PedecgError
from pedecg.waves import delineator_inference, integer_network, shipped_delineator
from pedecg.waves.integer_network import EXACT, IntegerConvolution, IntegerFusion
from pedecg.waves.wave_network import Network, Settings

SMALL = Settings(widths=[8, 12], blocks=[1], dilations=[1], kernel=5)
SHIPPED = delineator_inference.load(shipped_delineator.WEIGHTS)
PRINTS_A_DIGEST = """
import hashlib
import torch
import numpy as np
from pedecg.waves import shipped_delineator
t = np.arange(3000) / 250
beat = np.exp(-(((t % 0.7) - 0.3) / 0.012) ** 2) + 0.2 * np.exp(-(((t % 0.7) - 0.5) / 0.04) ** 2)
noise = np.random.default_rng(0).normal(0, 0.02, (3, len(t)))
waves = shipped_delineator.delineate(np.round(beat + noise, 6), 250.0, ["I", "II", "V1"])
assert (waves["wave"] == "QRS").sum() > 40, waves
print(hashlib.sha256(waves.drop(columns=["lead", "wave"]).to_numpy(float).tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def trained() -> Network:
    """A network whose normalisations have seen some signals, as a trained one's have."""
    torch.manual_seed(0)
    network = Network(SMALL)
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(4, 3, 512))
    return network.eval()


@pytest.fixture(scope="module")
def examples() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(3, 1024)).astype(np.float32) for _ in range(8)]


def convolutions(network: nn.Module) -> dict[str, IntegerConvolution]:
    return {k: v for k, v in network.named_modules() if isinstance(v, IntegerConvolution)}


def test_it_says_what_the_trained_network_says(trained, examples):
    whole = integer_network.rounded(trained, examples)
    signal = torch.randn(2, 3, 512)
    with torch.inference_mode():
        torch.testing.assert_close(whole(signal), trained(signal), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("network", ["shipped", "small"])
def test_no_sum_can_leave_the_whole_numbers_of_float32(network, trained, examples):
    whole = SHIPPED if network == "shipped" else integer_network.rounded(trained, examples)
    found = convolutions(whole)
    assert len(found) > 10
    for name, part in found.items():
        weight = cast(torch.Tensor, part.weight).double()
        assert torch.equal(weight, weight.round()), name
        assert float(weight.abs().flatten(1).sum(1).max()) * part.highest < EXACT, name


def test_a_sum_over_leads_cannot_either():
    """A lead's share is rounded, up to one half of a step for each of 15 leads."""
    fusions = [part for part in SHIPPED.modules() if isinstance(part, IntegerFusion)]
    assert fusions
    for part in fusions:
        assert (integer_network.SHARES + 15 / 2) * part.mix.highest < EXACT


def test_an_input_beyond_all_examples_is_clipped(trained, examples):
    part = convolutions(integer_network.rounded(trained, examples))["head"]
    loud = torch.full((1, 8, 1, 4), 1e6)
    assert float(part.rounded(loud).max()) == part.highest


@pytest.mark.parametrize(
    "kernels",
    [
        {"DNNL_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
        {"DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "2"},
    ],
    ids=["SSE4.1", "AVX2"],
)
def test_waves_have_the_same_bits_whatever_instructions_torch_uses(kernels):
    def digest(environment: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS_A_DIGEST], env={**os.environ, **environment},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert digest(kernels) == digest({})


@pytest.mark.parametrize("n_leads", [1, 9, 12, 15])
@pytest.mark.parametrize("size", [0.1, 1.0, 20.0], ids=["small", "usual", "clipped"])
def test_numpy_gives_the_bits_of_torch(n_leads, size):
    arrays = delineator_inference.load_arrays(shipped_delineator.WEIGHTS)
    rng = np.random.default_rng(n_leads)
    signal = size * rng.normal(size=(n_leads, 20 * arrays.stride)).astype(np.float32)
    signal[0, : 5 * arrays.stride] = 0.0
    with torch.inference_mode():
        by_torch = SHIPPED(torch.from_numpy(signal)[None])[0].numpy()
    by_numpy = arrays.logits(signal)
    assert np.ptp(by_numpy) > 1
    assert np.array_equal(by_numpy, by_torch.astype(np.float64))


def test_numpy_gives_the_bits_of_torch_with_other_settings(tmp_path, trained, examples):
    signals = [(one.astype(float), 250.0) for one in examples]
    delineator_inference.save(trained, SMALL, signals, tmp_path)
    arrays, network = (
        delineator_inference.load_arrays(tmp_path),
        delineator_inference.load(tmp_path),
    )
    found = [delineator_inference.probabilities(examples[0], each) for each in (arrays, network)]
    assert np.array_equal(*found)


def test_waves_are_found_without_torch():
    """Importing it takes longer than delineating one ECG; the waves are the same to the bit."""

    def printed(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout

    without = PRINTS_A_DIGEST.replace("import torch\n", "")
    without += "\nimport sys\nassert 'torch' not in sys.modules\n"
    then_with = PRINTS_A_DIGEST.replace(
        "import torch\n", "import pedecg.waves.delineator_inference as d\n"
    )
    then_with = then_with.replace("t = np", "d.FEW = 0\nt = np", 1)
    then_with += "\nimport sys\nassert 'torch' in sys.modules\n"
    assert printed(without) == printed(PRINTS_A_DIGEST) == printed(then_with)


def test_weights_of_an_earlier_version_are_refused_in_one_line(tmp_path, trained, examples):
    signals = [(one.astype(float), 250.0) for one in examples]
    delineator_inference.save(trained, SMALL, signals, tmp_path)
    other = SMALL.model_copy(update={"widths": [8, 16]})
    (tmp_path / "network.json").write_text(other.model_dump_json())
    for load in (delineator_inference.load, delineator_inference.load_arrays):
        with pytest.raises(
            PedecgError, match=r"weights\.safetensors: not the whole-number weights"
        ):
            load(tmp_path)
