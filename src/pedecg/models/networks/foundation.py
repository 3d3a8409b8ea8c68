"""A network that has seen many ECGs without labels, fine-tuned: our own or a released one."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models.backbones import autoencoder, released_weights
from pedecg.models.network_base import AgeSex, Batch, Trunk, TrunkSettings

READS = frozenset({"signals", "demographics", "pretrained"})


class Settings(Section):
    """Which network, what of it learns, and its head."""

    backbone: Literal["masked_autoencoder", "ecgfounder", "hubert_ecg", "st_mem"] = Field(
        description="masked_autoencoder: our own network, weights of stage pretrain by whatever "
        "`pretrain.objective`; ecgfounder, hubert_ecg, st_mem: released weights, from `weights`"
    )
    hubert_size: Literal["small", "base"] = Field(description="small: 30 M parameters; base: 93 M")
    weights: str | None = Field(
        description="file of released weights, which `pedecg fetch weights` downloads; null: none"
    )
    without_weights: Literal["stop", "random"] = Field(
        description="if `weights` is null or missing: stop with the address of the publisher, or "
        "train the same network from random weights"
    )
    tuning: Literal["full", "layerwise", "probe"] = Field(
        description="full: one learning rate; layerwise: lower rates for layers nearer to the "
        "signal; probe: only the head is trained"
    )
    layer_decay: float = Field(
        description="layerwise: learning rate of a layer relative to that of the next, nearer "
        "to the head",
        gt=0,
        le=1,
    )
    dropout: float = Field(description="dropout rate on the embedding", ge=0, lt=1)
    age_features: int = Field(
        description="length of the encoding of age and sex, appended to the embedding; 0: signal "
        "only",
        ge=0,
        le=256,
    )
    hide_probability: float = Field(
        description="share of training crops with age and sex masked", ge=0, lt=1
    )
    masked_autoencoder: TrunkSettings = Field(
        description="size of our own network; stage pretrain reads it too"
    )


class Model(nn.Module):
    """Signal and lead mask, age and sex where requested, to one logit per target."""

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
        self.settings = settings
        self.backbone: nn.Module
        if settings.backbone == "masked_autoencoder":
            trunk = Trunk(settings.masked_autoencoder, n_leads=n_leads, fs_hz=fs_hz)
            self.backbone, n_embedding = trunk, trunk.n_features
            inner = [f"blocks.{block}." for block in range(len(trunk.blocks))]
        else:
            network = Released(_release(settings, n_leads), n_leads, fs_hz)
            self.backbone, n_embedding = network, network.n_features
            inner = [f"network.{prefix}" for prefix in network.layers]
        # By the beginning of the names, from the signal to the head; the stem is what is left.
        self.layers = ["backbone.", *(f"backbone.{prefix}" for prefix in inner)]
        self.age_sex = None
        if settings.age_features:
            self.age_sex = AgeSex(settings.age_features, settings.hide_probability)
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(n_embedding + settings.age_features, n_targets)
        )
        if settings.tuning == "probe":
            self.backbone.requires_grad_(False)

    def forward(self, batch: Batch) -> Tensor:
        """Return logits of shape (B, n_targets)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.settings.tuning != "probe"):
            embedding = self.backbone(batch)
        if self.age_sex is not None:
            embedding = torch.cat([embedding, self.age_sex(batch.age_days, batch.sex)], dim=1)
        logits: Tensor = self.head(embedding)
        return logits

    def train(self, mode: bool = True) -> "Model":
        """Switch to training; a probed backbone stays as it is used, its norms and all."""
        super().train(mode)
        if self.settings.tuning == "probe":
            self.backbone.eval()
        return self

    def load_pretrained(self, folder: str | Path) -> str:
        """Take over pre-trained weights; return one line on where they come from.

        Parameters
        ----------
        folder : of stage pretrain, for our own network.

        Raises
        ------
        PedecgError
            There are none, or they are those of another network (lists the tensors).
        """
        if not isinstance(self.backbone, Released):
            return autoencoder.load_encoder(self.backbone, Path(folder))
        weights = self.settings.weights
        if weights is None or not Path(weights).is_file():
            line = (
                f"{weights or 'null'} is not a file; {released_weights.where(self.backbone.name)}"
            )
            if self.settings.without_weights == "stop":
                raise PedecgError(f"models.foundation.weights: {line}")
            return f"random weights: {line}"
        return released_weights.take_over(self.backbone.network, self.backbone.name, weights)

    def learning_rates(self) -> dict[str, float]:
        """Return factors on the learning rate by the beginning of a parameter's name; 0 freezes."""
        if self.settings.tuning == "probe":
            return {"backbone.": 0.0}
        if self.settings.tuning == "full":
            return {}
        decay, n = self.settings.layer_decay, len(self.layers)
        return {prefix: decay ** (n - depth) for depth, prefix in enumerate(self.layers)}


class Released(nn.Module):
    """A released network behind its input contract: from the pipeline's batch to an embedding."""

    def __init__(self, name: str, n_leads: int, fs_hz: float) -> None:
        super().__init__()
        release = released_weights.RELEASES[name]
        if n_leads != release.n_leads:
            raise PedecgError(
                f"models.foundation: {name} reads {release.n_leads} leads; the cohort has {n_leads}"
            )
        network = release.build()
        assert isinstance(network, released_weights.Backbone)
        self.name, self.fs_hz, self.contract = name, fs_hz, release.contract()
        self.n_features, self.layers = network.n_features, network.layers
        self.network: nn.Module = network
        # Batches are normalised per lead; the contracts begin at mV. See `tell_units`.
        self.register_buffer("mean_mv", torch.zeros(n_leads, 1))
        self.register_buffer("sd_mv", torch.ones(n_leads, 1))

    def tell_units(self, mean_mv: Tensor, sd_mv: Tensor) -> None:
        """Take over the normalisation of the batches, shape (n_leads,) each."""
        self.get_buffer("mean_mv").copy_(mean_mv.unsqueeze(1))
        self.get_buffer("sd_mv").copy_(sd_mv.unsqueeze(1))

    def forward(self, batch: Batch) -> Tensor:
        """Return embeddings of shape (B, n_features), averaged over segments."""
        signal_mv = batch.signal * self.get_buffer("sd_mv") + self.get_buffer("mean_mv")
        embedding = signal_mv.new_empty(len(signal_mv), self.n_features)
        rows, whole = torch.unique(batch.length, return_inverse=True)
        for group, length in enumerate(rows.tolist()):  # filters must not see the padding
            in_group = whole == group
            with torch.no_grad():
                segments = self.contract(
                    signal_mv[in_group, :, :length], batch.lead_mask[in_group], self.fs_hz
                )
            each: list[Any] = [self.network(segment) for segment in segments]
            embedding[in_group] = torch.stack(each).mean(0)
        return embedding


def _release(settings: Settings, n_leads: int) -> str:
    if settings.backbone == "hubert_ecg":
        return f"hubert_ecg_{settings.hubert_size}"
    if settings.backbone == "st_mem":
        return "st_mem"
    return "ecgfounder_1lead" if n_leads == 1 else "ecgfounder"
