"""The convolutional network: the same as PyTorch's layers, the same on the tape, and it learns what it should."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from congling.data.examples import ExampleBatch, ExampleBatches
from congling.equations.glass_box import glass_box
from congling.errors import UsageError
from congling.learning.backprop import Tape
from congling.learning.options import TrainingOptions
from congling.learning.parameters import load_parameters
from congling.learning.trainer import Trainer
from congling.learning.training_state import Validation
from congling.networks.cnn import ConvolutionalNetwork

KINDS: dict[str, dict[str, Any]] = {
    "plain": {"blocks": [3, 5]},
    "residual": {"blocks": [2, 5], "convolutions": 2, "residual": True, "pooling": "mean"},
    "strided": {"blocks": [3, 5], "stride": 2, "pooling": "none", "batch_norm": False, "residual": True},
    "wide-kernels": {"blocks": [3], "kernel": 5, "window": 3, "hidden": [13], "activation": "silu"},
    "pixels": {"blocks": [], "hidden": [13, 11]},
}


def network(**options: Any) -> ConvolutionalNetwork:
    torch.manual_seed(1)
    return ConvolutionalNetwork(2, 11, 7, **options).double()


def batch(seed: int = 2) -> ExampleBatch:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(5, 2, 11, 11, dtype=torch.float64, generator=generator)
    return ExampleBatch(pictures, torch.randint(0, 7, (5,), generator=generator))


def test_plain_blocks_are_pytorchs_layers() -> None:
    """Guards the order (convolution, normalisation, activation, pooling) and each layer, values and gradients."""
    ours = network(**KINDS["plain"])
    theirs = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(5 * 2 * 2, 7),
    ).double()  # fmt: skip
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.data = mine.data.clone()
    given = batch()
    loss, count = ours.loss(given)
    loss.backward()
    expected = F.cross_entropy(theirs(given.inputs), given.targets, reduction="sum")
    expected.backward()
    assert count == 5
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-10, atol=1e-11)


def test_a_residual_block_by_hand() -> None:
    """Guards the way around: added before the last activation, by a 1×1 convolution where the channels change."""
    ours = network(**KINDS["residual"])
    input = batch().inputs
    hidden = input
    for number, around in ((0, None), (1, ours.blocks[1].shortcut)):
        block = ours.blocks[number]
        first, second = (layer.weight for layer in block.convolutions)
        ones = {"weight": torch.ones(len(first)).double(), "bias": torch.zeros(len(first)).double(), "training": True}
        middle = F.relu(F.batch_norm(F.conv2d(hidden, first, padding=1), None, None, **ones))
        sums = F.batch_norm(F.conv2d(middle, second, padding=1), None, None, **ones)
        sums = sums + (hidden if around is None else F.conv2d(hidden, around.weight))
        hidden = F.avg_pool2d(F.relu(sums), 2)
    assert ours.blocks[0].shortcut is None
    torch.testing.assert_close(ours.features(input), hidden, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tape_equals_autograd(kind: str) -> None:
    """Guards the plain bodies together: our own reverse pass has a rule for every operation in them."""
    ours = network(**KINDS[kind])
    with Tape() as tape:
        loss, _count = ours.loss(batch())
    gradients = tape.gradients(loss)
    expected, _count = ours.loss(batch())
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=0)
    largest = max(float(parameter.grad.abs().max()) for parameter in ours.parameters() if parameter.grad is not None)
    for parameter in ours.parameters():
        torch.testing.assert_close(gradients[parameter], parameter.grad, rtol=0, atol=1e-12 * largest)


def test_one_output_pixel_is_its_patch_times_the_kernel() -> None:
    """Guards what a figure shows: patches, maps, sums and winners under their paths, with the numbers that belong."""
    ours = network(blocks=[3], batch_norm=False).eval()
    with glass_box() as seen:
        ours(batch().inputs)
    patch = seen["blocks.0.convolutions.0.patches"][4, :, :, :, 7, 3]  # (C, K, L)
    total = (patch * ours.blocks[0].convolutions[0].weight[2]).sum() + ours.blocks[0].convolutions[0].bias[2]
    torch.testing.assert_close(seen["blocks.0.convolutions.0.output"][4, 2, 7, 3], total.detach())
    torch.testing.assert_close(seen["blocks.0.sums"][4, 2, 7, 3], total.detach())
    winner = int(seen["blocks.0.winners"][4, 2, 3, 1])
    above = seen["blocks.0.activated"][4, 2, 6 + winner // 2, 2 + winner % 2]
    torch.testing.assert_close(seen["blocks.0.pooled"][4, 2, 3, 1], above)


def test_too_many_blocks() -> None:
    """Guards the user's sizes: it says which block has nothing left to look at, not what a kernel raised."""
    with pytest.raises(UsageError, match="11×11 pixels is too small for 4 blocks: before block 4 its maps are 1×1"):
        network(blocks=[2, 3, 5, 7])
    assert network(blocks=[2, 3, 5]).sides == [11, 5, 2, 1]


def stripes(count: int) -> tuple[Tensor, Tensor]:
    """Pictures with a stripe somewhere, down (0) or across (1), in noise."""
    generator = torch.Generator().manual_seed(3)
    pictures = torch.rand(count, 1, 11, 11, generator=generator) * 0.6
    targets = torch.arange(count) % 2
    for picture, target, place in zip(pictures, targets, torch.randint(11, (count,), generator=generator), strict=True):
        picture.select(2 - int(target), int(place)).fill_(1)
    return pictures, targets


def test_it_learns_and_its_best_weights_are_whole() -> None:
    """Guards learning end to end, and that what batch normalisation remembers is kept with the weights."""
    torch.manual_seed(5)
    pictures, targets = stripes(400)
    held_out = ExampleBatch(pictures[300:], targets[300:])
    ours = ConvolutionalNetwork(1, 11, 2, blocks=[5, 7], hidden=[13])

    def validate() -> Validation:
        ours.eval()
        with torch.no_grad():
            loss, count = ours.loss(held_out)
        return Validation(float(loss) / count, {})

    options = TrainingOptions(
        steps=120,
        learning_rate=1e-2,
        schedule="constant",
        warmup_steps=0,
        validations=4,
        threads=1,
        precision="float32",
    )
    data = ExampleBatches(pictures[:300], targets[:300], 37, seed=1)
    trainer = Trainer(ours, ours.loss, data, validate, None, options, unit="examples")
    trainer.train()
    fresh = ConvolutionalNetwork(1, 11, 2, blocks=[5, 7], hidden=[13])
    assert trainer.best_weights is not None
    load_parameters(fresh, trainer.best_weights)
    fresh.eval()
    accuracy = float((fresh(held_out.inputs).argmax(1) == held_out.targets).float().mean())
    assert accuracy > 0.95  # chance is 0.5; without the remembered statistics it stays near it
