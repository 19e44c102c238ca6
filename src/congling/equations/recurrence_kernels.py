"""The scans of ``recurrence`` fused: one large product for all inputs, a short loop over time, and a backward by hand.

Every factor of the gradient that does not hang on the steps to the right is calculated for all steps at once; what is
left to the loop is one product with W_hh and a few multiplications. On a CPU this is faster than PyTorch's own scans,
above all where lengths differ; only oneDNN's long short-term memory is faster, and serves where there is no padding.
On a GPU cuDNN's scans serve. The textbook's way is read in ``recurrence``.

P real positions of all sequences in the order of reading (``Packing``), n of them at one step · G gates · W width
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from congling.equations.packing import Packing, packing

_torchs: Any = torch._VF  # what torch.nn.RNN, GRU and LSTM call
Saved = tuple[Tensor, ...]
Weights = tuple[Tensor, Tensor, Tensor, Tensor]  # W_xh, W_hh, b_xh, b_hh


def fused_elman(inputs: Tensor, hidden: Tensor, *weights_and_lengths: Any, **options: Any) -> tuple[Tensor, ...]:
    return _scan(_ELMAN, inputs, (hidden,), *weights_and_lengths, **options)


def fused_gru(inputs: Tensor, hidden: Tensor, *weights_and_lengths: Any, **options: Any) -> tuple[Tensor, ...]:
    return _scan(_GRU, inputs, (hidden,), *weights_and_lengths, **options)


def fused_lstm(
    inputs: Tensor, hidden: Tensor, cell: Tensor, *weights_and_lengths: Any, **options: Any
) -> tuple[Tensor, ...]:
    return _scan(_LSTM, inputs, (hidden, cell), *weights_and_lengths, **options)


def fused_elman_step(input: Tensor, hidden: Tensor, *weights: Tensor) -> Tensor:
    return _torchs.rnn_tanh_cell(input, hidden, *weights)  # type: ignore[no-any-return]


def fused_gru_step(input: Tensor, hidden: Tensor, *weights: Tensor) -> Tensor:
    return _torchs.gru_cell(input, hidden, *weights)  # type: ignore[no-any-return]


def fused_lstm_step(input: Tensor, hidden: Tensor, cell: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
    return _torchs.lstm_cell(input, (hidden, cell), *weights)  # type: ignore[no-any-return]


# Any scan ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """What the kinds of recurrence differ in.

    Attributes:
        separate: W_hh h + b_hh is needed by itself, not only in its sum with W_xh x + b_xh.
        forward: the loop from the first step to the last; W_xh x of all steps is calculated before it.
        backward: the loop from the last step to the first.
        torchs: PyTorch's way.
        fastest_whole: on a CPU too, PyTorch's way is the fastest one where there is no padding.
    """

    separate: bool
    forward: Callable[[Packing, Tensor, Sequence[Tensor], Tensor, Tensor], tuple[list[Tensor], Saved]]
    backward: Callable[[Packing, Tensor, list[Tensor], Tensor, Saved, list[Tensor]], tuple[Tensor, Tensor]]
    torchs: Callable[..., tuple[Tensor, ...]]
    fastest_whole: bool = False


def _scan(
    kind: _Kind,
    inputs: Tensor,
    states: tuple[Tensor, ...],
    W_xh: Tensor,
    W_hh: Tensor,
    b_xh: Tensor,
    b_hh: Tensor,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, ...]:
    weights = (W_xh, W_hh, b_xh, b_hh)
    if lengths is not None and bool((lengths == inputs.shape[1]).all()):
        lengths = None
    if lengths is None and (kind.fastest_whole or _on_a_gpu(inputs)):
        return _whole_by_torch(kind, inputs, states, weights, reverse)
    if lengths is None:
        lengths = torch.full((len(inputs),), inputs.shape[1], device=inputs.device)
    way = packing(lengths, inputs.shape[1], reverse)
    if _on_a_gpu(inputs):
        return _packed_by_torch(kind, way, inputs, states, weights)
    differentiate = torch.is_grad_enabled() and any(each.requires_grad for each in (inputs, *states, *weights))
    scanned = _Scan.apply(kind, way, differentiate, inputs, *weights, *states)  # type: ignore[no-untyped-call]
    assert isinstance(scanned, tuple)
    return scanned


def _on_a_gpu(inputs: Tensor) -> bool:
    return inputs.is_cuda


class _Scan(torch.autograd.Function):
    """A scan over packed sequences, with the loops of its kind."""

    @staticmethod
    def forward(
        context: Any, kind: _Kind, way: Packing, differentiate: bool, inputs: Tensor,
        W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor, *states: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        rows = way.packed(inputs)  # (P, I)
        projected = F.linear(rows, W_xh, b_xh if kind.separate else b_xh + b_hh)  # (P, GW)
        first = [state.index_select(0, way.order) for state in states]
        after, saved = kind.forward(way, projected, first, W_hh, b_hh)  # each state after each step, (P, W)
        if differentiate:
            context.kind, context.way, context.length, context.states = kind, way, inputs.shape[1], len(states)
            context.save_for_backward(rows, W_xh, W_hh, *first, *after, *saved)
        last = [way.last(start, each) for start, each in zip(first, after, strict=True)]
        return way.unpacked(after[0], inputs.shape[1]), *last

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> Any:
        kind, way, states = context.kind, context.way, context.states
        rows, W_xh, W_hh, *rest = context.saved_tensors
        first, after, saved = rest[:states], rest[states : 2 * states], rest[2 * states :]
        incoming = way.packed(gradients[0])  # (P, W)
        carried = [each.index_select(0, way.order) for each in gradients[1:]]  # from right to left, (B, W)
        before = [way.before(start, each) for start, each in zip(first, after, strict=True)]
        at_input, at_hidden = kind.backward(way, incoming, carried, W_hh, (*after, *saved), before)  # (P, GW)
        wants_inputs = context.needs_input_grad[3]
        return (
            None, None, None,
            way.unpacked(torch.matmul(at_input, W_xh), context.length) if wants_inputs else None,
            torch.matmul(at_input.t(), rows),
            torch.matmul(at_hidden.t(), before[0]),
            at_input.sum(dim=0),
            at_hidden.sum(dim=0),
            *(way.in_batch_order(each) for each in carried),
        )  # fmt: skip


def _whole_by_torch(
    kind: _Kind, inputs: Tensor, states: tuple[Tensor, ...], weights: Weights, reverse: bool
) -> tuple[Tensor, ...]:
    """The same by PyTorch's scan, of sequences without padding."""
    if reverse:
        inputs = inputs.flip(1)
    outputs, *last = kind.torchs(inputs, _given([each[None] for each in states]), *_settings(weights), True)
    return outputs.flip(1) if reverse else outputs, *(each[0] for each in last)


def _packed_by_torch(
    kind: _Kind, way: Packing, inputs: Tensor, states: tuple[Tensor, ...], weights: Weights
) -> tuple[Tensor, ...]:
    """The same by PyTorch's scan over packed sequences."""
    first = [state.index_select(0, way.order) for state in states]
    if not way.sizes:
        return inputs.new_zeros(*inputs.shape[:2], first[0].shape[1]), *states
    there = [each[None, : way.sizes[0]] for each in first]  # the others have no position at all
    packed, *last = kind.torchs(way.packed(inputs), torch.tensor(way.sizes), _given(there), *_settings(weights))
    whole = [torch.cat([end[0], start[way.sizes[0] :]]) for end, start in zip(last, first, strict=True)]
    return way.unpacked(packed, inputs.shape[1]), *map(way.in_batch_order, whole)


def _given(states: list[Tensor]) -> Tensor | list[Tensor]:
    return states[0] if len(states) == 1 else states


def _settings(weights: Weights) -> tuple[Any, ...]:
    return list(weights), True, 1, 0.0, torch.is_grad_enabled(), False  # biases, layers, dropout, train, bidirectional


# The loops of each kind ----------------------------------------------------------------------------------------------


def _elman_forward(
    way: Packing, projected: Tensor, first: Sequence[Tensor], W_hh: Tensor, _b_hh: Tensor
) -> tuple[list[Tensor], Saved]:
    hidden, weight = first[0], W_hh.t()
    for step in way.steps():
        hidden = projected[step].addmm_(hidden[: step.stop - step.start], weight).tanh_()
    return [projected], ()


def _elman_backward(
    way: Packing, incoming: Tensor, carried: list[Tensor], W_hh: Tensor, saved: Saved, _before: list[Tensor]
) -> tuple[Tensor, Tensor]:
    (hidden,) = saved
    at_gates = incoming  # its memory, step by step
    slope = 1 - hidden * hidden  # (P, W)
    for step in reversed(way.steps()):
        back, at_gate = carried[0][: step.stop - step.start], at_gates[step]
        at_gate.add_(back).mul_(slope[step])
        torch.mm(at_gate, W_hh, out=back)
    return at_gates, at_gates


def _gru_forward(
    way: Packing, projected: Tensor, first: Sequence[Tensor], W_hh: Tensor, b_hh: Tensor
) -> tuple[list[Tensor], Saved]:
    width, weight = W_hh.shape[1], W_hh.t()
    recurrent, after = torch.empty_like(projected), projected.new_empty(len(projected), width)
    gates, hidden = projected, first[0]  # the gates take the place of what the inputs gave to them
    for step in way.steps():
        hidden, gate = hidden[: step.stop - step.start], gates[step]
        asked = torch.addmm(b_hh, hidden, weight, out=recurrent[step])
        both, candidate = gate[:, : 2 * width], gate[:, 2 * width :]
        both.add_(asked[:, : 2 * width]).sigmoid_()
        candidate.addcmul_(both[:, :width], asked[:, 2 * width :]).tanh_()
        hidden = torch.lerp(candidate, hidden, both[:, width:], out=after[step])
    return [after], (gates, recurrent[:, 2 * width :])


def _gru_backward(
    way: Packing, incoming: Tensor, carried: list[Tensor], W_hh: Tensor, saved: Saved, before: list[Tensor]
) -> tuple[Tensor, Tensor]:
    _, gates, asked = saved
    reset, update, candidate = gates.chunk(3, dim=1)
    new = (1 - update) * (1 - candidate * candidate)  # ∂h/∂(what the candidate is the tanh of)
    at_hidden = torch.empty_like(gates).view(len(gates), 3, W_hh.shape[1])
    local = torch.stack(
        [new * asked * reset * (1 - reset), (before[0] - candidate) * update * (1 - update), new * reset], dim=1
    )  # (P, 3, W), of W_hh h
    for step in reversed(way.steps()):
        back, gradient = carried[0][: step.stop - step.start], incoming[step]
        gradient.add_(back)
        torch.mul(gradient.unsqueeze(1), local[step], out=at_hidden[step])
        torch.addmm(gradient * update[step], at_hidden[step].flatten(1), W_hh, out=back)
    at_input = torch.cat([at_hidden[:, :2].flatten(1), incoming * new], dim=1)
    return at_input, at_hidden.flatten(1)


def _lstm_forward(
    way: Packing, projected: Tensor, first: Sequence[Tensor], W_hh: Tensor, _b_hh: Tensor
) -> tuple[list[Tensor], Saved]:
    width, weight = W_hh.shape[1], W_hh.t()
    hidden, cell = first
    after, cells, bent = (projected.new_empty(len(projected), width) for _ in range(3))
    for step in way.steps():
        size = step.stop - step.start
        gate = projected[step].addmm_(hidden[:size], weight)
        gate[:, : 2 * width].sigmoid_()
        gate[:, 2 * width : 3 * width].tanh_()
        gate[:, 3 * width :].sigmoid_()
        input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim=1)
        cell = torch.mul(forget_gate, cell[:size], out=cells[step]).addcmul_(input_gate, candidate)
        hidden = torch.mul(output_gate, torch.tanh(cell, out=bent[step]), out=after[step])
    return [after, cells], (projected, bent)


def _lstm_backward(
    way: Packing, incoming: Tensor, carried: list[Tensor], W_hh: Tensor, saved: Saved, before: list[Tensor]
) -> tuple[Tensor, Tensor]:
    _, _, gates, bent = saved
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    at_gates = torch.empty_like(gates).view(len(gates), 4, W_hh.shape[1])
    of_cell = torch.stack(
        [
            candidate * input_gate * (1 - input_gate),
            before[1] * forget_gate * (1 - forget_gate),
            input_gate * (1 - candidate * candidate),
        ],
        dim=1,
    )  # (P, 3, W), ∂c/∂(what each gate is the sigmoid or tanh of)
    of_hidden = bent * output_gate * (1 - output_gate)
    cell_of_hidden = output_gate * (1 - bent * bent)
    for step in reversed(way.steps()):
        size = step.stop - step.start
        back, cell_back = carried[0][:size], carried[1][:size]
        gradient = incoming[step].add_(back)
        cell_back.addcmul_(gradient, cell_of_hidden[step])
        torch.mul(cell_back.unsqueeze(1), of_cell[step], out=at_gates[step, :3])
        torch.mul(gradient, of_hidden[step], out=at_gates[step, 3])
        torch.mm(at_gates[step].flatten(1), W_hh, out=back)
        cell_back.mul_(forget_gate[step])
    return at_gates.flatten(1), at_gates.flatten(1)


_ELMAN = _Kind(False, _elman_forward, _elman_backward, _torchs.rnn_tanh)
_GRU = _Kind(True, _gru_forward, _gru_backward, _torchs.gru)
_LSTM = _Kind(False, _lstm_forward, _lstm_backward, _torchs.lstm, fastest_whole=True)  # oneDNN's
