"""The computation graph of a small network, as SVG: every operation with its value and its gradient, left to right.

Boxes are the tape's operations, those of one formula together, and the parameters and inputs that they begin with;
arrows are tensors.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from typing import Any

import torch
from torch import Tensor, nn

from congling.errors import UserError
from congling.figures.gradients.graph_layout import Layout, Size, layered
from congling.figures.tensor_text import number_rows, shape_text, short_number, strength
from congling.language import _
from congling.learning.backprop import Operation, Tape

MOST_NODES = 80
_CELL, _LINE, _PADDING = 6.7, 16.0, 9.0  # pixels: a character's width, a line's height, around a text
_MARGIN = 12.0
_FONT = 11


@dataclass(frozen=True, eq=False)
class Node:
    """A box.

    Attributes:
        title: of the formula, operation, parameter or input; ``place`` the module it ran in, or empty.
        value, gradient: tensors; None where there is none.
        kind: ``operation``, ``parameter`` or ``input``.
    """

    title: str
    place: str
    value: Tensor | None
    gradient: Tensor | None
    kind: str


@dataclass(frozen=True)
class Graph:
    """Boxes and the pairs of boxes that a tensor connects, from left to right."""

    nodes: list[Node]
    edges: list[tuple[Node, Node]]


def computation_graph(
    tape: Tape, network: nn.Module | None = None, *, inputs: Mapping[str, Tensor] | None = None, grouped: bool = True
) -> str:
    """The picture. Call it after ``tape.gradients``.

    Args:
        network: gives the parameters their names.
        inputs: other tensors by name, such as ``{"x": batch.inputs}``; a tensor with the same numbers counts as it.
        grouped: the operations of one formula in one box.

    Raises:
        UserError: more than ``MOST_NODES`` boxes.
    """
    graph = graph_of(tape, network, inputs=inputs, grouped=grouped)
    if len(graph.nodes) > MOST_NODES:
        message = _("a picture of {count} operations cannot be read; at most {most} are drawn")
        raise UserError(message.format(count=len(graph.nodes), most=MOST_NODES))
    texts = {node: _lines(node) for node in graph.nodes}
    layout = layered({node: _size(lines) for node, lines in texts.items()}, graph.edges)
    width, height = (each + 2 * _MARGIN for each in layout.size)
    boxes = "".join(_box(node, lines, layout) for node, lines in texts.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_MARGIN} {-_MARGIN} {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(_("computation graph"))}">'
        f"{''.join(_arrows(layout))}{boxes}</svg>"
    )


# From the tape to boxes ----------------------------------------------------------------------------------------------


def graph_of(
    tape: Tape, network: nn.Module | None = None, *, inputs: Mapping[str, Tensor] | None = None, grouped: bool = True
) -> Graph:
    """The boxes and arrows; the arguments are those of ``computation_graph``."""
    names = {} if network is None else {id(each): name for name, each in network.named_parameters()}
    nodes: list[Node] = []
    edges: dict[tuple[Node, Node], None] = {}
    made_by: dict[int, Node] = {}
    for run in _runs(tape.operations, grouped):
        node = _node_of(run)
        for tensor in _entering(run):
            if id(tensor) not in made_by:
                leaf = _leaf(tape, tensor, names, inputs or {})
                if leaf is None:
                    continue
                made_by[id(tensor)] = leaf
                nodes.append(leaf)
            edges[made_by[id(tensor)], node] = None
        nodes.append(node)
        made_by |= {id(tensor): node for operation in run for tensor in operation.output_tensors()}
    return Graph(nodes, list(edges))


def _runs(operations: Sequence[Operation], grouped: bool) -> Iterator[list[Operation]]:
    """Operations that share a box: neighbours of one formula in one module."""

    def key(operation: Operation) -> tuple[Any, ...]:
        if grouped and operation.equation:
            return operation.module, operation.equation
        return operation.module, operation.number

    for _key, run in groupby(operations, key):
        yield list(run)


def _entering(run: Sequence[Operation]) -> Iterator[Tensor]:
    """Every tensor that comes into a box from outside."""
    inside = {id(tensor) for operation in run for tensor in operation.output_tensors()}
    for operation in run:
        yield from (each for each in operation.input_tensors() if id(each) not in inside)


def _node_of(run: Sequence[Operation]) -> Node:
    last = run[-1]
    value = next(iter(last.output_tensors()), None)
    gradient = last.output_gradient[0] if isinstance(last.output_gradient, list) else last.output_gradient
    return Node(last.equation if len(run) > 1 else last.name, last.module, value, gradient, "operation")


def _leaf(tape: Tape, tensor: Tensor, names: Mapping[int, str], inputs: Mapping[str, Tensor]) -> Node | None:
    """A box for a parameter or an input; None for constants that a formula makes for itself."""
    name = names.get(id(tensor))
    if name is not None or tensor.requires_grad:
        return Node(name or _("input"), "", tensor.detach(), gradient_at(tape, tensor), "parameter")
    for given, value in inputs.items():
        if tensor is value or (tensor.shape == value.shape and torch.equal(tensor.double(), value.double())):
            return Node(given, "", tensor, None, "input")
    return None


def gradient_at(tape: Tape, tensor: Tensor) -> Tensor | None:
    """∂L/∂tensor: the sum of what comes back from everything that used it."""
    total: Tensor | None = None
    for operation in tape.operations:
        for value, gradient in zip(operation.inputs, operation.input_gradients, strict=False):
            if value is tensor and isinstance(gradient, Tensor):
                total = gradient if total is None else total + gradient
    return total


# Drawing -------------------------------------------------------------------------------------------------------------


def _lines(node: Node) -> list[tuple[str, str]]:
    """The texts of a box with what each is: ``title``, ``place``, ``value`` or ``gradient``."""
    lines = [("title", node.title)] + ([("place", node.place)] if node.place else [])
    lines += [("value", text) for text in _written("", node.value)]
    return lines + [("gradient", text) for text in _written("∂L ", node.gradient)]


def _written(sign: str, tensor: Tensor | None) -> list[str]:
    """Rows of numbers, in columns; of a large tensor its shape and strength."""
    if tensor is None:
        return []
    rows = number_rows(tensor)
    if rows is None:
        return [f"{sign}({shape_text(tensor)}) rms {short_number(strength(tensor) or 0.0, 3)}"]
    widest = max(len(text) for row in rows for text in row)
    texts = ["  ".join(text.rjust(widest) for text in row) for row in rows]
    return [sign + texts[0], *(" " * len(sign) + text for text in texts[1:])]


def _size(lines: Sequence[tuple[str, str]]) -> Size:
    widest = max(_cells(text) for _kind, text in lines)
    return widest * _CELL + 2 * _PADDING, len(lines) * _LINE + 2 * _PADDING - 2


def _cells(text: str) -> int:
    """How wide a text is: an East Asian character counts as two others."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


_STYLES = {
    "title": "fill:var(--ink,#1b1f27);font-weight:600",
    "place": "fill:var(--muted,#5b6270)",
    "value": "fill:var(--ink,#1b1f27)",
    "gradient": "fill:var(--accent,#b3341f)",
}
_FRAMES = {"operation": "var(--ink,#1b1f27)", "parameter": "var(--quiet,#71879e)", "input": "var(--quiet,#71879e)"}


def _box(node: Node, lines: Sequence[tuple[str, str]], layout: Layout) -> str:
    x, y = layout.boxes[node]
    width, height = _size(lines)
    dashes = ";stroke-dasharray:4 3" if node.kind == "input" else ""
    rounded = 8 if node.kind == "operation" else 2
    texts = "".join(
        f'<text x="{x + _PADDING:.1f}" y="{y + _PADDING + (place + 0.75) * _LINE - 1:.1f}" xml:space="preserve" '
        f'style="{_STYLES[kind]};font-size:{_FONT}px;font-family:var(--mono,monospace);white-space:pre">{escape(text)}</text>'
        for place, (kind, text) in enumerate(lines)
    )
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{rounded}" '
        f'style="fill:var(--surface,#fff);stroke:{_FRAMES[node.kind]};stroke-width:1.2{dashes}"/>{texts}'
    )


def _arrows(layout: Layout) -> Iterator[str]:
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" style="fill:var(--muted,#5b6270)"/></marker></defs>'
    )
    for points in layout.arrows.values():
        yield (
            f'<path d="{_curve(points)}" marker-end="url(#arrow)" '
            'style="fill:none;stroke:var(--muted,#5b6270);stroke-width:1.1"/>'
        )


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Soft bends between the columns, straight lines over them."""
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (x1 + x2) / 2
        path += f" C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    return path
