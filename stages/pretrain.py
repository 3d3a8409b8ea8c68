"""Pre-train an encoder on the training signals, without labels."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.learning import batches
from pedecg.learning.predictive_training import identified
from pedecg.learning.pretrain import pretrain
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.learning.reconstruction import examples
from pedecg.models import model_settings
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.plots import identified_windows, reconstruction_examples
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
    network, held_out = learnt.network, learnt.held_out
    if isinstance(network, MaskedAutoencoder):
        shown = examples(network, held_out, own, normalisation, settings, count=3)
        reconstruction_examples.picture(
            shown, own.leads, own.fs_hz, learnt.card["explained"], "plots/pretrain/filled_in.png",
            cohort,
        )  # fmt: skip
    else:
        rates = identified(network, held_out, own, normalisation, settings)
        identified_windows.picture(
            rates, settings.window_s, "plots/pretrain/identified.png", cohort
        )


if __name__ == "__main__":
    errors.one_line(main)
