"""The checks find a map that is about the network, and one that is not."""

import numpy as np
import planted
import pytest
from planted import SETTINGS

from pedecg.explain import attribution, sanity_checks

FRACTIONS = [0.05, 0.1, 0.2]
STEP = 5


@pytest.fixture(scope="module")
def piece():
    return planted.stretch(planted.heart(True, True, np.random.default_rng(5))[0])


def test_deleting_what_the_map_shows_costs_more_than_deleting_at_random(network, piece):
    maps = attribution.explain([network], piece, 0, SETTINGS)
    rng = np.random.default_rng(0)
    fall = sanity_checks.deletion([network], piece, 0, maps, FRACTIONS, STEP, rng)
    areas = {name: sanity_checks.area(one, FRACTIONS) for name, one in fall.items()}
    assert areas["grad_cam"] > areas["random"] + 0.1
    assert areas["integrated_gradients"] > areas["random"] + 0.1


def test_deleting_nothing_costs_nothing_and_everything_leaves_a_line(network, piece):
    flat = {"flat": np.ones(piece.signal.shape)}
    fall = sanity_checks.deletion([network], piece, 0, flat, [0.0], STEP, np.random.default_rng(0))
    assert fall["flat"] == pytest.approx(0)
    whole = sanity_checks._without(piece, np.arange(12 * 75), 1.0, STEP)
    assert not whole.any()


def test_random_weights_change_the_map_and_leave_the_network_alone(network, piece):
    before = attribution.explain([network], piece, 0, SETTINGS)["grad_cam"]
    depths = {}
    for depth, changed in sanity_checks.randomised(network, piece.batch(), seed=0):
        other = attribution.explain([changed], piece, 0, SETTINGS)["grad_cam"]
        depths[depth] = sanity_checks.rank_correlation(before, other, np.ones(12, bool), STEP)
    assert list(depths) == list(sanity_checks.DEPTHS)
    assert depths["all"] < 0.8
    after = attribution.explain([network], piece, 0, SETTINGS)["grad_cam"]
    assert sanity_checks.rank_correlation(before, after, np.ones(12, bool), STEP) == pytest.approx(
        1
    )


def test_layers_are_drawn_anew_from_the_output_down(network, piece):
    changed = dict(sanity_checks.randomised(network, piece.batch(), seed=0))
    head, stem = "head.1.weight", "trunk.stem.weight"
    was = dict(network.named_parameters())
    last, everything = (dict(changed[depth].named_parameters()) for depth in ("last", "all"))
    assert not (last[head] == was[head]).all()
    assert (last[stem] == was[stem]).all()
    assert not (everything[stem] == was[stem]).all()


def test_cells_hold_all_of_the_map():
    values = np.random.default_rng(0).random((3, 23))
    assert sanity_checks.cells(values, 5).shape == (3, 5)
    assert sanity_checks.cells(values, 5).sum() == pytest.approx(values.sum())
