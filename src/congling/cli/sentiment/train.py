"""``congling train sentiment``: a recurrent network that learns to tell praise from blame."""

from __future__ import annotations

from pathlib import Path

from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.sentiment.options import SentimentOptions


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Train a network that tells praise from blame in reviews, or the classes of your own texts.")
    options = parse(SentimentOptions, arguments, prog, description)
    from congling.tasks.sentiment.task import train

    run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.sentiment.task import resume

    run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


def _encourage(path: Path) -> None:
    """How good the classifier is on texts that it has not seen, and what to do next."""
    from congling.cli.sentiment.scores import part_with_texts, score_line
    from congling.learning.runs import Run
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

    classifier = SentimentClassifier.load(Run.open(path), device="auto")
    part = part_with_texts(classifier)
    say(score_line(classifier.evaluate(part), part))
    own_data = not classifier.options.data.named
    text = classifier.part(part).texts([0])[0] if own_data else "这本书太差了，但是快递很快"
    suggest(_("done. To try it: {command}"), "predict", str(path), text if len(text) <= 80 else _("TEXT"))
    suggest(_("Beside naive Bayes and logistic regression: {command}"), "evaluate", str(path), "--baselines")
