"""Layers over time give the results and gradients of torch's, under the same parameter names."""

import torch
from torch import nn

from pedecg.models.time_layers import BatchNorm1d, Conv1d, ImageConv1d, as_image


def gradients(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Return output, gradient of the input, and gradients of all parameters."""
    x = x.clone().requires_grad_()
    y = network(x)
    y.square().mean().backward()
    return [y, x.grad, *(parameter.grad for parameter in network.parameters())]


def build(convolution, norm):
    return nn.Sequential(
        convolution(4, 8, 7, 2, 3, bias=False), norm(8), nn.ReLU(),
        convolution(8, 8, 5, padding=4, dilation=2, groups=2),
    )  # fmt: skip


def test_signals_give_the_numbers_and_gradients_of_torchs_layers():
    torch.manual_seed(0)
    plain, ours = build(nn.Conv1d, nn.BatchNorm1d), build(Conv1d, BatchNorm1d)
    ours.load_state_dict(plain.state_dict())
    x = torch.randn(3, 4, 101)
    for own, expected in zip(gradients(ours, x), gradients(plain, x), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5)
    for own, expected in zip(ours.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(own, expected)


def test_an_image_convolution_reads_the_weights_of_a_convolution_over_time():
    torch.manual_seed(0)
    plain, image = nn.Conv1d(4, 8, 5, 2, 2), ImageConv1d(4, 8, 5, 2, 2)
    image.load_state_dict(plain.state_dict())
    x = torch.randn(3, 4, 50)
    torch.testing.assert_close(image(as_image(x)).squeeze(2), plain(x), rtol=1e-4, atol=1e-5)


def test_the_layers_hand_images_on_without_a_copy():
    x = torch.randn(3, 4, 50)
    signal = Conv1d(4, 8, 5)(x)
    assert as_image(signal).data_ptr() == signal.data_ptr()
    assert as_image(x).data_ptr() != x.data_ptr()
