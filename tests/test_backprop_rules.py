"""Every rule of the tape, alone, against central differences on every entry; prime sizes and broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from congling.learning.backprop import RULES, Tape

aten = torch.ops.aten
STEP = 1e-6


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def positive(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64) + 0.5


def away_from_zero(*shape: int) -> Tensor:
    """No number within a difference step of a kink."""
    values = normal(*shape)
    return values + 0.1 * values.sign()


INDEX = torch.tensor([4, 0, 4])
CONDITION = torch.tensor([[True, False, True, True, False]] * 3)

# Each case: the operation, and its arguments. Every floating tensor among them is differentiated.
CASES: list[tuple[Any, Callable[[], tuple[Any, ...]], dict[str, Any]]] = [
    (aten.add.Tensor, lambda: (normal(3, 5), normal(5)), {}),
    (aten.add.Tensor, lambda: (normal(5), normal(2, 3, 5)), {"alpha": 1.7}),
    (aten.add.Scalar, lambda: (normal(3, 5), 2.0), {}),
    (aten.sub.Tensor, lambda: (normal(3, 1), normal(3, 5)), {"alpha": 1.7}),
    (aten.sub.Scalar, lambda: (normal(3, 5), 2.0), {}),
    (aten.rsub.Scalar, lambda: (normal(3, 5), 2.0), {}),
    (aten.rsub.Tensor, lambda: (normal(3, 5), normal(3, 1)), {"alpha": 1.7}),
    (aten.mul.Tensor, lambda: (normal(3, 5), normal(2, 1, 5)), {}),
    (aten.mul.Scalar, lambda: (normal(3, 5), 2.0), {}),
    (aten.div.Tensor, lambda: (normal(3, 5), positive(5)), {}),
    (aten.div.Scalar, lambda: (normal(3, 5), 2.0), {}),
    (aten.reciprocal.default, lambda: (positive(3, 5),), {}),
    (aten.neg.default, lambda: (normal(3, 5),), {}),
    (aten.pow.Tensor_Scalar, lambda: (positive(3, 5), 2.5), {}),
    (aten.pow.Tensor_Scalar, lambda: (normal(3, 5), 0), {}),
    (aten.pow.Tensor_Scalar, lambda: (normal(3, 5), 3), {}),
    (aten.sqrt.default, lambda: (positive(3, 5),), {}),
    (aten.rsqrt.default, lambda: (positive(3, 5),), {}),
    (aten.exp.default, lambda: (normal(3, 5),), {}),
    (aten.expm1.default, lambda: (normal(3, 5),), {}),
    (aten.log.default, lambda: (positive(3, 5),), {}),
    (aten.log1p.default, lambda: (positive(3, 5),), {}),
    (aten.sin.default, lambda: (normal(3, 5),), {}),
    (aten.cos.default, lambda: (normal(3, 5),), {}),
    (aten.tanh.default, lambda: (normal(3, 5),), {}),
    (aten.sigmoid.default, lambda: (normal(3, 5),), {}),
    (aten.erf.default, lambda: (normal(3, 5),), {}),
    (aten.abs.default, lambda: (away_from_zero(3, 5),), {}),
    (aten.sign.default, lambda: (away_from_zero(3, 5),), {}),
    (aten.relu.default, lambda: (away_from_zero(3, 5),), {}),
    (aten.maximum.default, lambda: (normal(3, 5), normal(5)), {}),
    (aten.minimum.default, lambda: (normal(3, 5), normal(3, 1)), {}),
    (aten.clamp.default, lambda: (normal(3, 5), -0.5, 0.7), {}),
    (aten.clamp.default, lambda: (normal(3, 5), 0.1), {}),
    (aten.where.self, lambda: (CONDITION, normal(3, 5), normal(3, 1)), {}),
    (aten.masked_fill.Scalar, lambda: (normal(3, 5), CONDITION, 2.0), {}),
    (aten.clone.default, lambda: (normal(3, 5),), {}),
    (aten.alias.default, lambda: (normal(3, 5),), {}),
    (aten._to_copy.default, lambda: (normal(3, 5),), {"dtype": torch.float64}),
    (aten.view.default, lambda: (normal(3, 5), [5, 3]), {}),
    (aten._unsafe_view.default, lambda: (normal(3, 5), [15]), {}),
    (aten.unsqueeze.default, lambda: (normal(3, 5), 1), {}),
    (aten.squeeze.default, lambda: (normal(3, 1, 5, 1),), {}),
    (aten.squeeze.dim, lambda: (normal(3, 1, 5, 1), 1), {}),
    (aten.squeeze.dims, lambda: (normal(3, 1, 5, 1), [1, 3]), {}),
    (aten.expand.default, lambda: (normal(3, 1, 5), [2, 3, 7, -1]), {}),
    (aten.transpose.int, lambda: (normal(2, 3, 5), 0, -1), {}),
    (aten.t.default, lambda: (normal(3, 5),), {}),
    (aten.permute.default, lambda: (normal(2, 3, 5), [2, 0, -2]), {}),
    (aten.flip.default, lambda: (normal(2, 3, 5), [0, 2]), {}),
    (aten.slice.Tensor, lambda: (normal(3, 11), 1, 2, -1, 3), {}),
    (aten.slice.Tensor, lambda: (normal(3, 5),), {}),
    (aten.select.int, lambda: (normal(3, 5), 1, -2), {}),
    (aten.index_select.default, lambda: (normal(3, 5), 1, INDEX), {}),
    (aten.gather.default, lambda: (normal(3, 5), 1, INDEX.repeat(3, 1)), {}),
    (aten.index.Tensor, lambda: (normal(3, 5), [None, INDEX]), {}),
    (aten.cat.default, lambda: ([normal(3, 5), normal(3, 2)], 1), {}),
    (aten.stack.default, lambda: ([normal(3, 5), normal(3, 5)], 1), {}),
    (aten.unbind.int, lambda: (normal(2, 3, 5), 1), {}),
    (aten.split.Tensor, lambda: (normal(3, 7), 2, 1), {}),
    (aten.split_with_sizes.default, lambda: (normal(3, 7), [1, 6], 1), {}),
    (aten.constant_pad_nd.default, lambda: (normal(3, 5), [1, 2, 0, 3], 0.5), {}),
    (aten.mm.default, lambda: (normal(3, 5), normal(5, 7)), {}),
    (aten.bmm.default, lambda: (normal(2, 3, 5), normal(2, 5, 7)), {}),
    (aten.addmm.default, lambda: (normal(7), normal(3, 5), normal(5, 7)), {"beta": 0.5, "alpha": 1.7}),
    (aten.mv.default, lambda: (normal(3, 5), normal(5)), {}),
    (aten.dot.default, lambda: (normal(5), normal(5)), {}),
    (aten.sum.default, lambda: (normal(3, 5),), {}),
    (aten.sum.dim_IntList, lambda: (normal(2, 3, 5), [0, -1]), {}),
    (aten.sum.dim_IntList, lambda: (normal(2, 3, 5), [1], True), {}),
    (aten.mean.default, lambda: (normal(3, 5),), {}),
    (aten.mean.dim, lambda: (normal(2, 3, 5), [0, -1]), {}),
    (aten.mean.dim, lambda: (normal(2, 3, 5), [1], True), {}),
    (aten.amax.default, lambda: (normal(2, 3, 5), [0, -1]), {}),
    (aten.amax.default, lambda: (normal(2, 3, 5), [-1], True), {}),
    (aten.amin.default, lambda: (normal(3, 5),), {}),
    (aten.max.dim, lambda: (normal(2, 3, 5), 1), {}),
    (aten.min.dim, lambda: (normal(2, 3, 5), -1, True), {}),
    (aten.cumsum.default, lambda: (normal(2, 3, 5), 1), {}),
]


def leaves_of(arguments: tuple[Any, ...]) -> list[Tensor]:
    flat = [each for value in arguments for each in (value if isinstance(value, list) else [value])]
    return [each for each in flat if isinstance(each, Tensor) and each.is_floating_point()]


def weighted_sum(output: Any) -> Tensor:
    """One number of all outputs, each with a weight of its own, so that no two errors cancel."""
    parts = [each for each in (output if isinstance(output, tuple | list) else [output]) if each.is_floating_point()]
    return torch.stack(
        [(torch.linspace(0.5, 1.5, p.numel(), dtype=p.dtype) * p.reshape(-1)).sum() for p in parts]
    ).sum()


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_a_rule_equals_central_differences_on_every_entry(case: tuple[Any, Any, Any]) -> None:
    """A wrong derivative, a lost factor, an axis that is summed once too often."""
    operation, draw, options = case
    torch.manual_seed(1)
    arguments = draw()
    leaves = [each.requires_grad_() for each in leaves_of(arguments)]
    with Tape() as tape:
        loss = weighted_sum(operation(*arguments, **options))
    assert any(each.function is operation for each in tape.operations)
    gradients = tape.gradients(loss)
    with torch.no_grad():
        for leaf in leaves:
            flat = leaf.view(-1)  # the differences change it in place
            expected = torch.empty_like(flat)
            for place in range(len(flat)):
                before = flat[place].item()
                ends = []
                for moved in (before + STEP, before - STEP):
                    flat[place] = moved
                    ends.append(weighted_sum(operation(*arguments, **options)).item())
                flat[place] = before
                expected[place] = (ends[0] - ends[1]) / (2 * STEP)
            torch.testing.assert_close(gradients[leaf].reshape(-1), expected, rtol=1e-7, atol=1e-8)


def test_every_rule_has_a_case() -> None:
    """A rule that is added and never tried."""
    assert {case[0] for case in CASES} == set(RULES)


def test_equal_extremes_share_the_gradient() -> None:
    """A gradient that is counted twice where two numbers are the largest."""
    values = torch.tensor([2.0, 5.0, 5.0], dtype=torch.float64, requires_grad=True)
    other = torch.tensor([2.0, 5.0, 7.0], dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = values.amax() + torch.maximum(values, other).sum()
    gradients = tape.gradients(loss)
    assert gradients[values].tolist() == [0.5, 1.0, 0.5]
    assert gradients[other].tolist() == [0.5, 0.5, 1.0]


def test_the_local_derivative_of_an_elementwise_operation() -> None:
    """What is shown as ∂y/∂x is something else than what the chain rule uses."""
    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = (torch.exp(x) * 3).sum()
    gradients = tape.gradients(loss)
    exp, times, add = tape.operations
    (local,) = exp.local_derivatives() or ()
    torch.testing.assert_close(local, torch.exp(x.detach()))
    by_three, _ = times.local_derivatives() or (None, None)
    assert by_three is not None and by_three.tolist() == [3, 3]
    assert add.local_derivatives() is None and "G" in add.formula
    torch.testing.assert_close(gradients[x], exp.output_gradient * local)
