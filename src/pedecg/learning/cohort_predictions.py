"""Predictions of a model's trainings for all records of a cohort, as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pedecg.evaluation import cases
from pedecg.learning.batches import ages_and_sexes
from pedecg.learning.trained_network import Trained
from pedecg.signals.signal_store import SignalStore


def predict(
    networks: Sequence[Trained],
    signals: SignalStore,
    records: pd.DataFrame,
    seeds: Sequence[int],
    split: str,
) -> pd.DataFrame:
    """Return `tables.PREDICTIONS` of networks that read signal, age and sex.

    Parameters
    ----------
    networks : one training per seed.
    records : `tables.RECORDS`, all of them in the signal store.
    split : what the column of that name holds.
    """
    positions = signals.positions(records["record_id"])
    age_days, sex = ages_and_sexes(records)
    p = np.array([network.predict(signals, positions, age_days, sex) for network in networks])
    targets = networks[0].card.targets
    return cases.as_predictions(p, list(records["record_id"]), seeds, targets, split)
