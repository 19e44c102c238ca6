"""Known kernels: what they make of a picture, against SciPy, and the command that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import correlate

from conftest import Outcome
from congling.demonstrations.known_kernels import filtered_picture
from congling.demonstrations.picture_filters import Filter, filters
from congling.figures.pictures.packing import unpacked

Command = Callable[..., Outcome]
PICTURE = np.random.default_rng(4).integers(0, 256, (17, 13)).astype(np.float64)


@pytest.mark.parametrize("each", filters(), ids=lambda each: each.name)
def test_results_are_scipys(each: Filter) -> None:
    """Guards against a flipped kernel, a wrong edge, and a filter whose result is not its kernel's."""
    slid = [correlate(PICTURE, kernel, mode="nearest") for kernel in each.kernels]
    expected = slid[0] if len(slid) == 1 else np.hypot(*slid)
    np.testing.assert_allclose(each.apply(PICTURE), expected, rtol=1e-12, atol=1e-12)


def test_kernels_are_the_known_ones() -> None:
    """Guards the numbers: what becomes of a flat picture, and of a ramp that gets lighter to the right."""
    flat, ramp = np.full((5, 5), 100.0), np.tile(10.0 * np.arange(5), (5, 1))
    found = {each.name: (each.apply(flat)[2, 2], each.apply(ramp)[2, 2]) for each in filters()}
    kept = {"identity", "box-blur", "gaussian-blur", "sharpen"}
    assert {name for name, (level, slope) in found.items() if (round(level, 9), round(slope, 9)) == (100, 20)} == kept
    assert found["emboss"] == (100, 20 + 60)  # (0 + 1 + 2 + 1 + 2) steps of 10 to the right
    assert found["outline"] == (0, 0) and found["sobel-y"] == (0, 0)
    assert found["sobel-x"] == found["edges"] == (0, 80)


def test_results_become_grey() -> None:
    """Guards cutting off instead of wrapping around, the middle of signed results, and rounding up of halves."""
    named = {each.name: each for each in filters()}
    results = np.array([-900.0, -2.0, 0.0, 2.0, 254.5, 900.0])
    assert named["outline"].grey(results).tolist() == [0, 0, 0, 2, 255, 255]
    assert named["sobel-x"].grey(results).tolist() == [0, 128, 128, 129, 192, 255]


def test_all_of_it_on_a_picture_of_ones_own(run_congling: Command, tmp_path: Path) -> None:
    """Guards --image, --html, --png and --json: one object on stdout, and the page's pixels are the filters'."""
    Image.fromarray(PICTURE.astype(np.uint8)).save(tmp_path / "p.png")
    arguments = ["--image", tmp_path / "p.png", "--html", tmp_path / "k.html", "--png", tmp_path / "k.png"]
    outcome = run_congling("demonstrate", "known-kernels", *arguments, "--json")
    shown = json.loads(outcome.out)
    assert outcome.code == 0 and shown["size"] == [13, 13]  # the middle square
    patch, outline = np.array(shown["patch"]), next(each for each in shown["filters"] if each["name"] == "outline")
    assert (patch * outline["kernels"][0]).sum() == pytest.approx(outline["value"])
    found = re.search(r'id="data">(.*?)</script', (tmp_path / "k.html").read_text("utf-8"), re.DOTALL)
    assert found
    data = json.loads(found[1])
    picture = unpacked(data["picture"])[0]
    np.testing.assert_array_equal(picture, PICTURE[2:15])
    for each, drawn in zip(filters(), data["filters"], strict=True):
        np.testing.assert_array_equal(unpacked(drawn["grey"])[0], each.grey(each.apply(picture)))
    with Image.open(tmp_path / "k.png") as sheet:
        assert sheet.width > 900


def test_the_report_calculates_a_pixel(run_congling: Command) -> None:
    """Guards what stdout says of the picture that is drawn in code: each kernel, and the sum of its products."""
    outcome = run_congling("demonstrate", "known-kernels")
    shown = filtered_picture(None)
    assert outcome.code == 0 and outcome.err == ""
    assert outcome.out.startswith("Kernels that people thought of (4.3)\n")
    for each in shown.filters:
        assert f"{each.title} ({each.name})" in outcome.out
        value = shown.results[each.name][shown.place]
        assert (shown.patch() * each.kernels[0]).sum() == pytest.approx(value) or len(each.kernels) == 2
        assert f"{value:.6g}; over the picture" in outcome.out
    assert "/ 16" in outcome.out


@pytest.mark.parametrize("size", [(1, 1), (40, 1)])
def test_the_smallest_pictures(size: tuple[int, int], tmp_path: Path) -> None:
    """Guards a picture that is smaller than a kernel."""
    Image.new("L", size, 77).save(tmp_path / "p.png")
    shown = filtered_picture(tmp_path / "p.png")
    assert shown.picture.shape == (1, 1) and shown.results["box-blur"].tolist() == [[pytest.approx(77)]]
    assert shown.page() and shown.report()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["momentum", "--image", "p.png"], 2, "--image goes with known-kernels; momentum has data of its own"),
        (["--image", "p.png"], 2, "--image needs a claim to try"),
        (["known-kernels", "--seeds", "3"], 2, "--seeds is for claims that are tried by training"),
        (["known-kernel"], 2, "did you mean known-kernels?"),
        (["known-kernels", "--image", "none.png"], 1, "there is no picture none.png"),
        (["known-kernels", "--png", "none/k.png"], 1, "none/k.png cannot be written"),
        (["known-kernels", "--png", "k.xyz"], 1, "k.xyz cannot be written"),
    ],
)
def test_wrong_usage_is_one_line(run_congling: Command, arguments: list[str], code: int, message: str) -> None:
    """Guards options that would be without effect, and the user's own value in each message."""
    outcome = run_congling("demonstrate", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1)
    assert message in outcome.err
