"""Local derivatives of the operations that take each number for itself: y is the output, x (and w) the inputs.

Where an input is stretched over a larger one, the tape adds up afterwards (``sum_to``).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from congling.learning.backprop.rule import Local, elementwise

aten = torch.ops.aten
Locals = tuple[Local, ...]
Number = Tensor | float


@elementwise(r"\partial(x + \alpha w)/\partial x = 1,\ \partial/\partial w = \alpha", aten.add.Tensor, aten.add.Scalar)
def add(_y: Tensor, _x: Number, _w: Number, _alpha: float = 1, *, alpha: float = 1) -> Locals:
    return 1.0, alpha


@elementwise(r"\partial(x - \alpha w)/\partial x = 1,\ \partial/\partial w = -\alpha", aten.sub.Tensor, aten.sub.Scalar)
def subtract(_y: Tensor, _x: Number, _w: Number, _alpha: float = 1, *, alpha: float = 1) -> Locals:
    return 1.0, -alpha


@elementwise(
    r"\partial(w - \alpha x)/\partial x = -\alpha,\ \partial/\partial w = 1", aten.rsub.Scalar, aten.rsub.Tensor
)
def subtract_from(_y: Tensor, _x: Number, _w: Number, _alpha: float = 1, *, alpha: float = 1) -> Locals:
    return -alpha, 1.0


@elementwise(r"\partial(xw)/\partial x = w,\ \partial/\partial w = x", aten.mul.Tensor, aten.mul.Scalar)
def multiply(_y: Tensor, x: Number, w: Number) -> Locals:
    return w, x


@elementwise(r"\partial(x/w)/\partial x = 1/w,\ \partial/\partial w = -y/w", aten.div.Tensor, aten.div.Scalar)
def divide(y: Tensor, x: Number, w: Number) -> Locals:
    return 1 / w, -y / w if isinstance(w, Tensor) else None


@elementwise(r"\partial(1/x)/\partial x = -y^2", aten.reciprocal.default)
def reciprocal(y: Tensor, _x: Tensor) -> Locals:
    return (-y * y,)


@elementwise(r"\partial(-x)/\partial x = -1", aten.neg.default)
def negate(_y: Tensor, _x: Tensor) -> Locals:
    return (-1.0,)


@elementwise(r"\partial x^n/\partial x = n x^{n-1}", aten.pow.Tensor_Scalar)
def power(_y: Tensor, x: Tensor, n: float) -> Locals:
    return (n * x ** (n - 1) if n else 0.0,)


@elementwise(r"\partial\sqrt{x}/\partial x = 1/(2y)", aten.sqrt.default)
def square_root(y: Tensor, _x: Tensor) -> Locals:
    return (0.5 / y,)


@elementwise(r"\partial x^{-1/2}/\partial x = -y^3/2", aten.rsqrt.default)
def reciprocal_square_root(y: Tensor, _x: Tensor) -> Locals:
    return (-0.5 * y * y * y,)


@elementwise(r"\partial e^x/\partial x = y", aten.exp.default)
def exponential(y: Tensor, _x: Tensor) -> Locals:
    return (y,)


@elementwise(r"\partial(e^x - 1)/\partial x = y + 1", aten.expm1.default)
def exponential_minus_one(y: Tensor, _x: Tensor) -> Locals:
    return (y + 1,)


@elementwise(r"\partial\ln x/\partial x = 1/x", aten.log.default)
def logarithm(_y: Tensor, x: Tensor) -> Locals:
    return (1 / x,)


@elementwise(r"\partial\ln(1 + x)/\partial x = 1/(1 + x)", aten.log1p.default)
def logarithm_of_one_plus(_y: Tensor, x: Tensor) -> Locals:
    return (1 / (1 + x),)


@elementwise(r"\partial\sin x/\partial x = \cos x", aten.sin.default)
def sine(_y: Tensor, x: Tensor) -> Locals:
    return (torch.cos(x),)


@elementwise(r"\partial\cos x/\partial x = -\sin x", aten.cos.default)
def cosine(_y: Tensor, x: Tensor) -> Locals:
    return (-torch.sin(x),)


@elementwise(r"\partial\tanh x/\partial x = 1 - y^2", aten.tanh.default)
def hyperbolic_tangent(y: Tensor, _x: Tensor) -> Locals:
    return (1 - y * y,)


@elementwise(r"\partial\sigma(x)/\partial x = y(1 - y)", aten.sigmoid.default)
def sigmoid(y: Tensor, _x: Tensor) -> Locals:
    return (y * (1 - y),)


@elementwise(r"\partial\operatorname{erf}(x)/\partial x = 2e^{-x^2}/\sqrt\pi", aten.erf.default)
def error_function(_y: Tensor, x: Tensor) -> Locals:
    return (2 / math.sqrt(math.pi) * torch.exp(-x * x),)


@elementwise(r"\partial|x|/\partial x = \operatorname{sign} x", aten.abs.default)
def absolute(_y: Tensor, x: Tensor) -> Locals:
    return (torch.sign(x),)


@elementwise(r"\partial\operatorname{sign} x/\partial x = 0", aten.sign.default)
def sign(_y: Tensor, _x: Tensor) -> Locals:
    return (0.0,)


@elementwise(r"\partial\max(0, x)/\partial x = [x > 0]", aten.relu.default)
def rectify(y: Tensor, _x: Tensor) -> Locals:
    return ((y > 0).to(y.dtype),)


@elementwise(r"\partial\max(x, w)/\partial x = [x > w] + \tfrac12[x = w]", aten.maximum.default)
def larger(_y: Tensor, x: Tensor, w: Tensor) -> Locals:
    first = _share(x > w, x == w, x.dtype)
    return first, 1 - first


@elementwise(r"\partial\min(x, w)/\partial x = [x < w] + \tfrac12[x = w]", aten.minimum.default)
def smaller(_y: Tensor, x: Tensor, w: Tensor) -> Locals:
    first = _share(x < w, x == w, x.dtype)
    return first, 1 - first


@elementwise(r"\partial\operatorname{clamp}(x)/\partial x = [low \le x \le high]", aten.clamp.default)
def clamp(_y: Tensor, x: Tensor, low: float | None = None, high: float | None = None) -> Locals:
    inside = torch.ones_like(x)
    if low is not None:
        inside = inside * (x >= low)
    if high is not None:
        inside = inside * (x <= high)
    return inside, None, None


@elementwise(r"\partial x/\partial x = 1 \text{ where the condition picks } x", aten.where.self)
def where(_y: Tensor, condition: Tensor, x: Tensor, w: Tensor) -> Locals:
    kind = torch.promote_types(x.dtype, w.dtype)
    return None, condition.to(kind), (~condition).to(kind)


@elementwise(r"\partial y/\partial x = [\text{not masked}]", aten.masked_fill.Scalar)
def masked_fill(_y: Tensor, x: Tensor, mask: Tensor, _value: float) -> Locals:
    return (~mask).to(x.dtype), None, None


@elementwise(r"\partial y/\partial x = 1", aten.clone.default, aten._to_copy.default, aten.alias.default)
def copy(_y: Tensor, _x: Tensor, **_options: Any) -> Locals:
    return (1.0,)


def _share(picked: Tensor, tied: Tensor, kind: torch.dtype) -> Tensor:
    return picked.to(kind) + 0.5 * tied.to(kind)
