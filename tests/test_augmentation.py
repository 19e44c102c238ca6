"""Augmentation: nothing at strength 0, the right thing at each strength, and the same again for the same row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from congling.data.pictures.augmentation import CUT, DETAIL, DOWN, RIGHT, STRONGEST, Augmentation, augment, uniforms
from congling.errors import UsageError

ROWS = np.array([3, 5, 11, 17, 2])


def pictures(channels: int = 3, side: int = 13) -> Tensor:
    return torch.rand(len(ROWS), channels, side, side, generator=torch.Generator().manual_seed(1))


def augmented(given: Tensor, how: Augmentation, seed: int = 7, epoch: int = 2) -> Tensor:
    return augment(given, how, seed=seed, epoch=epoch, rows=ROWS[: len(given)])


def test_strength_0_changes_nothing() -> None:
    """Guards exactness: not a bit may differ, and no other strength may be drawn into it."""
    given = pictures()
    assert augmented(given, Augmentation()) is given


@pytest.mark.parametrize("name", STRONGEST)
def test_every_strength_changes_something(name: str) -> None:
    """Guards against a strength that is read nowhere; and however strong, pixels stay between 0 and 1."""
    given = pictures()
    changed = augmented(given, Augmentation(**{name: STRONGEST[name] * 0.9}))
    assert changed.shape == given.shape
    assert changed.dtype == given.dtype
    assert not torch.equal(changed, given)
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1


@pytest.mark.parametrize("name", STRONGEST)
def test_a_row_is_changed_alike_in_any_batch(name: str) -> None:
    """Guards going on after a stop: what happens hangs on seed, epoch and row, not on the batch or what was before."""
    given, how = pictures(), Augmentation(**{name: STRONGEST[name] * 0.5})
    together = augmented(given, how)
    for place, row in enumerate(ROWS):
        alone = augment(given[place : place + 1], how, seed=7, epoch=2, rows=np.array([row]))
        torch.testing.assert_close(alone[0], together[place], rtol=0, atol=1e-6)
    assert not torch.equal(augmented(given, how, epoch=3), together)
    assert not torch.equal(augmented(given, how, seed=8), together)


def test_mirror_is_exact() -> None:
    """Guards against mirroring by interpolation: with probability 1 left and right are exchanged, bit by bit."""
    given = pictures()
    assert torch.equal(augmented(given, Augmentation(mirror=1)), given.flip(3))
    half = augment(given[:1].repeat(1000, 1, 1, 1), Augmentation(mirror=0.5), seed=1, epoch=0, rows=np.arange(1000))
    mirrored = (half == given[:1].flip(3)).flatten(1).all(1)
    assert 430 < int(mirrored.sum()) < 570  # 500 ± 4.4 deviations


def test_shift_moves_a_dot_by_the_drawn_amount() -> None:
    """Guards direction, unit and range: a bright dot's centre of mass moves by up to a share of the side."""
    side, shift = 31, 0.2
    dot = torch.zeros(1, 1, side, side)
    dot[0, 0, 15, 15] = 1
    moved = augment(dot.repeat(500, 1, 1, 1), Augmentation(shift=shift), seed=1, epoch=0, rows=np.arange(500))
    places = torch.arange(side, dtype=torch.float32)
    total = moved.sum((1, 2, 3))
    torch.testing.assert_close(total, torch.ones(500), rtol=1e-4, atol=1e-4)
    down, right = moved.sum(3).squeeze(1), moved.sum(2).squeeze(1)
    chances = uniforms(1, 0, np.arange(500), 9)
    for profile, number in ((down, DOWN), (right, RIGHT)):
        centre = (profile * places).sum(1) - 15
        drawn = (2 * chances[:, number] - 1) * shift * side
        torch.testing.assert_close(centre, torch.from_numpy(drawn).float(), rtol=0, atol=2e-3)
        assert centre.abs().max() > 0.97 * shift * side


def test_rotation_turns_and_does_not_stretch() -> None:
    """Guards the map's sines: a dot keeps its distance from the middle, and is turned by up to the given angle."""
    side, radius = 41, 12
    dot = torch.zeros(1, 1, side, side)
    dot[0, 0, 20, 20 + radius] = 1
    turned = augment(dot.repeat(200, 1, 1, 1), Augmentation(rotate=30), seed=1, epoch=0, rows=np.arange(200))
    places = torch.arange(side, dtype=torch.float32) - 20
    total = turned.sum((1, 2, 3))
    x = (turned.sum(2).squeeze(1) * places).sum(1) / total
    y = (turned.sum(3).squeeze(1) * places).sum(1) / total
    torch.testing.assert_close(torch.hypot(x, y), torch.full((200,), float(radius)), rtol=0, atol=0.5)
    angles = torch.rad2deg(torch.atan2(y, x))
    assert angles.min() < -26
    assert angles.max() > 26
    assert angles.abs().max() < 32


def test_crop_enlarges_and_stays_inside() -> None:
    """Guards the window: on a slope from 0 to 1 what is left is a less steep slope, inside the old one."""
    side = 17
    slope = torch.linspace(0, 1, side).expand(1, 1, side, side)
    cut = augment(slope.repeat(300, 1, 1, 1), Augmentation(crop=0.5), seed=1, epoch=0, rows=np.arange(300))
    steepness = (cut[:, 0, 8, 12] - cut[:, 0, 8, 4]) / (slope[0, 0, 8, 12] - slope[0, 0, 8, 4])
    expected = 1 - 0.5 * uniforms(1, 0, np.arange(300), 9)[:, CUT]
    torch.testing.assert_close(steepness, torch.from_numpy(expected).float(), rtol=0, atol=1e-3)
    assert float(cut[:, 0, :, 0].min()) < 0.02  # some windows touch each edge
    assert float(cut[:, 0, :, -1].max()) > 0.98


def test_the_edge_goes_on() -> None:
    """Guards against black corners: a picture of one colour stays one, however it is moved."""
    given = torch.full((5, 3, 13, 13), 0.7)
    how = Augmentation(rotate=180, shift=0.5, crop=0.5, blur=1, sharpen=3)
    torch.testing.assert_close(augmented(given, how), given)


def test_blur_and_sharpen() -> None:
    """Guards the sign: blur lowers the contrast between neighbours, sharpening raises it, both by what was drawn."""
    given = pictures(1) * 0.2 + 0.4  # nothing reaches 0 or 1, where it would be cut off
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None] / 16
    detail = given - F.conv2d(F.pad(given, (1, 1, 1, 1), mode="replicate"), kernel)
    drawn = torch.from_numpy(uniforms(7, 2, ROWS, 9)[:, DETAIL]).float().view(-1, 1, 1, 1)
    torch.testing.assert_close(augmented(given, Augmentation(blur=1)), given - drawn * detail)
    torch.testing.assert_close(augmented(given, Augmentation(sharpen=0.5)), given + 0.5 * (1 - drawn) * detail)


def test_noise_is_normal() -> None:
    """Guards Box and Muller's formula: mean, deviation and kurtosis of 340,000 numbers, and no two pixels alike."""
    grey = torch.full((200, 1, 41, 41), 0.5)
    noise = augment(grey, Augmentation(noise=0.1), seed=1, epoch=0, rows=np.arange(200)).double() - 0.5
    assert abs(float(noise.mean())) < 1e-3
    assert abs(float(noise.std()) - 0.1) < 1e-3
    assert abs(float((noise**4).mean() / noise.var() ** 2) - 3) < 0.05
    flat = noise.flatten(1)
    neighbours = float((flat[:, 1:] * flat[:, :-1]).mean()) / 0.01
    halves = float((flat[:, :840] * flat[:, 840:1680]).mean()) / 0.01  # cosines and sines of the same radius
    assert abs(neighbours) < 0.01
    assert abs(halves) < 0.01


def test_random_numbers_are_uniform_and_separate() -> None:
    """Guards the hash: rows, epochs and seeds have streams of their own, evenly spread over [0, 1)."""
    drawn = np.stack([uniforms(seed, epoch, np.arange(50), 20) for seed in (0, 1, -1) for epoch in (0, 1)])
    assert len(np.unique(drawn)) == drawn.size
    counts = np.histogram(drawn, 10, (0, 1))[0]
    assert np.abs(counts - drawn.size / 10).max() < 5 * np.sqrt(drawn.size / 10)
    assert np.array_equal(uniforms(5, 1, np.array([7]), 3)[0], uniforms(5, 1, np.array([2, 7]), 9)[1, :3])


@pytest.mark.parametrize(("name", "value"), [("rotate", 181), ("mirror", -0.1), ("crop", 1.0), ("noise", float("nan"))])
def test_impossible_strengths(name: str, value: float) -> None:
    """Guards the user's options: what cannot be is refused, with its name and value."""
    with pytest.raises(UsageError, match=f"{name} must lie between 0 and .*{value:g}"):
        Augmentation(**{name: value})
