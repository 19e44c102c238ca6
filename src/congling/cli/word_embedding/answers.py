"""Questions to word vectors, and what is answered: as rows of a table, and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from congling.language import _
from congling.learning.checkpoints import Which
from congling.learning.runs import Run
from congling.tasks.word_embedding.stored_run import word_embedding_options_of
from congling.tasks.word_embedding.word_vectors import By, Ranked, WordVectors


@dataclass(frozen=True)
class Answer:
    """What a question got.

    Attributes:
        record: for a program.
        rows: cells under the heads of this kind of question.
    """

    record: dict[str, Any]
    rows: list[list[str]]


@dataclass(frozen=True)
class Answers:
    """Answers from the vectors of a run.

    Attributes:
        vectors: of the run.
        lower_case: whether the run knows words in lower case alone.
        topn: how many words.
        among: so many of the most frequent words; None for all.
        metric: what is near.
    """

    vectors: WordVectors
    lower_case: bool
    topn: int
    among: int | None
    metric: By

    @classmethod
    def load(cls, run: Run, which: Which, topn: int, among: int | None, metric: By) -> Answers:
        """Open a run; errors as ``WordVectors.load``."""
        lower_case = word_embedding_options_of(run).data.lower_case
        return cls(WordVectors.load(run, which), lower_case, topn, among, metric)

    @property
    def nearest_heads(self) -> list[str]:
        """The heads over ``nearest``."""
        return [_("word"), _("near it"), self._metric_head]

    def nearest(self, word: str) -> Answer:
        """The nearest words."""
        found = self._near([word])
        return Answer({"nearest": word, "words": self._records(found)}, self._rows(word, found))

    @property
    def analogy_heads(self) -> list[str]:
        """The heads over ``analogy``."""
        return [_("a is to b as c is to"), _("answer"), self._metric_head]

    def analogy(self, a: str, b: str, c: str) -> Answer:
        """What is to c as b is to a: the words nearest to b − a + c."""
        found = self._near([b, c], [a])
        question = f"{a} : {b} = {c} :"
        return Answer({"analogy": [a, b, c], "words": self._records(found)}, self._rows(question, found))

    @property
    def similarity_heads(self) -> list[str]:
        """The heads over ``similarity``."""
        return [_("word"), _("word"), self._metric_head]

    def similarity(self, first: str, second: str) -> Answer:
        """How alike two words are."""
        score = self.vectors.similarity(self._as_known(first), self._as_known(second), by=self.metric)
        return Answer({"similarity": [first, second], self.metric: score}, [[first, second, f"{score:.4f}"]])

    @property
    def odd_heads(self) -> list[str]:
        """The heads over ``odd_one_out``."""
        return [_("odd one out"), _("among"), _("cosine with the middle")]

    def odd_one_out(self, words: Sequence[str]) -> Answer:
        """Which word is least like the middle of all of them."""
        found = self.vectors.rank_by_centrality(map(self._as_known, words))
        odd, cosine = found[-1]
        record = {"odd_one_out": odd, "words": [{"word": word, "cosine": value} for word, value in found]}
        return Answer(record, [[odd, " ".join(words), f"{cosine:.4f}"]])

    def _near(self, positive: Sequence[str], negative: Sequence[str] = ()) -> Ranked:
        added, taken = (list(map(self._as_known, words)) for words in (positive, negative))
        return self.vectors.most_similar(added, taken, self.topn, self.among, self.metric)

    def _as_known(self, word: str) -> str:
        return word.lower() if self.lower_case else word

    @property
    def _metric_head(self) -> str:
        return _("cosine") if self.metric == "cosine" else _("dot product")

    def _records(self, found: Ranked) -> list[dict[str, Any]]:
        return [{"word": word, self.metric: score} for word, score in found]

    @staticmethod
    def _rows(question: str, found: Ranked) -> list[list[str]]:
        return [[question, word, f"{score:.4f}"] for word, score in found]
