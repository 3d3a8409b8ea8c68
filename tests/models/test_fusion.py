"""Fusion of probabilities: never worse than its better side by more than noise."""

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import roc_auc_score

from pedecg.core.errors import PedecgError
from pedecg.models import fusion

N, N_TARGETS = 150, 4
SHRINKAGE = 20.0


def cohort(
    rng: np.random.Generator, n: int, noise: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of models that see each record's log odds through noise of their own, labels.

    The SD of the noise is that of each model; the truth is rare in the last target.
    """
    truth = rng.normal(0, 2, (n, N_TARGETS)) - np.array([0.0, 0.5, 1.0, 2.0])
    labels = (rng.random(truth.shape) < special.expit(truth)).astype(float)
    seen = [special.expit(truth + rng.normal(0, sd, truth.shape)) for sd in noise]
    return np.stack(seen), labels


def fit(p: np.ndarray, y: np.ndarray, shrinkage: float = SHRINKAGE) -> fusion.Fusion:
    return fusion.fit(p, y, fusion.prior(y, exclusive=False), exclusive=False, shrinkage=shrinkage)


def auroc(labels: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean([roc_auc_score(y, q) for y, q in zip(labels.T, p.T, strict=True)]))


@pytest.mark.parametrize("noise", [(1.0, 6.0), (6.0, 1.0), (2.0, 2.0), (1.5, 3.0), (1.0, 50.0)])
def test_a_fusion_is_not_worse_than_its_better_side(noise: tuple[float, ...]) -> None:
    differences = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        fused = fit(*cohort(rng, N, noise))
        p, y = cohort(rng, 4000, noise)
        best = max(auroc(y, side) for side in p)
        differences.append(auroc(y, fused.apply(p)) - best)
    assert min(differences) > -0.02
    assert np.mean(differences) > -0.008


def test_two_sides_of_equal_worth_are_better_together() -> None:
    rng = np.random.default_rng(0)
    fused = fit(*cohort(rng, N, (2.0, 2.0)))
    p, y = cohort(rng, 4000, (2.0, 2.0))
    assert auroc(y, fused.apply(p)) > max(auroc(y, side) for side in p) + 0.02


def test_a_side_that_tells_nothing_or_the_opposite_gets_no_weight() -> None:
    p, y = cohort(np.random.default_rng(1), 2000, (1.0, 1.0))
    opposite = np.stack([p[0], 1 - p[1]])
    fused = fit(opposite, y, 1.0)
    assert (fused.weights[1] == 0).all()
    assert (fused.weights[0] > 0.3).all()
    constant = np.stack([p[0], np.full_like(p[1], 0.3)])
    fused_p = fit(constant, y, 1.0)
    np.testing.assert_allclose(auroc(y, fused_p.apply(constant)), auroc(y, p[0]), atol=1e-9)


def test_the_shrinkage_leads_to_the_weights_that_all_targets_share() -> None:
    p, y = cohort(np.random.default_rng(2), N, (1.0, 4.0))
    apart = [float(np.ptp(fit(p, y, s).weights, axis=1).max()) for s in (0.1, 10.0, 1e6)]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 1e-3


def test_unknown_labels_change_nothing_and_a_target_without_positives_stays_finite() -> None:
    p, y = cohort(np.random.default_rng(3), N, (1.0, 3.0))
    y[:, 1] = 0
    prior = fusion.prior(y, exclusive=False)
    unknown = np.where(np.arange(N)[:, None] < 40, np.nan, y)
    fused = fusion.fit(p, unknown, prior, exclusive=False, shrinkage=SHRINKAGE)
    known = fusion.fit(p[:, 40:], y[40:], prior, exclusive=False, shrinkage=SHRINKAGE)
    fused_p, expected = fused.apply(p), known.apply(p)
    # The scale of the evidence is that of all records, so the shrinkage differs a little.
    np.testing.assert_allclose(fused_p, expected, atol=0.02)
    assert np.isfinite(fused_p).all()
    assert fused_p[:, 1].mean() < y[:, 0].mean()


def test_exclusive_classes_sum_to_one_and_are_not_worse() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(0, 2, (4000, 3))
    label = np.array([rng.choice(3, p=special.softmax(row)) for row in truth])
    y = np.eye(3)[label]
    p = np.stack([special.softmax(truth + rng.normal(0, sd, truth.shape), 1) for sd in (1, 3)])
    prior = fusion.prior(y[:N], exclusive=True)
    fused = fusion.fit(p[:, :N], y[:N], prior, exclusive=True, shrinkage=SHRINKAGE)
    fused_p = fused.apply(p[:, N:])
    np.testing.assert_allclose(fused_p.sum(axis=1), 1)
    right = [(q.argmax(axis=1) == label[N:]).mean() for q in (fused_p, p[0, N:], p[1, N:])]
    assert right[0] > max(right[1:]) - 0.01


def test_two_models_that_say_the_same_share_the_weight_of_one() -> None:
    p, y = cohort(np.random.default_rng(5), 3000, (1.0,))
    one, two = fit(p, y, 1.0), fit(np.concatenate([p, p]), y, 1.0)
    np.testing.assert_allclose(two.weights.sum(axis=0), one.weights[0], atol=0.02)
    np.testing.assert_allclose(two.apply(np.concatenate([p, p])), one.apply(p), atol=0.01)


def test_a_model_whose_probabilities_are_true_is_left_as_it_is() -> None:
    """The weight of calibrated evidence is 1, its bias 0."""
    rng = np.random.default_rng(6)
    truth = rng.normal(-0.5, 1.5, (20_000, 2))
    y = (rng.random(truth.shape) < special.expit(truth)).astype(float)
    fused = fit(special.expit(truth)[None], y, 1.0)
    np.testing.assert_allclose(fused.weights, 1.0, atol=0.06)
    np.testing.assert_allclose(fused.bias, 0.0, atol=0.06)


def test_without_a_known_label_it_is_refused() -> None:
    p, y = cohort(np.random.default_rng(6), N, (1.0, 1.0))
    with pytest.raises(PedecgError, match="no known label among validation records"):
        fit(p, np.full_like(y, np.nan))
    with pytest.raises(PedecgError, match="no known label"):
        fit(p[:, :0], y[:0])
