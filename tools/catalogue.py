"""The Chinese catalogue: extract every text that a user reads, bring the translations along, compile them.

    python tools/catalogue.py            rewrite congling.pot, zh_CN's congling.po and .mo; list what is untranslated
    python tools/catalogue.py --check    change nothing; fail when a text is untranslated or a file is not up to date

Texts are the literals in ``_("…")``, and of the options classes (the dataclasses in ``cli`` and ``tasks`` that say of a
field what it is for, and those that they name) the literal under each field and the first line of the docstring.
The formulas of the tape's rules are texts where they hold words.
"""

from __future__ import annotations

import ast
import io
import string
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from congling.cli.option import documented_fields, title
from congling.language import CHINESE, DOMAIN

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "congling"
TEMPLATE = PACKAGE / "locale" / f"{DOMAIN}.pot"
TRANSLATION = PACKAGE / "locale" / CHINESE / "LC_MESSAGES" / f"{DOMAIN}.po"
COMPILED = TRANSLATION.with_suffix(".mo")
OPTION_ROOMS = ("cli", "tasks")
RULES = ("elementwise", "rule")  # the decorators of the tape's rules; their first argument is a formula
WORDS = "\\text{"  # begins words in a formula
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # a true date would change the files at every run

Texts = dict[str, list[str]]  # each text with the files that it stands in


def main(arguments: list[str]) -> int:
    """Update the catalogue, or with ``--check`` only say what is wrong with it."""
    trees = {path.relative_to(PACKAGE).as_posix(): _read(path) for path in sorted(PACKAGE.rglob("*.py"))}
    texts = extract(trees)
    translations = _translations()
    template = _write_po(_catalogue(texts, {}, None))
    translated = _catalogue(texts, translations, CHINESE)
    files = {TEMPLATE: template, TRANSLATION: _write_po(translated), COMPILED: _write_mo(translated)}
    faults = [*computed_texts(trees), *translation_faults(texts, translations)]
    if "--check" in arguments:
        faults += [f"not up to date: {path.relative_to(ROOT)}" for path in files if not _holds(path, files[path])]
    else:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    print("\n".join([*faults, f"{len(texts)} texts, {len(faults)} faults"]))
    if faults:
        print("to mend: translate in the .po file, then run tools/catalogue.py", file=sys.stderr)
    return 1 if faults else 0


def extract(trees: dict[str, ast.Module]) -> Texts:
    """Every text for the catalogue, sorted, with the files that it stands in."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for place, tree in trees.items():
        for argument in _arguments_of_gettext(tree):
            if isinstance(argument, ast.Constant):
                found[str(argument.value)].add(place)
        for formula in _formulas(tree):
            found[formula].add(place)
    for place, options_class in _options_classes(trees):
        for text in (title(ast.get_docstring(options_class)), *documented_fields(options_class).values()):
            found[text].add(place)
    found.pop("", None)
    return {text: sorted(found[text]) for text in sorted(found)}


def computed_texts(trees: dict[str, ast.Module]) -> Iterator[str]:
    """Calls of ``_`` whose text is put together before the look-up, so that no catalogue can hold it."""
    for place, tree in trees.items():
        for argument in _arguments_of_gettext(tree):
            if isinstance(argument, ast.JoinedStr | ast.BinOp):
                yield f"computed text in _(): {place}:{argument.lineno}"


def translation_faults(texts: Texts, translations: dict[str, tuple[str, bool]]) -> Iterator[str]:
    """What is wrong with the translations, a line each."""
    for text in texts:
        translation, fuzzy = translations.get(text, ("", False))
        if not translation:
            yield f"untranslated: {text!r}"
        elif fuzzy:
            yield f"fuzzy: {text!r}"
        elif placeholders(text) != placeholders(translation):
            yield f"placeholders differ: {text!r} and {translation!r}"


def placeholders(text: str) -> set[str]:
    """``{"path"}`` of ``"there is no file {path}"``; a formula has none, nor has a text with unbalanced braces."""
    if WORDS in text:
        return set()
    try:
        return {name for _text, name, _format, _conversion in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def _arguments_of_gettext(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_"), args=[argument]):
                yield argument


def _formulas(tree: ast.Module) -> Iterator[str]:
    """The formulas with words among those of the tape's rules."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(formula)), *_]) if name in RULES:
                if WORDS in formula:
                    yield formula


def _options_classes(trees: dict[str, ast.Module]) -> list[tuple[str, ast.ClassDef]]:
    """The dataclasses of the rooms that hold options, and every dataclass that these name; names may recur."""
    dataclasses = defaultdict[str, list[tuple[str, ast.ClassDef]]](list)
    for place, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(mark) for mark in node.decorator_list):
                dataclasses[node.name].append((place, node))
    waiting = [
        name
        for name, namesakes in dataclasses.items()
        if any(place.split("/")[0] in OPTION_ROOMS and documented_fields(node) for place, node in namesakes)
    ]
    reached: dict[str, list[tuple[str, ast.ClassDef]]] = {}
    while waiting:
        name = waiting.pop()
        if name in dataclasses and name not in reached:
            reached[name] = dataclasses[name]
            waiting += [inside for _place, node in reached[name] for inside in _names_in(node)]
    return [found for name in sorted(reached) for found in reached[name]]


def _names_in(tree: ast.ClassDef) -> Iterator[str]:
    """The names in the annotations and the bases of a class."""
    annotations = [statement.annotation for statement in tree.body if isinstance(statement, ast.AnnAssign)]
    for expression in [*annotations, *tree.bases]:
        yield from (node.id for node in ast.walk(expression) if isinstance(node, ast.Name))


def _translations() -> dict[str, tuple[str, bool]]:
    """Each translated text with its translation, and whether that is marked fuzzy."""
    if not TRANSLATION.exists():
        return {}
    with TRANSLATION.open("rb") as file:
        return {str(message.id): (str(message.string), message.fuzzy) for message in read_po(file) if message.id}


def _catalogue(texts: Texts, translations: dict[str, tuple[str, bool]], locale: str | None) -> Catalog:
    made = Catalog(
        locale,
        DOMAIN,
        project=DOMAIN,
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        last_translator="",
        language_team="",
        header_comment=f"# {'Translations' if locale else 'Texts'} of congling. Made by tools/catalogue.py.",
        fuzzy=False,
    )
    for text, places in texts.items():
        translation, fuzzy = translations.get(text, ("", False))
        flags = {"fuzzy"} if fuzzy else set()
        made.add(text, translation, locations=[(f"src/congling/{place}", 1) for place in places], flags=flags)
    return made


def _write_po(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=120, include_lineno=False)
    return written.getvalue()


def _write_mo(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def _holds(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


def _read(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
