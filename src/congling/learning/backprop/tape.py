"""The tape: it records what a calculation did, and walks it from right to left with the chain rule.

    with Tape() as tape:
        loss, count = network.loss(batch)
    gradients = tape.gradients(loss)

Inside, formulas run their plain bodies (a glass box is open) and PyTorch's autograd is off: every gradient comes from
the rules beside this file. ``gradients`` is the reverse accumulation of Rumelhart, Hinton and Williams 1986, eq. 4-7,
in the general form of Griewank and Walther 2008, §3.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from congling.equations.glass_box import GlassBox, glass_box
from congling.errors import UserError
from congling.language import _
from congling.learning.backprop.flow import Flow, flow_of
from congling.learning.backprop.operation import NonFinite, Operation

aten = torch.ops.aten

_CUTS = {  # what hangs on the shape of its input at most: here the gradient ends
    aten.detach.default, aten.new_empty.default, aten.new_zeros.default, aten.new_ones.default, aten.new_full.default,
    aten.empty_like.default, aten.zeros_like.default, aten.ones_like.default, aten.full_like.default,
    aten.rand_like.default, aten.randn_like.default,
}  # fmt: skip


class Tape:
    """Records every operation that hangs on a tensor with ``requires_grad``: parameters, or inputs of your own.

    Args:
        keep: keep every gradient with its operation, to look at. A training does without.

    Attributes:
        operations: in the order of the forward pass.
        box: the glass box of the forward pass.
    """

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.operations: list[Operation] = []
        self.box = GlassBox()
        self._tracked: dict[int, Tensor] = {}  # by identity; holding the tensor keeps the identity its own
        self._leaves: dict[int, Tensor] = {}

    # Forward: recording ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Tape:
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            self.box = stack.enter_context(glass_box())
            stack.enter_context(_Recorder(self))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def _record(self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        if function in _CUTS or not self._hangs_on(inputs):
            return
        if function._schema.is_mutable:
            message = _("the tape cannot follow {function} in {module}: it changes a value in place")
            raise UserError(message.format(function=function, module=self.box.path or _("the network")))
        output = list(output) if isinstance(output, tuple | list) else output
        operation = Operation(len(self.operations), function, self.box.path, self.box.equation, inputs, options, output)
        floating = [each for each in operation.output_tensors() if each.is_floating_point()]
        if floating:
            self.operations.append(operation)
            self._tracked |= {id(each): each for each in floating}

    def _hangs_on(self, inputs: Iterable[Any]) -> bool:
        """Whether one of the inputs is tracked; a leaf that is met for the first time is from now on."""
        found = False
        for each in inputs:
            if isinstance(each, Tensor):
                if each.requires_grad and id(each) not in self._tracked:
                    self._tracked[id(each)] = self._leaves[id(each)] = each
                found = found or id(each) in self._tracked
            elif isinstance(each, list):
                found = self._hangs_on(each) or found
        return found

    # Backward: the chain rule ----------------------------------------------------------------------------------------

    @torch.no_grad()
    def gradients(self, loss: Tensor) -> dict[Tensor, Tensor]:
        """∂loss/∂leaf for every leaf that the loss hangs on, from the last operation to the first.

        Each operation's gradient is complete when the walk comes to it, because all that used its output lies to
        its right: so every partial derivative is calculated once.

        Raises:
            UserError: an operation has no rule, or the loss was not calculated on this tape.
            ValueError: the loss is more than one number.
        """
        if loss.numel() != 1:
            raise ValueError(f"a gradient is that of one number, not of {tuple(loss.shape)}")
        if id(loss) not in self._tracked:
            raise UserError(_("the loss hangs on nothing that this tape recorded"))
        pending: dict[int, Tensor] = {id(loss): torch.ones_like(loss)}
        for operation in reversed(self.operations):
            operation.output_gradient, operation.input_gradients = None, ()  # those of another loss
            incoming = _taken(pending, operation.output)
            if incoming is None:
                continue
            wanted = [self._is_wanted(each) for each in operation.inputs]
            outgoing = operation.pass_back(incoming, wanted)
            _add_up(pending, operation.inputs, outgoing)
            if self.keep:
                operation.output_gradient, operation.input_gradients = incoming, outgoing
        return {leaf: pending[key] for key, leaf in self._leaves.items() if key in pending}

    def _is_wanted(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._is_wanted(each) for each in value]
        return isinstance(value, Tensor) and id(value) in self._tracked

    # Looking ---------------------------------------------------------------------------------------------------------

    def first_non_finite(self) -> NonFinite | None:
        """The operation that made the first NaN or infinity: forward, or else backward after ``gradients``.

        An infinity that was put in on purpose, by a mask or as a number, is none; what NaN it leads to is.
        """
        for operation in self.operations:
            inputs, outputs = list(operation.input_tensors()), list(operation.output_tensors())
            if any(each.isnan().any() for each in inputs):
                return NonFinite(operation, "input")
            if any(each.isnan().any() for each in outputs):
                return NonFinite(operation, "value")
            if any(each.isinf().any() for each in outputs) and not operation.was_given_infinity():
                return NonFinite(operation, "value")
        for operation in reversed(self.operations):
            if any(not each.isfinite().all() for each in _given(operation.input_gradients)):
                return NonFinite(operation, "gradient")
        return None

    def flow(self) -> Flow:
        """How strong activations and gradients are, layer by layer, and what looks wrong; after ``gradients``."""
        return flow_of(self.operations, self._leaves)


class _Recorder(TorchDispatchMode):
    """Hands every operation that PyTorch runs to the tape."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tape = tape

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        output = function(*args, **options)
        self._tape._record(function, args, options, output)
        return output


def _taken(pending: dict[int, Tensor], output: Any) -> Any:
    """The gradient that has come together for an output; None if nothing behind it leads to the loss."""
    if isinstance(output, list):
        gradients = [pending.pop(id(each), None) for each in output]
        return None if all(each is None for each in gradients) else gradients
    return pending.pop(id(output), None)


def _add_up(pending: dict[int, Tensor], inputs: Iterable[Any], gradients: Iterable[Any]) -> None:
    """A value that was used several times gets the sum of its gradients: the chain rule for several variables."""
    for value, gradient in zip(inputs, gradients, strict=False):
        if isinstance(gradient, list):
            _add_up(pending, value, gradient)
        elif gradient is not None:
            before = pending.get(id(value))
            pending[id(value)] = gradient if before is None else before + gradient


def _given(gradients: Iterable[Any]) -> Iterable[Tensor]:
    for each in gradients:
        if isinstance(each, list):
            yield from _given(each)
        elif each is not None:
            yield each
