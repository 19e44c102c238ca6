"""The network that reads a text and names its class: recurrent layers read, pooling sums up, a linear layer decides.

B batch · T time · V vocabulary · D width of an embedding · W width of a hidden state · K classes
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from congling.equations.glass_box import running, show
from congling.equations.losses import cross_entropy
from congling.equations.pooling_over_time import max_over_time, mean_over_time
from congling.networks.bag_of_ngrams import BagOfNgrams
from congling.networks.layers import Dropout, Embedding, Linear
from congling.networks.neighbour_guesses import NeighbourGuesses
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.recurrent_layers import Recurrent, RecurrentState

TimePooling = Literal["last", "mean", "max", "max-mean"]


class LabelledTextBatch(Protocol):
    """What the network needs to know of a batch; ``data.text.labelled_batches.TextBatch`` is one."""

    @property
    def ids(self) -> Tensor:
        """(B, T)."""

    @property
    def lengths(self) -> Tensor:
        """(B,), from 1."""

    @property
    def targets(self) -> Tensor:
        """(B,) numbers of classes."""


class TextClassifier(nn.Module):
    """Embeddings, recurrent layers, pooling over time, a linear layer: Dai and Le 2015, §2, for ``last`` in one
    direction; Collobert et al. 2011, §3.3, for ``max``.

    With n-grams a linear model stands beside it, as in Cheng et al. 2016, §3. There both learn by one loss; here each
    learns by its own (what their §3.3 calls an ensemble), so that the quick one leaves the other its work. The answer
    is the mean of both scores: the probabilities' geometric mean, normalised (Mesnil et al. 2015 mix such two models).

    Args:
        vocabulary: V; the last id is padding.
        classes: K.
        kind: the recurrence.
        width: W, in each direction.
        embedding: D.
        layers: recurrent ones.
        bidirectional: read in both directions.
        pooling: what is kept of the states of a text: ``last``, those after its last piece (of the backward direction,
            after its first); ``mean`` or ``max`` of each unit over time; ``max-mean``, both side by side.
        dropout: probability, of what was pooled, and between recurrent layers.
        embedding_dropout: probability, of each number of an embedding.
        piece_dropout: probability with which a piece is unknown in training (Iyyer et al. 2015, §3.1; Dai and Le 2015).
        unknown_id: of the piece that such a piece becomes.
        guesses: with heads that guess neighbouring pieces, for ``guess_loss``.
        guess_dropout: probability, of each number of an embedding and of a projected state, for ``guess_loss``.
        ngrams: longest run of pieces in the linear model; 0 for none.
        ngram_dropout: probability, of each run.
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        kind: RecurrentKind,
        width: int,
        embedding: int,
        layers: int = 1,
        bidirectional: bool = True,
        pooling: TimePooling = "max",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        piece_dropout: float = 0.0,
        unknown_id: int = 1,
        guesses: bool = False,
        guess_dropout: float = 0.0,
        ngrams: int = 0,
        ngram_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if pooling not in get_args(TimePooling):
            raise ValueError(f"there is no pooling {pooling}")
        self.pooling, self.piece_dropout, self.unknown_id = pooling, piece_dropout, unknown_id
        self.embedding = Embedding(vocabulary, embedding)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.recurrent = Recurrent(kind, embedding, width, layers=layers, bidirectional=bidirectional, dropout=dropout)
        self.dropout = Dropout(dropout)
        features = width * self.recurrent.directions * (2 if pooling == "max-mean" else 1)
        self.output = Linear(features, classes)
        directions = self.recurrent.directions
        self.guesses = (
            NeighbourGuesses(vocabulary, width, embedding, directions=directions, dropout=guess_dropout)
            if guesses
            else None
        )
        self.ngrams = BagOfNgrams(classes, longest=ngrams, dropout=ngram_dropout) if ngrams else None

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, whose rows are padded from ``lengths`` (B,) on, to logits (B, K)."""
        answers = self._answers(ids, lengths)
        return answers[0] if len(answers) == 1 else (answers[0] + answers[1]) / 2

    def _answers(self, ids: Tensor, lengths: Tensor) -> list[Tensor]:
        """The logits (B, K) of the network that reads, and those of the n-grams if there are any."""
        states, last = self._read(ids, lengths, self.embedding_dropout)
        if self.pooling == "last":
            pooled = torch.cat([scan[0] for scan in last.scans[-self.recurrent.directions :]], dim=-1)
        else:
            ways = {"mean": mean_over_time, "max": max_over_time}
            pooled = torch.cat([ways[way](states, lengths) for way in self.pooling.split("-")], dim=-1)
        show("pooled", pooled)
        answers = [self.output(self.dropout(pooled))]
        if self.ngrams is not None:
            answers.append(self.ngrams(ids, lengths))
        return answers

    def _read(self, ids: Tensor, lengths: Tensor, dropout: Dropout) -> tuple[Tensor, RecurrentState]:
        """The states of the last layer (B, T, W · directions), and what is left after reading."""
        embedded = dropout(self.embedding(self._with_unknown(ids, lengths)))  # (B, T, D)
        read: tuple[Tensor, RecurrentState] = self.recurrent(embedded, lengths)
        return read

    def _with_unknown(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Some pieces made unknown, in training; never the end, of which the network shall be sure."""
        if not self.training or self.piece_dropout == 0:
            return ids
        inside = torch.arange(ids.shape[1], device=ids.device) < (lengths - 1).unsqueeze(1)
        hidden = torch.rand(ids.shape, device=ids.device) < self.piece_dropout
        return torch.where(inside & hidden, self.unknown_id, ids)

    def loss(self, batch: LabelledTextBatch) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the batch, and the number of its texts.

        With n-grams it is the mean of both answers' own cross-entropies, which that of the mean answer never exceeds.
        """
        with running(self):
            answers = self._answers(batch.ids, batch.lengths)
            exact = [logits.to(torch.promote_types(logits.dtype, torch.float32)) for logits in answers]
            losses = torch.stack([cross_entropy(logits, batch.targets) for logits in exact])
        return losses.mean(), len(batch.targets)

    def guess_loss(self, batch: LabelledTextBatch) -> tuple[Tensor, int]:
        """The cross-entropy in nats of guessing pieces by their neighbours, summed, and the number of guesses.

        Raises:
            ValueError: the network has no heads for it.
        """
        if self.guesses is None:
            raise ValueError("a network without guesses cannot learn by them")
        with running(self):
            states, _last = self._read(batch.ids, batch.lengths, self.guesses.dropout)
            loss: tuple[Tensor, int] = self.guesses.loss(states, batch.ids, batch.lengths, self.embedding)
        return loss

    def extra_repr(self) -> str:
        return f"pooling={self.pooling}, piece_dropout={self.piece_dropout}"
