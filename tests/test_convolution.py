"""Convolution, pooling and batch normalisation against SciPy, against PyTorch's layers, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch import Tensor, nn

from congling.equations.convolution import convolution, patches, places
from congling.equations.glass_box import glass_box
from congling.equations.pooling import max_pooling, mean_pooling
from congling.networks.normalisation import BatchNormalisation


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def scipys(input: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """The same by SciPy: each channel's correlation, added up, of which every s-th place counts."""
    padded = np.pad(input.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    maps = [
        sum(correlate(channel, kernel, "valid", "direct") for channel, kernel in zip(picture, kernels, strict=True)) + b
        for picture in padded
        for kernels, b in zip(weight.numpy(), bias.numpy(), strict=True)
    ]
    whole = torch.from_numpy(np.stack(maps)).unflatten(0, (len(input), len(weight)))
    return whole[:, :, ::stride, ::stride]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 0), (2, 3), (3, 1), (5, 2)])
def test_convolution_is_scipys_correlation(stride: int, padding: int) -> None:
    """Guards against a flipped kernel, swapped height and width, and places off by one, in both bodies."""
    input, weight, bias = random(2, 3, 13, 11), random(5, 3, 7, 2, seed=1), random(5, seed=2)
    expected = scipys(input, weight, bias, stride, padding)
    for body in (convolution.plain, convolution.fused):
        assert body is not None
        torch.testing.assert_close(body(input, weight, bias, stride, padding), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("stride", "padding", "kernel"), [(1, 0, (1, 1)), (1, 2, (3, 5)), (2, 1, (3, 2)), (3, 0, (2, 7))]
)
def test_gradients_of_convolution(stride: int, padding: int, kernel: tuple[int, int]) -> None:
    """Guards the plain body's gradients where patches overlap, leave gaps, or leave the edge out."""

    def gradients(body: object) -> tuple[Tensor, ...]:
        leaves = [random(2, 3, 11, 7), random(5, 3, *kernel, seed=1), random(5, seed=2)]
        for leaf in leaves:
            leaf.requires_grad_()
        output = body(*leaves, stride, padding)  # type: ignore[operator]
        return torch.autograd.grad((output * random(*output.shape, seed=3)).sum(), leaves)

    for plain, fused in zip(gradients(convolution.plain), gradients(convolution.fused), strict=True):
        torch.testing.assert_close(plain, fused, rtol=1e-12, atol=1e-12)


def test_convolution_by_hand() -> None:
    """Guards the meaning: a kernel that looks for a step from left to right finds it where it is."""
    picture = torch.tensor([[0.0, 0, 5, 5], [0, 0, 5, 5], [0, 0, 7, 7]])[None, None]
    kernel = torch.tensor([[-1.0, 1], [-1, 1]])[None, None]
    with glass_box() as seen:
        maps = convolution(picture, kernel, torch.tensor([0.5]))
    assert maps[0, 0].tolist() == [[0.5, 10.5, 0.5], [0.5, 12.5, 0.5]]
    assert seen["patches"].shape == (1, 1, 2, 2, 2, 3)
    assert seen["patches"][0, 0, :, :, 1, 1].tolist() == [[0, 5], [0, 7]]


def test_patches_that_do_not_fit() -> None:
    """Guards against an empty map that nobody notices: it says which sizes do not go together."""
    with pytest.raises(ValueError, match="a kernel of 5 does not fit into a side of 2 with 1 zeros around it"):
        places(2, 5, padding=1)
    with pytest.raises(ValueError, match="kernel of 3"):
        patches(torch.zeros(1, 1, 7, 2), (3, 3))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_first_of_equal_maxima_gets_the_gradient(layout: torch.memory_format) -> None:
    """Guards ties, which are the rule after a ReLU (all zero): plain and fused must send the gradient the same way."""
    picture = torch.tensor([[3.0, 3, 0, 0], [3, 1, 0, 0], [2, 4, 9, 8], [5, 5, 8, 9]], dtype=torch.float64)
    expected = [[1, 0, 3, 0], [0, 0, 0, 0], [0, 0, 4, 0], [2, 0, 0, 0]]
    for body in (max_pooling.plain, max_pooling.fused):
        assert body is not None
        input = picture[None, None].repeat(1, 2, 1, 1).contiguous(memory_format=layout).requires_grad_()
        pooled = body(input, 2)
        assert pooled[0, 0].tolist() == [[3, 0], [5, 9]]
        (gradient,) = torch.autograd.grad((pooled * torch.tensor([[1.0, 3], [2, 4]])).sum(), input)
        assert gradient[0, 0].tolist() == gradient[0, 1].tolist() == expected


def test_pooling_by_hand() -> None:
    """Guards stride and side: windows may overlap, and what fills no window is left out."""
    picture = torch.arange(35.0).view(1, 1, 5, 7)
    assert max_pooling.plain(picture, 3, 2)[0, 0].tolist() == [[16, 18, 20], [30, 32, 34]]
    assert mean_pooling.plain(picture, 3, 2)[0, 0].tolist() == [[8, 10, 12], [22, 24, 26]]
    assert mean_pooling.plain(picture, 2)[0, 0].tolist() == [[4, 6, 8], [18, 20, 22]]
    with glass_box() as seen:
        max_pooling(picture.flip(2), 3, 2)
    assert seen["winners"][0, 0].tolist() == [[2, 2, 2], [2, 2, 2]]


@pytest.mark.parametrize("shape", [(7, 3), (5, 3, 2, 11)])
def test_batch_normalisation_is_pytorchs(shape: tuple[int, ...]) -> None:
    """Guards both ways, the gradient and what is remembered: over ten batches the plain mean, then a tenth each."""
    make = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    ours, theirs = BatchNormalisation(3).double(), make(3, momentum=None, dtype=torch.float64)
    for layer in (ours, theirs):
        nn.init.constant_(layer.weight, 1.7)
        nn.init.constant_(layer.bias, 0.3)
    for number in range(13):
        theirs.momentum = None if number < 10 else 0.1
        input = random(*shape, seed=number) * 3 + number
        leaves = [input.clone().requires_grad_() for _ in range(2)]
        outputs = [layer(leaf) for layer, leaf in zip((ours, theirs), leaves, strict=True)]
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-11, atol=1e-11)
        for output in outputs:
            (output * random(*shape, seed=99)).sum().backward()
        torch.testing.assert_close(leaves[0].grad, leaves[1].grad, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.running_variance, theirs.running_var, rtol=1e-12, atol=1e-12)
    input = random(*shape, seed=77)
    torch.testing.assert_close(ours.eval()(input), theirs.eval()(input), rtol=1e-12, atol=1e-12)


def test_the_glass_box_remembers_the_same() -> None:
    """Guards training on the tape: the plain body hands over the same statistics as the kernel, and no gradient."""
    layers = [BatchNormalisation(3).double() for _ in range(2)]
    input = random(5, 3, 7, 2).requires_grad_()
    layers[0](input)
    with glass_box():
        layers[1](input)
    for name, kept in layers[0].named_buffers():
        assert not kept.requires_grad
        torch.testing.assert_close(layers[1].get_buffer(name), kept, rtol=1e-12, atol=1e-12)
        assert not layers[1].get_buffer(name).requires_grad


def test_a_batch_of_one_example_is_normalised_as_remembered() -> None:
    """Guards the last batch of an epoch: one number a channel has no variance, and divides nothing by zero."""
    layer = BatchNormalisation(3)
    layer(torch.tensor([[1.0, 2, 3], [3.0, 6, 9]]))
    remembered = layer.running_variance.clone()
    output = layer(torch.tensor([[2.0, 4, 6]]))
    torch.testing.assert_close(output, torch.zeros(1, 3))
    assert torch.equal(layer.running_variance, remembered)


@pytest.mark.parametrize("examples", [1, 5])
def test_the_glass_box_computes_in_the_type_of_the_input(examples: int) -> None:
    """Guards --backprop tape in bfloat16: what is remembered in float32 must not make float32 of what comes next."""
    layer = BatchNormalisation(3)
    layer.weight.data, layer.bias.data = layer.weight.data.bfloat16(), layer.bias.data.bfloat16()
    given = torch.randn(examples, 3, dtype=torch.bfloat16)
    with glass_box():
        plain = layer(given), layer.eval()(given)
    for each in (*plain, layer(given), layer.train()(given)):
        assert each.dtype == torch.bfloat16


def test_a_narrow_type_keeps_exact_statistics() -> None:
    """Guards training in bfloat16: its eight bits would not take up a running mean's small changes."""
    layer = BatchNormalisation(3)
    layer.weight.data, layer.bias.data = layer.weight.data.bfloat16(), layer.bias.data.bfloat16()
    input = torch.randn(5, 3, 7, 2, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert layer(input).dtype == torch.bfloat16
    assert layer.eval()(input).dtype == torch.bfloat16
    assert {kept.dtype for kept in layer.buffers()} == {torch.float32}
    torch.testing.assert_close(layer.running_mean, input.float().mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
