"""``congling evaluate RUN`` of a translator: BLEU and chrF on the held-out test, or on the user's own files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.errors import UsageError, UserError
from congling.language import _
from congling.tasks.translation.options import SearchOptions

if TYPE_CHECKING:
    from congling.data.text.splits import Example
    from congling.learning.runs import Run
    from congling.tasks.translation.scores import Score
    from congling.tasks.translation.translator import Translator


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    part: Literal["test", "valid"] = "test"
    """Which held-out sentences of the run to score on."""
    source: Path | None = None
    """Your own sentences to score on, one a line."""
    target: list[Path] = field(default_factory=list)
    """Translations of --source, line by line; several files are several references."""
    confidence: bool = False
    """Add 95 % confidence intervals, by bootstrap resampling."""
    bleu_tokenizer: str | None = None
    """How BLEU cuts words: 13a, zh, char, intl, none …; by default what the target language needs."""
    lowercase: bool = False
    """Score BLEU without regard to case."""
    outputs: Path | None = None
    """Also write the translations to this file."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    search: SearchOptions = field(default_factory=SearchOptions)


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout, with their signatures."""
    options = parse(Options, arguments, prog, _("Score a run's translations: BLEU and chrF."))
    options.search.check()
    from congling.learning.atomic import write_atomically
    from congling.learning.runs import Run
    from congling.tasks.translation.scores import bleu, check_bleu_tokenizer, chrf
    from congling.tasks.translation.translator import Translator

    if options.bleu_tokenizer is not None:  # now, not after the translating
        check_bleu_tokenizer(options.bleu_tokenizer)
    if options.outputs is not None:
        _check_place(options.outputs)
    run = Run.open(options.run)
    translator = Translator.load(run, checkpoint(options.checkpoint), options.device)
    examples = _examples(run, options)
    outputs = _translated(translator, examples, options.search)
    references = [example.references for example in examples]
    scores = [
        bleu(
            outputs, references, translator.languages[1], tokenizer=options.bleu_tokenizer,
            lowercase=options.lowercase, confidence=options.confidence,
        ),
        chrf(outputs, references, confidence=options.confidence),
    ]  # fmt: skip
    if options.outputs is not None:
        write_atomically(options.outputs, "".join(output + "\n" for output in outputs))
    if options.json:
        print(json.dumps(_record(scores, len(examples), sum(map(len, references))), ensure_ascii=False))
    else:
        _print(scores, len(examples), sum(map(len, references)))
    return 0


def _check_place(path: Path) -> None:
    """Refuse a file that cannot be written, before the translating; folders that are not there yet are made."""
    if path.is_dir():
        raise UsageError(_("{path} is a folder, not a file").format(path=path))
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise UsageError(_("--outputs {path}: {above} is a file, not a folder").format(path=path, above=above))


def _examples(run: Run, options: Options) -> list[Example]:
    """The user's own sentences, or those that the run holds out."""
    from congling.data.text.lines import read_lines, require_equal_lines
    from congling.data.text.splits import Example
    from congling.tasks.translation.data import load_examples

    if (options.source is None) != (not options.target):
        raise UsageError(_("--source and --target go together: sentences, and one or more files of references"))
    if options.source is None:
        held_out = load_examples(run.file(f"data/{options.part}.jsonl"))
        if not held_out:
            raise UserError(
                _("{run} holds out no sentences to score on: give --source and --target").format(run=run.path)
            )
        return held_out
    sources = list(read_lines(options.source))
    references = [list(read_lines(path)) for path in options.target]
    for path, lines in zip(options.target, references, strict=True):
        require_equal_lines(options.source, len(sources), path, len(lines))
    return [Example(source, list(each)) for source, *each in zip(sources, *references, strict=True)]


def _translated(translator: Translator, examples: list[Example], search: SearchOptions) -> list[str]:
    """The translations, with a bar on stderr while one waits."""
    from rich.console import Console
    from rich.progress import track

    found = translator.translate([example.source for example in examples], search, lines_at_once=512)
    console = Console(stderr=True)
    watched = track(
        found, _("translating"), len(examples), console=console, transient=True, disable=not console.is_terminal
    )
    return [each.text for each in watched]


def _record(scores: list[Score], sentences: int, references: int) -> dict[str, object]:
    return {"sentences": sentences, "references": references, "scores": [asdict(score) for score in scores]}


def _print(scores: list[Score], sentences: int, references: int) -> None:
    print(_("{sentences} sentences, {references} references").format(sentences=sentences, references=references))
    for score in scores:
        interval = "" if score.interval is None else f" ± {score.interval:.1f}"
        print(f"{score.name} {score.score:.1f}{interval}   {score.signature}")
        print(f"    {score.detail}")
