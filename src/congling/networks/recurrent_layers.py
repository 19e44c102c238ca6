"""Recurrent layers: one scan over time, or two in both directions, and layers of them one upon the other.

B batch · T time · I width of the inputs · W width of a hidden state · G gates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from congling.equations.glass_box import running, show
from congling.equations.initialisation import orthogonal, xavier_uniform
from congling.equations.recurrence import elman, elman_step, gru, gru_step, lstm, lstm_step
from congling.networks.layers import Dropout
from congling.networks.recurrent_kinds import GATES, STATES, RecurrentKind


@dataclass(frozen=True)
class _Formulas:
    """The formulas of a kind of recurrence: over a whole sequence, and of one position."""

    scan: Callable[..., tuple[Tensor, ...]]
    step: Callable[..., Any]


_FORMULAS: dict[str, _Formulas] = {
    "elman": _Formulas(elman, elman_step),
    "gru": _Formulas(gru, gru_step),
    "lstm": _Formulas(lstm, lstm_step),
}
_FORGET_GATE = 1  # the place of the LSTM's forget gate among its gates


@dataclass(frozen=True)
class RecurrentState:
    """What recurrent layers remember between two positions; N rows.

    Attributes:
        scans: for each scan (each layer's forward one, then its backward one if there is any) its hidden state (N, W)
            and, for an LSTM, its cell (N, W).
    """

    scans: tuple[tuple[Tensor, ...], ...]

    @property
    def top(self) -> Tensor:
        """The hidden state of the last layer, (N, W); both directions side by side are not asked for here."""
        return self.scans[-1][0]

    def select(self, rows: Tensor) -> RecurrentState:
        """Keep, repeat or reorder rows: ``rows`` (M) of the N there are."""
        return RecurrentState(tuple(tuple(each.index_select(0, rows) for each in scan) for scan in self.scans))


class RecurrentScan(nn.Module):
    """One scan over time in one direction.

    ``W_xh`` (GW, I) has Xavier's matrix for each gate, ``W_hh`` (GW, W) an orthogonal one (Bahdanau et al. 2015,
    appendix B.1), ``b_xh`` and ``b_hh`` (GW) are zero; an LSTM's forget gate starts with a bias of 1, so that it
    remembers before it has learned to (Gers, Schmidhuber and Cummins 2000, §4; Józefowicz, Zaremba and Sutskever 2015,
    §2.2).
    """

    def __init__(self, kind: RecurrentKind, inputs: int, width: int, reverse: bool = False) -> None:
        super().__init__()
        self.kind, self.width, self.reverse = kind, width, reverse
        gates = GATES[kind]
        self.W_xh = nn.Parameter(torch.empty(gates * width, inputs))
        self.W_hh = nn.Parameter(torch.empty(gates * width, width))
        self.b_xh = nn.Parameter(torch.zeros(gates * width))
        self.b_hh = nn.Parameter(torch.zeros(gates * width))
        for part in self.W_xh.chunk(gates):
            xavier_uniform(part)
        for part in self.W_hh.chunk(gates):
            orthogonal(part)
        if kind == "lstm":
            with torch.no_grad():
                self.b_xh.chunk(gates)[_FORGET_GATE].fill_(1)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W_xh, W_hh, b_xh, b_hh."""
        return self.W_xh, self.W_hh, self.b_xh, self.b_hh

    def begin(self, rows: int, like: Tensor) -> tuple[Tensor, ...]:
        """The state before the first position: zeros."""
        return tuple(like.new_zeros(rows, self.width) for _ in range(STATES[self.kind]))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...], lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(B, T, I) to the hidden states (B, T, W), and the state after each sequence's last position."""
        outputs, *last = _FORMULAS[self.kind].scan(inputs, *state, *self.weights, lengths, self.reverse)
        return outputs, tuple(last)

    def step(self, input: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One position: (B, I) to the state after it."""
        with running(self):
            after = _FORMULAS[self.kind].step(input, *state, *self.weights)
            states = after if isinstance(after, tuple) else (after,)
            show("hidden", states[0])
        return states

    def extra_repr(self) -> str:
        direction = ", reverse" if self.reverse else ""
        return f"{self.kind}, inputs={self.W_xh.shape[1]}, width={self.width}{direction}"


class RecurrentLayer(nn.Module):
    """One layer: a ``forward_scan``, and for both directions a ``backward_scan`` too (Schuster and Paliwal 1997)."""

    def __init__(self, kind: RecurrentKind, inputs: int, width: int, bidirectional: bool) -> None:
        super().__init__()
        self.forward_scan = RecurrentScan(kind, inputs, width)
        self.backward_scan = RecurrentScan(kind, inputs, width, reverse=True) if bidirectional else None

    def scans(self) -> Iterator[RecurrentScan]:
        """The forward one first."""
        yield self.forward_scan
        if self.backward_scan is not None:
            yield self.backward_scan

    def forward(
        self, inputs: Tensor, states: list[tuple[Tensor, ...]], lengths: Tensor | None
    ) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """(B, T, I) to (B, T, W · directions), and each scan's state after its last position."""
        read = [scan(inputs, state, lengths) for scan, state in zip(self.scans(), states, strict=True)]
        outputs, after = [output for output, _ in read], [state for _, state in read]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1), after


class Recurrent(nn.Module):
    """Recurrent layers one upon the other.

    Args:
        kind: the recurrence of every layer.
        inputs: I.
        width: W, in each direction.
        layers: how many.
        bidirectional: read in both directions; the outputs of the two stand side by side.
        dropout: the probability, between the layers (Zaremba, Sutskever and Vinyals 2014).
    """

    def __init__(
        self,
        kind: RecurrentKind,
        inputs: int,
        width: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.directions = 2 if bidirectional else 1
        widths = [inputs, *[width * self.directions] * (layers - 1)]
        self.layers = nn.ModuleList(RecurrentLayer(kind, each, width, bidirectional) for each in widths)
        self.dropout = Dropout(dropout)

    def begin(self, rows: int, like: Tensor) -> RecurrentState:
        """The state before the first position, zeros of the type of ``like``; for ``step``."""
        return RecurrentState(tuple(scan.begin(rows, like) for scan in self._scans()))

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: RecurrentState | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """Read whole sequences.

        Args:
            inputs: (B, T, I).
            lengths: (B,), from where on a sequence is padding; None where nothing is.
            state: before the first position; zeros where it is left out.

        Returns the outputs (B, T, W · directions), zero at padding, and the state after each sequence's last real
        position; of the backward direction, after its first.
        """
        scans = iter((state or self.begin(len(inputs), inputs)).scans)
        after: list[tuple[Tensor, ...]] = []
        for number, layer in enumerate(self.layers):
            given = self.dropout(inputs) if number else inputs
            inputs, states = layer(given, [next(scans) for _ in range(self.directions)], lengths)
            after += states
        return inputs, RecurrentState(tuple(after))

    def step(self, input: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """One position of every row: (B, I) to the output (B, W), and the state after it.

        Raises:
            ValueError: it reads in both directions, so that each position waits for all.
        """
        if self.directions != 1:
            raise ValueError("a network that reads in both directions cannot go on position by position")
        after: list[tuple[Tensor, ...]] = []
        with running(self):
            for number, (scan, before) in enumerate(zip(self._scans(), state.scans, strict=True)):
                after.append(scan.step(self.dropout(input) if number else input, before))
                input = after[-1][0]
        return input, RecurrentState(tuple(after))

    def _scans(self) -> Iterator[RecurrentScan]:
        for layer in self.layers:
            assert isinstance(layer, RecurrentLayer)
            yield from layer.scans()
