"""A sentence as the words of a vocabulary, and everything that is calculated on the way to their vectors.

n words of the sentence · V words of the vocabulary · D numbers a word
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.text.vocabulary import Vocabulary
from congling.data.text.words import Split, split_words
from congling.equations.activations import sigmoid
from congling.equations.layers import embedding
from congling.equations.one_hot import one_hot
from congling.equations.similarity import cosine

LONGEST_WORD = 12  # characters that are looked up at once


def words_of_sentence(text: str, vocabulary: Vocabulary, how: Split, lower_case: bool = False) -> list[str]:
    """The words of a sentence; unknown ones are among them.

    What stands between two spaces is a word if the vocabulary has it. The rest is split as the run's text was; where
    that is not known, or it was split beforehand, into the longest words that are known.
    """
    found: list[str] = []
    for part in (text.lower() if lower_case else text).split():
        if part in vocabulary:
            found.append(part)
        elif how in ("auto", "spaces"):
            found += _known(split_words(part, "unicode"), vocabulary)
        else:
            found += split_words(part, how)
    return found


def _known(pieces: Sequence[str], vocabulary: Vocabulary) -> Iterator[str]:
    """From left to right the longest run of pieces that is a word; a piece alone where there is none."""
    start = 0
    while start < len(pieces):
        ends = range(min(len(pieces), start + LONGEST_WORD), start, -1)
        end = next((end for end in ends if "".join(pieces[start:end]) in vocabulary), start + 1)
        yield "".join(pieces[start:end])
        start = end


def sentence_values(
    ids: Sequence[int], words: NDArray[np.float32], contexts: NDArray[np.float32] | None
) -> dict[str, Tensor]:
    """By name, what the three encodings of known words are, and how alike they come out.

    Args:
        ids: n.
        words: (V, D), the matrix.
        contexts: (V, D), the vectors of words as neighbours, where the run has them.
    """
    numbers, matrix = torch.tensor(ids, dtype=torch.int64), torch.from_numpy(words)
    vectors = embedding(numbers, matrix)  # (n, D)
    values = {
        "ids": numbers,
        "one_hot": one_hot(numbers, len(matrix)),
        "words.output": vectors,
        "cosines": cosine(vectors[:, None], vectors[None, :]),
    }
    if contexts is not None:  # how likely the column's word is a neighbour of the row's, and not one drawn at random
        values["scores"] = vectors @ torch.from_numpy(contexts)[numbers].T
        values["probabilities"] = sigmoid(values["scores"])
    return values
