"""Pre-training without labels on the training records, by one of two objectives.

What it writes is no classifier: models that start from pre-trained weights take its encoder over.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.core import checkpoint, tables
from pedecg.core.errors import PedecgError
from pedecg.learning import device, training_state
from pedecg.learning.batches import Normalisation
from pedecg.learning.crop_training import CropTraining
from pedecg.learning.device import derived_seed
from pedecg.learning.loop import Curves
from pedecg.learning.masked_training import MaskedTraining
from pedecg.learning.predictive_training import PredictiveTraining
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.learning.training_state import STATE_FOLDER, StateFolder
from pedecg.models import network_base
from pedecg.models.backbones import autoencoder
from pedecg.models.backbones.autoencoder import MaskedAutoencoder
from pedecg.models.backbones.predictive_coding import PredictiveCoding
from pedecg.models.network_base import TrunkSettings
from pedecg.signals.signal_store import SignalStore

# By `pretrain.objective`.
OBJECTIVES: dict[str, type[MaskedTraining] | type[PredictiveTraining]] = {
    "masked_autoencoder": MaskedTraining,
    "cpc": PredictiveTraining,
}


@dataclass(frozen=True)
class Pretrained:
    """What a pre-training gives.

    Attributes
    ----------
    network : with averaged weights, in evaluation mode.
    card : what it was built for and trained on.
    curves : one row per epoch: epoch, lr, train_loss, and the columns of the objective.
    held_out : positions in the first store that it did not learn from.
    """

    network: MaskedAutoencoder | PredictiveCoding
    card: dict[str, Any]
    curves: Curves
    held_out: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write weights and card: the same training, the same bytes."""
        checkpoint.write_tensors(
            folder / autoencoder.WEIGHTS, self.network.state_dict(), {"format": "pt"}
        )
        text = json.dumps(self.card, indent=2, ensure_ascii=False)
        tables.write_text(text + "\n", folder / autoencoder.CARD)


def pretrain(
    stores: Sequence[SignalStore],
    positions: Sequence[NDArray[np.int64]],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
    state_root: Path | None = STATE_FOLDER,
) -> Pretrained:
    """Train an encoder without labels; a killed call, made again, ends with the same bytes.

    Parameters
    ----------
    stores, positions : signals, and which of their records are learnt from, shape (n,) each; the
        first store is the cohort's own, and its positions are training records.
    state_root : where the state after each epoch is kept until the end; None: nowhere.

    Raises
    ------
    PedecgError
        A store of another rate, no record to learn from, or a loss that is not finite.
    """
    for store in stores[1:]:
        if store.fs_hz != stores[0].fs_hz:
            raise PedecgError(
                f"pretrain.extra_signals: a store of {store.fs_hz:g} Hz; the cohort's has "
                f"{stores[0].fs_hz:g} Hz; preprocess both alike"
            )
    advice = (
        f"pretrain.batch_size (now {settings.batch_size}) or "
        f"pretrain.crop_seconds (now {settings.crop_seconds:g})"
    )
    state = None
    if state_root is not None:
        about = _about(stores, normalisation, trunk, settings)
        state = StateFolder(state_root / _key(stores, positions, about), about)
    with (
        device.reproducible(derived_seed(settings.seed), settings.threads),
        device.out_of_memory(advice),
    ):
        training = OBJECTIVES[settings.objective]
        return _trained(training(stores, positions, normalisation, trunk, settings, state))


def _trained(
    training: CropTraining[MaskedAutoencoder] | CropTraining[PredictiveCoding],
) -> Pretrained:
    """Train to the end, and state what was trained on what."""
    network = training.run()
    curves, settings, store = training.loop.progress.curves, training.settings, training.stores[0]
    card = {
        "model": training.name,
        "settings": training.trunk.model_dump(),
        "pretrain": settings.model_dump(),
        "leads": list(store.leads),
        "fs_hz": store.fs_hz,
        "records": sum(map(len, training.positions)),
        "epochs": settings.epochs,
        "n_parameters": sum(p.numel() for p in network.encoder.parameters()),
        training.figure: round(curves[-1][training.figure], 4),
    }
    return Pretrained(network, card, curves, training.held_out)


def _about(
    stores: Sequence[SignalStore],
    normalisation: Normalisation,
    trunk: TrunkSettings,
    settings: PretrainSettings,
) -> dict[str, Any]:
    """Return what the result depends on besides signals and code, in JSON's types."""
    return {
        "trunk": trunk.model_dump(),
        "pretrain": settings.model_dump(),
        "normalisation": asdict(normalisation),
        "fs_hz": [store.fs_hz for store in stores],
    }


def _key(
    stores: Sequence[SignalStore], positions: Sequence[NDArray[np.int64]], about: dict[str, Any]
) -> str:
    """Return the hash of everything that the result depends on."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, (store, chosen) in enumerate(zip(stores, positions, strict=True)):
        arrays |= {f"positions{k}": chosen, f"samples{k}": store.samples,
                   f"n_samples{k}": store.n_samples, f"lead_mask{k}": store.lead_mask}  # fmt: skip
    models = Path(network_base.__file__).parent
    networks = [models / "backbones" / name for name in ("autoencoder.py", "predictive_coding.py")]
    code = [*models.glob("*.py"), *networks, *Path(__file__).parent.glob("*.py")]
    return training_state.key(about, arrays, code)
