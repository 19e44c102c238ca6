"""What the page of a text says, by name; ``{name}`` in a text is filled in by the page's script."""

from __future__ import annotations

from congling.figures.recurrence.texts import recurrence_texts
from congling.language import _


def sentiment_texts() -> dict[str, str]:
    """Every text of the page in the current language."""
    return recurrence_texts() | _headings() | _explanations() | _reading() | _shares()


def _headings() -> dict[str, str]:
    return {
        "inspect": _("a text, read from inside"),
        "contents": _("Contents"),
        "night": _("light or dark"),
        "reading_title": _("Word by word"),
        "words_title": _("The words that moved it most"),
        "shares_title": _("What the answer is made of"),
        "map_label": _("{name}: {rows} by {columns} numbers. The arrow keys read them out."),
    }


def _explanations() -> dict[str, str]:
    return {
        "reading_text": _(
            "After each word the network is asked for its answer, as if the text ended there. A blue word moved the "
            "reading towards the answer of the whole text, an orange one away from it; the curve is the probability."
        ),
        "words_text": _(
            "A word's move hangs on all words before it: the same word may move the reading elsewhere, or not at all."
        ),
        "shares_text": _(
            "The last step is a weighted sum, so that the score of a class can be taken apart without a remainder: so "
            "much of it came in with each piece's states. The states know their neighbours too: a share is that of the "
            "place in the text, more than that of the piece alone. Where runs of pieces are counted beside the "
            "reading, each gives its weight in equal parts to its pieces, and the answer is the mean of both."
        ),
    }


def _reading() -> dict[str, str]:
    return {
        "is_right": _("That is right."),
        "is_wrong": _("It is {truth}."),
        "left_out": _("The last {count} pieces are not read: the text is too long for the run."),
        "nothing_yet": _("before the first word"),
        "after_word": _("after {word}"),
        "moved": _("{word}: {before} → {after} for {name}"),
        "curve_label": _("Probability of each class after each word"),
        "word_number": _("word {number} of {count}"),
        "previous": _("previous word"),
        "next": _("next word"),
        "word": _("word"),
        "place": _("Place"),
        "probability_of": _("probability of {name}"),
        "classes_now": _("The answer if the text ended here"),
        "word_head": _("Word"),
        "before_head": _("Before"),
        "after_head": _("After"),
        "move_head": _("Move"),
    }


def _shares() -> dict[str, str]:
    return {
        "class_head": _("Class"),
        "share_value": _("{piece}: {value}"),
        "sum_line": _("{pieces} from the pieces {sign} {bias} of bias = {score}"),
        "score_note": _("Scores are told beyond their mean over the classes; the softmax makes probabilities of them."),
        "picture_label": _("What each piece adds to the score of {name}"),
    }
