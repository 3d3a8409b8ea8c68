"""HuBERT-ECG: convolutions over twelve leads joined end to end, then a transformer.

Written from its published description; names and shapes of its tensors are those of the released
files (the HuBERT of Hugging Face transformers, post-norm). Coppola E et al. HuBERT-ECG. medRxiv
2024. Hsu WN et al. HuBERT. IEEE/ACM TASLP 2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from pedecg.models.time_layers import Conv1d

N_CHANNELS = 512  # the released weights have this shape, and so below
KERNELS, STRIDES = (10, 3, 3, 2, 2), (4, 2, 2, 2, 2)  # as released
POSITION_KERNEL, POSITION_GROUPS = 128, 16  # as released
DROPOUT = 0.1  # as released


@dataclass(frozen=True)
class Size:
    """What differs between the released sizes."""

    n_layers: int
    n_hidden: int
    n_heads: int
    n_inner: int
    n_projected: int = 256
    n_codes: int = 500


SIZES = {"small": Size(8, 512, 8, 2048), "base": Size(12, 768, 12, 3072)}


class ConvLayer(nn.Module):
    """Convolution and GELU; the first normalises every channel over the whole sequence."""

    def __init__(self, n_in: int, kernel: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.conv = Conv1d(n_in, N_CHANNELS, kernel, stride, bias=False)
        self.layer_norm = nn.GroupNorm(N_CHANNELS, N_CHANNELS) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, n) to (B, N_CHANNELS, n'), with n' = floor((n - kernel) / stride) + 1."""
        x = self.conv(x)
        return functional.gelu(x if self.layer_norm is None else self.layer_norm(x))


class FeatureExtractor(nn.Module):
    """Shape (B, n) to (B, N_CHANNELS, one token per 64 samples)."""

    def __init__(self) -> None:
        super().__init__()
        n_in = (1, *[N_CHANNELS] * (len(KERNELS) - 1))
        self.conv_layers = nn.ModuleList(
            ConvLayer(n, kernel, stride, norm=layer == 0)
            for layer, (n, kernel, stride) in enumerate(zip(n_in, KERNELS, STRIDES, strict=True))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map samples, shape (B, n), to features, shape (B, N_CHANNELS, n_tokens)."""
        x = x.unsqueeze(1)
        for layer in self.conv_layers:
            x = layer(x)
        return x


class FeatureProjection(nn.Module):
    """Channels of a token to the transformer's width."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(N_CHANNELS)
        self.projection = nn.Linear(N_CHANNELS, n_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_tokens, N_CHANNELS) to (B, n_tokens, n_hidden)."""
        y: Tensor = self.projection(self.layer_norm(x))
        return y


class PositionalConv(nn.Module):
    """Relative position by a wide grouped convolution; the last step is dropped."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        convolution = nn.Conv1d(
            n_hidden, n_hidden, POSITION_KERNEL, padding=POSITION_KERNEL // 2,
            groups=POSITION_GROUPS,
        )  # fmt: skip
        self.conv = parametrizations.weight_norm(convolution, dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the relative position of tokens, shape (B, n_tokens, n_hidden)."""
        return functional.gelu(self.conv(x.transpose(1, 2))[..., :-1]).transpose(1, 2)


class Attention(nn.Module):
    """Attention of every token to every token."""

    def __init__(self, n_hidden: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.k_proj = nn.Linear(n_hidden, n_hidden)
        self.v_proj = nn.Linear(n_hidden, n_hidden)
        self.q_proj = nn.Linear(n_hidden, n_hidden)
        self.out_proj = nn.Linear(n_hidden, n_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, n_hidden), to tokens of the same shape."""
        q, k, v = (
            f(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for f in (self.q_proj, self.k_proj, self.v_proj)
        )
        hidden = DROPOUT if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, dropout_p=hidden)
        projected: Tensor = self.out_proj(y.transpose(1, 2).flatten(2))
        return projected


class FeedForward(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, n_hidden: int, n_inner: int) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(n_hidden, n_inner)
        self.output_dense = nn.Linear(n_inner, n_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, n_hidden), to tokens of the same shape."""
        y = functional.dropout(functional.gelu(self.intermediate_dense(x)), DROPOUT, self.training)
        z: Tensor = self.output_dense(y)
        return z


class Layer(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention = Attention(size.n_hidden, size.n_heads)
        self.layer_norm = nn.LayerNorm(size.n_hidden)
        self.feed_forward = FeedForward(size.n_hidden, size.n_inner)
        self.final_layer_norm = nn.LayerNorm(size.n_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, n_hidden), to tokens of the same shape."""
        x = self.layer_norm(x + functional.dropout(self.attention(x), DROPOUT, self.training))
        y = functional.dropout(self.feed_forward(x), DROPOUT, self.training)
        z: Tensor = self.final_layer_norm(x + y)
        return z


class Encoder(nn.Module):
    """Position, norm, layers; no norm after the last layer."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.pos_conv_embed = PositionalConv(size.n_hidden)
        self.layer_norm = nn.LayerNorm(size.n_hidden)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.n_layers))

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, n_hidden), to tokens of the same shape."""
        x = self.layer_norm(x + self.pos_conv_embed(x))
        x = functional.dropout(x, DROPOUT, self.training)
        for layer in self.layers:
            x = layer(x)
        return x


class HubertECG(nn.Module):
    """Twelve leads of 5 s at 100 Hz, joined end to end, shape (B, 6000), to (B, n_hidden).

    Parameters
    ----------
    size : small or base.
    released : also hold what only their pre-training used: mask token, projection, codebook.
    """

    def __init__(self, size: str, released: bool = False) -> None:
        super().__init__()
        about = SIZES[size]
        self.n_features = about.n_hidden
        self.layers = [f"encoder.layers.{layer}." for layer in range(about.n_layers)]
        if released:
            self.masked_spec_embed = nn.Parameter(torch.zeros(about.n_hidden))
        self.feature_extractor = FeatureExtractor()
        self.feature_projection = FeatureProjection(about.n_hidden)
        self.encoder = Encoder(about)
        if released:
            self.final_proj = nn.ModuleList([nn.Linear(about.n_hidden, about.n_projected)])
            self.label_embedding = nn.ModuleList([nn.Embedding(about.n_codes, about.n_projected)])

    def tokens(self, x: Tensor) -> Tensor:
        """Return the last layer's tokens, shape (B, n_tokens, n_hidden)."""
        features = self.feature_extractor(x).transpose(1, 2)
        y: Tensor = self.encoder(self.feature_projection(features))
        return y

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of the last layer's tokens, shape (B, n_hidden)."""
        return self.tokens(x).mean(1)

    @staticmethod
    def is_unused(key: str) -> bool:
        """Return whether a tensor of a released file has no part in the embedding."""
        return key.split(".")[0] in {
            "masked_spec_embed", "final_proj", "label_embedding", "classifier"
        }  # fmt: skip
