"""Learn to fill in what is hidden of the training signals, without labels."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.learning import batches
from pedecg.learning.pretrain import PretrainSettings, pretrain
from pedecg.learning.reconstruction import examples
from pedecg.models import model_settings
from pedecg.plots import reconstruction_examples
from pedecg.signals.signal_store import open_store


def main() -> None:
    settings = params.load("pretrain", PretrainSettings)
    trunk = model_settings.trunk(params.read_file(), "models.foundation.masked_autoencoder")
    cohort = params.read_section("cohort.name")
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    own, *extra = map(open_store, ["data/processed/signals", *settings.extra_signals])
    training = splits.loc[splits["split"] == "train", "record_id"]
    positions = [own.positions(training), *(store.positions(store.record_ids) for store in extra)]

    learnt = pretrain([own, *extra], positions, normalisation, trunk, settings)

    learnt.save(Path("models/pretrained"))
    tables.write_csv(pd.DataFrame(learnt.curves), "plots/pretrain/learning.csv")
    shown = examples(learnt, own, normalisation, settings, count=3)
    explained = learnt.card["explained"]
    reconstruction_examples.picture(
        shown, own.leads, own.fs_hz, explained, "plots/pretrain/filled_in.png", cohort
    )


if __name__ == "__main__":
    errors.one_line(main)
