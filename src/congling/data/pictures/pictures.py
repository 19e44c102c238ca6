"""Pictures from files: whatever its size, its colours and its format, each becomes C × side × side bytes.

C channels, 1 (grey) or 3 (red, green, blue) · side, in pixels, of the square that a network sees
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from congling.errors import UserError
from congling.language import _

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp")
MOST_PIXELS = 2**26  # that are decoded at once: 200 MB in colour
ORIENTATION = 0x0112  # EXIF's tag

Fit = Literal["crop", "pad"]
Pixels = NDArray[np.uint8]

_pillows_limit = threading.Lock()


@dataclass(frozen=True)
class PictureShape:
    """What a network takes: ``channels`` (1 or 3), the ``side`` in pixels, and how a picture is fitted to the square.

    ``crop`` takes the middle square, as in Krizhevsky et al. 2012, §2; ``pad`` keeps all of it, and fills the rest
    with the mean colour of the picture's edge.
    """

    channels: int
    side: int
    fit: Fit = "crop"

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(C, side, side)."""
        return self.channels, self.side, self.side


@dataclass(frozen=True)
class FittedPicture:
    """A picture as a network takes it.

    Attributes:
        pixels: (C, side, side) bytes.
        width, height: what it was before, upright.
        remarks: what had to be changed, in sentences for the user; empty where nothing was.
    """

    pixels: Pixels
    width: int
    height: int
    remarks: list[str]


def read_picture(path: Path | str, shape: PictureShape, content: bytes | None = None) -> FittedPicture:
    """Read a file, turn it upright as its EXIF data say, and fit it to the shape.

    A JPEG file is decoded at an eighth of its size or more, as is needed, so that a large photograph costs little. Of
    an animated file the first frame counts. What is transparent stands on white.

    Args:
        content: of the file, where it was read already; ``path`` is then only what the picture is called.

    Raises:
        UserError: there is no such file, it is no picture, it is broken or cut off, or it is too large to decode.
    """
    try:
        with _opened(Path(path), content) as image:
            _require_bearable(image, path, shape)
            return fit_picture(image, shape)
    except (UserError, MemoryError):
        raise
    except FileNotFoundError:
        raise UserError(_("there is no picture {path}").format(path=path)) from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        message = _("{path} is no picture that can be read; these formats can: {known}")
        raise UserError(message.format(path=path, known=known)) from None
    except Exception as error:  # decoders answer broken files with nearly any exception
        message = _("the picture {path} cannot be read: {reason}")
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(message.format(path=path, reason=reason)) from None


def fit_picture(image: Image.Image, shape: PictureShape) -> FittedPicture:
    """Fit an open picture to the shape, as ``read_picture`` does; what is not decoded yet is decoded as needed."""
    width, height = image.size  # before a JPEG file is asked for less
    remarks = list(_remarks(image, shape))
    orientation = _orientation(image)
    if orientation > 4:
        width, height = height, width
    if (width, height) != (shape.side, shape.side):
        remarks.insert(0, _size_remark(width, height, shape))
    image.draft("L" if shape.channels == 1 else None, (2 * shape.side, 2 * shape.side))
    opaque, transparent = _on_white(_eight_bits(_reduced(image, shape.side)))
    if transparent:
        remarks.append(_("its transparent parts stand on white"))
    upright = _turned(opaque.convert("L" if shape.channels == 1 else "RGB"), orientation)
    square = _cropped(upright, shape.side) if shape.fit == "crop" else _padded(upright, shape.side)
    pixels = np.asarray(square, np.uint8).reshape(shape.side, shape.side, shape.channels)
    return FittedPicture(np.ascontiguousarray(pixels.transpose(2, 0, 1)), width, height, remarks)


# Opening -------------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, content: bytes | None) -> Iterator[Image.Image]:
    """The picture, of which the header is read only.

    Pillow's own limit asks how many pixels a file claims; ``_require_bearable`` asks how many have to be decoded.
    """
    with path.open("rb") if content is None else io.BytesIO(content) as file:
        with _pillows_limit:
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                image = Image.open(file, formats=FORMATS)
            finally:
                Image.MAX_IMAGE_PIXELS = before
        with image:
            yield image


def _require_bearable(image: Image.Image, path: Path | str, shape: PictureShape) -> None:
    """Refuse a picture that would fill the memory, or that is made to."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO") and "progressive" not in image.info:  # a progressive one is kept whole
        shrunk = min(8, max(1, min(image.size) // (2 * shape.side)))
        pixels //= (1 << (shrunk.bit_length() - 1)) ** 2  # libjpeg halves once, twice or three times
    if pixels > MOST_PIXELS:
        raise UserError(
            _(
                "the picture {path} has {width}×{height} pixels; more than {most} million cannot be decoded at once:"
                " make it smaller, or save it as a plain (not progressive) JPEG file, which is read at a smaller size"
            ).format(path=path, width=image.width, height=image.height, most=MOST_PIXELS // 10**6)
        )


def _remarks(image: Image.Image, shape: PictureShape) -> Iterator[str]:
    """What is special about the picture, before it is decoded."""
    if getattr(image, "is_animated", False) and image.format != "MPO":  # whose further frames are no motion
        yield _("it is animated: only the first frame is looked at")
    if image.mode == "CMYK":
        yield _("its colours are for print (CMYK) and were converted")
    grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;")
    if grey and shape.channels == 3:
        yield _("it is grey, though the network knows colours")
    if not grey and shape.channels == 1:
        yield _("its colours became grey")


def _size_remark(width: int, height: int, shape: PictureShape) -> str:
    size = {"width": width, "height": height, "side": shape.side}
    if width == height:
        return _("its {width}×{height} pixels became {side}×{side}").format(**size)
    if shape.fit == "crop":
        return _("its {width}×{height} pixels became {side}×{side}: the middle square").format(**size)
    return _("its {width}×{height} pixels became {side}×{side}: all of it, on its edge's mean colour").format(**size)


# Fitting -------------------------------------------------------------------------------------------------------------


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """A very large picture by a whole factor smaller, before anything else makes copies of it."""
    factor = min(image.size) // (2 * side)
    return image.reduce(factor) if factor > 1 and image.mode in ("L", "LA", "RGB", "RGBA", "CMYK") else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits as eight: Pillow itself would cut off what is above 255."""
    if image.mode != "I" and not image.mode.startswith("I;"):
        return image
    return Image.fromarray((np.clip(np.asarray(image), 0, 0xFFFF) >> 8).astype(np.uint8))


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture on a white ground, and whether any of the ground shows."""
    if not image.has_transparency_data:
        return image, False
    image = image.convert("RGBA")
    lowest, _highest = image.getchannel("A").getextrema()
    if lowest == 255:
        return image, False
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image), True


def _orientation(image: Image.Image) -> int:
    """EXIF's number from 1 (upright) to 8; broken EXIF data say nothing."""
    try:
        number = image.getexif().get(ORIENTATION, 1)
    except Exception:  # of the many kinds that broken bytes can raise
        return 1
    return number if number in range(1, 9) else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turns = Image.Transpose
    how = {
        2: turns.FLIP_LEFT_RIGHT, 3: turns.ROTATE_180, 4: turns.FLIP_TOP_BOTTOM, 5: turns.TRANSPOSE,
        6: turns.ROTATE_270, 7: turns.TRANSVERSE, 8: turns.ROTATE_90,
    }.get(orientation)  # fmt: skip
    return image if how is None else image.transpose(how)


def _cropped(image: Image.Image, side: int) -> Image.Image:
    """The middle square, resized without an image in between that could be huge."""
    shorter = min(image.size)
    left, top = (image.width - shorter) / 2, (image.height - shorter) / 2
    return _resized(image, (side, side), (left, top, left + shorter, top + shorter))


def _padded(image: Image.Image, side: int) -> Image.Image:
    """All of the picture in the middle of a square."""
    longer = max(image.size)
    width, height = (max(1, round(length * side / longer)) for length in image.size)
    small = _resized(image, (width, height), (0, 0, *image.size))
    square = Image.new(image.mode, (side, side), _edge_colour(small))
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return square


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    if image.size == size and box == (0, 0, *size):
        return image
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)


def _edge_colour(image: Image.Image) -> int | tuple[int, ...]:
    pixels = np.atleast_3d(np.asarray(image, np.float64))  # (Y, X, C)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    mean = tuple(round(each) for each in edge.mean(axis=0))
    return mean[0] if len(mean) == 1 else mean
