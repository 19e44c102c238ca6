"""How strongly signals and gradients flow through the layers, and what looks wrong about it.

Strengths are root mean squares, √(Σx²/n), so that a wide layer compares with a narrow one. A layer here is a run of
operations of one module that uses parameters of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from congling.language import _
from congling.learning.backprop.operation import Operation

Kind = Literal["vanishing", "exploding", "dead-relu", "saturated-softmax", "non-finite"]

MUCH = 1000.0  # a gradient this many times weaker, or stronger, than behind the last layer is worth a word
CERTAIN = 0.999  # a softmax that gives one place so much hardly passes a gradient: p(1 − p) < 0.001
MOST = 0.5  # a softmax counts as saturated when more than this part of its rows is certain
ENOUGH = 16  # examples before a unit that was never above zero is called dead


@dataclass(frozen=True)
class LayerFlow:
    """The strengths at one layer.

    Attributes:
        path: the dotted path of its module.
        activation_norm: of the layer's output.
        gradient_norm: of the loss's gradient at the layer's output; 0 where the loss does not hang on it.
        weight_norm: of the layer's parameters.
        weight_gradient_norm: of the gradient of the layer's parameters, as this layer alone adds to it.
    """

    path: str
    activation_norm: float
    gradient_norm: float
    weight_norm: float
    weight_gradient_norm: float


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong: where, how much, and in a sentence."""

    kind: Kind
    path: str
    value: float
    text: str


@dataclass(frozen=True)
class Flow:
    """The layers in the order of the forward pass, and the findings."""

    layers: list[LayerFlow]
    findings: list[Finding]


def flow_of(operations: Sequence[Operation], leaves: Mapping[int, Tensor]) -> Flow:
    """What a tape's operations, with their gradients, say about the flow."""
    layers = [_layer(run, leaves) for run in _layer_runs(operations, leaves)]
    findings = [*_weak_and_strong(layers), *_dead_units(operations), *_saturated(operations)]
    return Flow(layers, findings)


def root_mean_square(tensors: Iterable[Tensor]) -> float:
    """√(Σx²/n) over all numbers of all tensors; 0 for none."""
    squares, count = 0.0, 0
    for each in tensors:
        squares, count = squares + float(each.detach().double().square().sum()), count + each.numel()
    return (squares / count) ** 0.5 if count else 0.0


# Layers --------------------------------------------------------------------------------------------------------------


def _layer_runs(operations: Sequence[Operation], leaves: Mapping[int, Tensor]) -> Iterator[list[Operation]]:
    """Operations of one module that follow each other, where parameters are among their inputs."""
    run: list[Operation] = []
    for operation in operations:
        if run and operation.module != run[-1].module:
            if _parameters(run, leaves):
                yield run
            run = []
        run.append(operation)
    if _parameters(run, leaves):
        yield _before_the_loss(run, leaves)


def _before_the_loss(run: list[Operation], leaves: Mapping[int, Tensor]) -> list[Operation]:
    """The last layer without the loss, where one module has both: the loss's own gradient is 1, whatever comes back."""
    end = max(place for place, operation in enumerate(run) if _parameters([operation], leaves))
    return run[: end + 1]


def _parameters(run: Iterable[Operation], leaves: Mapping[int, Tensor]) -> dict[int, Tensor]:
    return {id(each): each for operation in run for each in operation.input_tensors() if id(each) in leaves}


def _layer(run: list[Operation], leaves: Mapping[int, Tensor]) -> LayerFlow:
    last = run[-1]
    outputs = [each for each in last.output_tensors() if each.is_floating_point()]
    arriving = last.output_gradient if isinstance(last.output_gradient, list) else [last.output_gradient]
    return LayerFlow(
        path=last.module,
        activation_norm=root_mean_square(outputs),
        gradient_norm=root_mean_square(each for each in arriving if each is not None),
        weight_norm=root_mean_square(_parameters(run, leaves).values()),
        weight_gradient_norm=root_mean_square(_gradients_of_parameters(run, leaves)),
    )


def _gradients_of_parameters(run: Iterable[Operation], leaves: Mapping[int, Tensor]) -> list[Tensor]:
    sums: dict[int, Tensor] = {}
    for operation in run:
        for value, gradient in zip(operation.inputs, operation.input_gradients, strict=False):
            if isinstance(gradient, Tensor) and id(value) in leaves:
                sums[id(value)] = sums[id(value)] + gradient if id(value) in sums else gradient
    return list(sums.values())


# Findings ------------------------------------------------------------------------------------------------------------


def _weak_and_strong(layers: Sequence[LayerFlow]) -> Iterator[Finding]:
    """Layers whose gradient is out of all proportion to that of the last layer which has one."""
    last = next((norm for norm in (layer.gradient_norm for layer in reversed(layers)) if 0 < norm < math.inf), 0.0)
    texts: dict[Kind, str] = {
        "non-finite": _("{path}: the gradient is not finite"),
        "exploding": _("{path}: the gradient explodes; it is {ratio:.3g} times as strong as at the last layer"),
        "vanishing": _("{path}: the gradient vanishes; {ratio:.2g} of its strength at the last layer arrives"),
    }
    for layer in layers:
        ratio = layer.gradient_norm / last if last else layer.gradient_norm
        kind = _kind(ratio, bool(last))
        if kind is not None:
            yield Finding(kind, layer.path, ratio, texts[kind].format(path=_place(layer.path), ratio=ratio))


def _kind(ratio: float, comparable: bool) -> Kind | None:
    if not math.isfinite(ratio):
        return "non-finite"
    if not comparable:  # no layer has a gradient
        return None
    return "exploding" if ratio > MUCH else "vanishing" if ratio < 1 / MUCH else None


def _place(path: str) -> str:
    return path or _("the network itself")


def _dead_units(operations: Sequence[Operation]) -> Iterator[Finding]:
    """Rectified units that gave zero for every example: no gradient reaches what is before them."""
    for operation in operations:
        if operation.equation != "relu" or operation.name not in ("where", "relu"):
            continue
        units = _largest_of_units(operation.output)
        dead = int((units <= 0).all(dim=0).sum())
        if dead and units.shape[0] >= ENOUGH:
            text = _("{path}: {dead} of {all} ReLU units are dead, zero for all {examples} examples").format(
                path=_place(operation.module), dead=dead, all=units.shape[1], examples=units.shape[0]
            )
            yield Finding("dead-relu", operation.module, dead / units.shape[1], text)


def _largest_of_units(output: Tensor) -> Tensor:
    """(N, D): one row an example. A unit of feature maps (B, C, Y, X) is a channel, wherever it answers."""
    if output.dim() == 4:
        return output.amax(dim=(2, 3))
    return output.reshape(-1, output.shape[-1] if output.dim() else 1)


def _saturated(operations: Sequence[Operation]) -> Iterator[Finding]:
    """Softmaxes that are nearly certain in most rows."""
    for operation in operations:
        if operation.equation != "softmax" or operation.name != "div" or operation.output.shape[-1] < 2:
            continue
        share = _mean(operation.output, lambda weights: weights.amax(dim=-1) > CERTAIN)
        if share > MOST:
            text = _("{path}: the softmax is saturated, nearly certain in {share:.0%} of its rows").format(
                path=_place(operation.module), share=share
            )
            yield Finding("saturated-softmax", operation.module, share, text)


def _mean(values: Tensor, test: Callable[[Tensor], Tensor]) -> float:
    return float(test(values).to(torch.float64).mean())
