"""The glass box: while it is open, formulas run their plain bodies and show every intermediate value.

    with glass_box() as seen:
        network(source, target)
    seen["encoder.layers.0.self_attention.weights"]  # (B, H, T, S)

A value is kept under the dotted path of the module that was running, so the names are those of the weights file.
The output of every module is kept too, as ``<path>.output``. While no box is open nothing of this costs anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


@dataclass
class GlassBox:
    """Everything that was shown while the box was open: by dotted path, each call kept, oldest first."""

    keep_gradients: bool = False
    values: dict[str, list[Any]] = field(default_factory=dict)
    _modules: list[tuple[nn.Module, str]] = field(default_factory=list)  # what runs, outermost first, and its path
    _scopes: list[str] = field(default_factory=list)
    _equations: list[str] = field(default_factory=list)  # the formulas that run, outermost first

    @property
    def path(self) -> str:
        """The dotted path of the module that is running; empty outside of all."""
        module = self._modules[-1][1] if self._modules else ""
        return ".".join((*self._scopes, module)) if module else ".".join(self._scopes)

    @property
    def equation(self) -> str:
        """The formula that is running, the innermost one; empty outside of all."""
        return self._equations[-1] if self._equations else ""

    def __getitem__(self, path: str) -> Any:
        """The last value that was shown under the path."""
        if path not in self.values:
            held = ", ".join(self.values) or "nothing"
            raise KeyError(f"nothing was shown under {path!r}; the glass box holds: {held}")
        return self.values[path][-1]

    def __contains__(self, path: object) -> bool:
        return path in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def all(self, path: str) -> list[Any]:
        """Every value shown under the path, oldest first: a module that ran three times showed three."""
        return list(self.values.get(path, []))

    def paths(self, ending: str = "") -> list[str]:
        """The dotted paths that end with the given name or names, in the order of their first showing."""
        return [path for path in self.values if not ending or f".{path}".endswith(f".{ending}")]

    def record(self, name: str, value: Any) -> None:
        """Keep a value under the path of the module that is running."""
        if isinstance(value, Tensor) and not self.keep_gradients:
            value = value.detach()
        within = self.path
        path = f"{within}.{name}" if within else name
        self.values.setdefault(path, []).append(value)

    def enter(self, module: nn.Module) -> None:
        """A module starts to run: its path is its place inside the innermost running module that holds it."""
        for caller, path in reversed(self._modules):
            place = _place(caller, module)
            if place is not None:
                self._modules.append((module, ".".join(part for part in (path, place) if part)))
                return
        self._modules.append((module, ""))

    def leave(self) -> None:
        """The module entered last has ended."""
        self._modules.pop()

    @contextmanager
    def calculating(self, equation: str) -> Iterator[None]:
        """Inside, the formula counts as running."""
        self._equations.append(equation)
        try:
            yield
        finally:
            self._equations.pop()

    @contextmanager
    def scoped(self, name: str) -> Iterator[None]:
        """Inside, every path begins with ``name``."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()


def _place(caller: nn.Module, module: nn.Module) -> str | None:
    """The dotted name of a module inside another, or None where it is not inside."""
    return next((name for name, inside in caller.named_modules() if inside is module), None)


_open: ContextVar[GlassBox | None] = ContextVar("open_box", default=None)  # each thread its own


def open_box() -> GlassBox | None:
    """The glass box that is open now in this thread, or None."""
    return _open.get()


def show(name: str, value: Any) -> None:
    """Hand an intermediate value to whoever looks; free when nobody does."""
    box = _open.get()
    if box is not None:
        box.record(name, value)


@contextmanager
def glass_box(keep_gradients: bool = False) -> Iterator[GlassBox]:
    """Open a glass box: formulas run plain, and what they show is kept in the box.

    Args:
        keep_gradients: keep the values attached to the computation graph instead of detaching them.

    Boxes nest: the inner one sees what happens inside it, then the outer one goes on. What other threads calculate
    meanwhile stays out of it.
    """
    before, box = _open.get(), GlassBox(keep_gradients)
    _open.set(box)
    hooks = [
        register_module_forward_pre_hook(lambda module, _: _enter(box, module)),
        register_module_forward_hook(lambda module, _, output: _leave(box, output), always_call=True),
    ]
    try:
        yield box
    finally:
        for hook in hooks:
            hook.remove()
        _open.set(before)


def _enter(box: GlassBox, module: nn.Module) -> None:
    if box is _open.get():  # neither a box around it nor another thread's sees anything of this
        box.enter(module)


def _leave(box: GlassBox, output: Any) -> None:
    if box is not _open.get():
        return
    if isinstance(output, Tensor):
        box.record("output", output)
    box.leave()


@contextmanager
def running(module: nn.Module) -> Iterator[None]:
    """Inside, ``module`` counts as running although its ``forward`` was not called (``encode``, ``step``)."""
    box = _open.get()
    if box is None:
        yield
        return
    box.enter(module)
    try:
        yield
    finally:
        box.leave()


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Inside, shown values stand under ``name``: ``with scope(f"step.{n}")`` around a decoding step."""
    box = _open.get()
    if box is None:
        yield
        return
    with box.scoped(name):
        yield


@contextmanager
def stacked(dim: int, reverse: bool = False) -> Iterator[None]:
    """Inside is a loop over time: what its rounds show one after the other stands as one tensor, time along ``dim``.

    Args:
        reverse: the last round comes first.
    """
    box = _open.get()
    if box is None:
        yield
        return
    before, box.values = box.values, {}
    try:
        yield
    finally:
        rounds, box.values = box.values, before
        for path, values in rounds.items():
            box.values.setdefault(path, []).append(torch.stack(values[::-1] if reverse else values, dim))
