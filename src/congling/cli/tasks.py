"""The tasks that the command line serves, found by name or by what a run was trained for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.learning.runs import Run


def tasks() -> dict[str, dict[str, str]]:
    """Every task with its verbs, and in one line what each does there; its module is ``congling.cli.<task>.<verb>``."""
    return {
        "translation": {
            "train": _("a Transformer or a recurrent network that translates; bare, Chinese to English in ten minutes"),
            "predict": _("sentences in, translations out (congling translate does the same)"),
            "evaluate": _("BLEU and chrF on held-out sentences, or on your own files"),
            "inspect": _("every value of one translation, its gradients, and pages to open in a browser"),
        },
        "image-classification": {
            "train": _("a convolutional network that tells pictures apart; bare, handwritten digits in two minutes"),
            "predict": _("pictures in, the likeliest classes out"),
            "evaluate": _("accuracy and mistakes on held-out pictures, or on your own folder"),
            "inspect": _("kernels, maps and every value on the way from pixels to classes, and a page to see them"),
        },
        "sentiment": {
            "train": _("a recurrent network that tells praise from blame; bare, Chinese reviews in ten minutes"),
            "predict": _("texts in, their classes out, and how the reading moves word by word"),
            "evaluate": _("accuracy and mistakes on held-out texts, or on your own, beside linear models"),
            "inspect": _("every value on the way from words to classes, its gradients, and a page to see them"),
        },
        "language-model": {
            "train": _("a recurrent network that says what comes next; bare, Chinese news in five minutes"),
            "predict": _("a prompt in, and how the text goes on"),
            "evaluate": _("perplexity and bits a character on held-out text, or on your own"),
            "inspect": _("every value of one reading, its gradients, and a page: what surprised the network"),
        },
        "word-embedding": {
            "train": _("a vector for each word of a text (word2vec); bare, Chinese news in a minute"),
            "predict": _("words in, the nearest words out; analogies, similarities, the odd one out"),
            "evaluate": _("held-out lines, people's judgements of pairs of words, analogies, or your own files"),
            "inspect": _("a sentence in three encodings, and a page with the space of all words"),
            "export": _("word2vec's files, text or binary, for gensim and others; TensorBoard's projector"),
        },
        "function-fitting": {
            "train": _("a small network that fits a function or your own table; bare, a sine in seconds"),
            "predict": _("numbers in, the fitted value or the class out"),
            "evaluate": _("errors on held-out examples, or on your own table, beside the exact linear regression"),
            "inspect": _("every value of one example, its gradients, the fit drawn, a worksheet to print"),
        },
    }


def module_of(task: str, verb: str) -> Any:
    """The module that carries a verb out for a task: ``main(arguments, prog)``, and the dataclass ``Options``."""
    return importlib.import_module(f"congling.cli.{task.replace('-', '_')}.{verb}")


def task_of(run: Run) -> str:
    """What a run was trained for.

    Raises:
        UserError: a task that this congling does not have.
    """
    if run.task not in tasks():
        message = _(
            "{run} was trained for {task}, and this congling knows only {tasks}; perhaps a newer one made it: "
            "pip install --upgrade congling"
        )
        raise UserError(message.format(run=run.path, task=run.task, tasks=", ".join(tasks())))
    return run.task
