"""Tokenizers: text to subword pieces and back, with SentencePiece.

The ids follow Marian: 0 is ``</s>``, 1 is ``<unk>``, the last one is ``<pad>``. So the model file and the vocabulary
agree, and an export needs no table between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

from congling.data.text.subword_sampling import SubwordSampler
from congling.data.text.tokenizer_files import BPE, END, END_ID, PAD, UNIGRAM, UNKNOWN, UNKNOWN_ID, algorithm_of
from congling.errors import UserError
from congling.language import _

LINE_BREAK = "\n"


class Tokenizer:
    """One SentencePiece model with the ids in Marian's order.

    Attributes:
        size: number of pieces, the three special ones included.
        end_id, unknown_id, pad_id: 0, 1 and ``size - 1``.
        line_break_id: of the piece that is a line break; None where line breaks are folded into spaces.
        model: the model file's bytes.

    Raises:
        UserError: when the bytes are no SentencePiece model, or one with other ids.
    """

    def __init__(self, model: bytes, name: str = "the tokenizer") -> None:
        self.model = model
        self._processor = _opened(model, name)
        self.size: int = self._processor.get_piece_size()
        self.end_id, self.unknown_id, self.pad_id = END_ID, UNKNOWN_ID, self.size - 1
        line_break: int = self._processor.piece_to_id(LINE_BREAK)
        self.line_break_id = None if line_break == UNKNOWN_ID else line_break
        self._algorithm = algorithm_of(model)
        self._sampler: SubwordSampler | None = None  # of the last strength; it keeps what it drew

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Reads a model file. Raises UserError when it is missing, damaged, or has other ids than Marian's."""
        try:
            return cls(Path(path).read_bytes(), str(path))
        except OSError as error:
            raise UserError(
                _("the tokenizer {path} cannot be read: {reason}").format(path=path, reason=error.strerror)
            ) from error

    def save(self, path: str | Path) -> None:
        """Writes the model file, for other programs too. A run writes ``model`` itself, whole or not at all."""
        Path(path).write_bytes(self.model)

    def normalize(self, text: str) -> str:
        """The text as the pieces see it: folded by the model's rules, spaces as they were."""
        normal: str = self._processor.normalize(text)
        return normal.replace("▁", " ").strip(" ")

    def encode(self, text: str) -> list[int]:
        """Piece ids of one text, without the end."""
        ids: list[int] = self._processor.encode(text)
        return ids

    def encode_all(self, texts: Sequence[str], num_threads: int = -1) -> list[list[int]]:
        """Piece ids of many texts, without the end: the fast call. ``num_threads`` -1 takes every core."""
        ids: list[list[int]] = self._processor.encode(list(texts), num_threads=num_threads)
        return ids

    def cut(self, text: str) -> list[str]:
        """The pieces of one text in writing, one for each of ``encode``; an unknown one as it stands in the text."""
        pieces: list[str] = self._processor.encode(text, out_type=str)
        return pieces

    def encode_sampled(self, texts: Sequence[str], strength: float, seed: int) -> list[list[int]]:
        """Piece ids of a randomly drawn segmentation of each text, without the end: subword sampling.

        The same texts, strength and seed draw the same in every process, whatever was drawn before.

        Args:
            strength: 0 is no sampling. BPE leaves out each merge with this probability, before each merge anew
                (Provilkov et al. 2020; 0.1 is usual). Unigram raises the segmentations' probabilities to this power
                (Kudo 2018; 0.1 to 0.5 are usual, less is more varied). Characters have one segmentation only.
            seed: any number from 0.
        """
        if strength == 0 or self._algorithm not in (UNIGRAM, BPE):
            return self.encode_all(texts, num_threads=1)
        if self._sampler is None or self._sampler.strength != strength:
            self._sampler = SubwordSampler(self._processor, strength, merges=self._algorithm == BPE)
        return self._sampler.sample(texts, seed)

    def decode(self, ids: Iterable[int]) -> str:
        """Natural text of the ids up to the first end; pads are dropped, unknown pieces show as ⁇."""
        text: str = self._processor.decode(self._content(ids))
        return text

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces of these ids, all of them: ``▁`` stands for a space, ``</s>`` and ``<pad>`` for themselves."""
        return [self._processor.id_to_piece(int(number)) for number in ids]

    def byte_of(self, number: int) -> int | None:
        """The byte that a piece stands for, of those that spell a character which is no piece; None of all others."""
        return int(self._processor.id_to_piece(number)[1:-1], 16) if self._processor.is_byte(number) else None

    def _content(self, ids: Iterable[int]) -> list[int]:
        numbers = [int(number) for number in ids]
        if END_ID in numbers:
            numbers = numbers[: numbers.index(END_ID)]
        return [number for number in numbers if number != self.pad_id]


def _opened(model: bytes, name: str) -> sentencepiece.SentencePieceProcessor:
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.load_from_serialized_proto(model)
    except RuntimeError as error:
        raise UserError(_("{path} is no SentencePiece model, or a damaged one").format(path=name)) from error
    last = processor.get_piece_size() - 1
    special = [processor.id_to_piece(number) for number in (END_ID, UNKNOWN_ID, last)]
    if special != [END, UNKNOWN, PAD] or not (processor.is_control(END_ID) and processor.is_control(last)):
        raise UserError(
            _(
                "{path} is damaged or from another program: its pieces must begin with </s>, <unk> and end with <pad>"
            ).format(path=name)
        )
    return processor
