"""The language of what a user reads: how it is chosen, and that the Chinese catalogue is whole."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from congling.errors import UsageError
from congling.language import CHINESE, ENGLISH, _, current_language, language_of, use_language

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def catalogue() -> ModuleType:
    specification = importlib.util.spec_from_file_location("catalogue", ROOT / "tools" / "catalogue.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, ENGLISH),
        ({"LANG": "zh_CN.UTF-8"}, CHINESE),
        ({"LANG": "zh_TW.UTF-8"}, CHINESE),
        ({"LANG": "fr_FR.UTF-8"}, ENGLISH),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, ENGLISH),
        ({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, CHINESE),
        ({"LC_ALL": "", "LANG": "zh_CN"}, CHINESE),
        ({"LANGUAGE": "zh_CN:en", "LANG": "en_US.UTF-8"}, CHINESE),
        ({"LANGUAGE": "en:zh", "LANG": "zh_CN.UTF-8"}, ENGLISH),
        ({"LC_ALL": "C", "LANGUAGE": "zh_CN"}, ENGLISH),
        ({"CONGLING_LANGUAGE": "zh", "LC_ALL": "C"}, CHINESE),
        ({"CONGLING_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, ENGLISH),
        ({"CONGLING_LANGUAGE": "zh-Hans"}, CHINESE),
    ],
)
def test_language_of_environment(environment: dict[str, str], language: str) -> None:
    """Guards gettext's order of precedence; an empty variable counts as unset."""
    assert language_of(environment) == language


def test_choice_beats_environment_and_changes_texts_already_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a catalogue that stays cached after the language changed."""
    monkeypatch.setenv("CONGLING_LANGUAGE", "en")
    assert _("did you mean {guess}?") == "did you mean {guess}?"
    use_language("zh")
    assert current_language() == CHINESE
    assert _("did you mean {guess}?") != "did you mean {guess}?"
    use_language("en_US")
    assert _("did you mean {guess}?") == "did you mean {guess}?"


def test_unknown_language_is_refused_and_changes_nothing() -> None:
    """Guards against a misspelled --language that silently gives English."""
    use_language("zh")
    with pytest.raises(UsageError, match=r"klingon"):
        use_language("klingon")
    assert current_language() == CHINESE


def test_empty_and_unknown_texts_come_back_unchanged() -> None:
    """Guards against gettext's answer to an empty text: the header of the catalogue."""
    use_language("zh")
    assert _("") == ""
    assert _("no catalogue holds this") == "no catalogue holds this"


def test_catalogue_finds_calls_and_options_classes(catalogue: ModuleType) -> None:
    """Guards the extraction: literals joined over lines, helps under fields, titles of nested classes elsewhere."""
    trees = {
        "cli/some.py": catalogue.ast.parse(
            'from x import _\nraise E(_("one "\n  "text {a}").format(a=1))\n'
            '@dataclass(frozen=True)\nclass Outer:\n    """Outer title.\n\n    More.\n    """\n'
            '    inner: Inner\n    width: int = 3\n    """How wide,\n    in columns."""\n    bare: int = 0\n'
        ),
        "learning/other.py": catalogue.ast.parse(
            '@dataclass\nclass Inner:\n    """Inner title."""\n    rate: float = 1\n    """How fast."""\n'
            '@dataclass\nclass Unrelated:\n    """Not for users."""\n    x: int = 1\n    """Nor this."""\n'
        ),
    }
    assert catalogue.extract(trees) == {
        "How fast.": ["learning/other.py"],
        "How wide, in columns.": ["cli/some.py"],
        "Inner title": ["learning/other.py"],
        "Outer title": ["cli/some.py"],
        "one text {a}": ["cli/some.py"],
    }


def test_catalogue_keeps_classes_of_one_name_apart(catalogue: ModuleType) -> None:
    """Guards the verbs' options, which are all called Options: the helps of all but one were silently lost."""
    code = '@dataclass\nclass Options:\n    """{0}."""\n    {0}: int = 3\n    """The {0}."""\n'
    trees = {f"cli/{name}.py": catalogue.ast.parse(code.format(name)) for name in ("one", "two")}
    assert sorted(catalogue.extract(trees)) == ["The one.", "The two.", "one", "two"]


@pytest.mark.parametrize(
    ("translation", "fault"),
    [(("", False), "untranslated"), (("甲{path}", True), "fuzzy"), (("甲{pfad}", False), "placeholders")],
)
def test_catalogue_refuses_bad_translations(catalogue: ModuleType, translation: tuple[str, bool], fault: str) -> None:
    """Guards against a missing, unsure or crashing (KeyError in format) translation that passes the check."""
    texts = {"no {path}": ["cli/some.py"]}
    assert list(catalogue.translation_faults(texts, {"no {path}": ("没有{path}", False)})) == []
    (line,) = catalogue.translation_faults(texts, {"no {path}": translation})
    assert line.startswith(fault)


@pytest.mark.parametrize("call", ['_(f"no {path}")', '_("no " + path)'])
def test_catalogue_refuses_computed_texts(catalogue: ModuleType, call: str) -> None:
    """Guards against texts that are put together before the look-up and so are never translated."""
    assert list(catalogue.computed_texts({"cli/some.py": catalogue.ast.parse(call)}))


def test_catalogue_of_the_package_is_complete() -> None:
    """Guards against a text without Chinese, different placeholders, or a .mo older than its .po."""
    outcome = subprocess.run(
        [sys.executable, "tools/catalogue.py", "--check"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert outcome.returncode == 0, outcome.stdout
