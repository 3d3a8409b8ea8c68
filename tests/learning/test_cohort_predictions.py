"""Any trained model predicts the records of another cohort, as a table."""

from dataclasses import replace

import numpy as np
import pytest
from small_hospital import NORMALISATION, SMALL, TEST, TRAINING, VALIDATION, train_settings

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.learning import cohort_predictions, network_model
from pedecg.learning.fit import fit
from pedecg.models import registry
from pedecg.models.contract import Model, Rows, Training


@pytest.fixture(scope="module")
def network(data) -> Model:
    settings = train_settings(epochs=1)
    fitted = fit(
        "resnet1d",
        SMALL,
        data,
        TRAINING[:32],
        VALIDATION,
        NORMALISATION,
        settings,
        0,
        state_root=None,
    )
    return network_model.Model.of(fitted.trained)


def age_sex(data: Rows, seed: int) -> Model:
    chosen = np.concatenate([TRAINING, VALIDATION])
    values = {"strength": 1.0}
    training = Training("age_sex", values, seed, {"task": "multilabel"})
    fitted = registry.fit(data.take(chosen), np.isin(chosen, VALIDATION), training)
    assert fitted is not None
    return fitted.model


def test_a_network_and_a_tabular_model_give_the_same_table(data, network):
    rows = data.take(TEST)
    for model in (network, age_sex(data, 3)):
        table = cohort_predictions.predict([model], rows, "external")
        tables.check(table, tables.PREDICTIONS, model.name)
        assert set(table["seed"]) == {model.seed}
        assert set(table["split"]) == {"external"}
        expected = model.predict(rows)
        for column, target in enumerate(model.targets):
            own = table[table["label"] == target]
            assert list(own["record_id"]) == list(rows.record_ids)
            np.testing.assert_array_equal(own["probability"], expected[:, column])


def test_every_training_has_its_rows(data):
    both = [age_sex(data, 0), age_sex(data, 1)]
    table = cohort_predictions.predict(both, data.take(TEST), "external")
    assert table.groupby("seed").size().to_dict() == {
        0: len(TEST) * len(data.targets),
        1: len(TEST) * len(data.targets),
    }


def test_a_network_without_signals_is_one_line(data, network):
    with pytest.raises(PedecgError, match="these rows hold no signals"):
        cohort_predictions.predict([network], replace(data.take(TEST), signals=None), "external")
