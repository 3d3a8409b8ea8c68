"""A residual network over the signal alone, about one million parameters at its default width."""

from torch import Tensor, nn

from pedecg.models.network_base import Batch, Trunk, TrunkSettings

READS = frozenset({"signals"})


class Settings(TrunkSettings):
    """Size and regularisation."""


class Model(nn.Module):
    """Signal and lead mask to one logit per target."""

    def __init__(
        self,
        settings: Settings,
        *,
        n_leads: int,
        n_samples: int,
        fs_hz: float,
        n_targets: int,
        n_features: int = 0,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(settings, n_leads=n_leads, fs_hz=fs_hz)
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(self.trunk.n_features, n_targets)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        logits: Tensor = self.head(self.trunk(batch))
        return logits
