"""A diagonal state-space layer is the recurrence that it stands for."""

import math

import pytest
import torch

from pedecg.models.networks import s4d


def layer(width: int = 3, states: int = 4) -> s4d.DiagonalStateSpace:
    torch.manual_seed(0)
    return s4d.DiagonalStateSpace(width, states, (3.0, 200.0)).double()


def test_the_convolution_is_the_recurrence_step_by_step() -> None:
    one = layer()
    x = torch.randn(2, 3, 150, dtype=torch.float64)
    a = torch.complex(-one.log_decay.exp(), one.frequency)
    dt = one.log_dt.exp()
    grown = (dt * a).exp()
    taken = (grown - 1) / a
    c = torch.view_as_complex(one.c.contiguous())
    state = torch.zeros(2, *a.shape, dtype=torch.complex128)
    outputs = []
    for step in range(x.shape[-1]):
        state = grown * state + taken * x[..., step].unsqueeze(-1)
        outputs.append(2 * (c * state).sum(-1).real + one.d * x[..., step])
    torch.testing.assert_close(one(x), torch.stack(outputs, -1), rtol=1e-9, atol=1e-9)


def test_a_step_feels_none_after_it() -> None:
    one, x = layer(), torch.randn(1, 3, 80, dtype=torch.float64)
    later = x.clone()
    later[..., 50:] += 1
    torch.testing.assert_close(one(later)[..., :50], one(x)[..., :50], rtol=0, atol=1e-12)


def test_the_written_out_convolution_is_that_by_fft(monkeypatch: pytest.MonkeyPatch) -> None:
    one, x = layer(), torch.randn(2, 3, 313, dtype=torch.float64)
    by_fft = one(x)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(one(x), by_fft, rtol=1e-9, atol=1e-10)


def test_initial_values_are_those_of_s4d_lin_and_the_memory_asked_for() -> None:
    one = layer(width=500)
    assert torch.allclose(one.log_decay.detach().exp(), torch.tensor(0.5, dtype=torch.float64))
    assert torch.allclose(one.frequency[7], math.pi * torch.arange(4.0).double())
    constants = 2 / one.log_dt.detach().exp()
    assert constants.min() >= 3 - 1e-6
    assert constants.max() <= 200 + 1e-6
    assert float(constants.median()) == pytest.approx(math.sqrt(600), rel=0.3)
