"""An unknown label has no say in the loss, and weights come from known labels alone."""

import numpy as np
import pytest
import torch

from pedecg.learning.losses import binary_cross_entropy, positive_weights

ONE = torch.ones(2)


def test_unknown_labels_have_no_say_and_no_gradient():
    labels = torch.tensor([[1.0, float("nan")], [float("nan"), 0.0]])
    logits = torch.tensor([[0.3, 5.0], [-7.0, 0.2]], requires_grad=True)
    loss = binary_cross_entropy(logits, labels, ONE)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == logits.grad[1, 0] == 0
    assert loss.item() == pytest.approx((np.log1p(np.exp(-0.3)) + np.log1p(np.exp(0.2))) / 2)


def test_a_batch_of_unknown_labels_costs_nothing():
    loss = binary_cross_entropy(torch.ones(3, 2), torch.full((3, 2), float("nan")), ONE)
    assert loss.item() == 0


def test_weights_are_absent_over_present_between_the_caps():
    labels = np.array([[1, 1, 1, 0], [0, 1, np.nan, 0], [0, 1, np.nan, 0], [0, 0, 0, 0]], "f4")
    np.testing.assert_allclose(positive_weights(labels, 2), [2, 0.5, 1, 1])
    np.testing.assert_allclose(positive_weights(labels, 10), [3, 1 / 3, 1, 1])
    np.testing.assert_allclose(positive_weights(labels, 1), [1, 1, 1, 1])
