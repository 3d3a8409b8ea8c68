"""Out-of-fold predictions by a network, for `label_noise.out_of_fold`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.learning.batches import Normalisation
from pedecg.learning.fit import fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.models.contract import Rows
from pedecg.review.label_noise import NoiseReviewSettings, TrainAndPredict
from pedecg.signals import lead_statistics


def predictor(
    data: Rows,
    model_settings: dict[str, Any],
    train: TrainSettings,
    review: NoiseReviewSettings,
) -> TrainAndPredict:
    """Return a function that trains on some records and predicts others.

    Statistics of the leads are those of the records learnt from in that fold, and of no others.
    """
    row = {record_id: i for i, record_id in enumerate(data.record_ids)}
    shared = ("epochs", "crops_per_record", "window_overlap")
    settings = train.model_copy(update={name: getattr(review, name) for name in shared})

    network = model_settings | review.model_changes

    def train_and_predict(
        learnt: list[str], chooses: list[str], predicted: list[str]
    ) -> NDArray[np.float64]:
        training, validation, held_out = (
            np.array([row[record_id] for record_id in part], np.int64)
            for part in (learnt, chooses, predicted)
        )
        leads = lead_statistics.of_leads(data.store, data.positions[training])
        normalisation = Normalisation(
            tuple(leads["leads"]), tuple(leads["mean_mv"]), tuple(leads["sd_mv"])
        )
        fitted = fit(
            review.model, network, data, training, validation, normalisation, settings,
            review.seed,
        )  # fmt: skip
        return fitted.trained.predict(
            data.store, data.positions[held_out], data.age_days[held_out], data.sex[held_out],
            data.features.iloc[held_out],
        )  # fmt: skip

    return train_and_predict
