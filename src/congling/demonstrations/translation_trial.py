"""One training of a translator, and what can be read off it: BLEU over time, and by the length of the sentence."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from congling.tasks.translation.options import TranslationOptions

if TYPE_CHECKING:
    from congling.learning.runs import Run

LONGEST = (5, 8, 12)  # pieces of the longest sentence of each group; a last group has all longer ones


@dataclass(frozen=True)
class Translated:
    """Test sentences with what became of them.

    Attributes:
        lengths: pieces of each source.
    """

    lengths: list[int]
    outputs: list[str]
    references: list[list[str]]
    language: str

    def bleu(self, shortest: int = 0, longest: int | None = None) -> float:
        """BLEU of the sentences whose source has so many pieces; 0 where there are none."""
        from congling.tasks.translation.scores import bleu

        rows = [n for n, each in enumerate(self.lengths) if shortest <= each and (longest is None or each <= longest)]
        if not rows:
            return 0.0
        return bleu([self.outputs[n] for n in rows], [self.references[n] for n in rows], self.language).score


@dataclass(frozen=True)
class TranslationTrial:
    """A translator that was trained with one seed.

    Attributes:
        minutes, scores: when it was validated, and the BLEU of greedy translations of validation sentences then.
    """

    tested: Translated
    minutes: Sequence[float]
    scores: Sequence[float]

    @classmethod
    def of(cls, options: TranslationOptions) -> TranslationTrial:
        """Train in a folder that is gone afterwards; progress is shown, as these trainings take minutes."""
        from congling.tasks.translation.task import train

        with tempfile.TemporaryDirectory() as folder:
            run, _reason = train(replace(options, run=Path(folder) / "run"), lambda _text: None)
            minutes, scores = _validations(run)
            return cls(_tested(run), minutes, scores)

    @property
    def score(self) -> float:
        """BLEU on the test sentences, by beam search."""
        return self.tested.bleu()

    @property
    def groups(self) -> list[tuple[int, int | None]]:
        """The shortest and the longest length of each group of sentences."""
        shortest = [1, *(each + 1 for each in LONGEST)]
        return list(zip(shortest, [*LONGEST, None], strict=True))

    @property
    def by_length(self) -> tuple[list[float], list[float]]:
        """The mean length of each group of sentences that is not empty, and their BLEU."""
        lengths, scores = [], []
        for shortest, longest in self.groups:
            own = [each for each in self.tested.lengths if shortest <= each and (longest is None or each <= longest)]
            if own:
                lengths.append(sum(own) / len(own))
                scores.append(self.tested.bleu(shortest, longest))
        return lengths, scores

    @property
    def score_of_long(self) -> float:
        """BLEU on the last group."""
        return self.tested.bleu(*self.groups[-1])


def _tested(run: Run) -> Translated:
    """The run's test sentences, translated as ``congling evaluate`` does it."""
    from congling.tasks.translation.data import load_examples
    from congling.tasks.translation.translator import Translator

    translator, examples = Translator.load(run), load_examples(run.file("data/test.jsonl"))
    sources = [example.source for example in examples]
    lengths = [len(each) for each in translator.source_tokenizer.encode_all(sources)]
    outputs = [each.text for each in translator.translate(sources)]
    return Translated(lengths, outputs, [example.references for example in examples], translator.languages[1])


def _validations(run: Run) -> tuple[list[float], list[float]]:
    """When the run was validated, in minutes of training, and the BLEU then."""
    from congling.learning.metrics import read_metrics

    records = [each for each in read_metrics(run) if each.get("valid/bleu") is not None]
    return [float(each["seconds"]) / 60 for each in records], [float(each["valid/bleu"]) for each in records]
