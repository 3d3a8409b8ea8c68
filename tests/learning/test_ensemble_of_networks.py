"""An ensemble asked about new records answers as the pipeline did."""

import numpy as np
import pytest
import small_hospital

from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble
from pedecg.learning import ensemble as networks
from pedecg.learning.fit import fit


def test_it_answers_with_the_mean_of_its_calibrated_members(data, tmp_path):
    settings = small_hospital.train_settings(epochs=1)
    curve = {"slope": [2.0], "intercept": [0.5]}
    asked = data.positions[:6], data.age_days[:6], data.sex[:6]
    expected = []
    for seed in (0, 1):
        fitted = fit(
            "resnet1d", small_hospital.SMALL, data, small_hospital.TRAINING,
            small_hospital.VALIDATION, small_hospital.NORMALISATION, settings, seed, None,
        )  # fmt: skip
        fitted.trained.save(tmp_path / "resnet1d" / f"seed{seed}")
        member = ensemble.Member("resnet1d", seed, "platt", {"wide_qrs": curve, "inverted_t": {}})
        ensemble.save([member], tmp_path / ensemble.NAME / f"seed{seed}" / "model.json")
        raw = fitted.trained.predict(data.store, *asked)
        expected.append(np.column_stack([member.calibrated(raw[:, 0], "wide_qrs"), raw[:, 1]]))

    loaded = networks.load(tmp_path / ensemble.NAME)
    assert loaded.targets == data.targets
    np.testing.assert_allclose(loaded.predict(data.store, *asked), np.mean(expected, axis=0))
    one = networks.load(tmp_path / ensemble.NAME, seeds=[1])
    np.testing.assert_allclose(one.predict(data.store, *asked), expected[1])


def test_where_there_is_none_it_is_told(tmp_path):
    with pytest.raises(PedecgError, match="stage ensemble writes it"):
        networks.load(tmp_path)
