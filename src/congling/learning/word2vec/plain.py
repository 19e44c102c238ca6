"""Word2vec as it is defined: which words predict which, and one step of gradient descent after each.

Slow, and exact: the gradient is autograd's, of the network's own loss. ``compiled`` does the same from the same random
numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from congling.learning.word2vec.draws import Draws
from congling.networks.word2vec import ContinuousBagOfWords, SkipGram, WordBatch


@dataclass(frozen=True)
class Example:
    """What one update learns from: words that predict, the word that was there, and those that were drawn."""

    inputs: list[int]
    positive: int
    negatives: list[int]

    @property
    def batch(self) -> WordBatch:
        """The same as a batch of one."""
        return WordBatch(
            torch.tensor([self.inputs]), torch.tensor([self.positive]), torch.tensor([self.negatives])
        )  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """What the examples are drawn by.

    Attributes:
        keep: by word, its threshold of ``keep_thresholds``.
        thresholds, aliases: by word, of ``alias_tables``.
        window, negative, cbow: as in ``Word2VecSettings``.
    """

    keep: list[int]
    thresholds: list[int]
    aliases: list[int]
    window: int
    negative: int
    cbow: bool

    def examples(self, sentence: Sequence[int], draws: Draws) -> Iterator[Example]:
        """The examples of a sentence, in the order in which they are learned from.

        Frequent words are left out now and then: Mikolov et al. 2013b, §2.3. For each place the window is drawn anew,
        so that near neighbours count more than far ones: Mikolov et al. 2013a, §3.2.
        """
        kept = [word for word in sentence if draws.chance(self.keep[word])]
        for place, word in enumerate(kept):
            reach = 1 + draws.below(self.window)
            around = kept[max(0, place - reach) : place] + kept[place + 1 : place + reach + 1]
            if not around:
                continue
            if self.cbow:
                yield Example(around, word, self._negatives(draws))
            else:
                drawn = [self._negatives(draws) for _other in around]
                yield from (Example([word], other, some) for other, some in zip(around, drawn, strict=True))

    def _negatives(self, draws: Draws) -> list[int]:
        return [draws.word(self.thresholds, self.aliases) for _ in range(self.negative)]


def learn_plainly(network: SkipGram | ContinuousBagOfWords, example: Example, rate: float) -> float:
    """One step of gradient descent; returns the loss before it. Only rows of words that took part change.

    In one thing it departs from the gradient, as the C tool and gensim do: of a mean of n neighbours, each takes the
    whole change, not its n-th part. So their learning rate is n times as large; with the true one CBOW learns far too
    slowly at the rates that people give (İrsoy, Benton and Stratos 2021, §3, who call it an error).
    """
    loss, _count = network.loss(example.batch)
    words, contexts = network.words.weight, network.contexts.weight
    of_words, of_contexts = torch.autograd.grad(loss, [words, contexts])
    averaged = len(example.inputs) if isinstance(network, ContinuousBagOfWords) and network.mean else 1
    with torch.no_grad():
        words.sub_(rate * averaged * of_words)
        contexts.sub_(rate * of_contexts)
    return float(loss.detach())
