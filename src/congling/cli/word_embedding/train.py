"""``congling train word-embedding``: a vector for each word of a text, learned from the words around it."""

from __future__ import annotations

from pathlib import Path

from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.word_embedding.options import WordEmbeddingOptions

NEIGHBOURS = 5  # of each word that is shown


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Learn a vector for each word of a text, from the words around it (word2vec).")
    options = parse(WordEmbeddingOptions, arguments, prog, description)
    from congling.tasks.word_embedding.task import train

    run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.word_embedding.task import resume

    run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


def _encourage(path: Path) -> None:
    """Some words with their neighbours, and what to do next."""
    from congling.learning.runs import Run
    from congling.tasks.word_embedding.telling_words import telling_words
    from congling.tasks.word_embedding.word_vectors import WordVectors

    vectors = WordVectors.load(Run.open(path))
    shown = telling_words(vectors)
    if shown:
        say(_("nearest words:"))
    for word in shown:
        found = vectors.most_similar(word, topn=NEIGHBOURS)
        say(f"  {word}" + _(": ") + _(", ").join(f"{other} {cosine:.2f}" for other, cosine in found))
    word = shown[0] if shown else vectors.words[0]
    suggest(_("done. To try it: {command}"), "predict", str(path), "--nearest", word)
    suggest(_("The space of all words, to look at: {command}"), "inspect", str(path), "--html", "words.html")
    suggest(_("How good it is: {command}"), "evaluate", str(path))
