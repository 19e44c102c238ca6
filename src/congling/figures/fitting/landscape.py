"""The loss as a landscape over two directions in the space of all weights, and the path that descent took.

P steps of the path · n grid lines
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from congling.errors import UsageError
from congling.language import _

Array = NDArray[np.float64]
Weights = Mapping[str, Tensor]
GRID_LINES = 41


class CanLose(Protocol):
    """A network: ``loss`` gives a sum and a count."""

    def loss(self, batch: Any) -> tuple[Tensor, int]: ...


@dataclass(frozen=True)
class Direction:
    """A way to go in the space of all weights.

    Attributes:
        label: for the axis.
        step: by the parameters' names; those that are not in it stay.
        start: the coordinate of the network's own weights, so that an axis can show a weight's value.
    """

    label: str
    step: dict[str, Tensor]
    start: float = 0.0


@dataclass(frozen=True)
class Landscape:
    """Losses over a plane.

    Attributes:
        first, second: the coordinates of the grid lines (n), (n).
        losses: (n, n), row by row from the lowest second coordinate.
        labels: of the two axes.
        steps, path, path_losses: where training stood: (P), (P, 2), and its true loss there (P). The path is projected
            into the plane: where it runs outside of it, its losses are not those of the landscape below it.
        end: the coordinates of the network's own weights.
        explained: how much of the path's way lies in the plane, 0 to 1; NaN without a path.
    """

    first: Array
    second: Array
    losses: Array
    labels: tuple[str, str]
    steps: list[int]
    path: Array
    path_losses: Array
    end: tuple[float, float]
    explained: float


def mean_loss(batch: Any) -> Callable[[CanLose], float]:
    """The loss of a network on a batch, a mean over its examples; NaN and infinity as they come."""

    def of(network: CanLose) -> float:
        total, count = network.loss(batch)
        return float(total.detach()) / count

    return of


def weight_direction(network: nn.Module, name: str, place: Sequence[int] = ()) -> Direction:
    """One number of one parameter, such as ``layers.0.linear.weight`` at (2, 0); its axis shows the number's value.

    Raises:
        UsageError: there is no such parameter or place; names those that there are.
    """
    parameters = dict(network.named_parameters())
    if name not in parameters:
        known = ", ".join(parameters)
        raise UsageError(_("there is no parameter {name}; there are: {known}").format(name=name, known=known))
    values, place = parameters[name].detach().cpu(), tuple(place)
    if len(place) != values.dim() or any(not 0 <= at < size for at, size in zip(place, values.shape, strict=True)):
        message = _("{name} has the shape {shape}: {place} is no place in it; count from 0")
        raise UsageError(message.format(name=name, shape=tuple(values.shape), place=place))
    step = torch.zeros_like(values)
    step[place] = 1.0
    return Direction(f"{name}[{', '.join(map(str, place))}]", {name: step}, float(values[place]))


def two_weights(network: nn.Module, first: str, second: str) -> tuple[Direction, Direction]:
    """The directions of two numbers, each written as ``layers.0.linear.weight[2,0]``.

    Raises:
        UsageError: as ``weight_direction``; or both are the same number.
    """
    chosen = [weight_direction(network, *_name_and_place(text)) for text in (first, second)]
    if chosen[0].label == chosen[1].label:
        raise UsageError(_("a landscape needs two different weights, and {name} is one").format(name=chosen[0].label))
    return chosen[0], chosen[1]


def _name_and_place(text: str) -> tuple[str, tuple[int, ...]]:
    written = re.fullmatch(r"\s*(.+?)\s*\[([\d\s,]*)\]\s*", text)
    if written is None:
        return text.strip(), ()
    return written[1], tuple(int(at) for at in written[2].split(",") if at.strip())


def random_direction(network: nn.Module, seed: int) -> Direction:
    """A random direction in which each neuron's weights change by as much as they are: Li et al. 2018, §4.

    Filter normalisation, dᵢ ← dᵢ ‖θᵢ‖ / ‖dᵢ‖ for each row; biases and normalisations stay, as in the authors' code.
    """
    generator = torch.Generator().manual_seed(seed)
    step = {}
    for name, parameter in network.named_parameters():
        if parameter.dim() >= 2:
            values = parameter.detach().cpu()
            drawn = torch.randn(values.shape, generator=generator, dtype=values.dtype)
            rows = tuple(range(1, values.dim()))
            step[name] = drawn * values.norm(dim=rows, keepdim=True) / drawn.norm(dim=rows, keepdim=True)
    return Direction(_("random direction {number}").format(number=seed), step)


def principal_directions(network: nn.Module, path: Sequence[tuple[int, Weights]]) -> tuple[Direction, Direction]:
    """The two directions, each of length one, along which a path moved most: Li et al. 2018, §7.2.

    The singular vectors of the steps' distances from the network's own weights; ``path`` needs two weights or more
    that differ from these.
    """
    names = [name for name, _parameter in network.named_parameters()]
    parameters = dict(network.named_parameters())
    apart = torch.stack([_flat(weights, names) for _step, weights in path]) - _flat(parameters, names)
    _left, _sizes, ways = torch.linalg.svd(apart, full_matrices=False)
    shares = (apart @ ways.T).square().sum(dim=0) / apart.square().sum()
    sizes = [parameters[name].numel() for name in names]
    directions = []
    for way, share, label in zip(ways, shares, (_("main direction"), _("second direction")), strict=False):
        parts = zip(names, torch.split(way, sizes), strict=True)
        step = {name: part.view(parameters[name].shape).to(parameters[name].dtype) for name, part in parts}
        told = _("{direction} ({share} of the way)").format(direction=label, share=f"{float(share):.0%}")
        directions.append(Direction(told, step))
    first, second = directions
    return first, second


def most_moved(network: nn.Module, start: Weights, count: int = 2) -> list[Direction]:
    """The single numbers that moved furthest from where they started, each as a direction of its own."""
    moved = []
    for name, parameter in network.named_parameters():
        changes, places = (parameter.detach().cpu() - start[name].cpu()).abs().flatten().sort(descending=True)
        first = zip(changes[:count].tolist(), places[:count].tolist(), strict=True)
        moved += [(change, name, np.unravel_index(place, tuple(parameter.shape))) for change, place in first]
    moved.sort(key=lambda each: -each[0])
    return [weight_direction(network, name, [int(at) for at in place]) for _change, name, place in moved[:count]]


@torch.no_grad()
def landscape(
    network: nn.Module,
    loss: Callable[[Any], float],
    first: Direction,
    second: Direction,
    *,
    path: Sequence[tuple[int, Weights]] = (),
    reach: float | None = None,
    grid_lines: int = GRID_LINES,
) -> Landscape:
    """The loss on a grid around the network's weights, which are left as they are.

    Args:
        loss: of the network, which will be on the CPU; such as ``mean_loss(batch)``.
        first, second: the plane.
        path: (step, all weights) of a training; the grid spans it.
        reach: how far the grid goes from the network's weights; without it as far as the path and a quarter more.
    """
    twin = copy.deepcopy(network).cpu().eval()
    names = [name for name, _parameter in twin.named_parameters()]
    ways = torch.stack([_flat(_whole(direction, twin), names) for direction in (first, second)])
    centre = _flat(dict(twin.named_parameters()), names)
    apart = (
        torch.stack([_flat(weights, names) - centre for _step, weights in path])
        if path
        else centre.new_zeros(0, len(centre))
    )
    coordinates = torch.linalg.lstsq(ways.T, apart.T).solution.T if path else centre.new_zeros(0, 2)
    starts = np.array([first.start, second.start])
    spans = [_span(coordinates[:, side].numpy(), reach, abs(starts[side])) for side in (0, 1)]
    axes = [np.linspace(low, high, grid_lines) for low, high in spans]
    losses = _losses(twin, loss, (first, second), axes)
    left_over = (apart - coordinates @ ways).square().sum() / apart.square().sum() if path else torch.tensor(torch.nan)
    return Landscape(
        axes[0] + starts[0], axes[1] + starts[1], losses, (first.label, second.label),
        [step for step, _weights in path], coordinates.numpy() + starts, _path_losses(twin, loss, path),
        (float(starts[0]), float(starts[1])), 1 - float(left_over),
    )  # fmt: skip


def _losses(
    twin: nn.Module, loss: Callable[[Any], float], directions: tuple[Direction, Direction], axes: Sequence[Array]
) -> Array:
    parameters = dict(twin.named_parameters())
    moving = [name for name in parameters if any(name in direction.step for direction in directions)]
    centre = {name: parameters[name].detach().clone() for name in moving}
    first, second = ({name: _part(direction, name, centre[name]) for name in moving} for direction in directions)
    losses = np.empty((len(axes[1]), len(axes[0])))
    for row, up in enumerate(axes[1]):
        line = {name: centre[name] + float(up) * second[name] for name in moving}
        for column, right in enumerate(axes[0]):
            for name in moving:
                torch.add(line[name], first[name], alpha=float(right), out=parameters[name].data)
            losses[row, column] = loss(twin)
    for name in moving:
        parameters[name].data.copy_(centre[name])
    return losses


def _path_losses(twin: nn.Module, loss: Callable[[Any], float], path: Sequence[tuple[int, Weights]]) -> Array:
    """The loss with all of a step's weights (and buffers), not only their shadow in the plane."""
    losses, state = [], twin.state_dict()
    for _step, weights in path:
        for name, tensor in state.items():
            tensor.copy_(weights[name])
        losses.append(loss(twin))
    return np.array(losses)


def _span(coordinates: Array, reach: float | None, start: float) -> tuple[float, float]:
    if reach is not None:
        return -reach, reach
    if not len(coordinates):
        return -max(1.0, start), max(1.0, start)
    low, high = min(0.0, float(coordinates.min())), max(0.0, float(coordinates.max()))
    margin = 0.25 * (high - low) or 1.0
    return low - margin, high + margin


def _whole(direction: Direction, network: nn.Module) -> dict[str, Tensor]:
    return {name: _part(direction, name, parameter.detach()) for name, parameter in network.named_parameters()}


def _part(direction: Direction, name: str, like: Tensor) -> Tensor:
    return direction.step.get(name, torch.zeros_like(like))


def _flat(weights: Weights, names: Sequence[str]) -> Tensor:
    return torch.cat([weights[name].detach().double().cpu().flatten() for name in names])
