"""What stands in the file of a SentencePiece model: the special pieces, and fields of a protocol buffer message."""

from __future__ import annotations

from collections.abc import Iterator

import sentencepiece

END_ID, UNKNOWN_ID = 0, 1
END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"
UNIGRAM, BPE = 1, 2  # how a model file numbers its algorithms


def with_pad(model: bytes) -> bytes:
    """The model with ``<pad>`` as its last piece.

    A model is a protocol buffer message: what is appended to one is merged into it, another piece to the list of
    pieces and other numbers into the training options. That the pad comes last also tells a truncated file.
    """
    size = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size() + 1
    control = 3  # the type of a piece that no text contains
    piece = _field(1, PAD.encode()) + _field(3, control)
    training = _field(4, size) + _field(43, size - 1)  # vocab_size and pad_id
    return model + _field(2, training) + _field(1, piece)


def algorithm_of(model: bytes) -> int:
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
