"""Named data sets as running text: which there are for language models, and how their text is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from congling.data.sources import find_source
from congling.data.text.lines import read_lines
from congling.data.text.pair_readers import read_tatoeba
from congling.data.text.passages import Documents, Passage, passages_of
from congling.errors import UsageError
from congling.language import _
from congling.tasks.named_data import fetched

# Digits and Latin letters that are as wide as Chinese characters, as the ordinary ones that a keyboard gives.
_ORDINARY = {
    code: code - 0xFEE0 for first, last in ("０９", "ＡＺ", "ａｚ") for code in range(ord(first), ord(last) + 1)
}


def named_passages(name: str, say: Callable[[str], None]) -> Callable[[], Iterator[Passage]]:
    """How to read a named data set, again and again; fetches it first.

    Raises:
        UsageError: there is none of that name, or it holds no text.
    """
    source = find_source(name)
    if source.name not in _LINES:
        message = _("{name} holds no text to go on writing; a language model can learn from: {names}")
        raise UsageError(message.format(name=source.name, names=", ".join(_LINES)))
    lines, documents = _LINES[source.name]
    folder = fetched(source, say)
    return lambda: passages_of(lines(folder), documents)


def _newspaper(folder: Path) -> Iterator[str]:
    """People's Daily without the marks of its words: ``迈向/v  充满/v`` is 迈向充满."""
    for line in read_lines(folder / "199801.txt"):
        if words := line.split():
            yield "".join(word.rpartition("/")[0] for word in words).translate(_ORDINARY)


def _reviews(folder: Path) -> Iterator[str]:
    """Each review once: half of the lines come twice, and what is held out must not be learned from."""
    lines = (line for name in ("positive.txt", "negative.txt") for line in read_lines(folder / name))
    return iter(dict.fromkeys(lines))


def _sentences(folder: Path) -> Iterator[str]:
    """The Chinese sentences, each once, however many translations it has."""
    return iter(dict.fromkeys(chinese for chinese, _english in read_tatoeba(folder)))


_LINES: dict[str, tuple[Callable[[Path], Iterator[str]], Documents]] = {
    "renmin-1998": (_newspaper, "files"),  # where an article ends is not known
    "reviews-zh": (_reviews, "lines"),
    "tatoeba-zh-en": (_sentences, "lines"),
}
