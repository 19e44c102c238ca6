"""The page of gradients: what the chain rule did on one batch, from findings in words down to every operation.

Works for any network that a tape has recorded. One HTML file without a script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from torch import Tensor, nn

from congling.figures.gradients.computation_graph import computation_graph, graph_of
from congling.figures.gradients.flow import flow_over_steps, flow_picture
from congling.figures.gradients.table import operations_html
from congling.figures.gradients.texts import finding_advice, finding_word
from congling.figures.still_page import still_page
from congling.figures.tensor_text import shape_text, short_number, strength
from congling.language import _
from congling.learning.backprop import Flow, Tape

MOST_DRAWN = 40  # boxes; a larger computation graph is left to the table
FEW_FINDINGS = 5  # of a kind; the others are folded
FEW_PARAMETERS = 30  # tensors; a longer table of them is folded


def gradient_page(
    tape: Tape,
    gradients: Mapping[Tensor, Tensor] | None = None,
    *,
    title: str,
    network: nn.Module | None = None,
    loss: float | None = None,
    facts: Sequence[str] = (),
    inputs: Mapping[str, Tensor] | None = None,
    flows: Mapping[int, Flow] | None = None,
) -> str:
    """A self-contained page in the current language. Call it after ``tape.gradients(loss)``.

    Args:
        gradients: what ``tape.gradients`` gave, for the table of parameters.
        title: such as the run's name.
        network: names the parameters.
        loss: the number that was differentiated.
        facts: further lines under the title.
        inputs: names tensors that are no parameters, for the computation graph.
        flows: the flow at several steps of training, by step.
    """
    flow = tape.flow()
    sections = [
        _heading(title, loss, facts, len(tape.operations)),
        _findings(tape, flow),
        _flow(flow),
        _over_steps(flows or {}),
        _graph(tape, network, inputs),
        _parameters(gradients or {}, network),
        _operations(tape),
    ]
    return still_page(
        title=f"{title} · {_('gradients')}", body=f"<main>{''.join(sections)}</main>", styles=["gradients.css"]
    )


def _heading(title: str, loss: float | None, facts: Sequence[str], count: int) -> str:
    lines = [*facts]
    if loss is not None:
        lines.append(_("loss {loss}, {count} operations").format(loss=short_number(loss, 6), count=count))
    told = "".join(f'<p class="muted">{escape(line)}</p>' for line in lines)
    return (
        f'<header><p class="brand"><b>congling</b> <span lang="zh">从零</span> '
        f'<span class="muted">{escape(_("gradients, from right to left"))}</span></p><h1>{escape(title)}</h1>{told}'
        "</header>"
    )


def _section(title: str, text: str, body: str) -> str:
    told = f'<p class="muted">{escape(text)}</p>' if text else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


# Findings ------------------------------------------------------------------------------------------------------------


def _findings(tape: Tape, flow: Flow) -> str:
    strange = tape.first_non_finite()
    items = [] if strange is None else [_finding("non-finite", [str(strange)])]
    kinds = dict.fromkeys(finding.kind for finding in flow.findings)
    items += [_finding(kind, [each.text for each in flow.findings if each.kind == kind]) for kind in kinds]
    if not items:
        body = f'<p class="fine">{escape(_("Nothing looks wrong: gradients of a healthy size reach every layer."))}</p>'
    else:
        body = f'<ul class="findings">{"".join(items)}</ul>'
    return _section(_("Findings"), "", body)


def _finding(kind: str, texts: Sequence[str]) -> str:
    """All findings of a kind: what it is, where, and what usually helps."""
    shown, more = texts[:FEW_FINDINGS], texts[FEW_FINDINGS:]
    rest = (
        f"<details><summary>{escape(_('and {count} more').format(count=len(more)))}</summary>{_items(more)}</details>"
    )
    word, advice = escape(finding_word(kind)), escape(finding_advice(kind))
    return f"<li><b>{word}</b> {advice}{_items(shown)}{rest if more else ''}</li>"


def _items(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


# Figures -------------------------------------------------------------------------------------------------------------


def _flow(flow: Flow) -> str:
    if not flow.layers:
        return ""
    text = _(
        "Each row is a layer, in the order of the forward pass. On the left how strong the numbers are that it gives, "
        "on the right how strong the loss's gradient is when it comes back to it: root mean squares on a logarithmic "
        "scale. Bars of about one length are healthy; bars that shrink or grow row by row are not."
    )
    return _section(_("Flow"), text, f'<div class="scroll">{flow_picture(flow)}</div>')


def _over_steps(flows: Mapping[int, Flow]) -> str:
    if len(flows) < 2:
        return ""
    text = _("The strength of the gradient at each layer while the network was trained; dark is strong.")
    return _section(_("Flow over the training"), text, f'<div class="scroll">{flow_over_steps(flows)}</div>')


def _graph(tape: Tape, network: nn.Module | None, inputs: Mapping[str, Tensor] | None) -> str:
    if len(tape.operations) > 10 * MOST_DRAWN or len(graph_of(tape, network, inputs=inputs).nodes) > MOST_DRAWN:
        return ""
    text = _(
        "Every box is a formula, a parameter or an input: first its value, then in colour ∂L, the gradient of the loss "
        "there. The forward pass runs from left to right, the chain rule from right to left."
    )
    picture = computation_graph(tape, network, inputs=inputs)
    return _section(_("Computation graph"), text, f'<div class="scroll">{picture}</div>')


# Tables --------------------------------------------------------------------------------------------------------------


def _parameters(gradients: Mapping[Tensor, Tensor], network: nn.Module | None) -> str:
    named = [] if network is None else [(n, p) for n, p in network.named_parameters() if p in gradients]
    if not named:
        return ""
    heads = (_("parameter"), _("shape"), _("strength"), _("gradient"), _("gradient / parameter"))
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in _parameter(n, p, gradients[p])) + "</tr>" for n, p in named
    )
    table = (
        f'<div class="scroll"><table class="parameters"><thead><tr>'
        f"{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    if len(named) > FEW_PARAMETERS:
        summary = _("{count} parameters").format(count=len(named))
        table = f'<details class="fold"><summary>{escape(summary)}</summary>{table}</details>'
    return _section(_("Parameters"), "", table)


def _parameter(name: str, parameter: Tensor, gradient: Tensor) -> Iterator[str]:
    size, change = strength(parameter) or 0.0, strength(gradient) or 0.0
    yield f"<code>{escape(name)}</code>"
    yield shape_text(parameter)
    yield short_number(size, 3)
    yield short_number(change, 3)
    yield short_number(change / size, 3) if size else "–"


def _operations(tape: Tape) -> str:
    text = _(
        "The chain rule walks from the loss (first row) to the inputs. In a rule, x and w are an operation's inputs, "
        "y is its output and G = ∂L/∂y the gradient that comes in; strengths are root mean squares."
    )
    return _section(_("Operations"), text, operations_html(tape.operations))
