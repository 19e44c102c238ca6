"""What the tape found, on standard output: the flow through the layers, what looks wrong, and every gradient."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from congling.cli.table import print_table
from congling.cli.values import Values, finite, shape_of
from congling.language import _

if TYPE_CHECKING:
    from torch import Tensor, nn

    from congling.learning.backprop import Flow


def gradients_by_name(network: nn.Module, gradients: dict[Tensor, Tensor]) -> dict[str, Tensor]:
    """The gradients of the network's parameters, by name; parameters that the loss does not hang on have none."""
    return {name: gradients[each] for name, each in network.named_parameters() if each in gradients}


def print_gradients(loss: float, flow: Flow, gradients: Values) -> None:
    """The loss, a row a layer, the findings in words, and a row a parameter."""
    print(_("loss {loss:.6g}").format(loss=loss))
    print(_("Strengths, as root mean squares; the gradients are those of the loss:"))
    print()
    header = [_("layer"), _("output"), _("its gradient"), _("weights"), _("their gradient")]
    print_table(header, [_layer(*asdict(layer).values()) for layer in flow.layers])
    print()
    for finding in flow.findings:
        print(finding.text)
    if not flow.findings:
        print(_("Nothing looks wrong: gradients of a healthy size reach every layer."))
    print()
    rows = [[name, shape_of(each), _number(_strength(each))] for name, each in gradients.items()]
    print_table([_("parameter"), _("shape"), _("its gradient")], rows)


def gradients_record(loss: float, flow: Flow, gradients: Values) -> dict[str, Any]:
    """The same for a program."""
    return {
        "loss": finite(loss),
        "layers": [_finite_record(asdict(layer)) for layer in flow.layers],
        "findings": [_finite_record(asdict(finding)) for finding in flow.findings],
        "parameters": [
            {"name": name, "shape": list(each.shape), "gradient_norm": finite(_strength(each))}
            for name, each in gradients.items()
        ],
    }


def _layer(path: str, *strengths: float) -> list[str]:
    return [path or _("the network itself"), *map(_number, strengths)]


def _number(value: float) -> str:
    return f"{value:.3e}"


def _strength(gradient: Tensor) -> float:
    from congling.learning.backprop.flow import root_mean_square

    return root_mean_square([gradient])


def _finite_record(record: dict[str, Any]) -> dict[str, Any]:
    return {name: finite(value) if isinstance(value, float) else value for name, value in record.items()}
