"""Everything that the result of a training depends on, and its hash."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.learning import training_state
from pedecg.learning.batches import Normalisation
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import registry
from pedecg.models.contract import Rows

_PACKAGES = ("core", "learning", "signals")  # whose code every training runs


@dataclass(frozen=True)
class Task:
    """One training; see `fit.fit`."""

    name: str
    model_settings: dict[str, Any]
    data: Rows
    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    normalisation: Normalisation
    settings: TrainSettings
    seed: int
    pretrained: Path

    def about(self) -> dict[str, Any]:
        """Return what is not an array, in the words of the parameters."""
        return {
            "model": self.name,
            "model_settings": self.model_settings,
            "train": self.settings.model_dump(),
            "seed": self.seed,
            "normalisation": asdict(self.normalisation),
            "targets": list(self.data.targets),
            "fs_hz": self.data.store.fs_hz,
            "features": list(self.data.features.columns),
        }

    @cached_property
    def key(self) -> str:
        """Return the hash of all that the result depends on.

        These are settings, code, the weights that it starts from, and the training and validation
        records alone.
        """
        rows, store = np.concatenate([self.training, self.validation]), self.data.store
        positions = self.data.positions[rows]
        about = self.about() | {"record_ids": [self.data.record_ids[row] for row in rows]}
        arrays: dict[str, NDArray[Any]] = {
            "n_training": np.array(len(self.training)),
            "age_days": self.data.age_days[rows],
            "sex": self.data.sex[rows],
            "labels": self.data.labels[rows],
            "features": self.data.features.to_numpy(np.float32)[rows],
            "lead_mask": store.lead_mask[positions],
            **{f"signal {k}": store.counts(position) for k, position in enumerate(positions)},
        }
        models = Path(registry.__file__).parent
        code = [
            registry.source_file(self.name, self.model_settings),
            *models.glob("*.py"),
            *models.glob("backbones/*.py"),
            *(file for name in _PACKAGES for file in (models.parent / name).rglob("*.py")),
        ]
        if "pretrained" in registry.reads(self.name, self.model_settings):
            # A variant can name another training whose weights it starts from.
            sources = [
                self.pretrained,
                Path(self.model_settings.get("cnn_from") or self.pretrained),
            ]
            code += [
                f for source in dict.fromkeys(sources) for f in source.rglob("*") if f.is_file()
            ]
        return training_state.key(about, arrays, code)
