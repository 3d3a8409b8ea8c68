"""Healthy simulated children lie where the shipped normal limits put healthy children."""

import numpy as np
import pytest

from pedecg.rules import norms
from pedecg.simulation import traits

LIMITS = norms.load(norms.LIMITS)
MEASURES = {
    "heart_rate": "rate", "pr": "pr_ms", "qrs": "qrs_ms", "qtc_bazett": "qtc_ms",
    "qrs_axis": "axis_deg", "r_v1": "r_v1", "s_v1": "s_v1", "r_v6": "r_v6", "s_v6": "s_v6",
}  # fmt: skip


@pytest.fixture(scope="module")
def healthy():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(3000):
        age = float(np.exp(rng.uniform(np.log(12), np.log(5800))))
        sex = str(rng.choice(["female", "male"]))
        found.append((age, sex, traits.draw(age, sex, traits.personal(rng), {}, rng)))
    return found


@pytest.mark.parametrize("measure", MEASURES)
def test_the_median_is_at_zero_and_one_to_four_in_a_hundred_lie_beyond_each_limit(healthy, measure):
    z, lowest = np.array(
        [
            (
                norms.z_score(LIMITS, measure, own[MEASURES[measure]], age, sex),
                LIMITS.percentiles(measure, age, sex).p2,
            )
            for age, sex, own in healthy
        ]
    ).T
    assert np.isfinite(z).all()
    assert abs(np.median(z)) < 0.3
    assert 0.01 <= (z > norms.SD_AT_LIMITS).mean() <= 0.04
    # A depth has no value below a limit of 0.
    bounded = z[lowest > 0] if measure in ("s_v1", "s_v6", "r_v1", "r_v6") else z
    if measure != "s_v6":
        assert len(bounded) > 1000
        assert 0.01 <= (bounded < -norms.SD_AT_LIMITS).mean() <= 0.04
