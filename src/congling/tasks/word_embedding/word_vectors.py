"""Words and their vectors: how alike two words are, which words are nearest, and what a is to b as c is to it.

The names of the methods are those that people know from gensim's ``KeyedVectors``.

V vocabulary · D numbers of a vector · n words of a question
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from congling.data.text.vocabulary import Vocabulary
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_arrays
from congling.learning.runs import Run
from congling.tasks.word_embedding.stored_run import VOCABULARY, word_embedding_options_of

By = Literal["cosine", "dot"]
Vector = NDArray[np.float32]
Ranked = list[tuple[str, float]]

AVOID_ZERO = 1e-6  # as in gensim; Levy & Goldberg take 0.001


class UnknownWord(UserError, KeyError):
    """A word that has no vector. It is a ``KeyError`` too, as a missing key is elsewhere."""

    __str__ = Exception.__str__  # that of KeyError would put the message between quotation marks


class WordVectors:
    """A vector for each word of a vocabulary.

    Args:
        vocabulary: or the words alone, most frequent first.
        vectors: (V, D); kept as it is if it is float32.
        contexts: (V, D) the vectors of the words as neighbours, of a run that was trained here.

    Attributes:
        vectors: (V, D) float32.
    """

    def __init__(self, vocabulary: Vocabulary | Sequence[str], vectors: Vector, contexts: Vector | None = None) -> None:
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.vectors: Vector = np.asarray(vectors, np.float32)
        self.contexts = contexts
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.vocabulary):
            raise ValueError(f"{len(self.vocabulary)} words cannot have vectors of shape {self.vectors.shape}")

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "cpu") -> WordVectors:
        """The words of a run and their vectors at one of its checkpoints.

        Args:
            device: is taken as other tasks take it; the vectors always are in the memory of the processor.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        word_embedding_options_of(run)  # refuses runs of other tasks, and a run.yaml that was edited
        vocabulary, weights = Vocabulary.read(run.file(VOCABULARY)), load_arrays(run, which)
        try:
            return cls(vocabulary, weights["words.weight"], weights.get("contexts.weight"))
        except (KeyError, ValueError) as error:
            message = _("the vectors of {run} do not belong to its {file}: undo the edit")
            raise UserError(message.format(run=run.path, file=VOCABULARY)) from error

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __getitem__(self, word: str) -> Vector:
        return self.vector(word)

    @property
    def words(self) -> list[str]:
        """The words, most frequent first."""
        return self.vocabulary.words

    index_to_key = words

    @property
    def vector_size(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    @cached_property
    def norms(self) -> Vector:
        """|v| of each vector: (V,); 1 for a vector of zeros, so that its cosine with anything is 0."""
        norms: Vector = np.sqrt(np.einsum("vd,vd->v", self.vectors, self.vectors))
        return np.where(norms > 0, norms, np.float32(1))

    def number(self, word: str) -> int:
        """The place of a word.

        Raises:
            UnknownWord: it has no vector; the message holds words that are spelled alike.
        """
        number = self.vocabulary.id_of(word)
        return self._refuse(word) if number is None else number

    def vector(self, word: str, norm: bool = False) -> Vector:
        """The vector (D,) of a word; with ``norm`` of length 1. Errors as ``number``."""
        number = self.number(word)
        vector: Vector = self.vectors[number] / self.norms[number] if norm else self.vectors[number]
        return vector

    get_vector = vector

    # Two words, or two groups of them --------------------------------------------------------------------------------

    def similarity(self, first: str, second: str, by: By = "cosine") -> float:
        """The cosine of two words' vectors, or their dot product. Errors as ``number``."""
        one, other = (self.vector(word, norm=by == "cosine") for word in (first, second))
        return float(one @ other)

    def distance(self, first: str, second: str) -> float:
        """1 − the cosine."""
        return 1 - self.similarity(first, second)

    def n_similarity(self, first: Iterable[str], second: Iterable[str]) -> float:
        """The cosine of the means of two groups of words. Errors as ``number``."""
        one, other = (self.vectors[self._numbers(group)].mean(axis=0) for group in (first, second))
        length = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(one @ other) / length if length else 0.0

    # Nearest words ---------------------------------------------------------------------------------------------------

    def most_similar(
        self,
        positive: str | Iterable[str] = (),
        negative: str | Iterable[str] = (),
        topn: int = 10,
        restrict_vocab: int | None = None,
        by: By = "cosine",
    ) -> Ranked:
        """The words nearest to a sum: (b, c) without (a) answers "a is to b as c is to ?" (Mikolov et al. 2013c).

        Args:
            positive, negative: what is added and what is taken away; none of these words is an answer.
            restrict_vocab: look among so many of the most frequent words only.
            by: ``cosine``: of the mean of the words' unit vectors with each vector. ``dot``: the words' vectors are
                added up as they are, and long vectors, which frequent words often have, come first.

        Raises:
            UserError: a word is unknown, or there is none.
        """
        added, taken = self._numbers(positive), self._numbers(negative)
        self._require_words([*added, *taken])
        weights = np.array([1.0] * len(added) + [-1.0] * len(taken), np.float32)
        rows: Vector = self.vectors[[*added, *taken]]
        if by == "cosine":
            rows = rows / self.norms[[*added, *taken], None]
        return self.similar_by_vector(weights @ rows, topn, restrict_vocab, by, without=[*added, *taken])

    def similar_by_word(self, word: str, topn: int = 10, restrict_vocab: int | None = None) -> Ranked:
        """``most_similar`` of one word."""
        return self.most_similar(word, topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self,
        vector: Vector,
        topn: int = 10,
        restrict_vocab: int | None = None,
        by: By = "cosine",
        without: Sequence[int] = (),
    ) -> Ranked:
        """The words whose vectors are nearest to a vector (D,); ``without`` some, by their numbers."""
        scores = self.vectors[:restrict_vocab] @ np.asarray(vector, np.float32)  # (V,)
        if by == "cosine":
            length = np.float32(np.linalg.norm(vector))
            scores /= self.norms[:restrict_vocab] * (length if length > 0 else np.float32(1))
        return self._best(scores, topn, without)

    def most_similar_cosmul(
        self,
        positive: str | Iterable[str] = (),
        negative: str | Iterable[str] = (),
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> Ranked:
        """The same with products in the place of sums, so that no single large cosine decides: 3CosMul of Levy &
        Goldberg 2014: Π (1+cos⁺)/2 over (Π (1+cos⁻)/2 + ε)."""
        added, taken = self._numbers(positive), self._numbers(negative)
        self._require_words([*added, *taken])
        shares = [(1 + self._cosines(rows, restrict_vocab)) / 2 for rows in (added, taken)]
        scores = shares[0].prod(axis=1) / (shares[1].prod(axis=1) + np.float32(AVOID_ZERO))
        return self._best(scores, topn, [*added, *taken])

    def doesnt_match(self, words: Iterable[str]) -> str:
        """The word whose vector has the smallest cosine with the mean of all of them. Errors as ``most_similar``."""
        return self.rank_by_centrality(words)[-1][0]

    def rank_by_centrality(self, words: Iterable[str]) -> Ranked:
        """The words by the cosine with the mean of their unit vectors, the one in their middle first."""
        words = [words] if isinstance(words, str) else list(words)
        numbers = self._numbers(words)
        self._require_words(numbers)
        units: Vector = self.vectors[numbers] / self.norms[numbers, None]
        mean = units.mean(axis=0)
        cosines = units @ mean / max(float(np.linalg.norm(mean)), 1e-12)
        order = np.argsort(-cosines, kind="stable")
        return [(words[place], float(cosines[place])) for place in order]

    # Against what people say ---------------------------------------------------------------------------

    def evaluate_word_pairs(self, pairs: Path | str) -> tuple[float, float, float]:
        """Pearson's and Spearman's correlation with a file's judgements, and the part of its pairs, from 0 to 1, that
        both words are known of."""
        from congling.tasks.word_embedding.word_pairs import read_pairs, score_pairs

        found = score_pairs(self, read_pairs(Path(pairs)))
        return found.pearson, found.spearman, found.coverage

    def evaluate_word_analogies(self, analogies: Path | str) -> float:
        """The part of a file's questions, of those whose four words are known, that are answered right."""
        from congling.tasks.word_embedding.analogies import read_analogies, score_analogies

        return score_analogies(self, read_analogies(Path(analogies))).accuracy

    # Small things ----------------------------------------------------------------------------------------------------

    def _cosines(self, rows: Sequence[int], restrict_vocab: int | None) -> Vector:
        """(V, n) of each word with those of some rows."""
        products: Vector = self.vectors[:restrict_vocab] @ self.vectors[rows].T
        return products / (self.norms[:restrict_vocab, None] * self.norms[rows])

    def _best(self, scores: Vector, topn: int, without: Sequence[int]) -> Ranked:
        """The words with the largest scores, of equals the most frequent first; changes the scores."""
        scores[[number for number in without if number < len(scores)]] = -np.inf
        wanted = max(0, min(topn, len(scores) - len(set(without) & set(range(len(scores))))))
        if wanted == 0:
            return []
        best = np.argpartition(-scores, wanted - 1)[:wanted] if wanted < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((best, -scores[best]))]
        return [(self.words[number], float(scores[number])) for number in best]

    def _numbers(self, words: str | Iterable[str]) -> list[int]:
        return [self.number(word) for word in ([words] if isinstance(words, str) else words)]

    def _refuse(self, word: str) -> NoReturn:
        message = _("the word {word} has no vector here").format(word=word)
        if near := self.vocabulary.nearest_spellings(word):
            message += _("; ") + _("words like it: {words}").format(words=_(", ").join(near))
        raise UnknownWord(message)

    @staticmethod
    def _require_words(numbers: Sequence[int]) -> None:
        if not numbers:
            raise UserError(_("give at least one word"))
