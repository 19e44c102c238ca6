"""Text as it is written, a piece at a time: what can be shown of it, and never half a character."""

from __future__ import annotations

from congling.data.text.tokenizers import Tokenizer

LONGEST_CHARACTER = 4  # bytes of UTF-8


class TextStream:
    """Turns pieces into text as they come; bytes that spell a character wait until it is whole.

    What the parts give together is what the tokenizer's ``decode`` gives for all pieces at once, wherever these spell
    text; bytes that spell none are left out.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._bytes = b""

    def add(self, number: int) -> str:
        """The text that the piece completes; empty while bytes are missing, and for the end."""
        byte = self._tokenizer.byte_of(number)
        if byte is None:
            return self.rest() + self._tokenizer.decode([number])
        self._bytes += bytes([byte])
        return self._whole()

    def rest(self) -> str:
        """What is left of bytes that will not be completed."""
        left, self._bytes = self._bytes, b""
        return _spaced(left.decode("utf-8", errors="ignore"))

    def _whole(self) -> str:
        try:
            text = self._bytes.decode("utf-8")
        except UnicodeDecodeError as error:
            waits = error.end == len(self._bytes) and error.reason == "unexpected end of data"
            return "" if waits and len(self._bytes) < LONGEST_CHARACTER else self.rest()
        self._bytes = b""
        return _spaced(text)


def _spaced(text: str) -> str:
    """A text of bytes; a space is spelled by those of its mark where it is no piece."""
    return text.replace("▁", " ")
