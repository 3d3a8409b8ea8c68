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
        """Return the hash of settings, data, code and weights that it starts from."""
        about = self.about() | {"record_ids": self.data.record_ids}
        arrays: dict[str, NDArray[Any]] = {
            "positions": self.data.positions,
            "age_days": self.data.age_days,
            "sex": self.data.sex,
            "labels": self.data.labels,
            "features": self.data.features.to_numpy(np.float32),
            "training": self.training,
            "validation": self.validation,
            "offsets": self.data.store.offsets,
            "n_samples": self.data.store.n_samples,
            "lead_mask": self.data.store.lead_mask,
            "samples": self.data.store.samples,
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
