"""``congling predict RUN [TEXT …]``: translate the texts, or standard input line by line, in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.cli.quick_imports import quick_imports
from congling.cli.standard_input import StandardInput
from congling.language import _
from congling.learning.options import require_at_least, require_at_most
from congling.tasks.translation.options import MOST_HYPOTHESES, SearchOptions

if TYPE_CHECKING:
    from congling.tasks.translation.translator import Translation, Translator


@dataclass
class Options:
    """Translating"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """Sentences to translate; without them, lines are read from standard input."""
    n_best: int = 1
    """How many translations to give for each sentence, best first, with their log-probabilities."""
    alignments: bool = False
    """Add which source piece each target piece looked at most, as pairs source-target counted from 0."""
    json: bool = False
    """One JSON object a line, with pieces and scores."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    search: SearchOptions = field(default_factory=SearchOptions)


def main(arguments: list[str], prog: str) -> int:
    """Translate; only translations go to stdout."""
    options = parse(Options, arguments, prog, _("Translate sentences, or standard input line by line."))
    options.search.check()
    require_at_least(("--n-best", options.n_best, 1))
    require_at_most(("--n-best", options.n_best, MOST_HYPOTHESES))
    with quick_imports():
        from congling.learning.runs import Run
        from congling.tasks.translation.translator import LINES_AT_ONCE, Translator

    translator = Translator.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    waiting = StandardInput()
    interactive = not options.text and sys.stdin.isatty()
    if interactive:
        print(_("Type a sentence and press Enter; end with Ctrl-D."), file=sys.stderr)
    found = translator.translate(
        options.text or waiting, options.search, options.n_best, 1 if interactive else LINES_AT_ONCE
    )
    for number, translation in enumerate(found):
        for line in _lines(translator, translation, number, options):
            print(line, flush=interactive)
    waiting.check()
    return 0


def _lines(translator: Translator, translation: Translation, number: int, options: Options) -> Iterable[str]:
    if options.json:
        yield json.dumps(_record(translator, translation, options), ensure_ascii=False)
        return
    for rank, (text, score) in enumerate(zip(translation.texts, translation.scores or [0.0], strict=False)):
        columns = [text]
        if options.n_best > 1:  # Marian's n-best form: the line's number, the translation, the log-probability
            columns = [str(number), text, f"{score:.4f}"]
        if options.alignments:
            columns.append(_pharaoh(translator, translation, rank))
        yield " ||| ".join(columns)


def _pharaoh(translator: Translator, translation: Translation, rank: int) -> str:
    return " ".join(f"{source}-{target}" for source, target in _aligned(translator, translation, rank))


def _aligned(translator: Translator, translation: Translation, rank: int) -> list[tuple[int, int]]:
    """Places in the pieces of the whole line, all parts one after the other."""
    pairs: list[tuple[int, int]] = []
    source_start = target_start = 0
    for ids, hypotheses in translation.parts:
        target_ids = hypotheses[rank].ids
        here = translator.alignments(ids, target_ids) if target_ids else []
        pairs += [(source + source_start, target + target_start) for source, target in here]
        source_start, target_start = source_start + len(ids), target_start + len(target_ids)
    return pairs


def _record(translator: Translator, translation: Translation, options: Options) -> dict[str, Any]:
    record: dict[str, Any] = {
        "source": translation.source,
        "translation": translation.text,
        "source_pieces": [p for ids, _found in translation.parts for p in translator.source_tokenizer.pieces(ids)],
        "translations": [
            {
                "text": text,
                "log_probability": score,
                "pieces": [
                    piece
                    for _ids, found in translation.parts
                    for piece in translator.target_tokenizer.pieces(found[rank].ids)
                ],
                "finished": all(found[rank].finished for _ids, found in translation.parts),
            }
            for rank, (text, score) in enumerate(zip(translation.texts, translation.scores, strict=False))
        ],
    }
    if options.alignments:
        for rank, each in enumerate(record["translations"]):
            each["alignments"] = _aligned(translator, translation, rank)
    return record
