"""Out-of-fold predictions by any model, for `label_noise.out_of_fold`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.models import registry
from pedecg.models.contract import Rows, Training
from pedecg.models.model_inputs import ModelInputs
from pedecg.review.label_noise import NoiseReviewSettings, TrainAndPredict
from pedecg.signals import lead_statistics

_NETWORK = ("epochs", "crops_per_record", "window_overlap")  # of the review, instead of train's


def predictor(
    rows: Rows,
    inputs: ModelInputs,
    train: Mapping[str, Any],
    review: NoiseReviewSettings,
) -> TrainAndPredict:
    """Return a function that trains on some records and predicts others.

    Statistics of the leads, and of the features, are those of the records learnt from in that
    fold, and of no others.

    Parameters
    ----------
    rows : with what the model reads.
    train : plain values of the section ``train``.
    """
    place = {record_id: i for i, record_id in enumerate(rows.record_ids)}
    values = inputs.settings | review.model_changes
    settings = {**train, **{name: getattr(review, name) for name in _NETWORK}}

    def train_and_predict(
        learnt: list[str], chooses: list[str], predicted: list[str]
    ) -> NDArray[np.float64]:
        chosen = np.array([place[record_id] for record_id in (*learnt, *chooses)], np.int64)
        held_out = np.array([place[record_id] for record_id in predicted], np.int64)
        training = Training(
            inputs.name, values, review.seed, settings,
            lead_statistics=_leads(rows, chosen[: len(learnt)]),
            pretrained=inputs.pretrained,
        )  # fmt: skip
        fitted = registry.fit(rows.take(chosen), np.arange(len(chosen)) >= len(learnt), training)
        assert fitted is not None  # only another process of a shared training gets nothing
        return np.asarray(fitted.model.predict(rows.take(held_out)))

    return train_and_predict


def _leads(rows: Rows, learnt: NDArray[np.int64]) -> dict[str, Any]:
    if rows.signals is None:
        return {}
    return lead_statistics.of_leads(rows.signals, rows.positions[learnt])
