"""The Transformer that translates: Vaswani et al. 2017, figure 1.

B batch · S source length · T target length · W width · H heads · D = W / H · V vocabulary, padding included
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from congling.equations.attention import causal_mask, padding_mask, same_sentence_mask
from congling.equations.glass_box import running, show
from congling.equations.layers import linear
from congling.equations.positions import sinusoidal_positions
from congling.networks.layers import Dropout, Embedding, LayerNormalisation
from congling.networks.transformer_layers import Activation, DecoderLayer, EncoderLayer, KeysAndValues
from congling.networks.translation import (
    SentencePlaces,
    TranslationBatch,
    log_probabilities_of_pieces,
    loss_of_pieces,
)


@dataclass(frozen=True)
class DecoderState:
    """What a decoder remembers between two steps; N rows, one a hypothesis."""

    position: int
    memory: list[KeysAndValues]  # for each layer, (N, H, S, D)
    memory_mask: Tensor  # (N, 1, 1, S)
    past: list[KeysAndValues] | None  # for each layer, (N, H, position, D)


class InputEmbedding(nn.Module):
    """Word vectors times √W, plus positions: Vaswani et al. 2017, §3.4 and §3.5."""

    def __init__(self, table: Embedding, dropout: float) -> None:
        super().__init__()
        self.table = table
        self.dropout = Dropout(dropout)
        self._positions = torch.empty(0, 0)

    def forward(self, ids: Tensor, first: int = 0, places: Tensor | None = None) -> Tensor:
        """(B, T) ids, of which the first stands at position ``first`` or each at one of ``places``, to (B, T, W)."""
        vectors = self.table(ids)
        width = vectors.shape[-1]
        positions = self._positions_from(first, ids.shape[1], width, vectors)
        if places is not None:
            positions = positions[places]
        show("positions", positions)
        return self.dropout(torch.add(positions, vectors, alpha=math.sqrt(width)))  # type: ignore[no-any-return]

    def _positions_from(self, first: int, length: int, width: int, like: Tensor) -> Tensor:
        known = self._positions
        if len(known) < first + length or (known.dtype, known.device) != (like.dtype, like.device):
            self._positions = sinusoidal_positions(max(256, 2 * (first + length)), width).to(like)
        return self._positions[first : first + length]


class Encoder(nn.Module):
    """Reads the source: each layer lets every position look at all others. With ``norm_first``, a last norm."""

    def __init__(self, layers: list[EncoderLayer], last_norm: LayerNormalisation | None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = last_norm

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """(B, S, W) to (B, S, W)."""
        for layer in self.layers:
            embedded = layer(embedded, mask)
        return embedded if self.norm is None else self.norm(embedded)


class Decoder(nn.Module):
    """Writes the target: each position looks at those before it and at the source."""

    def __init__(self, layers: list[DecoderLayer], last_norm: LayerNormalisation | None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = last_norm

    def project_memory(self, memory: Tensor) -> list[KeysAndValues]:
        """The encoder's output (B, S, W) as each layer's keys and values."""
        return [layer.cross_attention.project_memory(memory) for layer in self.layers]  # type: ignore[union-attr,operator]

    def forward(
        self,
        embedded: Tensor,
        memory: list[KeysAndValues],
        memory_mask: Tensor,
        mask: Tensor | None,
        past: list[KeysAndValues] | None = None,
    ) -> tuple[Tensor, list[KeysAndValues]]:
        """(B, T, W) to (B, T, W), and each layer's keys and values of all positions so far."""
        present: list[KeysAndValues] = []
        for number, layer in enumerate(self.layers):
            before = past[number] if past else None
            embedded, keys_and_values = layer(embedded, memory[number], memory_mask, mask, before)
            present.append(keys_and_values)
        return embedded if self.norm is None else self.norm(embedded), present


class Transformer(nn.Module):
    """An encoder and a decoder that translate token sequences.

    Args:
        source_vocabulary, target_vocabulary: sizes V; the last id of each is padding.
        width: W, of every layer's input and output.
        heads: H; must divide the width.
        feed_forward: the inner width of the feed-forward layers.
        encoder_layers, decoder_layers: how many.
        dropout: after the embeddings and every sub-layer; ``attention_dropout`` of the attention weights;
            ``activation_dropout`` inside the feed-forward layers.
        norm_first: normalise before each sub-layer instead of after it.
        shared_embeddings: one table for both languages (a joint vocabulary).
        tied_output: the output layer's matrix is the target's embedding table (Press and Wolf 2017).
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        *,
        width: int,
        heads: int,
        feed_forward: int,
        encoder_layers: int,
        decoder_layers: int,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        activation: Activation = "relu",
        norm_first: bool = False,
        shared_embeddings: bool = False,
        tied_output: bool = True,
    ) -> None:
        super().__init__()
        if shared_embeddings and source_vocabulary != target_vocabulary:
            raise ValueError(f"one table cannot serve {source_vocabulary} source and {target_vocabulary} target pieces")
        rates = {
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation_dropout": activation_dropout,
        }
        source_table = Embedding(source_vocabulary, width)
        target_table = source_table if shared_embeddings else Embedding(target_vocabulary, width)
        self.source_embedding = InputEmbedding(source_table, dropout)
        self.target_embedding = InputEmbedding(target_table, dropout)
        self.encoder = Encoder(
            [
                EncoderLayer(width, heads, feed_forward, activation=activation, norm_first=norm_first, **rates)
                for _ in range(encoder_layers)
            ],
            LayerNormalisation(width) if norm_first else None,
        )
        self.decoder = Decoder(
            [
                DecoderLayer(width, heads, feed_forward, activation=activation, norm_first=norm_first, **rates)
                for _ in range(decoder_layers)
            ],
            LayerNormalisation(width) if norm_first else None,
        )
        self.output_weight = None if tied_output else nn.Parameter(Embedding(target_vocabulary, width).weight.detach())
        self.output_bias = nn.Parameter(torch.zeros(target_vocabulary - 1))
        self.pad_id = target_vocabulary - 1

    # The parts -------------------------------------------------------------------------------------------------------

    @property
    def projection(self) -> Tensor:
        """The output layer's matrix, (V − 1, W): padding is never predicted."""
        return self.target_embedding.table.weight if self.output_weight is None else self.output_weight

    @property
    def cross_attention(self) -> list[str]:
        """Where a glass box around ``forward`` shows how the target looks at the source, (B, H, T, S), by layer."""
        return [f"decoder.layers.{number}.cross_attention.weights" for number in range(len(self.decoder.layers))]

    def encode(self, source: Tensor, source_padding: Tensor) -> tuple[Tensor, Tensor]:
        """Read (B, S) ids: the encoder's output (B, S, W), and the mask (B, 1, 1, S) against padding."""
        mask = padding_mask(source_padding, self.projection.dtype)
        return self._read(source, mask), mask

    def decode(self, target_input: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        """All target positions at once: (B, T) ids to hidden vectors (B, T, W)."""
        mask = causal_mask(target_input.shape[1], memory.dtype, memory.device)
        return self._write(target_input, memory, memory_mask, mask)

    def _decode_packed(self, batch: TranslationBatch, packing: SentencePlaces) -> Tensor:
        """What ``decode`` does for sentences in rows of their own, (B, T, W): each sees itself and its source alone."""
        sources, targets, dtype = packing.source_sentences, packing.target_sentences, self.projection.dtype
        memory = self._read(batch.source, same_sentence_mask(sources, sources, dtype), packing.source_positions)
        memory_mask = same_sentence_mask(targets, sources, dtype)
        mask = same_sentence_mask(targets, targets, dtype) + causal_mask(targets.shape[1], dtype, targets.device)
        return self._write(batch.target_input, memory, memory_mask, mask, packing.target_positions)

    def _read(self, source: Tensor, mask: Tensor, places: Tensor | None = None) -> Tensor:
        with running(self):
            return self.encoder(self.source_embedding(source, places=places), mask)  # type: ignore[no-any-return]

    def _write(
        self, target_input: Tensor, memory: Tensor, memory_mask: Tensor, mask: Tensor, places: Tensor | None = None
    ) -> Tensor:
        with running(self):
            embedded = self.target_embedding(target_input, places=places)
            hidden, _ = self.decoder(embedded, self.decoder.project_memory(memory), memory_mask, mask)
            return hidden  # type: ignore[no-any-return]

    # Learning --------------------------------------------------------------------------------------------------------

    def forward(self, source: Tensor, source_padding: Tensor, target_input: Tensor) -> Tensor:
        """Logits (B, T, V − 1): how well each piece would come next, at every position of the target."""
        hidden = self.decode(target_input, *self.encode(source, source_padding))
        logits = linear(hidden, self.projection, self.output_bias)
        show("logits", logits)
        return logits

    def loss(self, batch: TranslationBatch, label_smoothing: float = 0.0) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the target tokens that are not padding, and their count."""
        if batch.packing is None:
            hidden = self.decode(batch.target_input, *self.encode(batch.source, batch.source_padding))
        else:
            hidden = self._decode_packed(batch, batch.packing)
        with running(self):
            return loss_of_pieces(hidden, self.projection, self.output_bias, batch.target_output, label_smoothing)

    # A position at a time (decoding.steps.Steps) ---------------------------------------------------------------------

    def start(self, source: Tensor, source_padding: Tensor) -> DecoderState:
        """Read the source; nothing is written yet."""
        memory, mask = self.encode(source, source_padding)
        with running(self):
            return DecoderState(0, self.decoder.project_memory(memory), mask, None)

    def step(self, state: DecoderState, last: Tensor) -> tuple[Tensor, DecoderState]:
        """Log-probabilities (N, V − 1) of the next piece after the pieces ``last`` (N)."""
        with running(self):
            embedded = self.target_embedding(last.unsqueeze(1), first=state.position)
            hidden, past = self.decoder(embedded, state.memory, state.memory_mask, None, state.past)
            log_probabilities = log_probabilities_of_pieces(hidden[:, 0], self.projection, self.output_bias)
        return log_probabilities, DecoderState(state.position + 1, state.memory, state.memory_mask, past)

    def select(self, state: DecoderState, rows: Tensor) -> DecoderState:
        """Keep, repeat or reorder hypotheses: ``rows`` (M) of the N there are."""

        def pick(pairs: list[KeysAndValues]) -> list[KeysAndValues]:
            return [(key.index_select(0, rows), value.index_select(0, rows)) for key, value in pairs]

        past = None if state.past is None else pick(state.past)
        return DecoderState(state.position, pick(state.memory), state.memory_mask.index_select(0, rows), past)
