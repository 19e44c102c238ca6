"""A folder of one's own pictures: one sub-folder a class, named as the class is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from congling.data.pictures.pictures import SUFFIXES, PictureShape, Pixels, read_picture
from congling.errors import UserError
from congling.language import _

AT_ONCE = 256  # pictures that are being read before the first of them is asked for


@dataclass(frozen=True)
class PictureFolder:
    """What a folder holds.

    Attributes:
        path: of the folder.
        classes: the names of its sub-folders, in order.
        files: every picture with the number of its class.
        others: how many files are left aside, as their names are not those of pictures.
    """

    path: Path
    classes: list[str]
    files: list[tuple[Path, int]]
    others: int


@dataclass(frozen=True)
class LabelledPicture:
    """A picture that was read, or the reason why it could not be.

    Attributes:
        name: that the user knows it by, each once.
        target: the number of its class.
        pixels: (C, side, side); None where it could not be read.
        reason: why, in a sentence that names the file.
    """

    name: str
    target: int
    pixels: Pixels | None
    reason: str = ""


def find_pictures(folder: Path | str, *, to_learn: bool = True) -> PictureFolder:
    """Look at the names of the files in a folder; none is opened. Hidden files and folders do not count.

    Args:
        to_learn: whether there must be something to tell apart.

    Raises:
        UserError: there is no such folder, it has no sub-folders or one only, or one of them has no pictures.
    """
    path = Path(folder)
    if not path.is_dir():
        message = _("{path} is no folder") if path.exists() else _("there is no folder {path}")
        raise UserError(message.format(path=path))
    below = [each for each in _visible(path) if each.is_dir()]
    _require_classes(path, below, 2 if to_learn else 1)
    files, others = list[tuple[Path, int]](), 0
    for number, one in enumerate(below):
        inside = [each for each in _visible(one) if each.is_file()]
        pictures = [each for each in inside if _is_picture(each)]
        if not pictures:
            raise UserError(_without_pictures(one))
        files += [(each, number) for each in pictures]
        others += len(inside) - len(pictures)
    return PictureFolder(path, [each.name for each in below], files, others)


def read_pictures(folder: PictureFolder, shape: PictureShape, threads: int | None = None) -> Iterator[LabelledPicture]:
    """Every picture of the folder in turn, fitted to the shape; some are decoded at the same time.

    Only fitted pictures wait in memory, and at most 256 of them.
    """

    def read(file: tuple[Path, int]) -> LabelledPicture:
        path, target = file
        name = path.relative_to(folder.path).as_posix()
        try:
            return LabelledPicture(name, target, read_picture(path, shape).pixels)
        except UserError as error:
            return LabelledPicture(name, target, None, str(error))

    with ThreadPoolExecutor(threads or os.cpu_count()) as readers:
        for start in range(0, len(folder.files), AT_ONCE):
            yield from readers.map(read, folder.files[start : start + AT_ONCE])


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__")))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _require_classes(folder: Path, below: list[Path], fewest: int) -> None:
    if len(below) >= fewest:
        return
    if below:
        message = _("{folder} has one class only, {name}; there is nothing to tell apart: add a sub-folder of others")
        raise UserError(message.format(folder=folder, name=below[0].name))
    loose = sum(map(_is_picture, _visible(folder)))
    message = _(
        "{folder} has no sub-folders, and {loose} pictures of its own; put the pictures of each class into a"
        " sub-folder that is named as the class is"
    )
    raise UserError(message.format(folder=folder, loose=loose))


def _without_pictures(one: Path) -> str:
    deeper = [each for each in _visible(one) if each.is_dir()]
    if deeper:
        return _("{folder} has no pictures, but sub-folders: are these the classes? Then give {folder} itself").format(
            folder=one
        )
    known = " ".join(SUFFIXES)
    message = _("the class {name} has no pictures in {folder} ({known}); add some, or remove the folder")
    return message.format(name=one.name, folder=one, known=known)
