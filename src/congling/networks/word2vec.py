"""The two networks of word2vec: a word predicts each of its neighbours, or its neighbours together predict the word.

Both own two vectors for every word: one for when it predicts, which is the word's vector in the end, and one for when
it is predicted. ``words.weight`` and ``contexts.weight`` are (V, D).

N examples · C neighbours · K negatives · V vocabulary · D width
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from congling.equations.glass_box import running, show
from congling.equations.negative_sampling import negative_sampling_loss
from congling.networks.layers import Embedding


@dataclass(frozen=True)
class WordBatch:
    """Words that predict words.

    Attributes:
        inputs: (N, C) the words that predict: one for skip-gram; for CBOW the neighbours, filled up with V.
        positives: (N,) the words that were there.
        negatives: (N, K) words that were drawn at random. One that is the positive does not count.
    """

    inputs: Tensor
    positives: Tensor
    negatives: Tensor


class SkipGram(nn.Module):
    """A word predicts each of its neighbours: Mikolov et al. 2013b, §2.

    Args:
        vocabulary: V.
        width: D.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.words, self.contexts = _word_vectors(vocabulary, width), _context_vectors(vocabulary, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, 1) ids to the vectors that predict, (N, D)."""
        return self.words(inputs).squeeze(1)  # type: ignore[no-any-return]

    def loss(self, batch: WordBatch) -> tuple[Tensor, int]:
        """The negative-sampling loss in nats, summed over the batch, and the number of its positives."""
        with running(self):
            return _loss(self(batch.inputs), self.contexts, batch), len(batch.positives)


class ContinuousBagOfWords(nn.Module):
    """The neighbours together predict the word: Mikolov et al. 2013a, §3.1.

    Args:
        vocabulary: V.
        width: D.
        mean: of the neighbours' vectors take the mean, else the sum.
    """

    def __init__(self, vocabulary: int, width: int, mean: bool = True) -> None:
        super().__init__()
        self.words, self.contexts = _word_vectors(vocabulary, width), _context_vectors(vocabulary, width)
        self.pad_id = vocabulary
        self.mean = mean

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C) ids to the vectors that predict, (N, D)."""
        total = self.words(inputs).sum(dim=1)
        if not self.mean:
            return total  # type: ignore[no-any-return]
        count = (inputs != self.pad_id).sum(dim=1, keepdim=True)
        return total / count.to(total.dtype)  # type: ignore[no-any-return]

    def loss(self, batch: WordBatch) -> tuple[Tensor, int]:
        """The negative-sampling loss in nats, summed over the batch, and the number of its positives."""
        with running(self):
            return _loss(self(batch.inputs), self.contexts, batch), len(batch.positives)


def _word_vectors(vocabulary: int, width: int) -> Embedding:
    """One row a word, evenly spread between −1 / D and 1 / D; the id V has the vector zero.

    So gensim has it; from the C tool's vectors, half as long, learning sets in later.
    """
    vectors = Embedding(vocabulary + 1, width)
    nn.init.uniform_(vectors.weight, -1 / width, 1 / width)
    return vectors


def _context_vectors(vocabulary: int, width: int) -> Embedding:
    """One row a word, from zero as in the C tool: at first every word is as likely as not."""
    vectors = Embedding(vocabulary + 1, width)
    nn.init.zeros_(vectors.weight)
    return vectors


def _loss(predicted: Tensor, contexts: Embedding, batch: WordBatch) -> Tensor:
    show("predicted", predicted)
    counted = batch.negatives != batch.positives.unsqueeze(1)
    return negative_sampling_loss(predicted, contexts(batch.positives), contexts(batch.negatives), counted)
