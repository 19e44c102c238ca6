"""The recurrent network that says what comes next: Mikolov et al. 2010, figure 1, with gates.

B batch · T pieces of a stretch · D width of the embeddings · W width of the state · V vocabulary, padding included
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from congling.equations.glass_box import running, show
from congling.equations.layers import linear
from congling.equations.losses import projected_cross_entropy
from congling.networks.layers import Dropout, Embedding, Linear
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.recurrent_layers import Recurrent, RecurrentState

READ_AT_ONCE = 512  # pieces of a prompt: a long one must not fill the memory


class Remembered(Protocol):
    """What goes from one batch to the next; ``data.text.running_text.Memory`` is one."""

    tensors: dict[str, Tensor]


class TextBatch(Protocol):
    """What the network needs to know of a batch; ``data.text.running_text.TextBatch`` is one."""

    @property
    def inputs(self) -> Tensor:
        """(B, T) ids."""

    @property
    def targets(self) -> Tensor:
        """(B, T) the ids that follow them."""

    @property
    def memory(self) -> Remembered:
        """What was remembered at the end of the stretch before; nothing at the beginning."""


@dataclass(frozen=True)
class WritingState:
    """What the network remembers of N texts, and what it has said already of their next piece.

    Attributes:
        ahead: (N, V − 1) log-probabilities of the next piece; None while the last one is still to be read.
    """

    recurrent: RecurrentState
    ahead: Tensor | None = None


class RecurrentLanguageModel(nn.Module):
    """Embeddings, recurrent layers, and a probability for each piece of the vocabulary at every position.

    Args:
        vocabulary: V; the last id is padding, which is never predicted.
        kind: of the recurrent layers.
        width: W, of the hidden state; ``embedding``: D.
        layers: how many recurrent layers, one above the other.
        dropout: of embeddings, between the layers and of their outputs (Zaremba et al. 2014: never over time).
        tied_output: the output layer's matrix is the embedding table (Press and Wolf 2017). Where W is not D, a
            linear layer stands between.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        kind: RecurrentKind,
        width: int,
        embedding: int,
        layers: int = 1,
        dropout: float = 0.0,
        tied_output: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, embedding)
        self.embedding_dropout, self.output_dropout = Dropout(dropout), Dropout(dropout)
        self.recurrent = Recurrent(kind, embedding, width, layers=layers, dropout=dropout)
        self.narrowing = Linear(width, embedding) if tied_output and width != embedding else None
        self.output_weight = None if tied_output else nn.Parameter(Embedding(vocabulary, width).weight.detach())
        self.output_bias = nn.Parameter(torch.zeros(vocabulary - 1))
        self.pad_id = vocabulary - 1
        self._scale = math.sqrt(embedding)

    @property
    def projection(self) -> Tensor:
        """The output layer's matrix, (V − 1, D) or (V − 1, W)."""
        return self.embedding.weight if self.output_weight is None else self.output_weight

    def read(
        self, ids: Tensor, lengths: Tensor | None = None, state: RecurrentState | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """(B, T) ids to what the output layer takes at every position, and the state behind the last one.

        Args:
            lengths: (B,), from where on a row is padding.
            state: what was read before; None at the beginning of a text.
        """
        with running(self):
            hidden, state = self.recurrent(self._embedded(ids), lengths, state)  # (B, T, W)
            return self._narrowed(hidden), state

    def _embedded(self, ids: Tensor) -> Tensor:
        """(N) ids to (N, D), with entries of size one."""
        return self.embedding_dropout(self.embedding(ids) * self._scale)  # type: ignore[no-any-return]

    def _narrowed(self, hidden: Tensor) -> Tensor:
        """(N, W) to what the output layer takes: (N, D), or the same where it takes W."""
        hidden = self.output_dropout(hidden)
        return hidden if self.narrowing is None else self.narrowing(hidden)

    def forward(
        self, ids: Tensor, lengths: Tensor | None = None, state: RecurrentState | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """Logits (B, T, V − 1): how well each piece would come next, at every position; and the state. As ``read``."""
        hidden, state = self.read(ids, lengths, state)
        logits = linear(hidden, self.projection, self.output_bias)
        show("logits", logits)
        return logits, state

    def loss(self, batch: TextBatch) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the pieces that follow, and their count.

        What the network remembers at the end goes into the batch's memory; the gradient ends at its beginning.
        """
        hidden, state = self.read(batch.inputs, None, _recalled(batch.memory, batch.inputs.device))
        _remember(batch.memory, state)
        with running(self):
            rows, wanted = hidden.flatten(0, 1), batch.targets.flatten()  # (B·T, D), (B·T)
            loss = projected_cross_entropy(rows, self.projection, self.output_bias, wanted)
        return loss, wanted.numel()

    # A piece at a time (decoding.steps.Steps) ------------------------------------------------------------------------

    def start(self, source: Tensor, source_padding: Tensor) -> WritingState:
        """Read the prompts (B, S), each at least one piece, however long they are."""
        lengths, state = (~source_padding).sum(dim=1), None
        for begin in range(0, source.shape[1], READ_AT_ONCE):
            part = source[:, begin : begin + READ_AT_ONCE]
            state = self.read(part, (lengths - begin).clamp(0, part.shape[1]), state)[1]
        assert state is not None
        with running(self):
            return WritingState(state, self._log_probabilities(state.top))

    def step(self, state: WritingState, last: Tensor) -> tuple[Tensor, WritingState]:
        """Log-probabilities (N, V − 1) of the next piece after the pieces ``last`` (N).

        The first step after a prompt reads nothing: the prompt's last piece was read with it.
        """
        if state.ahead is not None:
            return state.ahead, WritingState(state.recurrent)
        with running(self):
            hidden, recurrent = self.recurrent.step(self._embedded(last), state.recurrent)  # (N, W)
            return self._log_probabilities(hidden), WritingState(recurrent)

    def select(self, state: WritingState, rows: Tensor) -> WritingState:
        """Keep, repeat or reorder texts: ``rows`` (M) of the N there are."""
        ahead = None if state.ahead is None else state.ahead.index_select(0, rows)
        return WritingState(state.recurrent.select(rows), ahead)

    def _log_probabilities(self, hidden: Tensor) -> Tensor:
        """(N, W) hidden states to (N, V − 1)."""
        logits = linear(self._narrowed(hidden), self.projection, self.output_bias)
        show("logits", logits)
        return torch.log_softmax(logits.float(), dim=-1)


def _recalled(memory: Remembered, device: torch.device) -> RecurrentState | None:
    """The state that ``_remember`` kept; None at the beginning."""
    scans: dict[str, list[Tensor]] = {}
    for name, each in memory.tensors.items():
        scans.setdefault(name.partition(".")[0], []).append(each.to(device))
    return RecurrentState(tuple(map(tuple, scans.values()))) if scans else None


def _remember(memory: Remembered, state: RecurrentState) -> None:
    """Keep the state in the memory, by the numbers of scan and part, without the way back to the gradient."""
    memory.tensors = {
        f"{number}.{part}": each.detach() for number, scan in enumerate(state.scans) for part, each in enumerate(scan)
    }
