"""Running text cut for truncated backpropagation through time: side by side, stretch after stretch.

The whole text is one long row of pieces. It is laid in B rows of equal length, and each batch is the next stretch of
T pieces of every row, so that what a network remembers at the end of a batch is what it needs at the beginning of the
next (Williams and Peng 1990; side by side as in Zaremba, Sutskever and Vinyals 2014, §4.1).

    row 0:  piece 0 1 2 3 | 4 5 6 7 | 8 …
    row 1:  piece L …                            L = (N − 1) / B

B rows · T pieces of a stretch · N pieces of the text
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.going_on import require_same_origin
from congling.errors import UserError
from congling.language import _

FORGOTTEN = 1 / 64  # part of the stretches


@dataclass
class Memory:
    """What a network remembers of the text before a stretch, by name; nothing at the beginning of the rows.

    Whoever reads a stretch puts in what it remembers at its end, without the way back to the gradient.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Remember nothing of these rows (B,): zeros, as at the beginning of a text."""
        forgotten = torch.from_numpy(rows)
        for name, tensor in self.tensors.items():
            self.tensors[name] = tensor.clone()
            self.tensors[name][forgotten.to(tensor.device)] = 0

    def state(self) -> dict[str, Any]:
        """Every bit of it, as JSON holds it."""
        return {name: _written(tensor) for name, tensor in self.tensors.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back a ``state``."""
        self.tensors = {name: _read(each) for name, each in state.items()}


@dataclass(frozen=True)
class TextBatch:
    """The next stretch of every row: ``inputs`` (B, T) ids, ``targets`` (B, T) the ids that follow each of them."""

    inputs: Tensor
    targets: Tensor
    memory: Memory

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> TextBatch:
        """The same on a device."""
        if self.inputs.device == device:
            return self
        return TextBatch(self.inputs.to(device), self.targets.to(device), self.memory)


def stretches(
    ids: NDArray[np.int32], rows: int, length: int, memory: Memory, *, first: int = 0
) -> Iterator[tuple[int, TextBatch]]:
    """The stretches of a text that is laid in ``rows``, once, from the ``first``-th piece of each row on.

    The last stretch may be shorter; fewer than ``rows`` pieces at the end of the text are left out.

    Yields:
        Where in the rows the stretch ends, and the stretch.
    """
    row_length = (len(ids) - 1) // rows
    for start in range(first, row_length, length):
        end = min(start + length, row_length)
        places = range(0, rows * row_length, row_length)
        block = np.stack([ids[place + start : place + end + 1] for place in places])  # (B, T + 1), from the disk
        both = torch.from_numpy(block.astype(np.int64))
        yield end, TextBatch(both[:, :-1].contiguous(), both[:, 1:].contiguous(), memory)


class RunningTextBatches:
    """The endless stream of stretches, epoch after epoch, which goes on from any state that it was in.

    In each epoch the rows begin at another of the first T pieces, so that the stretches are cut elsewhere. Now and then
    what was remembered of a row is forgotten, so that a network learns to begin with nothing, as it does at a prompt.

    Args:
        ids: (N,) the text; it may be mapped from a disk.
        rows, length: B and T. A text that is too short for them gets fewer rows.
        seed: with the epoch's number, decides where the rows begin.

    Attributes:
        epoch: number of whole epochs that were given.
        memory: what the network remembers; emptied at the beginning of each epoch.
    """

    def __init__(self, ids: NDArray[np.int32], rows: int, length: int, seed: int) -> None:
        if len(ids) < 2:
            raise UserError(_("a text of {count} pieces holds nothing to learn from").format(count=len(ids)))
        self._ids, self.length, self.seed = ids, min(length, len(ids) - 1), seed
        self.rows = max(1, min(rows, (len(ids) - 1) // (2 * self.length)))
        self.epoch = self._position = self._offset = self._row_length = 0
        self._start_epoch(0)

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return self._position / self._row_length

    def __iter__(self) -> Iterator[TextBatch]:
        return self

    def __next__(self) -> TextBatch:
        if self.memory.tensors:
            chance = np.random.default_rng([self.seed, self.epoch, self._position])
            self.memory.forget(chance.random(self.rows) < FORGOTTEN)
        text = self._ids[self._offset :]
        self._position, batch = next(stretches(text, self.rows, self.length, self.memory, first=self._position))
        if self._position == self._row_length:
            self._start_epoch(self.epoch + 1)
        return batch

    def state(self) -> dict[str, Any]:
        """Where the stream is, what the network remembers there, and what the cuts hang on."""
        return {"epoch": self.epoch, "position": self._position, "memory": self.memory.state(), **self._origin()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state: the next batches are those of the stream that gave it.

        Raises:
            UserError: when the stream of the state had another text, other rows or another seed.
        """
        require_same_origin(state, self._origin())
        self._start_epoch(state["epoch"])
        self._position = state["position"]
        self.memory.restore(state["memory"])

    def _origin(self) -> dict[str, int]:
        return {"pieces": len(self._ids), "rows": self.rows, "length": self.length, "seed": self.seed}

    def _start_epoch(self, epoch: int) -> None:
        self.epoch, self._position = epoch, 0
        room = min(self.length, len(self._ids) - 1 - self.rows * self.length)  # every row keeps a stretch at least
        self._offset = int(np.random.default_rng([self.seed, epoch]).integers(max(1, room)))
        self._row_length = (len(self._ids) - self._offset - 1) // self.rows
        self.memory = Memory()


def _written(tensor: Tensor) -> dict[str, Any]:
    plain = tensor.detach().cpu().contiguous()
    data = plain.view(torch.uint8).numpy().tobytes()
    kind, shape = str(plain.dtype).removeprefix("torch."), list(plain.shape)
    return {"type": kind, "shape": shape, "data": base64.b64encode(data).decode("ascii")}


def _read(written: Mapping[str, Any]) -> Tensor:
    data = torch.frombuffer(bytearray(base64.b64decode(written["data"])), dtype=torch.uint8)
    return data.view(getattr(torch, written["type"])).view(written["shape"])
