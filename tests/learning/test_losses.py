"""An unknown label has no say in any loss, and weights come from known labels alone."""

import math

import numpy as np
import pytest
import torch
from scipy import special
from small_hospital import LOSS

from pedecg.core.errors import PedecgError
from pedecg.core.params import parse
from pedecg.learning import losses
from pedecg.learning.losses import LossSettings, weights

ONE = torch.ones(2)
NAN = float("nan")
KINDS = [
    ("multilabel", "cross_entropy"),
    ("multilabel", "focal"),
    ("multilabel", "asymmetric"),
    ("multiclass", "cross_entropy"),
    ("multiclass", "focal"),
]


def settings(**changes) -> LossSettings:
    return parse(LOSS | changes, "train.loss", LossSettings, "test")


def loss(logits, labels, task, weight=ONE, **changes):
    return losses.loss(logits, labels, weight, task, settings(**changes))


def test_given_weights_take_the_place_of_those_from_the_labels():
    from_labels = weights(np.array([[1, 0], [0, 1], [0, 1], [0, 0]], "f4"), "multilabel", 9)
    np.testing.assert_array_equal(losses.given(from_labels, ("a", "b"), settings()), [3, 1])
    chosen = settings(given_weights={"a": 7})
    np.testing.assert_array_equal(losses.given(from_labels, ("a", "b"), chosen), [7, 1])


@pytest.mark.parametrize(("name", "value", "why"), [("c", 2, "no target 'c'"), ("a", 0, "above 0")])
def test_a_wrong_given_weight_is_reported(name, value, why):
    with pytest.raises(PedecgError, match=why):
        losses.given(np.ones(2, "f4"), ("a", "b"), settings(given_weights={name: value}))


@pytest.mark.parametrize(("task", "name"), KINDS)
def test_unknown_labels_have_no_say_and_no_gradient(task, name):
    labels = torch.tensor([[1.0, 0.0], [NAN, NAN], [0.0, 1.0]])
    logits = torch.tensor([[0.3, 5.0], [-7.0, 0.2], [1.0, -2.0]], requires_grad=True)
    whole = loss(logits, labels, task, name=name)
    whole.backward()
    assert logits.grad is not None
    assert not logits.grad[1].any()
    assert logits.grad[0].any()
    known = torch.tensor([0, 2])
    assert whole.item() == pytest.approx(loss(logits[known], labels[known], task, name=name).item())


@pytest.mark.parametrize(("task", "name"), KINDS)
def test_a_batch_of_unknown_labels_costs_nothing(task, name):
    logits = torch.ones(3, 2, requires_grad=True)
    nothing = loss(logits, torch.full((3, 2), NAN), task, name=name)
    nothing.backward()
    assert nothing.item() == 0
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(("task", "name"), KINDS)
def test_right_answers_cost_less_and_far_logits_stay_finite(task, name):
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    right = torch.tensor([[80.0, -80.0], [-80.0, 80.0]], requires_grad=True)
    wrong = (-right).detach().requires_grad_()
    good, bad = loss(right, labels, task, name=name), loss(wrong, labels, task, name=name)
    bad.backward()
    assert good < 1e-3 < bad
    assert torch.isfinite(wrong.grad).all()


def test_the_mean_is_over_known_labels():
    labels = torch.tensor([[1.0, NAN], [NAN, 0.0]])
    found = loss(torch.tensor([[0.3, 5.0], [-7.0, 0.2]]), labels, "multilabel")
    assert found.item() == pytest.approx((np.log1p(np.exp(-0.3)) + np.log1p(np.exp(0.2))) / 2)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_focal_without_its_power_is_cross_entropy(task):
    logits, labels = torch.randn(8, 3), torch.nn.functional.one_hot(torch.arange(8) % 3, 3).float()
    weight = torch.tensor([1.0, 2.0, 0.5])
    plain = loss(logits, labels, task, weight)
    torch.testing.assert_close(
        loss(logits, labels, task, weight, name="focal", focal_gamma=0), plain
    )
    assert loss(logits, labels, task, weight, name="focal") < plain


def test_asymmetric_without_powers_and_margin_is_cross_entropy():
    logits, labels = torch.randn(8, 2), torch.randint(0, 2, (8, 2)).float()
    plain = loss(logits, labels, "multilabel")
    same = loss(logits, labels, "multilabel", name="asymmetric", absent_gamma=0, absent_margin=0)
    torch.testing.assert_close(same, plain)


def test_a_sure_absent_label_costs_nothing_within_the_margin():
    logits = torch.tensor([[math.log(0.04 / 0.96)]])
    assert loss(logits, torch.zeros(1, 1), "multilabel", torch.ones(1), name="asymmetric") == 0


def test_class_weights_are_those_of_torch():
    logits, classes = torch.randn(9, 3), torch.arange(9) % 3
    weight = torch.tensor([1.0, 2.0, 0.5])
    ours = loss(logits, torch.nn.functional.one_hot(classes, 3).float(), "multiclass", weight)
    torch.testing.assert_close(ours, torch.nn.functional.cross_entropy(logits, classes, weight))


def test_weights_are_absent_over_present_between_the_caps():
    labels = np.array([[1, 1, 1, 0], [0, 1, np.nan, 0], [0, 1, np.nan, 0], [0, 0, 0, 0]], "f4")
    np.testing.assert_allclose(weights(labels, "multilabel", 2), [2, 0.5, 1, 1])
    np.testing.assert_allclose(weights(labels, "multilabel", 10), [3, 1 / 3, 1, 1])
    np.testing.assert_allclose(weights(labels, "multilabel", 1), [1, 1, 1, 1])


def test_rare_classes_weigh_more_between_the_caps():
    labels = np.eye(3, dtype="f4")[[0, 0, 0, 0, 1, 1, 1, 2]]
    np.testing.assert_allclose(weights(labels, "multiclass", 10), [2 / 3, 8 / 9, 8 / 3], rtol=1e-6)
    np.testing.assert_allclose(weights(labels, "multiclass", 2), [2 / 3, 8 / 9, 2], rtol=1e-6)


def test_the_shift_undoes_what_weights_and_sampler_did_to_the_odds():
    labels = np.array([[1], [0], [0], [0], [0]], "f4")
    drawn = np.array([4.0, 1, 1, 1, 1])
    shift = losses.logit_shift(np.array([3.0], "f4"), labels, settings(), drawn)
    # the best constant answer has odds 3 * 4 / 4 in training and 1 / 4 in truth
    assert special.expit(np.log(3) - shift[0]) == pytest.approx(0.2)


def test_a_softmax_task_has_no_asymmetric_loss():
    with pytest.raises(PedecgError, match=r"train.loss.name: asymmetric .* take cross_entropy"):
        losses.check(settings(name="asymmetric"), "multiclass")
