"""From texts to pieces and back, also where the pieces are whole words, which must be found first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from congling.data.text.tokenizer_training import Kind, Normalization, train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.data.text.words import SettledSplit, splitter, splitting_of

LOOKED_AT = 1000  # texts, to find out how their words are to be found


class PieceCutter:
    """A tokenizer, and how words are found before it where it is one of words.

    Attributes:
        tokenizer: of the pieces.
        split: how words are found; None where the pieces are no words.
    """

    def __init__(self, tokenizer: Tokenizer, split: SettledSplit | None = None) -> None:
        self.tokenizer, self.split = tokenizer, split

    def encode_all(self, texts: Sequence[str], num_threads: int = -1) -> list[list[int]]:
        """Piece ids of many texts, without the end."""
        return self.tokenizer.encode_all([self.separated(text) for text in texts], num_threads)

    def encode(self, text: str) -> list[int]:
        """Piece ids of one text, without the end."""
        return self.encode_all([text], 1)[0]

    def separated(self, text: str) -> str:
        """The text as the tokenizer takes it: where pieces are words, with a space between two of them."""
        return _separated(text, self.split)


def train_pieces(texts: Sequence[str], *, kind: Kind, size: int, normalization: Normalization) -> PieceCutter:
    """Finds the pieces of texts; fewer where the texts cannot fill the size.

    Raises:
        UserError: Chinese words are wanted, and what finds them is not installed; there is no text.
    """
    split = splitting_of(islice(texts, LOOKED_AT)) if kind == "words" else None
    separated = (_separated(text, split) for text in texts)
    tokenizer = train_tokenizer(
        separated, size=size, kind=kind, normalization=normalization, shrink=True, option="--vocabulary"
    )
    return PieceCutter(tokenizer, split)


def _separated(text: str, split: SettledSplit | None) -> str:
    return text if split is None else " ".join(splitter(split)(text.lower()))
