"""``congling predict RUN [PROMPT …]`` of a language model: write on, from the prompts or line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.cli.standard_input import StandardInput
from congling.cli.training import say
from congling.cli.values import print_json
from congling.language import _
from congling.tasks.language_model.options import WritingOptions

if TYPE_CHECKING:
    from congling.tasks.language_model.text_generator import TextGenerator, Written


@dataclass
class Options:
    """Writing on"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """Prompts to write on from; without them, lines are read from standard input. An empty one begins anew."""
    json: bool = False
    """One JSON object a prompt."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    writing: WritingOptions = field(default_factory=WritingOptions)


def main(arguments: list[str], prog: str) -> int:
    """Write on; prompts and what follows them go to stdout, as they come."""
    description = _("Write on from a prompt, with the likeliest piece each time, or by drawing (--temperature).")
    options = parse(Options, arguments, prog, description)
    options.writing.check()
    from congling.learning.runs import Run
    from congling.tasks.language_model.text_generator import TextGenerator

    generator = TextGenerator.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    waiting = StandardInput()
    for prompt in options.text or _typed(waiting):
        _remark(generator, prompt)
        if options.json:
            print_json(_record(prompt, _all(generator, prompt, options)))
        elif options.writing.samples > 1:
            _print_samples(prompt, _all(generator, prompt, options))
        else:
            _print_as_it_comes(generator, prompt, options)
        sys.stdout.flush()
    waiting.check()
    return 0


def _typed(waiting: StandardInput) -> Iterator[str]:
    if sys.stdin.isatty():
        say(_("Type a prompt and press Enter; end with Ctrl-D."))
    yield from waiting


def _remark(generator: TextGenerator, prompt: str) -> None:
    """What the user may want to know about how a prompt is read."""
    if strange := generator.unseen(prompt):
        message = _("never seen, or too seldom to be a piece: {characters}; the network reads their bytes")
        if not generator.options.vocabulary.byte_fallback:
            message = _("never seen, or too seldom to be a piece: {characters}; the network reads one unknown piece")
        say(message.format(characters=" ".join(map(repr, strange))))
    count, context = len(generator.encode(prompt)), generator.options.training.context
    if count > context:
        message = _(
            "the prompt has {count} pieces, and the network has read them all; it learned over {context} at a time, so"
            " that of what stands further back little is left in its state"
        )
        say(message.format(count=count, context=context))


def _all(generator: TextGenerator, prompt: str, options: Options) -> list[Written]:
    return generator.write([prompt], options.writing)[0]


def _record(prompt: str, found: Iterable[Written]) -> dict[str, Any]:
    return {"prompt": prompt, "samples": [vars(written) for written in found]}


def _print_samples(prompt: str, found: list[Written]) -> None:
    """Each text with its prompt, and an empty line between two."""
    print("\n\n".join(prompt + written.text for written in found))


def _print_as_it_comes(generator: TextGenerator, prompt: str, options: Options) -> None:
    """The prompt and each character behind it, as soon as it is whole; Ctrl-C ends the line, too."""
    from congling.data.text.text_stream import TextStream

    stream = TextStream(generator.tokenizer)

    def hear(_row: int, piece: int) -> None:
        sys.stdout.write(stream.add(piece))
        sys.stdout.flush()

    sys.stdout.write(prompt)
    sys.stdout.flush()
    try:
        generator.write([prompt], options.writing, hear)
    finally:
        print(stream.rest())
