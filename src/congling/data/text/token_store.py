"""The token store: pairs of tokenised sentences in one memory-mapped Arrow file, written once and read at random.

However large the corpus is, only the pages that are being read are in memory, and the system may drop them. The file is
an Arrow stream, which ``datasets.Dataset.from_file`` opens as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from congling.data.text.tokenizers import Tokenizer
from congling.errors import UserError
from congling.language import _

CHUNK = 20_000  # pairs that are tokenised and written together
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"  # the last bytes of every whole Arrow stream
SOURCE_IDS, TARGET_IDS, SOURCE_TEXT, TARGET_TEXT = "source_ids", "target_ids", "source", "target"


@dataclass(frozen=True)
class TokenizedCounts:
    """What became of the pairs: written, left out as longer than the limits, left out as empty on a side."""

    pairs: int = 0
    too_long: int = 0
    empty: int = 0

    def __add__(self, other: TokenizedCounts) -> TokenizedCounts:
        return TokenizedCounts(self.pairs + other.pairs, self.too_long + other.too_long, self.empty + other.empty)


def tokenize_pairs(
    pairs: Iterable[tuple[str, str]],
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    path: str | Path,
    *,
    max_source_pieces: int,
    max_target_pieces: int,
    keep_text: bool = False,
    num_threads: int = -1,
) -> TokenizedCounts:
    """Writes the pieces of all pairs to a token store at ``path``; only one chunk of pairs is in memory at a time.

    Args:
        pairs: source and target sentences.
        max_source_pieces, max_target_pieces: a pair with more on a side is left out. The end is not counted.
        keep_text: keep the sentences too, so that subword sampling can segment them anew.
        num_threads: of the tokenizers; -1 takes every core.
    """
    counts = TokenizedCounts()
    remaining = iter(pairs)
    largest_size = max(source_tokenizer.size, target_tokenizer.size)
    with TokenStoreWriter(path, largest_size=largest_size, keep_text=keep_text) as writer:
        while chunk := list(islice(remaining, CHUNK)):
            sources = [source for source, _target in chunk]
            targets = [target for _source, target in chunk]
            source_ids = source_tokenizer.encode_all(sources, num_threads)
            target_ids = target_tokenizer.encode_all(targets, num_threads)
            kept, counted = _kept(source_ids, target_ids, max_source_pieces, max_target_pieces)
            texts = [[column[row] for row in kept] for column in (sources, targets)] if keep_text else []
            writer.append([source_ids[row] for row in kept], [target_ids[row] for row in kept], *texts)
            counts += counted
    return counts


def _kept(
    source_ids: list[list[int]], target_ids: list[list[int]], max_source_pieces: int, max_target_pieces: int
) -> tuple[NDArray[np.intp], TokenizedCounts]:
    """The rows that are neither empty nor too long on a side, and how many there are of each."""
    source_lengths = np.fromiter(map(len, source_ids), np.int64, len(source_ids))
    target_lengths = np.fromiter(map(len, target_ids), np.int64, len(target_ids))
    empty = (source_lengths == 0) | (target_lengths == 0)
    too_long = ~empty & ((source_lengths > max_source_pieces) | (target_lengths > max_target_pieces))
    kept = np.flatnonzero(~empty & ~too_long)
    return kept, TokenizedCounts(len(kept), int(too_long.sum()), int(empty.sum()))


class TokenStoreWriter:
    """Writes a token store chunk by chunk. The file takes its name when the ``with`` block ends well, and not before.

    Args:
        path: of the store; one that is there is replaced.
        largest_size: the larger vocabulary's size: ids take two bytes where they fit, else four.
        keep_text: with two columns of text, for subword sampling.

    Raises:
        UserError: when the file cannot be written: a full disk, a missing folder.
    """

    def __init__(self, path: str | Path, *, largest_size: int, keep_text: bool = False) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        ids = pa.list_(pa.uint16() if largest_size <= 1 << 16 else pa.int32())
        texts = [(SOURCE_TEXT, pa.large_string()), (TARGET_TEXT, pa.large_string())] if keep_text else []
        self._schema = pa.schema([(SOURCE_IDS, ids), (TARGET_IDS, ids), *texts])

    def __enter__(self) -> TokenStoreWriter:
        try:
            self._file = pa.OSFile(str(self._partial), "wb")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._stream = pa.ipc.new_stream(self._file, self._schema)
        return self

    def append(
        self,
        source_ids: Sequence[Sequence[int]],
        target_ids: Sequence[Sequence[int]],
        sources: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
    ) -> None:
        """Adds one chunk of rows: ids without the end, and the texts if the store keeps them."""
        columns = [source_ids, target_ids, sources, targets][: len(self._schema)]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
        if not len(arrays[0]):
            return
        try:
            self._stream.write_batch(pa.record_batch(arrays, schema=self._schema))
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        except OSError as failure:
            raise _unwritable(self.path, failure) from failure
        finally:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def _publish(self) -> None:
        """Everything on the disk first, then the name: a crash leaves the whole file or none."""
        self._stream.close()
        self._file.close()
        _synced(self._partial)
        self._partial.replace(self.path)
        _synced(self.path.parent)


def _synced(path: Path) -> None:
    """Waits until the file, or the names in the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class TokenStore:
    """A token store that is open for reading.

    Attributes:
        source_lengths, target_lengths: pieces of each row without the end, (N,) int32.
        has_text: whether the sentences were kept.
    """

    def __init__(self, table: pa.Table) -> None:
        self._batches = table.to_batches()
        self._starts = np.cumsum([0] + [len(batch) for batch in self._batches])
        self._sources = [_Ragged(batch.column(SOURCE_IDS)) for batch in self._batches]
        self._targets = [_Ragged(batch.column(TARGET_IDS)) for batch in self._batches]
        self.source_lengths = _lengths(self._sources)
        self.target_lengths = _lengths(self._targets)
        self.has_text = SOURCE_TEXT in table.column_names

    @classmethod
    def open(cls, path: str | Path) -> TokenStore:
        """Maps the file into memory without reading it. Raises UserError when it is missing, cut off or no store."""
        try:
            with Path(path).open("rb") as file:
                file.seek(-len(END_OF_STREAM), os.SEEK_END)
                whole = file.read() == END_OF_STREAM
            table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise _unreadable(path) from error
        if not whole or table.column_names[:2] != [SOURCE_IDS, TARGET_IDS]:
            raise _unreadable(path)
        return cls(table)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, indices: ArrayLike) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """The source and the target ids of these rows, without the end: views of the file, not to be written to."""
        places = list(self._places(indices))
        return (
            [self._sources[chunk][row] for chunk, row in places],
            [self._targets[chunk][row] for chunk, row in places],
        )

    def texts(self, indices: ArrayLike) -> tuple[list[str], list[str]]:
        """The sentences of these rows; the store must have been made with its text."""
        places = list(self._places(indices))
        return self._text(SOURCE_TEXT, places), self._text(TARGET_TEXT, places)

    def _text(self, column: str, places: list[tuple[int, int]]) -> list[str]:
        return [self._batches[chunk].column(column)[row].as_py() for chunk, row in places]

    def _places(self, indices: ArrayLike) -> Iterator[tuple[int, int]]:
        """Each row's chunk and its place in the chunk."""
        numbers = np.asarray(indices, np.int64)
        chunks = np.searchsorted(self._starts, numbers, side="right") - 1
        return zip(chunks.tolist(), (numbers - self._starts[chunks]).tolist(), strict=True)


class _Ragged:
    """One chunk of a list column as numpy views: all values in a row, and where each list begins."""

    def __init__(self, column: pa.ListArray) -> None:
        self.offsets: NDArray[np.int32] = column.offsets.to_numpy()
        self.values: NDArray[Any] = column.values.to_numpy()

    def __getitem__(self, row: int) -> NDArray[Any]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]


def _lengths(chunks: list[_Ragged]) -> NDArray[np.int32]:
    if not chunks:
        return np.zeros(0, np.int32)
    return np.concatenate([np.diff(chunk.offsets) for chunk in chunks])


def _unwritable(path: Path, error: OSError) -> UserError:
    reason = os.strerror(error.errno) if error.errno else str(error)  # Arrow's own words are longer
    return UserError(_("{path} cannot be written: {reason}").format(path=path, reason=reason))


def _unreadable(path: str | Path) -> UserError:
    return UserError(
        _("{path} is no token store, or one that was cut off; delete it, and it is made anew").format(path=path)
    )
