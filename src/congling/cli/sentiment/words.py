"""How a reading moves word by word, as text: aligned columns, and a bar for the probability."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.sentiment.reading import Reading

BAR = 24  # columns
PARTS = " ▏▎▍▌▋▊▉█"  # of a column, in eighths
WIDEST = 16  # columns of a word
SMALL = 0.0005  # a move that rounds to nothing


def print_words(reading: Reading) -> None:
    """A line a word: the word, the probability of the answer when it has come in, a bar, and by how much it moved."""
    answer = reading.answer
    name, shares, moves = reading.classes[answer], reading.probabilities[:, answer], reading.moves(answer)
    words = [_("(nothing read yet)"), *reading.words]
    room = max(map(columns_of, words))
    room = min(room, max(WIDEST, columns_of(words[0])))
    print(f"  {padded('', room)}  {_('probability of {name}').format(name=name)}")
    for place, (word, share) in enumerate(zip(words, shares.tolist(), strict=True)):
        move = "" if place == 0 or abs(moves[place - 1]) < SMALL else f"{100 * moves[place - 1]:+6.1f}"
        print(f"  {padded(word, room)}  {100 * share:5.1f} % {bar(share)} {move}".rstrip())


def bar(share: float) -> str:
    """A share from 0 to 1 as a bar of ``BAR`` columns; in eighths of a column."""
    eighths = round(share * BAR * 8)
    whole, part = divmod(eighths, 8)
    return (PARTS[8] * whole + (PARTS[part] if part else "")).ljust(BAR)


def padded(text: str, columns: int) -> str:
    """The text in exactly so many columns of a terminal, with spaces behind it, or cut off with an ellipsis."""
    if columns_of(text) > columns:
        while columns_of(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - columns_of(text))


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for wide characters, none for marks on others."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
