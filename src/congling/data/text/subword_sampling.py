"""Subword sampling: another segmentation of the same text in every epoch, decided by a seed and nothing else.

BPE leaves out merges (BPE-dropout: Provilkov, Emelianenko and Voita 2020, algorithm 1); unigram models draw a
segmentation by its probability (Kudo 2018, section 3.2). SentencePiece has both, but mixes something of the process
into every seed, so a training that goes on in another process would see other pieces than one that was not interrupted.

Pieces never span words, so each word is drawn by itself. Words recur: each has a pool of segmentations, drawn once from
a generator that the word alone seeds, and a batch's seed picks from the pools. Long words, and texts without spaces,
are drawn anew each time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from typing import Protocol

import numpy as np
import sentencepiece
from numpy.typing import NDArray

SPACE = "▁"  # begins every word in normalised text
POOL = 32  # segmentations of a recurring word
LONGEST_POOLED = 16  # characters; longer words seldom recur
POOLED_WORDS = 32_768  # words whose pools are remembered: some tens of megabytes
UNKNOWN_PENALTY = 10.0  # how far an unknown character scores below the worst piece, in SentencePiece's unigram models

Ids = tuple[int, ...]
Chances = NDArray[np.float64]  # uniform in [0, 1), one for each character of a word


class Vocabulary:
    """The pieces that text can be made of, with ids and scores; control pieces and bytes are not among them."""

    def __init__(self, processor: sentencepiece.SentencePieceProcessor) -> None:
        size = processor.get_piece_size()
        special = (processor.is_control, processor.is_unknown, processor.is_unused, processor.is_byte)
        numbers = [number for number in range(size) if not any(test(number) for test in special)]
        self.ids: dict[str, int] = {processor.id_to_piece(number): number for number in numbers}
        self.scores: dict[str, float] = {piece: processor.get_score(number) for piece, number in self.ids.items()}
        self.longest = max(map(len, self.ids), default=1)
        self.unknown: int = processor.unk_id()
        bytes_of = [processor.piece_to_id(f"<0x{byte:02X}>") for byte in range(256)]
        self._bytes: list[int] | None = bytes_of if all(map(processor.is_byte, bytes_of)) else None

    def ids_of(self, pieces: Sequence[str]) -> Ids:
        """The pieces' ids. A character that is no piece is unknown, or spelled in bytes where the model has them."""
        try:
            return tuple([self.ids[piece] for piece in pieces])
        except KeyError:
            return tuple(number for piece in pieces for number in self._one(piece))

    def _one(self, piece: str) -> list[int]:
        if piece in self.ids:
            return [self.ids[piece]]
        return [self._bytes[byte] for byte in piece.encode()] if self._bytes else [self.unknown]


class Segmenter(Protocol):
    """Draws segmentations of one word: as many as there are rows in ``chances`` (rows, len(word))."""

    def draw(self, word: str, chances: Chances) -> list[list[str]]: ...


class MergeDropout:
    """BPE-dropout: before each merge, every possible one is left out with probability ``dropout``, independently.

    The possible merges are the pairs of neighbours whose concatenation is a piece; the best that is not left out, by
    score, then leftmost, is made. It ends when all are left out or none is possible. With 0 it is ordinary BPE.
    """

    def __init__(self, vocabulary: Vocabulary, dropout: float) -> None:
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout {dropout} is no probability")
        order = {score: rank for rank, score in enumerate(sorted(set(vocabulary.scores.values()), reverse=True))}
        self._ranks = {piece: order[score] for piece, score in vocabulary.scores.items() if len(piece) > 1}
        self.dropout = dropout

    def draw(self, word: str, chances: Chances) -> list[list[str]]:
        rows = [tuple(row) for row in self._skipped(chances[:, :-1]).tolist()]  # n characters: n - 1 merges at most
        merged = {row: self._merged(word, row) for row in set(rows)}  # half of the rows skip nothing
        return [merged[row] for row in rows]

    def _skipped(self, chances: Chances) -> NDArray[np.int64]:
        """How many of the merges, best first, are left out before the first that is not: geometrically distributed."""
        if self.dropout in (0, 1):
            return np.full(chances.shape, self.dropout * (chances.shape[1] + 1), dtype=np.int64)
        return np.floor(np.log1p(-chances) / math.log(self.dropout)).astype(np.int64)

    def _merged(self, word: str, skipped: tuple[int, ...]) -> list[str]:
        ranks, length = self._ranks, len(word)
        ends, previous = list(range(1, length + 1)), list(range(-1, length - 1))  # of the symbol that starts here

        def possible(start: int, end: int, change: Callable[[int], None]) -> None:
            rank = ranks.get(word[start:end])
            if rank is not None:
                change(rank * length + start)  # in the order of the merges: by rank, then from left to right

        def forget(merge: int) -> None:
            del merges[bisect_left(merges, merge)]

        def remember(merge: int) -> None:
            insort(merges, merge)

        merges: list[int] = []
        for start in range(length - 1):
            possible(start, start + 2, remember)
        for skip in skipped:
            if skip >= len(merges):
                break
            start = merges.pop(skip) % length
            middle, before = ends[start], previous[start]
            end = ends[middle]
            if before >= 0:
                possible(before, middle, forget)
                possible(before, end, remember)
            if end < length:
                possible(middle, ends[end], forget)
                possible(start, ends[end], remember)
                previous[end] = start
            ends[start] = end
        return _cut(word, ends)


class SegmentationSampling:
    """Draws each segmentation x with probability P(x)^power / Σ P^power over all of them, P(x) = Π P(piece).

    Forward filtering and backward sampling: forward(e) = log Σ over pieces [s, e) of exp(forward(s) + power · score),
    then from the end backwards, a piece [s, e) with probability exp(forward(s) + power · score − forward(e)).
    """

    def __init__(self, vocabulary: Vocabulary, power: float) -> None:
        self._scores = {piece: power * score for piece, score in vocabulary.scores.items()}
        self._unknown = power * (min(vocabulary.scores.values(), default=0.0) - UNKNOWN_PENALTY)
        self._longest = vocabulary.longest

    def draw(self, word: str, chances: Chances) -> list[list[str]]:
        ways = self._filtered(word)
        return [self._sampled(word, ways, row) for row in chances.tolist()]

    def _filtered(self, word: str) -> list[tuple[list[int], list[float]]]:
        """For each end: where the last piece may start, and the running sum of these starts' weights, the last 1."""
        forward, ways, scores = [0.0], [], self._scores
        for end in range(1, len(word) + 1):
            starts, logs = [end - 1], [forward[-1] + scores.get(word[end - 1], self._unknown)]
            for start in range(end - 2, max(end - self._longest, 0) - 1, -1):
                score = scores.get(word[start:end])
                if score is not None:
                    starts.append(start)
                    logs.append(forward[start] + score)
            sums, total, top = [], 0.0, max(logs)
            for value in logs:
                total += math.exp(value - top)
                sums.append(total)
            forward.append(top + math.log(total))
            ways.append((starts, sums))
        return ways

    @staticmethod
    def _sampled(word: str, ways: list[tuple[list[int], list[float]]], chances: list[float]) -> list[str]:
        pieces, end = [], len(word)
        for chance in chances:
            starts, sums = ways[end - 1]
            start = starts[min(bisect_left(sums, chance * sums[-1]), len(starts) - 1)] if len(starts) > 1 else starts[0]
            pieces.append(word[start:end])
            end = start
            if end == 0:
                break
        return pieces[::-1]


class SubwordSampler:
    """Draws the pieces of texts for one model and one strength (see ``Tokenizer.encode_sampled``).

    What it draws depends on the texts, the strength and the seed alone: not on the process, nor on what was drawn
    before; the pools only save time.
    """

    def __init__(self, processor: sentencepiece.SentencePieceProcessor, strength: float, *, merges: bool) -> None:
        self.strength = strength
        self._processor = processor
        self._vocabulary = Vocabulary(processor)
        self._segmenter: Segmenter = (MergeDropout if merges else SegmentationSampling)(self._vocabulary, strength)
        self._pooled = lru_cache(POOLED_WORDS)(self._pool)

    def sample(self, texts: Sequence[str], seed: int) -> list[list[int]]:
        """Piece ids of each text, without the end. ``seed`` is any number from 0."""
        generator = np.random.default_rng(seed)
        return [self._text(_words(self._processor.normalize(text)), generator) for text in texts]

    def _text(self, words: list[str], generator: np.random.Generator) -> list[int]:
        if len(words) == 1:
            return self._joined(list(self._drawn(words[0], generator.random((1, len(words[0]))))[0]))
        ids: list[int] = []
        for word, pick in zip(words, generator.integers(POOL, size=len(words)).tolist(), strict=True):
            if len(word) <= LONGEST_POOLED:
                ids += self._pooled(word)[pick]
            else:
                ids += self._drawn(word, generator.random((1, len(word))))[0]
        return self._joined(ids)

    def _pool(self, word: str) -> list[Ids]:
        seed = int.from_bytes(blake2b(word.encode(), digest_size=16).digest(), "little")
        drawn = self._drawn(word, np.random.default_rng(seed).random((POOL, len(word))))
        same: dict[Ids, Ids] = {}
        return [same.setdefault(ids, ids) for ids in drawn]  # most are the same: one copy of each

    def _drawn(self, word: str, chances: Chances) -> list[Ids]:
        return [self._vocabulary.ids_of(pieces) for pieces in self._segmenter.draw(word, chances)]

    def _joined(self, ids: list[int]) -> list[int]:
        """Unknown characters beside each other are one unknown piece, as in SentencePiece."""
        unknown = self._vocabulary.unknown
        if ids.count(unknown) < 2:
            return ids
        return [each for number, run in groupby(ids) for each in ([number] if number == unknown else run)]


def _words(normal: str) -> list[str]:
    """Normalised text, cut before each space."""
    first, *others = normal.split(SPACE)
    return ([first] if first else []) + [SPACE + word for word in others]


def _cut(word: str, ends: list[int]) -> list[str]:
    pieces, start = [], 0
    while start < len(word):
        pieces.append(word[start : ends[start]])
        start = ends[start]
    return pieces
