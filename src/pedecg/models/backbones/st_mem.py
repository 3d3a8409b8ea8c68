"""ST-MEM: a vision transformer over patches of 0.3 s of every lead.

Written from its published description; names and shapes of its tensors are those of the released
encoder. Na Y, Park M, Tae Y, Joo S. Guiding masked representation learning to capture
spatio-temporal relationship of electrocardiogram. ICLR 2024.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

N_LEADS, N_PATCH, N_PATCHES = 12, 75, 30  # of 250 Hz and 9 s; as released
N_HIDDEN, N_INNER, N_LAYERS, N_HEADS, N_HEAD = 768, 3072, 12, 12, 64  # as released (ViT-B)


class PreNorm(nn.Module):
    """A norm before a layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(N_HIDDEN), layer

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, N_HIDDEN), to tokens of the same shape."""
        y: Tensor = self.fn(self.norm(x))
        return y


class Attention(nn.Module):
    """Attention of every token to every token, of its own and of all other leads."""

    def __init__(self) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(N_HIDDEN, 3 * N_HEADS * N_HEAD)
        self.to_out = nn.Sequential(nn.Linear(N_HEADS * N_HEAD, N_HIDDEN))

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, N_HIDDEN), to tokens of the same shape."""
        q, k, v = (
            part.unflatten(-1, (N_HEADS, N_HEAD)).transpose(1, 2)
            for part in self.to_qkv(x).chunk(3, dim=-1)
        )
        y = functional.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.to_out(y.transpose(1, 2).flatten(2))
        return projected


class FeedForward(nn.Module):
    """Two linear layers with GELU between them; numbered as released, dropout included."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(N_HIDDEN, N_INNER), nn.GELU(), nn.Identity(), nn.Linear(N_INNER, N_HIDDEN)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, N_HIDDEN), to tokens of the same shape."""
        y: Tensor = self.net(x)
        return y


class Block(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.attn, self.ff = PreNorm(Attention()), PreNorm(FeedForward())

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, shape (B, n_tokens, N_HIDDEN), to tokens of the same shape."""
        x = x + self.attn(x)
        y: Tensor = x + self.ff(x)
        return y


class STMEM(nn.Module):
    """Twelve leads of up to 9 s at 250 Hz, shape (B, 12, n), to (B, N_HIDDEN).

    n is a multiple of `N_PATCH`. A separator stands before and after the patches of each lead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.n_features = N_HIDDEN
        self.to_patch_embedding = nn.Sequential(
            nn.Unflatten(2, (-1, N_PATCH)),
            nn.LayerNorm(N_PATCH),
            nn.Linear(N_PATCH, N_HIDDEN),
            nn.LayerNorm(N_HIDDEN),
        )
        self.pos_embedding = nn.Parameter(0.02 * torch.randn(1, N_PATCHES + 2, N_HIDDEN))
        self.sep_embedding = nn.Parameter(0.02 * torch.randn(N_HIDDEN))
        self.lead_embeddings = nn.ParameterList(
            nn.Parameter(0.02 * torch.randn(N_HIDDEN)) for _ in range(N_LEADS)
        )
        names = [f"block{layer}" for layer in range(N_LAYERS)]
        for name in names:
            self.add_module(name, Block())
        self.layers = [f"{name}." for name in names]
        self.norm = nn.LayerNorm(N_HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised mean of the patches of all leads, shape (B, N_HIDDEN)."""
        patches = self.to_patch_embedding(x)
        n = patches.shape[2]
        patches = patches + self.pos_embedding[:, 1 : n + 1]
        # The right separator has the last position, however short the recording.
        ends = (self.sep_embedding + self.pos_embedding[:, [0, -1]]).unsqueeze(1)
        ends = ends.expand(*patches.shape[:2], -1, -1)
        tokens = torch.cat([ends[:, :, :1], patches, ends[:, :, 1:]], dim=2)
        tokens = tokens + torch.stack(list(self.lead_embeddings)).unsqueeze(1)
        n_records, x = len(tokens), tokens.flatten(1, 2)
        for prefix in self.layers:
            x = self.get_submodule(prefix.removesuffix("."))(x)
        seen = x.view(n_records, N_LEADS, n + 2, N_HIDDEN)[:, :, 1:-1]
        embedding: Tensor = self.norm(seen.mean((1, 2)))
        return embedding


def encoder_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's tensors, of any shape, of a file of the encoder or of the whole network.

    The whole network holds its decoder besides, and the embedding of the patches a second time.
    """
    if "mask_embedding" not in tensors:
        return dict(tensors)
    of_encoder = {key: tensor for key, tensor in tensors.items() if key.startswith("encoder.")}
    return {key.removeprefix("encoder."): tensor for key, tensor in of_encoder.items()}
