"""How well a text is foretold, in words and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.language_model.data import TextParts
    from congling.tasks.language_model.scores import Score

PartName = Literal["test", "valid", "train"]


def part_with_text(text: TextParts) -> PartName:
    """The test, or the validation part where nothing was held out for a test."""
    return "test" if len(text.parts["test"].ids) else "valid"


def part_titles() -> dict[str, str]:
    """What each part of the text is called, in the user's language."""
    return {"train": _("the text learned from"), "valid": _("the validation text"), "test": _("the test text")}


def score_line(found: Score, part: PartName) -> str:
    """The scores on a part of the run's text."""
    return _("{part}: {scores}").format(part=part_titles()[part], scores=scores(found))


def scores(found: Score) -> str:
    """Loss, perplexity and bits a character."""
    return _(
        "loss {loss:.4f} nats a piece, perplexity {perplexity:.2f}; {bits:.4f} bits a character"
        " ({pieces} pieces, {characters} characters)"
    ).format(
        loss=found.loss, perplexity=found.perplexity, bits=found.bits_a_character, pieces=f"{found.pieces:,}",
        characters=f"{found.characters:,.0f}",
    )  # fmt: skip


def record(found: Score) -> dict[str, Any]:
    """The same for a program."""
    return {
        "loss": found.loss,
        "perplexity": found.perplexity,
        "loss_a_character": found.loss_a_character,
        "bits_a_character": found.bits_a_character,
        "pieces": found.pieces,
        "characters": round(found.characters),
    }
