"""Pictures of a Hugging Face data set, or of a folder that holds one, in the same form as those of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from congling.data.pictures.folders import LabelledPicture
from congling.data.pictures.pictures import FittedPicture, PictureShape, read_picture
from congling.data.text.pair_readers import explaining_hub
from congling.errors import UserError
from congling.language import _
from congling.nearest import did_you_mean

LABEL = "label"  # what the column of the classes is called as a rule


@dataclass(frozen=True)
class HubPictures:
    """What a data set holds.

    Attributes:
        name: of the data set.
        classes: the names of those that occur.
        targets: the number of each row's class; None where it has none.
        cells: of each row the picture, ``{"bytes": …, "path": …}``, read from the disk when it is asked for.
    """

    name: str
    classes: list[str]
    targets: list[int | None]
    cells: Sequence[Mapping[str, Any] | None]

    def fitted(self, row: int, shape: PictureShape) -> FittedPicture:
        """One picture, counted from 0; errors as ``read_picture``."""
        cell, name = self.cells[row], self.picture_name(row)
        if cell is None:
            raise UserError(_("{name} is empty").format(name=name))
        if cell["bytes"] is None:
            return read_picture(cell["path"], shape)
        return read_picture(name, shape, cell["bytes"])

    def picture_name(self, row: int) -> str:
        """What the user may know the picture by."""
        return _("row {number}").format(number=row + 1)


def find_hub_pictures(
    name: str, split: str, configuration: str | None, image_column: str | None, label_column: str | None
) -> HubPictures:
    """Fetch a data set, once, and look at its columns; no picture is decoded.

    Args:
        image_column, label_column: None for the ones whose kinds say that they hold pictures and classes.

    Raises:
        UserError: the hub cannot be reached; there is no such data set, split or column; there is one class only.
    """
    with explaining_hub(name):
        from datasets import Image, load_dataset

        rows = load_dataset(name, configuration, split=split)
        image = _column(name, rows.features, image_column, "", "Image", "--image-column")
        label = _column(name, rows.features, label_column, LABEL, "ClassLabel", "--label-column")
        if type(rows.features[image]).__name__ != "Image":
            message = _("the column {column} of {name} holds no pictures; choose another one with --image-column")
            raise UserError(message.format(column=image, name=name))
        classes, targets = _numbered(rows[label], getattr(rows.features[label], "names", None))
        cells = rows.cast_column(image, Image(decode=False))[image]
    if len(classes) < 2:
        message = _("{name} has one class only, {only}, in the column {column}; there is nothing to tell apart")
        raise UserError(message.format(name=name, only=", ".join(classes) or "–", column=label))
    return HubPictures(name, classes, targets, cells)


def read_hub_pictures(pictures: HubPictures, shape: PictureShape) -> Iterator[LabelledPicture]:
    """Every picture in turn, fitted to the shape."""
    for row, target in enumerate(pictures.targets):
        name = pictures.picture_name(row)
        if target is None:
            yield LabelledPicture(name, 0, None, _("{name} has no class").format(name=name))
            continue
        try:
            yield LabelledPicture(name, target, pictures.fitted(row, shape).pixels)
        except UserError as error:
            yield LabelledPicture(name, target, None, str(error))


def _column(name: str, features: Mapping[str, Any], told: str | None, usual: str, kind: str, option: str) -> str:
    """The column that the user names, or the usual one, or the first of the kind.

    Raises:
        UserError: there is none.
    """
    if told is not None and told not in features:
        message = _("{name} has no column {column}; its columns are {columns}")
        message = message.format(name=name, column=told, columns=", ".join(features))
        raise UserError(message + did_you_mean(told, list(features)))
    of_kind = (column for column, feature in features.items() if type(feature).__name__ == kind)
    found = told or (usual if usual in features else next(of_kind, None))
    if found is None:
        message = _("which column of {name} is meant? Name it with {option}; its columns are {columns}")
        raise UserError(message.format(name=name, option=option, columns=", ".join(features)))
    return found


def _numbered(labels: Sequence[Any], names: Sequence[str] | None) -> tuple[list[str], list[int | None]]:
    """The classes that occur, and the number of each row's among them; a missing or negative label is none."""
    there = [None if label is None or (names and label < 0) else label for label in labels]
    used = sorted({label for label in there if label is not None})
    number_of = {label: number for number, label in enumerate(used)}
    classes = [names[label] if names else str(label) for label in used]
    return classes, [None if label is None else number_of[label] for label in there]
