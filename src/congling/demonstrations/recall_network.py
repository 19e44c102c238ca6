"""The networks that recall: the same symbols in and letters out, and between them recurrence or attention.

B batch · T positions · W width
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from congling.data.examples import ExampleBatch
from congling.demonstrations.recall import LETTERS, QUESTION, Reader, RecallOptions
from congling.equations.glass_box import running
from congling.equations.losses import cross_entropy
from congling.networks.layers import Embedding, Linear
from congling.networks.recurrent_layers import Recurrent
from congling.networks.transformer import InputEmbedding
from congling.networks.transformer_layers import EncoderLayer

WIDER = 4  # widths are multiples of this


class RecallNetwork(nn.Module):
    """A vector for each symbol, a reader of one layer, and the last position's output to logits of the letters."""

    def __init__(self, reader: Reader, width: int) -> None:
        super().__init__()
        table = Embedding(QUESTION + 2, width)  # its last id is padding, of which there is none here
        self.embedding: nn.Module
        self.reader: nn.Module
        if reader == "attention":
            self.embedding = InputEmbedding(table, dropout=0.0)  # with positions: attention has no order of its own
            self.reader = EncoderLayer(
                width, 1, 2 * width, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, activation="relu",
                norm_first=False,
            )  # fmt: skip
        else:
            self.embedding, self.reader = table, Recurrent(reader, width, width)
        self.output = Linear(width, LETTERS)

    def embed(self, symbols: Tensor) -> Tensor:
        """(B, T) to (B, T, W)."""
        with running(self):
            return self.embedding(symbols)  # type: ignore[no-any-return]

    def read(self, vectors: Tensor) -> Tensor:
        """(B, T, W) to logits (B, letters)."""
        with running(self):
            recurrent = isinstance(self.reader, Recurrent)
            read = self.reader(vectors)[0] if recurrent else self.reader(vectors, None)
            return self.output(read[:, -1])  # type: ignore[no-any-return]

    def forward(self, symbols: Tensor) -> Tensor:
        """(B, T) to logits (B, letters)."""
        return self.read(self.embed(symbols))

    def loss(self, batch: ExampleBatch) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the sequences, and their count."""
        return cross_entropy(self(batch.inputs), batch.targets), len(batch)


def network_of(options: RecallOptions) -> RecallNetwork:
    """The widest network with no more parameters than the options allow."""
    with torch.device("meta"):
        widths = itertools.count(WIDER, WIDER)
        too_wide = next(width for width in widths if size(RecallNetwork(options.reader, width)) > options.parameters)
    return RecallNetwork(options.reader, too_wide - WIDER)


def size(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(each.numel() for each in network.parameters())
