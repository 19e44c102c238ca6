"""``congling inspect RUN TEXT``: every number of one translation, as a list, as JSON, or as one page for a browser."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.options import parse
from congling.cli.translate import checkpoint
from congling.language import _
from congling.nearest import did_you_mean
from congling.tasks.translation_options import SearchOptions

if TYPE_CHECKING:
    from congling.figures.translation_view import TranslationView
    from congling.learning.runs import Run
    from congling.tasks.translator import Inside, Translator


@dataclass
class InspectOptions:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[str]
    """The sentence to translate."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline."""
    svg: Path | None = None
    """Write one picture to this file: which source pieces each target piece looked at."""
    value: str | None = None
    """Print one value in full: a dotted name of the list, such as decoder.layers.0.cross_attention.weights."""
    json: bool = False
    """Print what was seen as JSON: pieces, hypotheses, names and shapes; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    search: SearchOptions = field(default_factory=SearchOptions)


def main(arguments: list[str]) -> int:
    """Translate one sentence in a glass box and show what was seen."""
    options = parse(
        InspectOptions, arguments, "congling inspect", _("Look inside while a run translates one sentence.")
    )
    options.search.check()
    from congling.learning.runs import Run
    from congling.tasks.translator import Translator

    run = Run.open(options.run)
    translator = Translator.load(run, checkpoint(options.checkpoint), options.device)
    inside = translator.look_inside(options.text, options.search)
    if options.html is not None or options.svg is not None:
        _write_figures(_view(run, translator, inside, options.text), options)
    elif options.value is not None:
        _print_value(inside, options.value, options.json)
    else:
        _print_list(inside, options.json)
    return 0


def _write_figures(view: TranslationView, options: InspectOptions) -> None:
    from congling.figures.translation_page import translation_page
    from congling.figures.translation_picture import translation_picture
    from congling.learning.atomic import write_atomically

    for path, draw in ((options.html, translation_page), (options.svg, translation_picture)):
        if path is not None:
            write_atomically(path, draw(view))
            print(path)
    print(_("open it in a browser"), file=sys.stderr)


def _view(run: Run, translator: Translator, inside: Inside, text: str) -> TranslationView:
    from congling.figures.translation_view import view_from_glass_box

    return view_from_glass_box(
        inside.seen,
        name=run.path.name,
        source_text=text,
        source_ids=inside.source_ids,
        target_ids=inside.target_ids,
        source_tokenizer=translator.source_tokenizer,
        target_tokenizer=translator.target_tokenizer,
        hypotheses=inside.hypotheses,
    )


def _print_value(inside: Inside, name: str, as_json: bool) -> None:
    import torch

    from congling.errors import UsageError

    if name not in inside.seen:
        message = _("nothing was shown under {name}").format(name=name)
        raise UsageError(message + did_you_mean(name, list(inside.seen)))
    value = inside.seen[name]
    if as_json:
        print(_json({"name": name, "shape": list(value.shape), "values": _finite(value.float().tolist())}))
        return
    torch.set_printoptions(  # type: ignore[no-untyped-call]
        profile="full", linewidth=160, precision=4, sci_mode=False
    )
    print(f"{name}  {tuple(value.shape)}")
    print(value)


def _print_list(inside: Inside, as_json: bool) -> None:
    rows = [(name, inside.seen[name]) for name in inside.seen]
    if as_json:
        print(_json(_record(inside, rows)))
        return
    print(" ".join(inside.source_pieces))
    print(" ".join(inside.target_pieces))
    for name, value in rows:
        numbers = value.float()
        finite = numbers[numbers.isfinite()]
        shape = "×".join(map(str, value.shape))
        extremes = f"{float(finite.min()):9.4f} … {float(finite.max()):9.4f}" if len(finite) else "-"
        print(f"{name:<60} {shape:>16}   {extremes}")


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _finite(values: Any) -> Any:
    """The same number or nested lists of numbers, with None for what JSON cannot say: a mask's -inf."""
    if isinstance(values, list):
        return [_finite(value) for value in values]
    return values if math.isfinite(values) else None


def _record(inside: Inside, rows: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        "translation": inside.text,
        "source_pieces": inside.source_pieces,
        "target_pieces": inside.target_pieces,
        "hypotheses": [
            {"ids": each.ids, "log_probability": _finite(each.log_probability), "score": _finite(each.score)}
            for each in inside.hypotheses
        ],
        "values": [{"name": name, "shape": list(value.shape)} for name, value in rows],
    }
