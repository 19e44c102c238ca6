"""All parameters of a network as one long vector, so that an update is one pass over memory.

Networks may compute in bfloat16 while learning goes on in float32: small updates would be lost in bfloat16's eight
bits, so a float32 *master* keeps them (Micikevicius et al. 2018, §3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FlatParameters:
    """Takes over the parameters of a network: each becomes a view into one vector, and so does its gradient.

    Attributes:
        master: float32 (or float64), what is learned.
        working: what the network computes with; ``master`` itself, or its copy in a narrower type.
        gradient: the sum of gradients since ``clear``, in the master's type.
        matrices: how many entries at the front belong to matrices; biases and norms follow, which never decay.
    """

    def __init__(self, network: nn.Module, compute_type: torch.dtype) -> None:
        self._network = network
        named = sorted(network.named_parameters(), key=lambda item: item[1].dim() < 2)  # stable: matrices first
        self.shapes = {name: parameter.shape for name, parameter in named}
        self.matrices = sum(parameter.numel() for _, parameter in named if parameter.dim() >= 2)
        exact = torch.promote_types(named[0][1].dtype, torch.float32)
        self.master = torch.cat([parameter.detach().to(exact).flatten() for _, parameter in named])
        narrow = compute_type != self.master.dtype
        self.working = self.master.to(compute_type) if narrow else self.master
        self._left: list[Tensor] = []  # what the backward passes of each network leave
        self.share(network)
        self.gradient = torch.zeros_like(self.master) if narrow else self._left[0]
        self._collected = False

    def share(self, network: nn.Module) -> None:
        """Let a network of the same shape compute with the working values and leave gradients of its own."""
        gradient = torch.zeros_like(self.working)
        values, gradients = self.named(self.working), self.named(gradient)
        for name, parameter in network.named_parameters():
            parameter.data, parameter.grad = values[name], gradients[name]
        self._left.append(gradient)

    def _pieces(self, flat: Tensor) -> list[Tensor]:
        sizes = [shape.numel() for shape in self.shapes.values()]
        return [part.view(shape) for part, shape in zip(torch.split(flat, sizes), self.shapes.values(), strict=True)]

    def clear(self) -> None:
        """Forget the gradients."""
        self.gradient.zero_()
        self._collected = False

    def collect(self) -> None:
        """Add what the last backward passes left to ``gradient``, before a narrow type rounds the next ones into it."""
        for left in self._left:
            if left is self.gradient:
                continue
            if self._collected or self.gradient is self._left[0]:
                self.gradient += left.to(self.gradient.dtype)  # a sum of two types would take twice as long
            else:
                self.gradient.copy_(left)
            self._collected = True
            left.zero_()

    def publish(self) -> None:
        """Hand the master's new values to the network."""
        if self.working is not self.master:
            self.working.copy_(self.master)

    def lend(self, network: nn.Module) -> None:
        """Let another network of the same shape read the master: an exact twin to look at, without a copy.

        A narrow type is fast in training; a few rows at a time, as in decoding, float32 is faster on a CPU. What the
        layers remember (buffers) is lent too: they change it in place.
        """
        for name, values in self.named(self.master).items():
            network.get_parameter(name).data = values
        for name, buffer in buffers_of(self._network).items():
            network.get_buffer(name).set_(buffer)  # type: ignore[call-overload]

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Any such vector (the master, a moment of the optimiser) by the parameters' names and shapes."""
        return dict(zip(self.shapes, self._pieces(flat), strict=True))

    def fill(self, flat: Tensor, named: dict[str, Tensor]) -> None:
        """Copy named tensors into a vector; names and shapes must be the network's."""
        if set(named) != set(self.shapes):
            raise KeyError(f"expected the parameters {sorted(self.shapes)}, not {sorted(named)}")
        for name, part in self.named(flat).items():
            if part.shape != named[name].shape:  # copy_ would stretch a smaller one
                raise ValueError(f"{name} has the shape {tuple(named[name].shape)}, not {tuple(part.shape)}")
            part.copy_(named[name])


def buffers_of(network: nn.Module) -> dict[str, Tensor]:
    """What a network remembers beside its parameters, such as the running statistics of a normalisation, by name."""
    return dict(network.named_buffers())


def load_buffers(network: nn.Module, buffers: dict[str, Tensor]) -> None:
    """Copy named buffers into a network. Errors as ``load_parameters``."""
    _load(buffers_of(network), buffers)


def load_parameters(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy named weights into a network, its buffers too; a table that two layers share has one name.

    Raises:
        ValueError: a name or a shape is not the network's; says which.
    """
    _load({name: parameter.data for name, parameter in network.named_parameters()} | buffers_of(network), weights)


def _load(there: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    if set(there) != set(weights):
        raise ValueError(f"missing or unknown: {', '.join(sorted(set(there) ^ set(weights)))}")
    for name, tensor in there.items():
        if tensor.shape != weights[name].shape:
            raise ValueError(f"{name} has the shape {tuple(weights[name].shape)}, not {tuple(tensor.shape)}")
        tensor.copy_(weights[name])
