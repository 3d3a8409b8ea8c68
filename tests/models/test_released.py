"""The released networks: names, shapes, input and answers are those of the published ones.

The figures were made with the authors' own classes and scripts, on weights and signals that a few
lines below draw again; no released file is needed.
"""

import hashlib
import json
import math
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy import signal

from pedecg.core import checksums
from pedecg.core.errors import PedecgError
from pedecg.models.backbones import hubert, input_contracts, net1d, released_weights, st_mem
from pedecg.models.network_base import Batch
from pedecg.models.networks.foundation import Released

BUILD = {
    "ecgfounder_12lead": lambda: net1d.Net1D(12, released=True),
    "ecgfounder_1lead": lambda: net1d.Net1D(1, released=True),
    "hubert_ecg_small": lambda: hubert.HubertECG("small", released=True),
    "hubert_ecg_base": lambda: hubert.HubertECG("base", released=True),
    "st_mem": st_mem.STMEM,
}
# Tensors in the released file, and the beginning of the SHA-256 of their sorted names and shapes.
PUBLISHED = {
    "ecgfounder_12lead": (509, "de17c0323a9d0bd4"),
    "ecgfounder_1lead": (509, "d4292104c336be90"),
    "hubert_ecg_small": (148, "ea2471941bb4a45e"),
    "hubert_ecg_base": (212, "f2d81c80c910cdb5"),
    "st_mem": (166, "3ba10d434abeae30"),
}


def shapes(name):
    with torch.device("meta"):
        return {key: list(tensor.shape) for key, tensor in BUILD[name]().state_dict().items()}


def drawn(network):
    """Weights that anyone can draw again from the names."""
    weights = {}
    for key, tensor in network.state_dict().items():
        n = tensor.numel()
        r = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(n)
        if tensor.ndim >= 2 and not key.endswith("original0"):
            sharp = any(part in key for part in ("q_proj", "k_proj"))
            gain = 4 if sharp else 2 if tensor.ndim == 3 else 0.5
            r = r * math.sqrt(gain / (n / tensor.shape[0]))
        elif key.endswith(("running_var", "original0")):
            r = 1 + 0.1 * np.abs(r)
        elif key.endswith("weight"):
            r = 1 + 0.1 * r
        else:
            r = 0.02 * r
        whole = not tensor.is_floating_point()
        weights[key] = tensor * 0 if whole else torch.from_numpy(r.reshape(tensor.shape))
    network.double().load_state_dict(weights)
    return network.eval()


def sines(n_leads, n_samples, fs_hz):
    time = np.arange(n_samples) / fs_hz
    lead = np.arange(n_leads)[:, None]
    wave = np.sin(2 * np.pi * (1 + lead) * time)
    return torch.from_numpy(wave + 0.3 * np.sin(2 * np.pi * 0.37 * (lead + 1) * time))[None]


def noisy():
    time = torch.arange(5000, dtype=torch.float64) / 500
    return sines(12, 5000, 500) + 0.5 * torch.sin(2 * torch.pi * 50 * time) + 0.02 * time


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_are_those_of_the_released_file(name):
    lines = "".join(f"{key} {shape}\n" for key, shape in sorted(shapes(name).items()))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert (len(shapes(name)), digest[:16]) == PUBLISHED[name]


@pytest.mark.real
@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "st_mem"])
def test_names_and_shapes_are_those_that_were_noted(name, shared_data):
    noted = shared_data.parent / "facts" / "state_dicts" / f"{name}.json"
    assert shapes(name) == json.loads(noted.read_text())


@pytest.mark.parametrize(
    ("n_leads", "n_samples", "embedding", "logits"),
    [
        (12, 1250, [0.2065308, 0.7446178, -0.1464718, -0.0175944], [0.2097753, 1.6822430]),
        (1, 1250, [0.0671419, 0.2761863, 0.1739104, 0.0444928], None),
    ],
)
def test_ecgfounder_answers_as_published(n_leads, n_samples, embedding, logits):
    network = drawn(net1d.Net1D(n_leads, released=True))
    with torch.inference_mode():
        found = network(sines(n_leads, n_samples, 500))[0]
        assert found[:4].tolist() == pytest.approx(embedding, abs=1e-6)
        if logits:
            assert network.dense(found)[:2].tolist() == pytest.approx(logits, abs=1e-6)


def test_hubert_answers_as_published():
    network = drawn(hubert.HubertECG("small", released=True))
    with torch.inference_mode():
        tokens = network.tokens(sines(12, 500, 100).flatten(1))[0]
    assert tokens.shape == (93, 512)
    first = [0.9359316, -0.4432094, 1.1412311, -0.6017301]
    mean = [1.0691675, -0.5298856, 0.5500354, -0.8435099]
    assert tokens[0, :4].tolist() == pytest.approx(first, abs=1e-6)
    assert tokens.mean(0)[:4].tolist() == pytest.approx(mean, abs=1e-6)


@pytest.fixture
def tiny(monkeypatch):
    """ST-MEM as published, but of two narrow layers."""
    for name, n in (("N_HIDDEN", 32), ("N_INNER", 128), ("N_LAYERS", 2), ("N_HEADS", 2)):
        monkeypatch.setattr(st_mem, name, n)


@pytest.mark.parametrize(
    ("n_samples", "published"),
    [
        (2250, [-0.0920572, 1.4274465, 0.1429660, -1.7752174]),
        (600, [-0.4496484, 1.1761719, 0.8666164, -1.6878723]),
    ],
)
def test_st_mem_answers_as_published(n_samples, published, tiny):
    with torch.inference_mode():
        found = drawn(st_mem.STMEM())(sines(12, n_samples, 250))[0]
    assert found[:4].tolist() == pytest.approx(published, abs=1e-6)


def test_st_mem_is_shown_what_its_authors_show_it():
    first, last = input_contracts.st_mem()(noisy(), torch.ones(1, 12, dtype=torch.float64), 500.0)
    published = [0.6699975, -0.2816625, 0.3491282], [0.6355157, 0.2407177, 0.5355071]
    for x, values in zip((first, last), published, strict=True):
        assert x.shape == (1, 12, 2250)
        assert [x[0, 0, 100], x[0, 5, 1000], x[0, 11, 2249]] == pytest.approx(values, abs=1e-6)


def test_st_mem_gets_whole_patches_of_a_short_record_and_zeros_of_an_absent_lead():
    mask = torch.ones(1, 12, dtype=torch.float64)
    (x,) = input_contracts.st_mem()(sines(12, 1240, 250), mask, 250.0)
    assert x.shape == (1, 12, 1275)
    assert (x[..., 1240:] == 0).all()
    mask[0, 4] = 0
    (masked,) = input_contracts.st_mem()(sines(12, 1240, 250), mask, 250.0)
    assert (masked[0, 4] == 0).all()
    present = masked[0, [k for k in range(12) if k != 4], :1240]
    assert float(present.mean()) == pytest.approx(0, abs=1e-9)
    assert float(present.std(correction=0)) == pytest.approx(1, abs=1e-6)


def test_ecgfounder_is_shown_what_its_authors_show_it():
    (x,) = input_contracts.ecgfounder()(noisy(), torch.ones(1, 12, dtype=torch.float64), 500.0)
    assert x.shape == (1, 12, 5000)
    found = [x[0, 0, 100], x[0, 5, 2500], x[0, 11, 4999]]
    assert found == pytest.approx([0.1395198, 0.2241904, 0.4185172], abs=1e-6)


def test_hubert_is_shown_what_its_authors_show_it():
    first, _ = input_contracts.hubert_ecg()(noisy(), torch.ones(1, 12, dtype=torch.float64), 500.0)
    assert first.shape == (1, 6000)
    found = first[0, [0, 250, 499, 500, 501, 5999]]
    published = [-0.0745930, -0.1388512, -0.2415049, -0.1097608, 0.0425868, -0.3179873]
    assert found.tolist() == pytest.approx(published, abs=1e-6)


@pytest.mark.parametrize(("fs_hz", "to_hz"), [(100, 500), (250, 500), (360, 500), (1000, 500)])
def test_resampling_is_scipys(fs_hz, to_hz):
    x = sines(3, 1001, fs_hz)
    divisor = math.gcd(fs_hz, to_hz)
    expected = signal.resample_poly(x.numpy(), to_hz // divisor, fs_hz // divisor, axis=-1)
    torch.testing.assert_close(
        input_contracts.resample(x, fs_hz, to_hz), torch.from_numpy(expected)
    )


@pytest.mark.parametrize("n", [500, 501, 999, 2000])
def test_resampling_by_frequency_is_scipys(n):
    x = sines(2, 1000, 250)
    expected = torch.from_numpy(signal.resample(x.numpy(), n, axis=-1))
    torch.testing.assert_close(input_contracts.resample_fft(x, n), expected)


def test_the_median_is_the_same_with_and_without_gradients():
    x = sines(2, 300, 100)
    plain = input_contracts.running_median(x, 21)
    torch.testing.assert_close(plain, input_contracts.running_median(x.requires_grad_(), 21))
    torch.testing.assert_close(plain[0, 0], torch.from_numpy(signal.medfilt(x[0, 0].detach(), 21)))


@pytest.mark.parametrize(
    "contract",
    [input_contracts.ecgfounder(), input_contracts.hubert_ecg(), input_contracts.st_mem()],
)
def test_long_records_are_cut_and_short_ones_padded(contract):
    mask = torch.ones(1, 12)
    assert len(contract(sines(12, 6250, 250).float(), mask, 250.0)) == -(-25 // contract.seconds)
    (short,) = contract(sines(12, 600, 250).float(), mask, 250.0)
    assert torch.isfinite(short).all()


class Mean(torch.nn.Module):
    """Stands for a released network where its weights do not matter."""

    n_features, layers = 3, ["head."]

    def forward(self, x):
        return x.flatten(1)[:, [10, 500, 4000]]


@pytest.mark.parametrize("name", ["ecgfounder", "hubert_ecg_small", "st_mem"])
def test_padding_and_neighbours_do_not_reach_a_released_network(name, monkeypatch):
    release = released_weights.RELEASES[name]
    fake = released_weights.Release(Mean, release.contract, 12, "", "", "", lambda key: False)
    monkeypatch.setitem(released_weights.RELEASES, name, fake)
    network = Released(name, 12, 250.0)
    network.tell_units(torch.full((12,), 0.1), torch.full((12,), 0.5))
    whole = sines(12, 1250, 250).float()
    length = torch.tensor([1250, 700])
    recorded = torch.arange(1250) < length[:, None]
    both = torch.cat([whole, whole]) * recorded[:, None]
    answer = network(batch(both, length))
    torch.testing.assert_close(answer[:1], network(batch(whole, length[:1])))
    torch.testing.assert_close(answer[1:], network(batch(whole[..., :700], length[1:])))


def batch(signals, length):
    n = len(signals)
    return Batch(signals, torch.ones(n, 12), length, torch.zeros(n), torch.zeros(n).long(),
                 torch.zeros(n, 0))  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """HuBERT-ECG as published, but tiny."""
    monkeypatch.setitem(hubert.SIZES, "small", hubert.Size(1, 32, 2, 16, 8, 10))
    monkeypatch.setattr(hubert, "POSITION_GROUPS", 2)
    torch.manual_seed(0)
    return hubert.HubertECG("small", released=True).state_dict()


def load(path):
    network = hubert.HubertECG("small")
    return network, released_weights.take_over(network, "hubert_ecg_small", path)


def test_a_released_file_is_taken_over_with_its_hash_and_licence(small, tmp_path):
    save_file(small, tmp_path / "model.safetensors")
    network, line = load(tmp_path / "model.safetensors")
    assert all(torch.equal(tensor, small[key]) for key, tensor in network.state_dict().items())
    assert checksums.of_file(tmp_path / "model.safetensors") in line
    assert "CC BY-NC 4.0" in line


def test_older_spellings_prefixes_and_other_heads_are_understood(small, tmp_path):
    other = {
        "hubert_ecg."
        + key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for key, tensor in small.items()
        if not key.startswith(("masked", "label", "final_proj"))
    }
    save_file(other | {"classifier.weight": torch.zeros(3, 32)}, tmp_path / "model.safetensors")
    network, _ = load(tmp_path / "model.safetensors")
    key = "encoder.layers.0.attention.k_proj.weight"
    assert torch.equal(network.state_dict()[key], small[key])


def test_missing_unknown_and_misshapen_tensors_are_listed(small, tmp_path):
    del small["encoder.layer_norm.bias"]
    small["encoder.extra"] = torch.zeros(2)
    small["encoder.layer_norm.weight"] = torch.zeros(3)
    save_file(small, tmp_path / "model.safetensors")
    with pytest.raises(PedecgError) as fault:
        load(tmp_path / "model.safetensors")
    stated = str(fault.value)
    assert "lacks encoder.layer_norm.bias" in stated
    assert "holds the unknown encoder.extra" in stated
    assert "other shapes of encoder.layer_norm.weight [3] for [32]" in stated


def test_a_pytorch_file_may_hold_a_numpy_number_but_no_code(small, tmp_path):
    torch.save({"state_dict": small, "val_auroc": np.float64(0.9)}, tmp_path / "good.pth")
    load(tmp_path / "good.pth")
    torch.save({"state_dict": small, "hook": print}, tmp_path / "bad.pth")
    with pytest.raises(PedecgError, match="tensors and numbers alone"):
        load(tmp_path / "bad.pth")


def as_published(path, tensors):
    """Write a file as the authors of ST-MEM do: weights under `model`, next to what trained."""
    held = {"epoch": 9, "model": tensors, "optimizer": None, "scaler": None, "config": {"seed": 0}}
    torch.save(held, path)
    return path


@pytest.mark.parametrize("whole", [False, True])
def test_both_published_files_of_st_mem_are_taken_over(whole, tiny, tmp_path):
    torch.manual_seed(0)
    encoder = st_mem.STMEM().state_dict()
    tensors = dict(encoder)
    if whole:  # with the decoder; the embedding of the patches stands there twice
        tensors = {f"encoder.{key}": tensor for key, tensor in encoder.items()}
        tensors |= {k: t for k, t in encoder.items() if k.startswith("to_patch_embedding.")}
        tensors |= {"mask_embedding": torch.zeros(1, 1, 8), "decoder_head.bias": torch.zeros(75)}
    else:
        tensors |= {"head.weight": torch.zeros(3, 32), "head.bias": torch.zeros(3)}
    torch.manual_seed(1)
    network = st_mem.STMEM()
    line = released_weights.take_over(
        network, "st_mem", as_published(tmp_path / "encoder.pth", tensors)
    )
    assert all(torch.equal(tensor, encoder[key]) for key, tensor in network.state_dict().items())
    assert "CC BY-NC 4.0" in line


def test_st_mem_of_another_size_is_refused_in_one_line(tiny, tmp_path, monkeypatch):
    path = as_published(tmp_path / "encoder.pth", st_mem.STMEM().state_dict())
    monkeypatch.setattr(st_mem, "N_INNER", 64)
    with pytest.raises(PedecgError, match=r"other shapes of block0.*\[128\] for \[64\]") as fault:
        released_weights.take_over(st_mem.STMEM(), "st_mem", path)
    assert "\n" not in str(fault.value)


def test_absent_weights_are_reported_with_where_they_are_published(tmp_path):
    with pytest.raises(PedecgError, match=r"not found; .* published at https://huggingface.co/"):
        load(tmp_path / "nothing.safetensors")
