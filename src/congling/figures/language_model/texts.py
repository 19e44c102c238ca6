"""What the page of a language model says, by name; ``{name}`` in a text is filled in by the page's script."""

from __future__ import annotations

from congling.figures.recurrence.texts import recurrence_texts
from congling.language import _


def reading_texts() -> dict[str, str]:
    """Every text of the page in the current language."""
    return recurrence_texts() | {
        "inspect": _("a text, as the network read it"),
        "contents": _("Contents"),
        "night": _("light or dark"),
        "surprise_title": _("Surprise"),
        "surprise_text": _(
            "The darker a piece, the less the network had expected it: its surprise is the negative logarithm of the "
            "probability that it had given to it, in bits. One bit is a coin that falls; a piece with 10 bits had one "
            "chance in 1024. Choose a piece."
        ),
        "foretold_title": _("What was foretold"),
        "foretold_text": _(
            "Before each piece the network gives every piece of its vocabulary a probability, from all that it has "
            "read so far. Step with the arrow keys ← and →."
        ),
        "previous": _("Previous step"),
        "next": _("Next step"),
        "step": _("Step"),
        "best_pieces": _("Likeliest next pieces"),
        "others": _("all other pieces"),
        "came": _("came"),
        "place": _("piece {step} of {steps}: {bits} bits, place {rank} of the network's list"),
        "chip": _("{piece}: {bits} bits"),
        "total": _("{bits} bits in all, {a_piece} a piece, {a_character} a character; perplexity {perplexity} a piece"),
        "before": _("before the text the network read {opening}"),
        "map_label": _("{name}: a map of {rows} rows and {columns} columns; the arrow keys move through its cells"),
    }
