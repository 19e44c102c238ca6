"""``congling equations [NAME]``: every formula with its LaTeX, source and code; plain against fused, measured now."""

from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import tyro

import congling.equations
from congling.cli.help import console
from congling.cli.options import parse
from congling.equations.equation import Distance, Equation, equations
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

if TYPE_CHECKING:
    from rich.table import Table

WIDTH_OF_A_PIPE = 160  # columns, so that a formula mostly stays on one line


@dataclass
class Options:
    """What to list."""

    name: tyro.conf.Positional[str] = ""
    """One formula, to see its code as well; all of them when left out."""
    json: bool = False
    """Print JSON, for a program to read."""


def main(arguments: list[str]) -> int:
    """Run the verb; gives the exit code."""
    description = _(
        "Every formula of the package: LaTeX, source, plain code, and how far the plain body and the fused function "
        "are apart in value and gradient, measured now in float64."
    )
    options = parse(Options, arguments, "congling equations", description)
    formulas = all_equations()
    if options.name:
        formulas = {options.name: _find(options.name, formulas)}
    if options.json:
        described = [_describe(formula) for formula in formulas.values()]
        print(json.dumps(described[0] if options.name else described, ensure_ascii=False, indent=2))
    elif options.name:
        _print_one(formulas[options.name])
    else:
        _print_table(list(formulas.values()))
    return 0


def all_equations() -> dict[str, Equation[Any, Any]]:
    """The registry, after every file of ``congling.equations`` was imported."""
    for module in pkgutil.iter_modules(congling.equations.__path__):
        importlib.import_module(f"congling.equations.{module.name}")
    return dict(sorted(equations().items(), key=lambda item: item[1].floor_file))


def _find(name: str, formulas: dict[str, Equation[Any, Any]]) -> Equation[Any, Any]:
    known = name.replace("-", "_")
    if known not in formulas:
        otherwise = _("see congling equations")
        raise UsageError(
            _("there is no formula {name}").format(name=name) + did_you_mean(known, list(formulas), otherwise)
        )
    return formulas[known]


def _describe(formula: Equation[Any, Any]) -> dict[str, Any]:
    distance = formula.distance()
    return {
        "name": formula.name,
        "file": formula.floor_file,
        "summary": formula.summary,
        "latex": formula.latex,
        "source": formula.source,
        "code": formula.code,
        "fused": _fused_name(formula),
        "distance": None if distance is None else asdict(distance),
    }


def _fused_name(formula: Equation[Any, Any]) -> str | None:
    """``torch.nn.functional.relu``: where the fused function comes from."""
    function = formula.fused
    if function is None:
        return None
    return f"{getattr(function, '__module__', None) or 'torch'}.{getattr(function, '__name__', repr(function))}"


def _print_table(formulas: list[Equation[Any, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(_("file"), style="dim", no_wrap=True)
    table.add_column(_("name"), style="cyan", no_wrap=True)
    table.add_column(_("apart: value"), justify="right", no_wrap=True)
    table.add_column(_("gradient"), justify="right", no_wrap=True)
    table.add_column(_("origin"), overflow="fold", ratio=2)
    table.add_column("LaTeX", overflow="fold", ratio=3)
    for formula in formulas:
        cells = (formula.floor_file, formula.name, *_apart(formula.distance()), formula.source, formula.latex)
        table.add_row(*map(Text, cells))
    console(WIDTH_OF_A_PIPE).print(table)


def _apart(distance: Distance | None) -> tuple[str, str]:
    return ("–", "–") if distance is None else (f"{distance.value:.1e}", f"{distance.gradient:.1e}")


def _print_one(formula: Equation[Any, Any]) -> None:
    import inspect

    from rich.syntax import Syntax

    out = console(WIDTH_OF_A_PIPE)
    out.print(f"{formula.name}  ({formula.plain.__module__})", style="bold cyan")
    out.print("\n" + (inspect.getdoc(formula.plain) or "") + "\n")
    out.print(_facts(formula))
    out.print()
    if out.is_terminal:
        out.print(Syntax(formula.code.rstrip(), "python", background_color="default"))
    else:
        print(formula.code.rstrip())


def _facts(formula: Equation[Any, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    facts = {
        "LaTeX": formula.latex,
        _("origin"): formula.source,
        _("fused"): _fused_name(formula) or _("none: the plain body always runs"),
    }
    if distance := formula.distance():
        value, gradient = _apart(distance)
        facts[_("apart")] = _("value {value}, gradient {gradient}").format(value=value, gradient=gradient)
    table = Table.grid(padding=(0, 2))
    for label, fact in facts.items():
        table.add_row(Text(label, style="dim"), Text(fact))
    return table
