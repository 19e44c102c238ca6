"""The operations of a tape from right to left, as the chain rule walks through them: folded tables in HTML.

Neighbours of one module stand in one table; the tables of one block of the network (a layer of the encoder, say) fold
together. So a Transformer's fifteen hundred operations can be looked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any

from torch import Tensor

from congling.errors import UserError
from congling.figures.mathml import mathml
from congling.figures.tensor_text import number_rows, shape_text, short_number, strength, tensors_in
from congling.language import _
from congling.learning.backprop import Operation

FEW_OPERATIONS = 60  # of so few, all tables are open at first


def operations_html(operations: Sequence[Operation]) -> str:
    """All operations, the last one first."""
    opened = " open" if len(operations) <= FEW_OPERATIONS else ""
    backwards = list(reversed(operations))
    return "".join(
        _fold(name, list(run), opened) for name, run in groupby(backwards, lambda operation: block_of(operation.module))
    )


def block_of(path: str) -> str:
    """``decoder.layers.2`` of ``decoder.layers.2.self_attention``: up to the first number, else the first name."""
    numbered = re.match(r"(.*?\.\d+)(\.|$)", path)
    return numbered[1] if numbered else path.split(".")[0]


def _fold(name: str, operations: list[Operation], opened: str) -> str:
    """One block: its name, what it holds, and how strong the gradient is that comes in and goes out."""
    tables = "".join(
        _table(module, list(run)) for module, run in groupby(operations, lambda operation: operation.module)
    )
    arriving = next((s for s in (strength(each.output_gradient) for each in operations) if s is not None), None)
    facts = [_("{count} operations").format(count=len(operations))]
    if arriving is not None:
        facts.append(_("gradient that arrives: {strength}").format(strength=short_number(arriving, 3)))
    return (
        f'<details class="fold"{opened}><summary><b>{escape(name or _("the network itself"))}</b> '
        f'<span class="muted">{escape(" · ".join(facts))}</span></summary>{tables}</details>'
    )


def _table(module: str, operations: Sequence[Operation]) -> str:
    heads = (
        _("No."),
        _("operation"),
        _("formula"),
        _("rule"),
        _("shapes"),
        _("value"),
        _("gradient in"),
        _("gradients out"),
    )
    rows = "".join(map(_row, operations))
    return (
        f'<h4>{escape(module or _("the network itself"))}</h4><div class="scroll"><table class="operations"><thead><tr>'
        + "".join(f"<th>{escape(head)}</th>" for head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(operation: Operation) -> str:
    try:
        rule = mathml(operation.formula)
    except UserError:
        rule = f'<span class="muted">{escape(_("none"))}</span>'
    cells = [
        str(operation.number),
        f"<code>{escape(operation.name)}</code>{_numbers(operation)}",
        escape(operation.equation.replace("_", " ")),
        rule,
        escape(_shapes(operation)),
        _strength_text(operation.output),
        _strength_text(operation.output_gradient),
        ", ".join(_strength_text(each) for each in operation.input_gradients if each is not None),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _shapes(operation: Operation) -> str:
    """What goes in, and what comes out: ``(2×3), (3×5) → (2×5)``."""
    entering, leaving = (
        ", ".join(f"({shape_text(each)})" for each in tensors_in(side)) for side in (operation.inputs, operation.output)
    )
    return f"{entering} → {leaving}"


def _strength_text(value: Any) -> str:
    found = strength(value)
    return "" if found is None else short_number(found, 3)


# The numbers of small tensors ----------------------------------------------------------------------------------------


def _numbers(operation: Operation) -> str:
    """All numbers of an operation whose tensors are small, folded; nothing for large ones."""
    lines = [line for label, value in _quantities(operation) for line in _quantity(label, value)]
    if not lines:
        return ""
    return f"<details><summary>{escape(_('numbers'))}</summary><dl>{''.join(lines)}</dl></details>"


def _quantities(operation: Operation) -> Iterator[tuple[str, Any]]:
    tensors = list(operation.input_tensors())
    if not isinstance(operation.output, Tensor) or number_rows(operation.output) is None:
        return
    for place, tensor in enumerate(tensors):
        yield _("input {number}").format(number=place + 1), tensor
    yield _("value"), operation.output
    yield _("gradient in"), operation.output_gradient
    for place, local in enumerate(operation.local_derivatives() or ()):
        yield _("local derivative {number}").format(number=place + 1), local
    for place, gradient in enumerate(operation.input_gradients):
        yield _("gradient out {number}").format(number=place + 1), gradient


def _quantity(label: str, value: Any) -> Iterator[str]:
    rows = number_rows(value) if isinstance(value, Tensor) else None
    if rows is not None:
        text = "\n".join("  ".join(row) for row in rows)
        yield f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>"
