"""The page of a picture: every number in it is the network's, the arithmetic comes out, and all of it is offline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from congling.equations.glass_box import glass_box
from congling.figures.pictures.budget import kept_of, some_steps
from congling.figures.pictures.influence import Influence, influence
from congling.figures.pictures.packing import coarse, exact, pixels, unpacked
from congling.figures.pictures.page import PictureView, picture_page
from congling.figures.pictures.texts import picture_texts
from congling.figures.pictures.view import SeenPicture, look
from congling.networks.cnn import ConvolutionalNetwork
from congling.tasks.classification_scores import Evaluation

ASSETS = Path(__file__).parents[1] / "src/congling/figures/assets"
SIDE, CLASSES = 13, ["cat", "</script><b>", "狗"]


def network_of(channels: int = 1, **changes: Any) -> ConvolutionalNetwork:
    """A small network in ``eval`` mode whose normalisations have seen something."""
    torch.manual_seed(3)
    network = ConvolutionalNetwork(channels, SIDE, len(CLASSES), **{"blocks": [5, 7], "convolutions": 2} | changes)
    network.train()
    for _batch in range(3):
        network(2 + 3 * torch.randn(11, channels, SIDE, SIDE))
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return network.eval()


def picture_of(channels: int = 1) -> Tensor:
    return torch.randn(1, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(5))


def view_of(now: SeenPicture, before: list[SeenPicture], channels: int = 1, worst: int = 4) -> PictureView:
    """A view with three held-out pictures of each class, the first four of which get the class after theirs."""
    chance = np.random.default_rng(1)
    targets = np.arange(9) % 3
    answers = np.where(np.arange(9) < worst, (targets + 1) % 3, targets)
    probabilities = np.full((9, 3), 0.1)
    probabilities[np.arange(9), answers] = 0.5 + 0.01 * np.arange(9)
    found = Influence(
        [2, 0], *(chance.normal(size=(2, 4, 4)).astype(np.float32) for _map in range(3)), patch=2, stride=1
    )
    return PictureView(
        name="a-run",
        title="<me>.png",
        remarks=["a remark"],
        classes=CLASSES,
        truth=2,
        shown=chance.random((channels, SIDE, SIDE), dtype=np.float32),
        now=now,
        before=before,
        influence=found,
        held_out=Evaluation(CLASSES, [f"n{row}" for row in range(9)], targets, probabilities),
        pictures=chance.integers(0, 256, (9, channels, SIDE, SIDE), np.uint8),
        part="test",
    )


def data_of(html: str) -> dict[str, Any]:
    """The data as a browser reads it: from its element's start to the first end of a script."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


# The arithmetic ------------------------------------------------------------------------------------------------------


def calculated(layer: Mapping[str, Any], place: int, y: int, x: int) -> float:
    """One number of a map from what the page has: patch × kernel, and what follows."""
    padding, stride, side = layer["padding"], layer["stride"], layer["kernel"]
    padded = np.pad(unpacked(layer["inputs"]), ((0, 0), (padding, padding), (padding, padding)))
    patch = padded[:, y * stride : y * stride + side, x * stride : x * stride + side]
    value = float((patch * unpacked(layer["kernels"])[place]).sum())
    if layer["bias"]:
        value += unpacked(layer["bias"])[place]
    if layer["normalisation"]:
        norm = {name: unpacked(block)[place] for name, block in layer["normalisation"].items()}
        value = norm["gain"] * (value - norm["mean"]) / norm["deviation"] + norm["bias"]
    return value + (unpacked(layer["around"])[place, y, x] if layer["around"] else 0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_norm": False, "kernel": 5, "pooling": "mean", "activation": "tanh"},
        {"residual": True, "stride": 2, "channels": 3, "hidden": [6]},
        {"residual": True, "blocks": [3], "channels": 3, "convolutions": 1, "pooling": "none"},
    ],
)
def test_every_pixel_can_be_calculated_from_the_page(changes: dict[str, Any]) -> None:
    """Guards kernels, inputs, biases, normalisation and the way around, each in the order of the page's channels."""
    channels = changes.pop("channels", 1)
    network, picture = network_of(channels, **changes), picture_of(channels)
    layers = data_of(picture_page(view_of(look(network, picture, 7), [], channels)))["layers"]
    with torch.no_grad(), glass_box() as box:
        network(picture)
    last = [layer for layer in layers if layer["convolution"] == len(network.blocks[0].convolutions) - 1]
    assert [layer["block"] for layer in last] == list(range(len(network.blocks)))
    for layer in last:
        np.testing.assert_allclose(unpacked(layer["sums"]), box[f"blocks.{layer['block']}.sums"][0][layer["channels"]])
    for layer in layers:
        sums = unpacked(layer["sums"])
        for place, y, x in ((0, 0, 0), (1, *(length - 1 for length in sums.shape[1:])), (2, sums.shape[1] // 2, 1)):
            assert calculated(layer, place, y, x) == pytest.approx(sums[place, y, x], rel=1e-4, abs=1e-5)


def test_maps_are_those_of_the_network() -> None:
    """Guards what is looked at, to half a level of 255, through activation and pooling, and that inputs are chained."""
    network, picture = network_of(hidden=[6]), picture_of()
    data = data_of(picture_page(view_of(look(network, picture, 7), [])))
    with torch.no_grad(), glass_box() as box:
        scores = network(picture)[0]
    for layer in data["layers"][1::2]:
        for stage in ("activated", "pooled"):
            values, block = unpacked(layer[stage]), layer[stage]
            expected = box[f"blocks.{layer['block']}.{stage}"][0][layer["channels"]].numpy()
            np.testing.assert_allclose(values, expected, atol=(block["high"] - block["low"]) / 500)
    np.testing.assert_allclose(unpacked(data["layers"][0]["inputs"]), picture[0], rtol=1e-6)
    np.testing.assert_allclose(unpacked(data["layers"][2]["inputs"]), box["blocks.0.pooled"][0], rtol=1e-6)
    assert unpacked(data["full"][0]["steps"])[0] == pytest.approx(box["full.layers.0.activated"][0].numpy(), abs=0.02)
    assert data["scores"][0] == pytest.approx(scores.tolist(), rel=1e-4)
    assert data["probabilities"][0] == pytest.approx(scores.softmax(0).tolist(), rel=1e-4)


def test_later_weights_do_not_change_what_was_seen() -> None:
    """Guards against arrays that share the memory of parameters, into which the frames are loaded afterwards."""
    network, picture = network_of(batch_norm=False), picture_of()
    now = look(network, picture, 7)
    before = now.convolutions[0].kernels.copy(), now.convolutions[0].bias
    assert before[1] is not None
    kept_bias = before[1].copy()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(now.convolutions[0].kernels, before[0])
    np.testing.assert_array_equal(now.convolutions[0].bias, kept_bias)


# Through training ----------------------------------------------------------------------------------------------------


def test_earlier_steps_have_kernels_maps_and_scores() -> None:
    """Guards the slider: steps in order, the same channels at every step, and kernels over many channels as means."""
    picture = picture_of()
    first, then = look(network_of(), picture, 0), look(network_of(activation="sine"), picture, 4)
    data = data_of(picture_page(view_of(look(network_of(initialiser="xavier"), picture, 9), [first, then])))
    assert data["steps"] == [0, 4, 9] and len(data["scores"]) == len(data["probabilities"]) == 3
    assert data["scores"][1] == pytest.approx(then.scores.tolist(), rel=1e-4)
    for layer, seen in zip(data["layers"], then.convolutions, strict=True):
        moved, channels = layer["before"][1], layer["channels"][: layer["moving"]]
        kernels = seen.kernels[channels]
        kernels = kernels if kernels.shape[1] == 1 else kernels.mean(axis=1, keepdims=True)
        for stage, expected in (("kernels", kernels), ("sums", seen.sums[channels])):
            step = (moved[stage]["high"] - moved[stage]["low"]) / 255
            np.testing.assert_allclose(unpacked(moved[stage]), expected, atol=0.51 * step)


def test_a_large_network_is_sampled() -> None:
    """Guards the page's size: channels are left out evenly, the busiest stay, and huge inputs are not kept."""
    seen = look(network_of(blocks=[60, 70], convolutions=1), picture_of(), 1)
    kept = kept_of(seen.convolutions, 3)
    assert [len(each.channels) for each in kept] == [60, 70] and all(each.moving == 16 for each in kept)
    strength = seen.convolutions[1].activated.std(axis=(1, 2))
    assert strength[kept[1].channels[0]] == strength.max() and strength[kept[1].channels[-1]] == strength.min()
    torch.manual_seed(1)
    large = ConvolutionalNetwork(1, 120, 3, blocks=[32, 48], pooling="none").eval()
    first, second = kept_of(look(large, torch.randn(1, 1, 120, 120), 1).convolutions, 14)
    assert len(first.channels) == len(second.channels) < 32 and first.moving == 4
    assert first.exact and not second.exact


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (1, 1), (14, 14), (15, 14), (40, 14)])
def test_steps_are_thinned_evenly(count: int, kept: int) -> None:
    """Guards against a long run that loses its first or last frame, or has one twice."""
    steps = some_steps(list(range(count)))
    assert len(set(steps)) == len(steps) == kept and steps == sorted(steps)
    assert not steps or (steps[0], steps[-1]) == (0, count - 1)


# Leaning -------------------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_autograd() -> None:
    """Guards the gradient with respect to the picture, class by class, and how channels are brought together."""
    network, picture = network_of(3).double(), picture_of(3).double()
    found = influence(network, picture, [2, 0])
    for place, number in enumerate([2, 0]):
        leaf = picture.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(network(leaf)[0, number], leaf)
        np.testing.assert_allclose(found.gradient[place], gradient[0].abs().amax(0), rtol=1e-5)
        np.testing.assert_allclose(found.product[place], (gradient * picture)[0].sum(0), rtol=1e-4, atol=1e-6)
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_covering_is_done_place_by_place() -> None:
    """Guards rows against columns, the sign, and that one pass for all places gives what one for each does."""
    network, picture = network_of().double(), picture_of().double()
    found = influence(network, picture, [1])
    assert (found.patch, found.stride, found.drop.shape) == (2, 1, (1, 12, 12))
    for top, left in ((0, 0), (3, 11), (11, 4)):
        covered = picture.clone()
        covered[0, :, top : top + 2, left : left + 2] = 0
        with torch.no_grad():
            drop = float(network(picture)[0, 1] - network(covered)[0, 1])
        assert found.drop[0, top, left] == pytest.approx(drop, rel=1e-4, abs=1e-6)


# The page ------------------------------------------------------------------------------------------------------------


def test_without_convolutions_the_weights_are_pictures() -> None:
    """Guards an MLP on pixels: neurons as templates, or classes where there is no hidden layer; and no empty layers."""
    for hidden, weight, are_classes in (([5], "full.layers.0.linear.weight", False), ([], "full.output.weight", True)):
        network = network_of(3, blocks=[], hidden=hidden)
        data = data_of(picture_page(view_of(look(network, picture_of(3), 1), [], channels=3)))
        templates = data["templates"]
        expected = network.get_parameter(weight).detach().view(-1, 3, SIDE, SIDE)[templates["units"]]
        np.testing.assert_allclose(unpacked(templates["steps"][0]), expected, atol=0.005)
        assert (templates["are_classes"], data["layers"], len(data["full"])) == (are_classes, [], len(hidden))


def test_mistakes_are_the_worst_ones() -> None:
    """Guards the order of mistakes, which picture belongs to which, and rows against columns of the confusion."""
    view = view_of(look(network_of(), picture_of(), 1), [])
    held_out = data_of(picture_page(view))["held_out"]
    assert [each["name"] for each in held_out["mistakes"]] == ["n3", "n2", "n1", "n0"]
    assert held_out["mistakes"][0] | {"probability": 0.53} == {
        "name": "n3", "truth": 0, "answer": 1, "probability": 0.53, "true_probability": 0.1,
    }  # fmt: skip
    assert view.pictures is not None
    np.testing.assert_array_equal(unpacked(held_out["pictures"]), view.pictures[[3, 2, 1, 0]])
    assert held_out["confusion"] == [[1, 2, 0], [0, 2, 1], [1, 0, 2]]
    assert (held_out["right"], held_out["count"]) == (5, 9)


def test_the_page_is_one_safe_file() -> None:
    """Guards against names that end a script or begin an element, and against anything that is loaded."""
    html = picture_page(view_of(look(network_of(), picture_of(), 1), []))
    assert html.count("</script>") == 2 and "<me>" not in html
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', html) and "default-src 'none'" in html
    assert data_of(html)["classes"] == CLASSES


def test_broken_weights_still_make_a_page() -> None:
    """Guards a diverged run: NaN is no JSON, and has no place among 256 levels."""
    network = network_of(batch_norm=False)
    torch.nn.init.constant_(network.full.output.weight, float("nan"))
    data = data_of(picture_page(view_of(look(network, picture_of(), 1), [])))
    assert data["scores"] == [[None] * 3]


@pytest.mark.parametrize("name", ["picture", "kernels"])
def test_scripts_ask_for_texts_that_there_are(name: str) -> None:
    """Guards against ``undefined`` on the page: each text that a script names is there."""
    from congling.figures.pictures.kernel_page import _texts

    texts = picture_texts() if name == "picture" else _texts()
    own = {"picture": ["picture_layers", "picture_sums", "picture_leaning", "picture"], "kernels": ["kernels"]}[name]
    scripts = [(ASSETS / f"{script}.js").read_text(encoding="utf-8") for script in ["pixel_sum", *own]]
    asked = {found for script in scripts for found in re.findall(r'(?:texts\.(\w+)|say\("(\w+)")', script)}
    missing = {one or other for one, other in asked} - texts.keys()
    assert asked and missing <= {"accuracy_", "leaning_"}


def test_packing_is_as_exact_as_it_says() -> None:
    """Guards levels, byte order and shapes; a constant and an empty block among them."""
    values = np.random.default_rng(2).normal(size=(2, 3, 5))
    np.testing.assert_allclose(unpacked(exact(values)), values, rtol=1e-7)
    np.testing.assert_allclose(unpacked(coarse(values)), values, atol=np.ptp(values) / 510 * 1.001)
    np.testing.assert_array_equal(unpacked(coarse(np.full((3, 2), 1.5))), np.full((3, 2), 1.5))
    assert unpacked(coarse(np.array([np.nan, 0.0, 2.0]))).tolist() == [0.0, 0.0, 2.0]
    assert unpacked(coarse(np.zeros((0, 2)))).shape == (0, 2)
    bytes_ = np.arange(12, dtype=np.uint8).reshape(3, 4) * 21
    np.testing.assert_array_equal(unpacked(pixels(bytes_)), bytes_)
