"""The list of what must hold before a long training finds what does not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small_hospital import AUGMENT, SMALL, TRAINING, VALIDATION, train_settings
from torch import nn

from pedecg.core.records import LEADS
from pedecg.learning import setup_checks
from pedecg.learning.batches import normalisation
from pedecg.learning.fit import PRETRAINED_FOLDER
from pedecg.learning.training_task import Task
from pedecg.models import registry
from pedecg.signals import augmentation
from pedecg.signals.lead_statistics import of_leads

EVERYTHING = AUGMENT | {
    "time_shift_s": 0.2, "jitter_mv": 0.01, "powerline_mv": 0.02, "cutout_s": 0.2,
    "rate": [0.9, 1.1], "time_warp": 0.1, "mixup": 0.2, "polarity": 0.5,
}  # fmt: skip


@pytest.fixture
def task(data) -> Task:
    statistics = of_leads(data.store, data.positions[TRAINING])
    return Task(
        "resnet1d", SMALL, data, TRAINING, VALIDATION, normalisation(statistics),
        train_settings(augment=EVERYTHING), 0, PRETRAINED_FOLDER,
    )  # fmt: skip


@pytest.fixture
def splits(data) -> pd.DataFrame:
    part = np.full(len(data.record_ids), "test", object)
    part[TRAINING], part[VALIDATION] = "train", "validation"
    names = list(data.record_ids)
    return pd.DataFrame({"record_id": names, "patient_id": names, "split": part})


def faults(task, splits, leads=LEADS) -> dict[str, str]:
    return {
        item.promise: item.fault
        for item in setup_checks.run(task, splits, list(leads))
        if item.fault is not None
    }


def test_a_sound_training_has_no_fault(task, splits):
    assert faults(task, splits) == {}


def test_a_patient_in_two_splits_is_named(task, splits):
    splits.loc[TRAINING[3], "patient_id"] = splits.loc[VALIDATION[0], "patient_id"]
    found = faults(task, splits)["no patient is in two splits"]
    assert found == f"{splits.loc[VALIDATION[0], 'patient_id']} is, and 0 more"


def test_a_class_that_is_missing_is_reported(task, splits):
    labels = task.data.labels.copy()
    labels[VALIDATION, 1] = 0
    changed = replace(task, data=replace(task.data, labels=labels))
    found = faults(changed, splits)["both classes are in training and validation"]
    assert found == "inverted_t has 0 positives and 32 negatives in validation"
    labels[TRAINING[0], 0] = 2
    assert "the label 2" in faults(changed, splits)["both classes are in training and validation"]


def test_other_leads_than_asked_are_reported(task, splits):
    assert (
        "expected I II V1"
        in faults(task, splits, ["I", "II", "V1"])["leads are in canonical order"]
    )


def test_statistics_of_more_than_the_training_records_are_reported(task, splits):
    everyone = normalisation(of_leads(task.data.store, task.data.positions))
    found = faults(replace(task, normalisation=everyone), splits)
    assert "statistics are those of the training records alone" in found


def test_a_record_that_is_not_finite_is_named(task, splits):
    broken = replace(task.normalisation, mean_mv=(float("inf"), *task.normalisation.mean_mv[1:]))
    found = faults(replace(task, normalisation=broken), splits)
    assert "is not finite" in found["every record is finite and of the right shape"]


def test_leads_that_move_apart_are_reported(task, monkeypatch):
    def one_lead_late(x, length, farthest, chance, generator):
        x = x.clone()
        x[:, 1] = x[:, 1].roll(1, -1)
        return x, length

    settings, store, targets = task.settings.augment, task.data.store, task.data.targets
    assert setup_checks.synchrony(settings, store, targets) is None
    monkeypatch.setattr(augmentation.augmentation_steps, "shift", one_lead_late)
    assert "differ by up to" in setup_checks.synchrony(settings, store, targets)


def test_augmented_records_that_are_not_finite_are_reported(task, splits, monkeypatch):
    monkeypatch.setattr(augmentation.augmentation_steps, "cut_out", lambda x, *_: x * torch.nan)
    assert faults(task, splits)["augmentations keep shape and length"] == "some are not finite"


def test_a_network_with_a_part_that_learns_nothing_is_reported(task, splits, monkeypatch):
    class Deaf(nn.Module):
        def __init__(self, settings, *, n_leads, n_targets, **_):
            super().__init__()
            self.head = nn.Linear(n_leads, n_targets)
            self.unused = nn.Linear(1, 1)

        def forward(self, batch):
            return self.head(batch.signal.mean(-1))

    class Module:
        READS = frozenset({"signals"})
        Settings = registry.settings("resnet1d")
        Model = Deaf

    monkeypatch.setattr(registry, "_module", lambda name, *_: Module)
    found = faults(task, splits)["the network answers, and all of it learns"]
    assert found == "nothing reaches unused.weight, unused.bias"
