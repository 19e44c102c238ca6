"""How well a text is foretold: what a network gave for every piece of it, and what follows from that."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """The surprise of a text: the sum of −ln p over its pieces, each given those before it.

    Attributes:
        nats: that sum.
        pieces: how many were foretold; the end of a document is one.
        characters: that they stand for; the end of a document counts as one.
    """

    nats: float
    pieces: int
    characters: float

    @property
    def loss(self) -> float:
        """Nats a piece: the mean cross-entropy."""
        return self.nats / self.pieces

    @property
    def perplexity(self) -> float:
        """e to the loss: between how many equally likely pieces the network wavers, so to say."""
        return math.exp(min(self.loss, 700))

    @property
    def loss_a_character(self) -> float:
        """Nats a character of the text, whatever pieces it was cut into."""
        return self.nats / self.characters

    @property
    def bits_a_character(self) -> float:
        """The same in bits: as small could a compressor make the text that knew what the network knows."""
        return self.loss_a_character / math.log(2)
