"""The recurrent network that translates: Sutskever et al. 2014 without attention, Bahdanau et al. 2015 with it.

B batch · S source length · T target length · W width · V vocabulary, padding included
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from congling.equations.activations import tanh
from congling.equations.attention import additive_attention, padding_mask
from congling.equations.glass_box import running, show, stacked
from congling.equations.initialisation import scaled_normal, xavier_uniform
from congling.equations.layers import linear
from congling.networks.layers import Dropout, Embedding, Linear
from congling.networks.recurrent_kinds import STATES, RecurrentKind
from congling.networks.recurrent_layers import Recurrent, RecurrentState
from congling.networks.translation import TranslationBatch, log_probabilities_of_pieces, loss_of_pieces


@dataclass(frozen=True)
class Memory:
    """What the encoder leaves for the decoder to look at; N rows."""

    key: Tensor  # (N, S, W)
    value: Tensor  # (N, S, 2W)
    mask: Tensor  # (N, S), against padding

    def select(self, rows: Tensor) -> Memory:
        """The given rows (M)."""
        return Memory(*(each.index_select(0, rows) for each in (self.key, self.value, self.mask)))


@dataclass(frozen=True)
class RecurrentDecoderState:
    """What the decoder remembers between two steps; N rows, one a hypothesis.

    Attributes:
        sentences: (N,) the sentence of each row: as long as these stay, so does the memory.
        memory: None without attention.
    """

    recurrent: RecurrentState
    sentences: Tensor
    memory: Memory | None


class WordEmbedding(nn.Module):
    """Word vectors times √W, whose entries are then of size one."""

    def __init__(self, table: Embedding, dropout: float) -> None:
        super().__init__()
        self.table = table
        self.dropout = Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """(N) ids to (N, W)."""
        vectors = self.table(ids)
        return self.dropout(vectors * math.sqrt(vectors.shape[-1]))  # type: ignore[no-any-return]


class AdditiveAttention(nn.Module):
    """softmax(vᵀ tanh(W_a s + U_a h)) h: Bahdanau et al. 2015, appendix A.1.2. All parameters by that paper's names.

    Args:
        query, value: the widths of s and of h.
        inner: how many numbers query and key are compared in.
    """

    def __init__(self, query: int, value: int, inner: int) -> None:
        super().__init__()
        self.W_a = nn.Parameter(torch.empty(inner, query))
        self.U_a = nn.Parameter(torch.empty(inner, value))
        self.v_a = nn.Parameter(torch.empty(inner))
        xavier_uniform(self.W_a)
        xavier_uniform(self.U_a)
        scaled_normal(self.v_a, inner**-0.5)

    def project_memory(self, value: Tensor, padding: Tensor) -> Memory:
        """The encoder's output (B, S, 2W) with what each of its positions offers, calculated once for all queries."""
        with running(self):
            key = linear(value, self.U_a)
            return Memory(key, value, padding_mask(padding, value.dtype)[:, 0, 0])

    def forward(self, query: Tensor, memory: Memory) -> Tensor:
        """One query for each row: (N, W) to the context (N, 2W)."""
        projected = linear(query, self.W_a)
        return additive_attention(projected, memory.key, memory.value, self.v_a, memory.mask)


class RecurrentTranslator(nn.Module):
    """An encoder that reads in both directions, and a decoder that writes from what it left.

    Without attention all that the decoder knows of the source is the state that it starts from. With it, each step
    looks at all that the encoder found, asks with its state, and takes the answer in beside the last piece.

    Args:
        source_vocabulary, target_vocabulary: sizes V; the last id of each is padding.
        kind: of the recurrence.
        width: W, of the word vectors and of each hidden state.
        encoder_layers, decoder_layers: how many; the encoder's have two directions.
        attention: whether the decoder looks at the source.
        dropout: of the word vectors, between the layers and before the output layer, never over time (Zaremba,
            Sutskever and Vinyals 2014).
        shared_embeddings: one table for both languages (a joint vocabulary).
        tied_output: the output layer's matrix is the target's embedding table (Press and Wolf 2017).
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        *,
        kind: RecurrentKind,
        width: int,
        encoder_layers: int,
        decoder_layers: int,
        attention: bool,
        dropout: float = 0.0,
        shared_embeddings: bool = False,
        tied_output: bool = True,
    ) -> None:
        super().__init__()
        if shared_embeddings and source_vocabulary != target_vocabulary:
            raise ValueError(f"one table cannot serve {source_vocabulary} source and {target_vocabulary} target pieces")
        source_table = Embedding(source_vocabulary, width)
        target_table = source_table if shared_embeddings else Embedding(target_vocabulary, width)
        self.source_embedding = WordEmbedding(source_table, dropout)
        self.target_embedding = WordEmbedding(target_table, dropout)
        self.encoder = Recurrent(kind, width, width, layers=encoder_layers, bidirectional=True, dropout=dropout)
        self.bridge = Linear(2 * width, decoder_layers * STATES[kind] * width)
        self.attention = AdditiveAttention(width, 2 * width, width) if attention else None
        seen = 2 * width if attention else 0  # of the source, at each step
        self.decoder = Recurrent(kind, width + seen, width, layers=decoder_layers, dropout=dropout)
        self.readout = Linear(2 * width + seen, width)
        self.dropout = Dropout(dropout)
        self.output_weight = None if tied_output else nn.Parameter(Embedding(target_vocabulary, width).weight.detach())
        self.output_bias = nn.Parameter(torch.zeros(target_vocabulary - 1))
        self.pad_id = target_vocabulary - 1
        self._states, self._decoder_layers = STATES[kind], decoder_layers

    # The parts -------------------------------------------------------------------------------------------------------

    @property
    def projection(self) -> Tensor:
        """The output layer's matrix, (V − 1, W): padding is never predicted."""
        return self.target_embedding.table.weight if self.output_weight is None else self.output_weight

    @property
    def cross_attention(self) -> list[str]:
        """Where a glass box around ``forward`` shows how the target looks at the source, (B, T, S); empty without."""
        return [] if self.attention is None else ["attention.weights"]

    def encode(self, source: Tensor, source_padding: Tensor) -> tuple[RecurrentState, Memory | None]:
        """Read (B, S) ids: the state that the decoder starts from, and what it may look at."""
        with running(self):
            lengths = (~source_padding).sum(dim=1)
            outputs, state = self.encoder(self.source_embedding(source), lengths)
            memory = None if self.attention is None else self.attention.project_memory(outputs, source_padding)
            return self._first_state(state), memory

    def _first_state(self, read: RecurrentState) -> RecurrentState:
        """s₀ = tanh(W_s h + b) of both directions' last states, for each layer: Bahdanau et al. 2015, appendix A.2.2.

        There it is the backward direction's alone. An LSTM's cell begins in the same way.
        """
        last = torch.cat([read.scans[-2][0], read.scans[-1][0]], dim=-1)  # (B, 2W)
        parts = iter(tanh(self.bridge(last)).chunk(self._decoder_layers * self._states, dim=-1))
        scans = tuple(tuple(next(parts) for _ in range(self._states)) for _ in range(self._decoder_layers))
        return RecurrentState(scans)

    def decode(self, target_input: Tensor, state: RecurrentState, memory: Memory | None) -> Tensor:
        """All target positions: (B, T) ids to what the output layer takes (B, T, W)."""
        with running(self):
            embedded = self.target_embedding(target_input)
            if memory is None:
                outputs, _ = self.decoder(embedded, None, state)
                return self._read_out(outputs, embedded, None)
            with stacked(dim=1):
                positions = []
                for piece in embedded.unbind(1):
                    output, context, state = self._look_and_step(piece, state, memory)
                    positions.append((output, context))
            outputs, contexts = (torch.stack(each, dim=1) for each in zip(*positions, strict=True))
            return self._read_out(outputs, embedded, contexts)

    def _look_and_step(
        self, piece: Tensor, state: RecurrentState, memory: Memory
    ) -> tuple[Tensor, Tensor, RecurrentState]:
        """One position: look at the source with the state before, and go on with what was seen."""
        assert self.attention is not None
        context = self.attention(state.top, memory)  # (N, 2W)
        output, state = self.decoder.step(torch.cat([piece, context], dim=-1), state)
        return output, context, state

    def _read_out(self, output: Tensor, embedded: Tensor, context: Tensor | None) -> Tensor:
        """The deep output of Bahdanau et al. 2015, appendix A.2.2, with tanh in place of maxout: (…, W)."""
        parts = [output, embedded] if context is None else [output, embedded, context]
        return self.dropout(tanh(self.readout(torch.cat(parts, dim=-1))))  # type: ignore[no-any-return]

    # Learning --------------------------------------------------------------------------------------------------------

    def forward(self, source: Tensor, source_padding: Tensor, target_input: Tensor) -> Tensor:
        """Logits (B, T, V − 1): how well each piece would come next, at every position of the target."""
        hidden = self.decode(target_input, *self.encode(source, source_padding))
        logits = linear(hidden, self.projection, self.output_bias)
        show("logits", logits)
        return logits

    def loss(self, batch: TranslationBatch, label_smoothing: float = 0.0) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the target tokens that are not padding, and their count."""
        hidden = self.decode(batch.target_input, *self.encode(batch.source, batch.source_padding))
        with running(self):
            return loss_of_pieces(hidden, self.projection, self.output_bias, batch.target_output, label_smoothing)

    # A position at a time (decoding.steps.Steps) ---------------------------------------------------------------------

    def start(self, source: Tensor, source_padding: Tensor) -> RecurrentDecoderState:
        """Read the source; nothing is written yet."""
        state, memory = self.encode(source, source_padding)
        return RecurrentDecoderState(state, torch.arange(len(source), device=source.device), memory)

    def step(self, state: RecurrentDecoderState, last: Tensor) -> tuple[Tensor, RecurrentDecoderState]:
        """Log-probabilities (N, V − 1) of the next piece after the pieces ``last`` (N)."""
        with running(self):
            piece, context = self.target_embedding(last), None
            if state.memory is None:
                output, recurrent = self.decoder.step(piece, state.recurrent)
            else:
                output, context, recurrent = self._look_and_step(piece, state.recurrent, state.memory)
            hidden = self._read_out(output, piece, context)
            log_probabilities = log_probabilities_of_pieces(hidden, self.projection, self.output_bias)
        return log_probabilities, RecurrentDecoderState(recurrent, state.sentences, state.memory)

    def select(self, state: RecurrentDecoderState, rows: Tensor) -> RecurrentDecoderState:
        """Keep, repeat or reorder hypotheses: ``rows`` (M) of the N there are.

        Rows that change places within their sentences look at the same memory, which then stays as it is.
        """
        sentences, memory = state.sentences.index_select(0, rows), state.memory
        if memory is not None and not torch.equal(sentences, state.sentences):
            memory = memory.select(rows)
        return RecurrentDecoderState(state.recurrent.select(rows), sentences, memory)
