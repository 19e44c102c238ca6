"""``congling train language-model``: a recurrent network that learns to say what comes next in a text."""

from __future__ import annotations

from pathlib import Path

from congling.cli.language_model.scores import part_with_text, score_line
from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.language_model.options import LanguageModelOptions

PROMPT = 8  # characters


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Train a network that says what comes next: on Chinese news, or on your own text.")
    options = parse(LanguageModelOptions, arguments, prog, description)
    from congling.tasks.language_model.task import train

    run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.language_model.task import resume

    run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


def _encourage(path: Path) -> None:
    """How well the network foretells text that it has not seen, and what to do next."""
    from congling.learning.runs import Run
    from congling.tasks.language_model.text_generator import TextGenerator

    generator = TextGenerator.load(Run.open(path))
    part = part_with_text(generator.text)
    say(score_line(generator.score(*generator.part(part)), part))
    held_out = generator.tokenizer.decode(generator.text.parts["valid"].ids[:64].tolist())
    prompt = held_out.strip(" \n\t-").split("\n")[0][:PROMPT]  # to copy: how the held-out text begins
    suggest(_("done. To let it write: {command}"), "predict", str(path), prompt, "--temperature", "0.8")
    suggest(_("What surprised it in a text: {command}"), "inspect", str(path), prompt, "--html", "page.html")
