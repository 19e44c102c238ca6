"""``congling train translation``: a translator from sentence pairs."""

from __future__ import annotations

from pathlib import Path

from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.translation.options import TranslationOptions


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Train a translator: on Tatoeba's Chinese and English, or your own.")
    options = parse(TranslationOptions, arguments, prog, description)
    from congling.tasks.translation.task import train

    run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.translation.task import resume

    run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


def _encourage(path: Path) -> None:
    """What to do with a new translator."""
    from congling.tasks.translation.data import load_examples

    example = load_examples(path / "data/valid.jsonl")[0].source
    suggest(_("done. To try it: {command}"), "translate", str(path), example)
    if load_examples(path / "data/test.jsonl"):
        suggest(_("To score it on the held-out test: {command}"), "evaluate", str(path))
