"""Tokenizers: text to subword pieces and back, with SentencePiece.

The ids follow Marian: 0 is ``</s>``, 1 is ``<unk>``, the last one is ``<pad>``. So the model file and the vocabulary
agree, and an export needs no table between them.
"""

from __future__ import annotations

import random
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import sentencepiece

from congling.data.text.subword_sampling import SubwordSampler
from congling.errors import UsageError, UserError
from congling.language import _

END_ID, UNKNOWN_ID = 0, 1
END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"
LINE_BREAK = "\n"
LONGEST_LINE = 1000  # characters; SentencePiece leaves out lines of more than 4,192 bytes, so longer ones are cut
SMALL_ALPHABET = 1000  # characters; all of such a one become pieces, of a larger one those of nearly the whole text
LARGE_COVERAGE = 0.9995  # what "nearly the whole text" is, as SentencePiece advises for Chinese and Japanese
UNIGRAM, BPE = 1, 2  # how a model file numbers its algorithms

Kind = Literal["bpe", "unigram", "characters", "words"]
_MODEL_TYPES = {"characters": "char", "words": "word"}  # these take fewer pieces where there are fewer
Normalization = Literal["nmt_nfkc", "nfkc", "identity", "simplified-chinese", "simplified-characters"]


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
        self._algorithm = _algorithm(model)
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


def train_tokenizer(
    texts: Iterable[str],
    *,
    size: int,
    kind: Kind = "bpe",
    normalization: Normalization = "nmt_nfkc",
    sample: int = 200_000,
    byte_fallback: bool = False,
    running_text: bool = False,
    shrink: bool = False,
    option: str = "--vocabulary-size",
) -> Tokenizer:
    """Finds the pieces of a language in its texts, read once.

    Every character of a small alphabet (``SMALL_ALPHABET``) is a piece, however rare. Of a large one, as Chinese has,
    those are that make up ``LARGE_COVERAGE`` of the text, and all of ASCII that comes; the rest is unknown.

    Args:
        texts: sentences; long ones are cut, empty ones do no harm.
        size: number of pieces, the three special ones included. ``characters`` and ``words`` take fewer where there are
            fewer.
        kind: ``bpe``, ``unigram`` or ``characters``; or ``words``, whole ones, which must stand between spaces.
        normalization: a rule of SentencePiece's; ``simplified-chinese``, which is ``nmt_nfkc`` and makes traditional
            characters simplified ones; or ``simplified-characters``, which does that alone and keeps punctuation.
        sample: learn from this many texts, drawn evenly from all; the draw is always the same. BPE of text without
            spaces takes about 3 GB of memory a million short sentences.
        byte_fallback: spell unknown characters in bytes (256 more pieces) instead of ``<unk>``.
        running_text: keep every line break, as a piece of its own, and every space, also at the beginning.
        shrink: take fewer pieces where the text cannot fill the size, instead of refusing.
        option: what the user set the size with, for the message.

    Raises:
        UserError: when there is no text, or the size is more or less than the text can fill.
    """
    _check_size(size, option)
    chosen = _drawn(texts, sample)
    options = _normalization_options(normalization, running_text) | {
        "vocab_size": size - 1,  # <pad> is added at the end, when it is known how many pieces there are
        "model_type": _MODEL_TYPES.get(kind, kind),
        **_characters_options(chosen),
        "byte_fallback": byte_fallback,
        "hard_vocab_limit": False,
    }
    if running_text:  # what a normalisation would do to line breaks, it does not do to a piece that is asked for
        options["user_defined_symbols"] = [LINE_BREAK]
    tokenizer = Tokenizer(_with_pad(_trained(chosen, options, size, option)))
    if tokenizer.size < size and kind not in _MODEL_TYPES and not shrink:
        raise UserError(
            _("{option} {size} is more than this text can fill: at most {largest}").format(
                option=option, size=size, largest=tokenizer.size
            )
        )
    return tokenizer


def _drawn(texts: Iterable[str], count: int) -> list[str]:
    """So many of the texts, each as likely as any other (Vitter 1985, algorithm R); long ones are cut."""
    lines = (text[start : start + LONGEST_LINE] for text in texts for start in range(0, len(text), LONGEST_LINE))
    drawn, chance = list(islice(lines, count)), random.Random(0)
    for number, line in enumerate(lines, start=count + 1):
        if (place := int(chance.random() * number)) < count:
            drawn[place] = line
    return drawn


def _characters_options(texts: Sequence[str]) -> dict[str, Any]:
    """Which characters are to be pieces."""
    alphabet = set[str]().union(*texts)
    if len(alphabet) <= SMALL_ALPHABET:
        return {"character_coverage": 1.0}
    plain = {folded for character in alphabet for folded in unicodedata.normalize("NFKC", character)}
    required = sorted(plain.intersection(string.ascii_letters + string.digits + string.punctuation))
    return {"character_coverage": LARGE_COVERAGE, "required_chars": "".join(required)}


def _trained(texts: list[str], options: dict[str, Any], size: int, option: str) -> bytes:
    """SentencePiece's model of the texts, without a ``<pad>``; they are handed over, so that none is held twice."""
    model = BytesIO()
    sentencepiece.set_min_log_level(2)
    texts.reverse()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(texts.pop() for _text in range(len(texts))),
            model_writer=model,
            eos_id=END_ID,
            unk_id=UNKNOWN_ID,
            bos_id=-1,
            pad_id=-1,
            minloglevel=2,
            **options,
        )
    except RuntimeError as error:
        raise _training_error(error, size, option) from error
    return model.getvalue()


def _training_error(error: RuntimeError, size: int, option: str) -> Exception:
    """What the user can do about SentencePiece's complaint; the complaint itself where it is not the user's."""
    message = str(error)
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return UserError(_("there is no text to make a vocabulary of"))
    too_small = re.search(r"smaller than required_chars\. (\d+) vs (\d+)", message)
    if too_small:
        return UserError(
            _("{option} {size} is less than this text needs: at least {smallest}, a piece for each character").format(
                option=option, size=size, smallest=int(too_small[2]) + 1
            )
        )
    return error


def _check_size(size: int, option: str) -> None:
    if size < 4:
        raise UsageError(
            _("{option} {size} leaves no piece beside </s>, <unk> and <pad>: at least 4").format(
                option=option, size=size
            )
        )


def _normalization_options(normalization: Normalization, keep_spaces: bool) -> dict[str, Any]:
    from congling.data.text import chinese

    if normalization == "simplified-chinese":
        return {"normalizer": chinese.simplified_chinese_normalizer(keep_spaces=keep_spaces)}
    if normalization == "simplified-characters":
        return {"normalizer": chinese.simplified_characters_normalizer(keep_spaces=keep_spaces)}
    kept = {"add_dummy_prefix": False, "remove_extra_whitespaces": False} if keep_spaces else {}
    return {"normalization_rule_name": normalization, **kept}


def _with_pad(model: bytes) -> bytes:
    """The model with ``<pad>`` as its last piece.

    A model is a protocol buffer message: what is appended to one is merged into it, another piece to the list of
    pieces and other numbers into the training options. That the pad comes last also tells a truncated file.
    """
    size = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size() + 1
    control = 3  # the type of a piece that no text contains
    piece = _field(1, PAD.encode()) + _field(3, control)
    training = _field(4, size) + _field(43, size - 1)  # vocab_size and pad_id
    return model + _field(2, training) + _field(1, piece)


def _algorithm(model: bytes) -> int:
    """The number of the model's algorithm: field 3 of its training options, which are field 2; unigram if unsaid."""
    options = [options for number, options in _fields(model) if number == 2 and isinstance(options, bytes)]
    named = [value for each in options for number, value in _fields(each) if number == 3 and isinstance(value, int)]
    return named[-1] if named else UNIGRAM


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a protocol buffer message that is known to be whole; fixed-width numbers come as bytes."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, length = 0, {1: 8, 5: 4}.get(key & 7, 0)
        if key & 7 in (0, 2):
            value, at = _read_varint(message, at)
            length = value if key & 7 == 2 else 0
        yield key >> 3, message[at : at + length] if key & 7 else value
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, and where it has ended."""
    number = shift = 0
    while message[at] & 0x80:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1


def _field(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer message: its number and kind, then the value, with its length if it is bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; all but the last byte have their top bit set."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


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
