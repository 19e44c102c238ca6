"""Recurrence: what was read before is kept in a hidden state, and each step makes a new one of it and of what comes.

B batch · T time · I width of the inputs · W width of the hidden state · G gates, whose matrices lie one below the other

Each gate is W_xh x + b_xh + W_hh h + b_hh before its activation; the output layer W_hy is the network's own. Two biases
where one would do are PyTorch's convention, and cuDNN's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from congling.equations.activations import sigmoid, tanh
from congling.equations.equation import Example, equation
from congling.equations.glass_box import show, stacked
from congling.equations.layers import linear
from congling.equations.recurrence_kernels import (
    fused_elman,
    fused_elman_step,
    fused_gru,
    fused_gru_step,
    fused_lstm,
    fused_lstm_step,
)


def _step_example(gates: int, states: int) -> Example:
    def example(generator: torch.Generator) -> tuple[Tensor, ...]:
        shapes = [(5, 3), *[(5, 7)] * states, (7 * gates, 3), (7 * gates, 7), (7 * gates,), (7 * gates,)]
        return tuple(torch.randn(*s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes)

    return example


def _scan_example(gates: int, states: int) -> Example:
    def example(generator: torch.Generator) -> tuple[Tensor | bool, ...]:
        _, *rest = _step_example(gates, states)(generator)
        inputs = torch.randn(5, 11, 3, dtype=torch.float64, generator=generator).requires_grad_()
        lengths = torch.tensor([7, 11, 0, 1, 7])
        return (inputs, *rest, lengths, bool(int(torch.randint(0, 2, (), generator=generator))))

    return example


def _times(inputs: Tensor, lengths: Tensor | None, reverse: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """x_t (B, I) and whether it is real (B, 1), for each step in the order of reading."""
    length = inputs.shape[1]
    for t in reversed(range(length)) if reverse else range(length):
        real = torch.full((len(inputs), 1), True, device=inputs.device)
        yield inputs[:, t], real if lengths is None else (t < lengths).unsqueeze(1)


def _over_time(
    step: Callable[..., tuple[Tensor, ...]],
    inputs: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, ...]:
    """Take the steps one after the other; at padding the state stays, and the output is zero.

    Args:
        step: the input (B, I) and the state to the state after it; the first part of a state is the hidden one.
        inputs: (B, T, I).
        state: before the first step, each part (B, W).
        lengths, reverse: as of ``elman``.

    Returns the hidden states (B, T, W) in the order of time, and the state after the last step. The glass box shows
    ``hidden``, and what each step shows, (B, T, W).
    """
    outputs = []
    with stacked(dim=1, reverse=reverse):
        for input, real in _times(inputs, lengths, reverse):
            after = step(input, *state)
            outputs.append(torch.where(real, after[0], torch.zeros_like(after[0])))
            state = tuple(torch.where(real, new, old) for new, old in zip(after, state, strict=True))
    hidden = torch.stack(outputs[::-1] if reverse else outputs, dim=1)
    show("hidden", hidden)
    return hidden, *state


# Elman ---------------------------------------------------------------------------------------------------------------


@equation(
    r"h_t = \tanh(W_{xh}x_t + b_{xh} + W_{hh}h_{t-1} + b_{hh})",
    source="Elman 1990, figure 2; Goodfellow, Bengio and Courville 2016, eq. 10.8 and 10.9",
    example=_step_example(1, 1),
    fused=fused_elman_step,
)
def elman_step(input: Tensor, hidden: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
    """One step of the simple recurrent network: the new state is made of the input and of the state before.

    Args: ``input`` (B, I), ``hidden`` (B, W), ``W_xh`` (W, I), ``W_hh`` (W, W), ``b_xh`` and ``b_hh`` (W).

    Returns the new hidden state (B, W).
    """
    return tanh.plain(linear.plain(input, W_xh, b_xh) + linear.plain(hidden, W_hh, b_hh))


@equation(
    r"h_t = \operatorname{elmanstep}(x_t, h_{t-1}),\quad t = 1 \dots T",
    source="Elman 1990; the gradient goes back through all steps: Werbos 1990",
    example=_scan_example(1, 1),
    fused=fused_elman,
)
def elman(
    inputs: Tensor,
    hidden: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_xh: Tensor,
    b_hh: Tensor,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The simple recurrent network over a whole sequence, step by step.

    Args:
        inputs: (B, T, I).
        hidden: (B, W), the state before the first step.
        W_xh, W_hh, b_xh, b_hh: as of one step.
        lengths: (B,), from where on a sequence is padding: there the state stays, and the output is zero.
        reverse: read from the last real position to the first.

    Returns the hidden states (B, T, W), each at the place of its input, and the state after the last step (B, W). The
    glass box shows ``hidden``, the same states.
    """

    def step(input: Tensor, hidden: Tensor) -> tuple[Tensor]:
        return (elman_step.plain(input, hidden, W_xh, W_hh, b_xh, b_hh),)

    states, hidden = _over_time(step, inputs, (hidden,), lengths, reverse)
    return states, hidden


# Gated recurrent unit ------------------------------------------------------------------------------------------------


@equation(
    r"\begin{aligned}r_t &= \sigma(W_{xr}x_t + b_{xr} + W_{hr}h_{t-1} + b_{hr})\\"
    r"z_t &= \sigma(W_{xz}x_t + b_{xz} + W_{hz}h_{t-1} + b_{hz})\\"
    r"n_t &= \tanh(W_{xn}x_t + b_{xn} + r_t \odot (W_{hn}h_{t-1} + b_{hn}))\\"
    r"h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}\end{aligned}",
    source="Cho et al. 2014, eq. 5-8; the reset gate after the matrix product, not before it, as in version 1 of that "
    "paper and in PyTorch",
    example=_step_example(3, 1),
    fused=fused_gru_step,
)
def gru_step(input: Tensor, hidden: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
    """One step of the gated recurrent unit: gates decide how much of the state is kept, and how much of it is asked.

    Args: ``input`` (B, I), ``hidden`` (B, W), ``W_xh`` (3W, I), ``W_hh`` (3W, W), ``b_xh`` and ``b_hh`` (3W), each
    with the rows of the reset gate r, the update gate z and the candidate n.

    Returns the new hidden state (B, W). The glass box shows ``reset``, ``update`` and ``candidate``, all (B, W).
    """
    reset, update, candidate = linear.plain(input, W_xh, b_xh).chunk(3, dim=-1)  # each (B, W)
    hidden_reset, hidden_update, hidden_candidate = linear.plain(hidden, W_hh, b_hh).chunk(3, dim=-1)
    reset = sigmoid.plain(reset + hidden_reset)
    update = sigmoid.plain(update + hidden_update)
    candidate = tanh.plain(candidate + reset * hidden_candidate)
    for name, value in (("reset", reset), ("update", update), ("candidate", candidate)):
        show(name, value)
    return (1 - update) * candidate + update * hidden


@equation(
    r"h_t = \operatorname{grustep}(x_t, h_{t-1}),\quad t = 1 \dots T",
    source="Cho et al. 2014, §2.3; the gradient goes back through all steps: Werbos 1990",
    example=_scan_example(3, 1),
    fused=fused_gru,
)
def gru(
    inputs: Tensor,
    hidden: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_xh: Tensor,
    b_hh: Tensor,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units over a whole sequence, step by step.

    Args: as of ``elman``; the weights as of ``gru_step``.

    Returns the hidden states (B, T, W) and the state after the last step (B, W). The glass box shows ``hidden``, and of
    each step ``reset``, ``update`` and ``candidate``, all (B, T, W); of a gate's values those at padding mean nothing.
    """

    def step(input: Tensor, hidden: Tensor) -> tuple[Tensor]:
        return (gru_step.plain(input, hidden, W_xh, W_hh, b_xh, b_hh),)

    states, hidden = _over_time(step, inputs, (hidden,), lengths, reverse)
    return states, hidden


# Long short-term memory ----------------------------------------------------------------------------------------------


@equation(
    r"\begin{aligned}i_t &= \sigma(W_{xi}x_t + b_{xi} + W_{hi}h_{t-1} + b_{hi})\\"
    r"f_t &= \sigma(W_{xf}x_t + b_{xf} + W_{hf}h_{t-1} + b_{hf})\\"
    r"g_t &= \tanh(W_{xg}x_t + b_{xg} + W_{hg}h_{t-1} + b_{hg})\\"
    r"o_t &= \sigma(W_{xo}x_t + b_{xo} + W_{ho}h_{t-1} + b_{ho})\\"
    r"c_t &= f_t \odot c_{t-1} + i_t \odot g_t\\"
    r"h_t &= o_t \odot \tanh c_t\end{aligned}",
    source="Hochreiter and Schmidhuber 1997, §4; the forget gate: Gers, Schmidhuber and Cummins 2000, §3; no peepholes",
    example=_step_example(4, 2),
    fused=fused_lstm_step,
)
def lstm_step(
    input: Tensor, hidden: Tensor, cell: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of long short-term memory: a cell that is only added to and scaled, and gates that open and close it.

    Args: ``input`` (B, I), ``hidden`` and ``cell`` (B, W), ``W_xh`` (4W, I), ``W_hh`` (4W, W), ``b_xh`` and ``b_hh``
    (4W), each with the rows of the input gate i, the forget gate f, the candidate g and the output gate o.

    Returns the new hidden state and the new cell, both (B, W). The glass box shows ``input_gate``, ``forget_gate``,
    ``candidate``, ``output_gate`` and ``cell``, all (B, W).
    """
    gates = linear.plain(input, W_xh, b_xh) + linear.plain(hidden, W_hh, b_hh)  # (B, 4W)
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)
    input_gate, forget_gate = sigmoid.plain(input_gate), sigmoid.plain(forget_gate)
    candidate, output_gate = tanh.plain(candidate), sigmoid.plain(output_gate)
    cell = forget_gate * cell + input_gate * candidate
    for name, value in (("input_gate", input_gate), ("forget_gate", forget_gate), ("candidate", candidate)):
        show(name, value)
    show("output_gate", output_gate)
    show("cell", cell)
    return output_gate * tanh.plain(cell), cell


@equation(
    r"(h_t, c_t) = \operatorname{lstmstep}(x_t, h_{t-1}, c_{t-1}),\quad t = 1 \dots T",
    source="Hochreiter and Schmidhuber 1997, §4; the whole gradient through time: Graves and Schmidhuber 2005, §2",
    example=_scan_example(4, 2),
    fused=fused_lstm,
)
def lstm(
    inputs: Tensor,
    hidden: Tensor,
    cell: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_xh: Tensor,
    b_hh: Tensor,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory over a whole sequence, step by step.

    Args: as of ``elman``, with ``cell`` (B, W) before the first step; the weights as of ``lstm_step``.

    Returns the hidden states (B, T, W), and the hidden state and the cell after the last step (B, W). The glass box
    shows ``hidden``, and of each step what ``lstm_step`` shows, all (B, T, W); at padding that means nothing.
    """

    def step(input: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return lstm_step.plain(input, hidden, cell, W_xh, W_hh, b_xh, b_hh)

    states, hidden, cell = _over_time(step, inputs, (hidden, cell), lengths, reverse)
    return states, hidden, cell
