"""``congling evaluate RUN`` of a language model: how well it foretells held-out text, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.language_model.scores import part_titles, part_with_text, record, scores
from congling.cli.options import exclude, parse
from congling.cli.values import print_json
from congling.language import _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from congling.tasks.language_model.scores import Score
    from congling.tasks.language_model.text_generator import TextGenerator


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    part: Literal["test", "valid", "train"] | None = None
    """Which part of the run's text to score on; the test by default."""
    text: list[Path] = field(default_factory=list)
    """Your own text to score on: files, or folders of .txt files."""
    baseline: bool = False
    """Also score what counting alone foretells: a trigram model of the same pieces, from the same text."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout."""
    description = _("Score a language model: its perplexity, and how many bits a character of the text takes.")
    options = parse(Options, arguments, prog, description)
    if options.part is not None and options.text:
        exclude("--part", "--text")
    from congling.learning.runs import Run
    from congling.tasks.language_model.text_generator import TextGenerator

    generator = TextGenerator.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    ids, characters, name = _text(generator, options)
    found = generator.score(ids, characters)
    counted = _by_counting(generator, ids, characters) if options.baseline else None
    if options.json:
        print_json(record(found) | ({} if counted is None else {"baseline": record(counted)}))
    else:
        _print(found, counted, name)
    return 0


def _text(generator: TextGenerator, options: Options) -> tuple[NDArray[np.int32], float, str]:
    """The pieces to score on, how many characters they are, and what the text is called."""
    if not options.text:
        part = options.part or part_with_text(generator.text)
        return *generator.part(part), part_titles()[part]
    from congling.data.text.passages import text_files
    from congling.tasks.language_model.data import own_text

    store, characters = own_text(generator.tokenizer, text_files(options.text), generator.options.data)
    return store.ids, characters, ", ".join(map(str, options.text))


def _by_counting(generator: TextGenerator, ids: NDArray[np.int32], characters: float) -> Score:
    from congling.tasks.language_model.ngrams import score_by_counting

    return score_by_counting(generator.text.parts["train"].ids, ids, generator.tokenizer.size - 1, characters)


def _print(found: Score, counted: Score | None, name: str) -> None:
    print(_("{part}: {scores}").format(part=name, scores=scores(found)))
    if counted is not None:
        print(_("a trigram model: {scores}").format(scores=scores(counted)))
