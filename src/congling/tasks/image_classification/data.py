"""From what the user has (a folder of pictures, a hub data set, a named one) to the picture set that a run keeps.

The run's folder then holds ``data/pixels.bin`` and ``data/pictures.json``: see ``data.pictures.sets``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from congling.data.pictures.digits import CLASSES, read_digits
from congling.data.pictures.folders import LabelledPicture, find_pictures, read_pictures
from congling.data.pictures.hub import find_hub_pictures, read_hub_pictures
from congling.data.pictures.pictures import FittedPicture, PictureShape, fit_picture, read_picture
from congling.data.pictures.sets import DESCRIPTION, PictureSet, write_picture_set
from congling.data.sources import find_source
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.runs import Run
from congling.tasks.image_classification.options import ImageClassificationOptions, PictureDataOptions
from congling.tasks.named_data import fetched
from congling.tasks.training import Say

FOLDER = "data"
DIGITS = "mnist-5k"
USUAL_SIDE = 64  # of the user's own pictures, unless they are smaller
SMALLEST_SIDE = 8
LOOKED_AT = 48  # pictures, to find out what size they have, and whether they have colours
COLOURED = 12  # of 255: channels of a pixel that differ by more are no matter of compression
NAMED = 20  # unreadable pictures that are named on the terminal; the run's folder has all of them


@dataclass(frozen=True)
class Pictures:
    """Pictures that have not been read yet.

    Attributes:
        classes: their names.
        count: of the pictures.
        one: the n-th of them, fitted to a shape; raises ``UserError``.
        all: all of them in turn.
        remark: what was found and left aside, for the user.
    """

    classes: Sequence[str]
    count: int
    one: Callable[[int, PictureShape], FittedPicture]
    all: Callable[[PictureShape], Iterator[LabelledPicture]]
    remark: str = ""


def prepare_pictures(run: Run, options: ImageClassificationOptions, pictures: Pictures, say: Say) -> None:
    """Read all pictures into the run's folder, as settled options say, and tell what became of them.

    Raises:
        UserError: a class has too few pictures that can be read, or the disk is full.
    """
    data, shape = options.data, shape_for(options.data, pictures)
    if not data.named:
        told = {"count": pictures.count, "side": shape.side, "name": data.name}
        say(_("reading {count} pictures of {name}, each brought to {side}×{side} pixels").format(**told))
    whole = write_picture_set(
        run.file(FOLDER), pictures.all(shape), pictures.classes, shape,
        valid=data.valid_size, test=data.test_size, seed=options.training.seed,
    )  # fmt: skip
    for remark in (pictures.remark, *_unread(whole, run), _repeated(whole), _parts(whole)):
        if remark:
            say(remark)


def has_pictures(run: Run) -> bool:
    """Whether the run holds its pictures, all of them."""
    return (run.file(FOLDER) / DESCRIPTION).is_file()


def load_pictures(run: Run) -> PictureSet:
    """The pictures of a run.

    Raises:
        UserError: they are missing or damaged.
    """
    return PictureSet.open(run.file(FOLDER))


# Finding -------------------------------------------------------------------------------------------------------------


def find(options: PictureDataOptions, say: Say) -> Pictures:
    """Look at what the options name; nothing is decoded yet, and nothing written but a fetched data set.

    Raises:
        UserError: there is no such folder or data set, or it does not hold pictures of at least two classes.
    """
    if options.folder is not None:
        return of_folder(options.folder)
    if options.hub is not None:
        return _of_hub(options)
    return _named(options.data, say)


def of_folder(path: Path, *, to_learn: bool = True) -> Pictures:
    """A folder with one sub-folder a class. Errors as ``find_pictures``."""
    found = find_pictures(path, to_learn=to_learn)
    remark = ""
    if found.others:
        remark = _("{count} files in {folder} are left aside: their names do not end as those of pictures do")
        remark = remark.format(count=found.others, folder=path)
    return Pictures(
        found.classes,
        len(found.files),
        lambda number, shape: read_picture(found.files[number][0], shape),
        lambda shape: read_pictures(found, shape),
        remark,
    )


def _of_hub(options: PictureDataOptions) -> Pictures:
    assert options.hub is not None
    found = find_hub_pictures(
        options.hub, options.hub_split, options.hub_configuration, options.image_column, options.label_column
    )
    return Pictures(found.classes, len(found.targets), found.fitted, lambda shape: read_hub_pictures(found, shape))


def _named(name: str, say: Say) -> Pictures:
    source = find_source(name)
    if source.name != DIGITS:
        message = _("{name} holds no pictures; image classification can learn from: {names}")
        raise UsageError(message.format(name=source.name, names=DIGITS))
    digits = list(read_digits(fetched(source, say) / "mnist_5k.csv.gz"))

    def one(number: int, shape: PictureShape) -> FittedPicture:
        pixels = digits[number].pixels
        assert pixels is not None
        return fit_picture(Image.fromarray(pixels[0]), shape)

    def all_of(shape: PictureShape) -> Iterator[LabelledPicture]:
        return (replace(digit, pixels=one(number, shape).pixels) for number, digit in enumerate(digits))

    return Pictures(CLASSES, len(digits), one, all_of)


# What shape they shall have ------------------------------------------------------------------------------------------


def shape_for(options: PictureDataOptions, pictures: Pictures) -> PictureShape:
    """The shape that the options name, or that suits what some of the pictures are like."""
    side, colours = options.side, options.colours
    if side is None or colours == "auto":
        suits = suitable_shape(_some(pictures))
        side = side or suits.side
        colours = ("colour" if suits.channels == 3 else "grey") if colours == "auto" else colours
    return PictureShape(3 if colours == "colour" else 1, side, options.fit)


def suitable_shape(pictures: Sequence[FittedPicture]) -> PictureShape:
    """The usual side, or that of the middle one of these pictures if it is smaller; colours if one of them has any."""
    if not pictures:
        return PictureShape(3, USUAL_SIDE)
    middle = statistics.median_low(min(picture.width, picture.height) for picture in pictures)
    coloured = any(bool((np.ptp(picture.pixels, axis=0) > COLOURED).any()) for picture in pictures)
    return PictureShape(3 if coloured else 1, max(SMALLEST_SIDE, min(middle, USUAL_SIDE)))


def _some(pictures: Pictures) -> list[FittedPicture]:
    """Some that can be read, from all over the set, in colours."""
    found = []
    for number in np.unique(np.linspace(0, pictures.count - 1, LOOKED_AT).astype(int)):
        try:
            found.append(pictures.one(int(number), PictureShape(3, USUAL_SIDE)))
        except UserError:  # it is named when all are read
            continue
    return found


# What became of them -------------------------------------------------------------------------------------------------


def unread_remarks(skipped: Sequence[str], all_of_them: Path | None = None) -> list[str]:
    """How many pictures could not be read, and why; the first of them one by one."""
    if not skipped:
        return []
    remarks = [_("{count} pictures could not be read and are left out:").format(count=len(skipped)), *skipped[:NAMED]]
    if len(skipped) > NAMED:
        more = _("and {count} more; all of them stand in {path}")
        remarks.append(more.format(count=len(skipped) - NAMED, path=all_of_them))
    return remarks


def _unread(pictures: PictureSet, run: Run) -> list[str]:
    return unread_remarks(pictures.skipped, run.file(FOLDER) / DESCRIPTION)


def _repeated(pictures: PictureSet) -> str:
    if not pictures.repeated:
        return ""
    return _("{count} pictures are left out, as the same one stands in its class already").format(
        count=pictures.repeated
    )


def _parts(pictures: PictureSet) -> str:
    message = _(
        "{train} pictures to learn from, {valid} to validate with, {test} to test with; {classes} classes,"
        " {width}×{height} pixels, {colours}"
    )
    return message.format(
        **{part: len(pictures.rows(part)) for part in ("train", "valid", "test")},
        classes=len(pictures.classes), width=pictures.shape.side, height=pictures.shape.side,
        colours=_("grey") if pictures.shape.channels == 1 else _("in colour"),
    )  # fmt: skip
