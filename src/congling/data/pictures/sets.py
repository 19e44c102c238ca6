"""A set of pictures of one shape, on the disk: read once from whatever files, then from a memory map.

However many pictures there are, only those of the batch are in memory; the system keeps as many others as it has room
for. Two files in one folder: ``pixels.bin`` has the bytes, one picture after the other, and ``pictures.json``, which
is written last, has all else.

N pictures · C channels · Y, X height and width, which are equal
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.examples import ExampleBatch
from congling.data.pictures.folders import LabelledPicture
from congling.data.pictures.pictures import PictureShape, Pixels
from congling.data.stratified import stratified_parts
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.errors import UserError
from congling.language import _

PIXELS, DESCRIPTION = "pixels.bin", "pictures.json"
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PictureSet:
    """Pictures with their classes, each in one of three parts.

    Attributes:
        shape: of every picture.
        classes: their names; ``targets`` are numbers of these.
        names: (N) what each picture is called.
        targets: (N,) int64.
        part_of: (N,) uint8: ``TRAIN``, ``VALID`` or ``TEST``.
        pixels: (N, C, Y, X) uint8, from the disk as they are asked for.
        mean, deviation: (C,) of the training pictures' pixels, between 0 and 1.
        skipped: why pictures could not be read, a sentence for each.
        repeated: how many pictures were left out, as the same one with the same class was there already.
    """

    shape: PictureShape
    classes: list[str]
    names: list[str]
    targets: NDArray[np.int64]
    part_of: NDArray[np.uint8]
    pixels: Pixels
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    skipped: list[str]
    repeated: int

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def open(cls, folder: Path | str) -> PictureSet:
        """The set that ``write_picture_set`` wrote there.

        Raises:
            UserError: there is none, or not the whole of it.
        """
        folder = Path(folder)
        try:
            kept = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            shape = PictureShape(**kept["shape"])
            dimensions = (len(kept["names"]), *shape.dimensions)
            if (folder / PIXELS).stat().st_size != np.prod(dimensions):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            message = _("{folder} holds no pictures, or not all of them: they have to be read anew")
            raise UserError(message.format(folder=folder)) from None
        return cls(
            shape=shape,
            classes=kept["classes"],
            names=kept["names"],
            targets=np.array(kept["targets"], np.int64),
            part_of=np.array(kept["part_of"], np.uint8),
            pixels=np.memmap(folder / PIXELS, np.uint8, "r", shape=dimensions),
            mean=np.array(kept["mean"]),
            deviation=np.array(kept["deviation"]),
            skipped=kept["skipped"],
            repeated=kept["repeated"],
        )

    def rows(self, part: str) -> Rows:
        """The numbers of the pictures of a part: ``train``, ``valid`` or ``test``."""
        return np.flatnonzero(self.part_of == PARTS[part])

    def pictures(self, rows: Rows) -> Tensor:
        """Some pictures (B, C, Y, X), from 0 (black) to 1."""
        return torch.from_numpy(np.asarray(self.pixels[rows])).to(torch.float32).div_(255)

    def standardised(self, pictures: Tensor) -> Tensor:
        """What a network takes: each channel with mean 0 and variance 1 over the training pictures."""
        mean, deviation = (torch.from_numpy(each).to(pictures).view(-1, 1, 1) for each in (self.mean, self.deviation))
        return (pictures - mean) / deviation

    def examples(self, rows: Rows) -> ExampleBatch:
        """Some pictures as they are, with their classes, for a network."""
        return ExampleBatch(self.standardised(self.pictures(rows)), torch.from_numpy(self.targets[rows]))


def write_picture_set(
    folder: Path | str,
    pictures: Iterable[LabelledPicture],
    classes: Sequence[str],
    shape: PictureShape,
    *,
    valid: int,
    test: int,
    seed: int,
) -> PictureSet:
    """Write pictures to a new set, one at a time, and split it by classes (see ``stratified_parts``).

    A picture that could not be read is left out, and so is one that is, pixel by pixel, another of its class: it
    might be trained on and tested with.

    Raises:
        UserError: a class has fewer than three pictures.
    """
    folder = Path(folder)
    with _explaining_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / PIXELS).open("wb") as file:
            kept, repeated, skipped = _write_pixels(file, pictures)
            file.flush()
            os.fsync(file.fileno())
    names, targets = [name for name, _target in kept], np.array([target for _name, target in kept], np.int64)
    try:
        part_of = stratified_parts(names, targets, classes, valid=valid, test=test, seed=seed)
    except UserError as error:
        raise UserError(str(error) + _because(skipped)) from None
    pixels: Pixels = np.memmap(folder / PIXELS, np.uint8, "r", shape=(len(kept), *shape.dimensions))
    mean, deviation = _statistics(pixels, np.flatnonzero(part_of == TRAIN))
    description = {
        "shape": vars(shape), "classes": list(classes), "names": names, "targets": targets.tolist(),
        "part_of": part_of.tolist(), "mean": mean.tolist(), "deviation": deviation.tolist(), "skipped": skipped,
        "repeated": repeated,
    }  # fmt: skip
    with _explaining_disk_errors(folder):
        _write_description(folder / DESCRIPTION, description)
    return PictureSet.open(folder)


def _write_pixels(file: BinaryIO, pictures: Iterable[LabelledPicture]) -> tuple[list[tuple[str, int]], int, list[str]]:
    """The names and classes of the pictures that were written, how many were repeated, and why others were not read."""
    kept, skipped, seen, repeated = list[tuple[str, int]](), list[str](), set[tuple[int, bytes]](), 0
    for picture in pictures:
        if picture.pixels is None:
            skipped.append(picture.reason)
            continue
        content = picture.pixels.tobytes()
        key = picture.target, hashlib.blake2b(content, digest_size=16).digest()
        if key in seen:
            repeated += 1
            continue
        seen.add(key)
        kept.append((picture.name, picture.target))
        file.write(content)
    return kept, repeated, skipped


def _because(skipped: list[str]) -> str:
    """A clause for the end of a message: that pictures are missing, and why the first of them is."""
    if not skipped:
        return ""
    clause = _("{count} pictures could not be read, first: {reason}")
    return _("; ") + clause.format(count=len(skipped), reason=skipped[0])


@contextmanager
def _explaining_disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(_("{path} cannot be written: {reason}").format(path=folder, reason=error.strerror)) from error


def _statistics(pixels: Pixels, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (C,) of pixels between 0 and 1; a channel that is always the same deviates by 1."""
    total, squares, count = np.zeros(pixels.shape[1]), np.zeros(pixels.shape[1]), 0
    for chunk in _chunks(rows, 256):
        values = pixels[chunk].astype(np.float64) / 255  # (n, C, Y, X)
        total += values.sum(axis=(0, 2, 3))
        squares += (values * values).sum(axis=(0, 2, 3))
        count += values.size // values.shape[1]
    mean = total / count
    variance = np.maximum(squares / count - mean * mean, 0)
    return mean, np.where(variance < 1e-9, 1.0, np.sqrt(variance))


def _chunks(rows: Rows, size: int) -> Iterator[Rows]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _write_description(path: Path, description: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)
