"""Recurrent layers for ONNX: without packed sequences, with the same states.

`models.cnn_rnn` packs each record's recorded steps, which ONNX has no word for. Forwards a padded
step cannot be felt by those before it; backwards each record is turned round within its own length,
so that padding comes last there too. Padded steps are set to zero, as unpacking does.
"""

import torch
from torch import Tensor, nn

from pedecg.models.networks.cnn_rnn import Recurrent, steps


class Unpacked(Recurrent):
    """The layers of a `Recurrent`, one direction and layer at a time; its network sees no other."""

    def __init__(self, packed: Recurrent) -> None:
        nn.Module.__init__(self)  # the layers are those of `packed`, not new ones
        self.both_ways, self.norm = packed.both_ways, packed.norm
        numbers = range(packed.net.num_layers)
        self.ahead = nn.ModuleList(_alone(packed.net, k, "") for k in numbers)
        backwards = numbers if packed.both_ways else ()
        self.back = nn.ModuleList(_alone(packed.net, k, "_reverse") for k in backwards)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """Return states of shape (B, n_steps, width); see `Recurrent`."""
        inside = steps(x, length).unsqueeze(-1)
        place = torch.arange(x.shape[1], device=x.device)
        turned = torch.where(inside[..., 0], length.unsqueeze(1) - 1 - place, place).unsqueeze(-1)
        for k, ahead in enumerate(self.ahead):
            states = [ahead(x)[0]]
            if len(self.back):
                back = self.back[k](x.gather(1, turned.expand_as(x)))[0]
                states.append(back.gather(1, turned.expand_as(back)))
            x = torch.cat(states, dim=2) * inside
        normed: Tensor = self.norm(x)
        return normed


def unpacked(network: nn.Module) -> nn.Module:
    """Replace the recurrent layers of a network, which is changed and returned."""
    for name, module in list(network.named_modules()):
        if isinstance(module, Recurrent):
            above, _, own = name.rpartition(".")
            setattr(network.get_submodule(above), own, Unpacked(module))
    return network


def has(network: nn.Module) -> bool:
    """Return whether `unpacked` replaced anything in a network."""
    return any(isinstance(part, Unpacked) for part in network.modules())


def _alone(net: nn.LSTM | nn.GRU, layer: int, way: str) -> nn.Module:
    """Return one layer in one direction, with its weights."""
    suffix = f"_l{layer}{way}"
    weights = {
        name.removesuffix(suffix) + "_l0": value
        for name, value in net.state_dict().items()
        if name.endswith(suffix)
    }
    alone = type(net)(weights["weight_ih_l0"].shape[1], net.hidden_size, batch_first=True)
    alone.load_state_dict(weights)
    return alone
