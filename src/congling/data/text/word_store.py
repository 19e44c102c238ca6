"""The word store: a text as numbers of words in memory-mapped files, written once and read at random.

A folder with two files: ``ids.bin`` has the numbers of all words one after the other (int32), and ``starts.bin``, which
is written last, where each sentence begins and where the last one ends (int64), little-endian both.

N words · S sentences · V vocabulary
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from congling.errors import UserError
from congling.language import _

IDS, STARTS = "ids.bin", "starts.bin"
CHUNK = 1 << 20  # words, or sentences, that are in memory at a time


@dataclass(frozen=True)
class WordStore:
    """A text of S sentences and N words.

    Attributes:
        ids: (N,) int32, from the disk as they are asked for.
        starts: (S+1,) int64: sentence n is ``ids[starts[n]:starts[n + 1]]``.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, sentences: Iterable[Sequence[int]]) -> WordStore:
        """The same in memory; sentences without words are left out."""
        kept = [np.asarray(sentence, np.int32) for sentence in sentences if len(sentence)]
        starts = np.cumsum([0, *map(len, kept)], dtype=np.int64)
        return cls(np.concatenate(kept) if kept else np.zeros(0, np.int32), starts)

    @classmethod
    def write(cls, path: Path | str, sentences: Iterable[Sequence[int]]) -> WordStore:
        """Write sentences of word numbers, some at a time, into the folder ``path``; those without words are left out.

        Raises:
            UserError: the disk is full, or the folder cannot be written to.
        """
        with _files(Path(path)) as (ids_file, starts_file):
            end = 0
            for ids, lengths in _together(sentences):
                ends = end + np.cumsum(lengths, dtype=np.int64)
                _append(ids_file, np.frombuffer(ids, np.int32))
                _append(starts_file, ends)
                end = int(ends[-1])
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str) -> WordStore:
        """Map the files into memory without reading them.

        Raises:
            UserError: they are missing or cut off.
        """
        folder = Path(path)
        try:
            ids, starts = _mapped(folder / IDS, "<i4"), _mapped(folder / STARTS, "<i8")
            if not len(starts) or starts[0] != 0 or starts[-1] != len(ids):
                raise ValueError
        except (OSError, ValueError):
            message = _("{folder} holds no text as numbers, or not all of it: it has to be read anew")
            raise UserError(message.format(folder=folder)) from None
        return cls(ids, starts)

    def __len__(self) -> int:
        """Sentences."""
        return len(self.starts) - 1

    def __getitem__(self, sentence: int) -> NDArray[np.int32]:
        """The numbers of the words of one sentence."""
        return self.ids[self.starts[sentence] : self.starts[sentence + 1]]

    def counts(self, size: int) -> NDArray[np.int64]:
        """How often each of V = ``size`` words occurs: (V,)."""
        counts = np.zeros(size, np.int64)
        for start in range(0, len(self.ids), CHUNK):
            counts += np.bincount(self.ids[start : start + CHUNK], minlength=size)
        return counts

    def renumbered(
        self, path: Path | str, number_of: NDArray[np.int32], sentences: NDArray[np.bool_] | None = None
    ) -> WordStore:
        """Write a store of the same text, or of some of its sentences, in which words have other numbers.

        Args:
            number_of: (V,) the new number of each old one; -1 leaves the word out.
            sentences: (S,) which ones; None for all. Those that lose all their words are left out.
        """
        with _files(Path(path)) as (ids_file, starts_file):
            end = 0
            for first, last in self._portions():
                starts = self.starts[first : last + 1]
                lengths = np.diff(starts)
                ids = number_of[self.ids[starts[0] : starts[-1]]]
                kept = ids >= 0
                if sentences is not None:
                    kept &= np.repeat(sentences[first:last], lengths)
                ends = np.concatenate([[0], np.cumsum(kept)])[starts[1:] - starts[0]]
                left = np.diff(ends, prepend=0) > 0
                _append(ids_file, ids[kept])
                _append(starts_file, end + ends[left])
                end += int(ends[-1]) if len(ends) else 0
        return WordStore.open(path)

    def _portions(self) -> Iterator[tuple[int, int]]:
        """Sentences, from the first to before the last, of about ``CHUNK`` words together."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, self.starts[first] + CHUNK, side="right")) - 1
            last = min(max(last, first + 1), len(self))
            yield first, last
            first = last


def _together(sentences: Iterable[Sequence[int]]) -> Iterator[tuple[array[int], list[int]]]:
    """The numbers of about ``CHUNK`` words at a time, and how many of them each sentence has; empty ones left out."""
    ids, lengths = array("i"), list[int]()
    for sentence in sentences:
        if len(sentence):
            ids.extend(sentence)
            lengths.append(len(sentence))
        if len(ids) >= CHUNK:
            yield ids, lengths
            ids, lengths = array("i"), []
    if lengths:
        yield ids, lengths


def _mapped(path: Path, kind: DTypeLike) -> NDArray[Any]:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, kind, "r")


@contextmanager
def _files(folder: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both files to write into; they take their names when all is on the disk, the starts last."""
    partials = [folder / f".{name}.partial" for name in (IDS, STARTS)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partials[0].open("wb") as ids, partials[1].open("wb") as starts:
            _append(starts, np.zeros(1, np.int64))
            yield ids, starts
            for file in (ids, starts):
                file.flush()
                os.fsync(file.fileno())
        for partial, name in zip(partials, (IDS, STARTS), strict=True):
            partial.replace(folder / name)
    except OSError as error:
        reason = error.strerror
        raise UserError(_("{path} cannot be written: {reason}").format(path=folder, reason=reason)) from error
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)


def _append(file: BinaryIO, numbers: NDArray[Any]) -> None:
    file.write(np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<")).data)
