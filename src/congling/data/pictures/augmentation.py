"""Augmentation: each time a picture comes, it comes a little changed, so that a network learns what does not matter.

B batch · C channels · Y = X side of a picture. Pixels lie between 0 and 1.

What happens to a picture hangs on the seed, the epoch and its row alone, never on what else is in the batch: a stream
that goes on after a stop draws what it would have drawn. So numbers are not drawn one after the other but calculated,
each row with a SplitMix64 stream of its own (Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from congling.data.text.splits import mixed
from congling.errors import UsageError
from congling.language import _

ANGLE, MIRRORED, RIGHT, DOWN, CUT, CUT_RIGHT, CUT_DOWN, DETAIL, FIRST_PIXEL = range(9)
"""Which of a row's random numbers decides what: to turn one strength on or off leaves the others' numbers alone."""

STRONGEST = {"rotate": 180, "mirror": 1, "shift": 1, "crop": 0.95, "blur": 1, "sharpen": 10, "noise": 1}

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # SplitMix64's step: 2⁶⁴ over the golden ratio


@dataclass(frozen=True)
class Augmentation:
    """How strongly pictures are changed; 0 everywhere leaves them exactly as they are.

    Attributes:
        rotate: by up to this many degrees, to either side.
        mirror: left and right are exchanged with this probability.
        shift: by up to this share of the side, in each direction.
        crop: up to this share of the side is cut away, and the rest enlarged.
        blur: up to this share of the fine detail is taken away; 1 is a 3×3 binomial blur.
        sharpen: up to this many times the fine detail is added.
        noise: standard deviation of a normal variable that is added to each pixel.
    """

    rotate: float = 0.0
    mirror: float = 0.0
    shift: float = 0.0
    crop: float = 0.0
    blur: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), STRONGEST[field.name]
            if not 0 <= value <= most:  # nor is NaN
                message = _("{name} must lie between 0 and {most:g}, not {value:g}")
                raise UsageError(message.format(name=field.name, most=most, value=value))

    @property
    def moves(self) -> bool:
        """Whether pixels change their places."""
        return bool(self.rotate or self.shift or self.crop)

    def __bool__(self) -> bool:
        """Whether anything at all is changed."""
        return any(getattr(self, field.name) for field in fields(self))


def augment(pictures: Tensor, how: Augmentation, *, seed: int, epoch: int, rows: NDArray[np.int64]) -> Tensor:
    """The batch of square pictures (B, C, Y, X), the i-th being row ``rows[i]`` of the set, as they come this time."""
    if not how:
        return pictures
    pixels = pictures[0].numel() if how.noise else 0
    chances = uniforms(seed, epoch, rows, FIRST_PIXEL + pixels + pixels % 2)
    if how.mirror:
        mirrored = torch.from_numpy(chances[:, MIRRORED] < how.mirror).view(-1, 1, 1, 1)
        pictures = torch.where(mirrored, pictures.flip(3), pictures)
    if how.moves:
        pictures = _moved(pictures, _movements(how, chances))
    if how.blur or how.sharpen:
        amount = how.sharpen - (how.sharpen + how.blur) * chances[:, DETAIL]  # from sharpen down to −blur
        pictures = _sharpened(pictures, torch.from_numpy(amount).to(pictures.dtype))
    if how.noise:
        noise = torch.from_numpy(_normal(chances[:, FIRST_PIXEL:])[:, :pixels]).to(pictures.dtype)
        pictures = (pictures + how.noise * noise.reshape(pictures.shape)).clamp_(0, 1)
    return pictures


def uniforms(seed: int, epoch: int, rows: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(B, count) numbers in [0, 1): those of a row are the same whatever other rows are asked for."""
    start = mixed(np.array([seed], np.int64).view(np.uint64)) + np.uint64(epoch)
    keys = mixed(mixed(start) + rows.astype(np.uint64))[:, None]  # (B, 1)
    bits = mixed(keys + _GOLDEN * np.arange(1, count + 1, dtype=np.uint64))  # (B, count)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _normal(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 2n) uniform numbers into as many normal ones: Box and Muller 1958, eq. 1."""
    first, second = np.hsplit(uniform, 2)
    radius, angle = np.sqrt(-2 * np.log1p(-first)), 2 * math.pi * second
    normal: NDArray[np.float64] = np.hstack([radius * np.cos(angle), radius * np.sin(angle)])
    return normal


def _movements(how: Augmentation, chances: NDArray[np.float64]) -> Tensor:
    """For each picture the map (2, 3) from a place in it to where its pixel comes from; the sides go from −1 to 1."""
    either = 2 * chances - 1  # −1 … 1
    angle = np.deg2rad(how.rotate) * either[:, ANGLE]
    scale = 1 - how.crop * chances[:, CUT]  # what is left of the side
    right = (1 - scale) * either[:, CUT_RIGHT] - 2 * how.shift * either[:, RIGHT]
    down = (1 - scale) * either[:, CUT_DOWN] - 2 * how.shift * either[:, DOWN]
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    rows = [np.stack(row, axis=1) for row in ((cosine, -sine, right), (sine, cosine, down))]
    return torch.from_numpy(np.stack(rows, axis=1))  # (B, 2, 3)


def _moved(pictures: Tensor, movements: Tensor) -> Tensor:
    """All turned, shifted and enlarged at once, between pixels linearly; beyond the edge the edge goes on."""
    grid = F.affine_grid(movements.to(pictures.dtype), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _sharpened(pictures: Tensor, amount: Tensor) -> Tensor:
    """x + a (x − blurred x): sharper for positive amounts a (B,), blurred for negative ones."""
    channels = pictures.shape[1]
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=pictures.dtype) / 4
    kernel = torch.outer(weights, weights).expand(channels, 1, 3, 3)
    blurred = F.conv2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)
    return (pictures + amount.view(-1, 1, 1, 1) * (pictures - blurred)).clamp_(0, 1)
