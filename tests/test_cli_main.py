"""The command line's frame: verbs, options, exit codes, and one clear line for what a user can mend."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
import tyro

from conftest import Outcome
from congling import __version__
from congling.cli.main import main, verbs
from congling.cli.options import OptionError, parse
from congling.errors import UserError

Run = Callable[..., Outcome]


@dataclass
class Rates:
    """How fast it learns.

    A second paragraph that the help does not show.
    """

    learning_rate: float = 0.5
    """Step size of the
    first update."""
    schedule: Literal["cosine", "inverse-root"] = "cosine"
    """How the rate falls."""


@dataclass
class Inherited:
    """A base."""

    run: tyro.conf.Positional[Path]
    """The folder of the run."""


@dataclass
class Settings(Inherited):
    """What to do."""

    texts: tyro.conf.Positional[tuple[str, ...]] = ()
    """What to translate."""
    layers: int = 3
    """How many layers."""
    clip: float | None = None
    """Largest norm."""
    references: tuple[Path, ...] = ()
    """Reference files."""
    tied: bool = True
    """Share the embeddings."""
    json: bool = False
    """Print JSON."""
    rates: Rates = field(default_factory=Rates)


def settings(*arguments: str) -> Settings:
    return parse(Settings, arguments, "congling try", "Tries.")


def message(*arguments: str) -> str:
    with pytest.raises(OptionError) as caught:
        settings(*arguments)
    assert caught.value.exit_code == 2
    assert caught.value.prog == "congling try"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[str]], int]], None]:
    """Puts a function in the place of the verb ``translate``."""

    def install(function: Callable[[list[str]], int]) -> None:
        module = ModuleType("congling.cli.translate")
        module.main = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "congling.cli.translate", module)

    return install


def test_options_of_nested_classes_have_no_prefix() -> None:
    """Guards against --rates.learning-rate, lost defaults, and underscores that are not understood."""
    given = settings("runs/a", "one", "two", "--learning-rate", "0.25", "--layers=5", "--no-tied", "--json")
    assert given == Settings(Path("runs/a"), ("one", "two"), layers=5, tied=False, json=True, rates=Rates(0.25))
    assert settings("r", "--learning_rate", "2").rates == Rates(2.0)
    assert settings("r", "--references", "a", "b", "--layers", "2").references == (Path("a"), Path("b"))
    repeated = settings("r", "--references", "a", "b", "--json", "--references=c", "--layers", "2", "--references", "d")
    assert (repeated.references, repeated.json, repeated.layers) == (tuple(map(Path, "abcd")), True, 2)
    assert settings("r", "--references", "a", "--json", "--", "--references", "b").texts == ("--references", "b")
    assert settings("r", "--", "-x", "--layers").texts == ("-x", "--layers")
    assert settings("r", "--clip", "-1e-3").clip == -0.001


def test_loose_words_are_gathered_around_options() -> None:
    """Guards words on both sides of an option, numbers below zero, and an option of many values before the others."""
    given = settings("r", "-0.5", "--layers", "2", "-1e-3,4", "--json", "-.5")
    assert (given.texts, given.layers, given.json) == (("-0.5", "-1e-3,4", "-.5"), 2, True)
    assert settings("--layers=2", "r", "a", "--no-tied", "--", "-b").texts == ("a", "-b")
    many = settings("r", "a", "--references", "x", "y", "--json", "b", "--references", "z")
    assert (many.texts, many.references) == (("a", "b"), tuple(map(Path, "xyz")))


def test_default_instance_replaces_the_defaults_of_the_class() -> None:
    """Guards against an instance whose nested values are lost."""
    default = Settings(Path("x"), layers=11, rates=Rates(0.125, "inverse-root"))
    given = parse(Settings, ["--learning-rate", "3"], "congling try", "", default)
    assert given == Settings(Path("x"), layers=11, rates=Rates(3.0, "inverse-root"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("r", "--leyers", "3"), "there is no option --leyers; did you mean --layers?"),
        (("r", "--learning-rat=3"), "there is no option --learning-rat; did you mean --learning-rate?"),
        (("r", "--zzzz"), "there is no option --zzzz; see congling try --help"),
        (("r", "-q"), "there is no option -q; see congling try --help"),
        (("r", "--layers", "six"), "--layers wants a whole number, not 'six'"),
        (("r", "--layers", "2.5"), "--layers wants a whole number, not '2.5'"),
        (("r", "--clip", "much"), "--clip wants a number, not 'much'"),
        (("r", "--layers"), "--layers wants a whole number after it"),
        (("r", "--layers", "--json"), "--layers wants a whole number after it"),
        (
            ("r", "--schedule", "cosin"),
            "--schedule wants one of cosine, inverse-root, not 'cosin'; did you mean cosine?",
        ),
        ((), "RUN is missing: The folder of the run."),
        (("--json",), "RUN is missing: The folder of the run."),
    ],
)
def test_wrong_options_are_named_in_one_line(arguments: tuple[str, ...], expected: str) -> None:
    """Guards the message: the user's own value, what is expected, the nearest name, no framed essay."""
    assert message(*arguments) == expected


def test_superfluous_argument_is_named() -> None:
    """Guards against a word that is silently dropped where there is no place for it."""

    with pytest.raises(OptionError, match=r"there is no place for 'two'"):
        parse(Inherited, ["one", "two"], "congling try", "")


def test_help_shows_groups_defaults_and_whole_docstrings(capsys: pytest.CaptureFixture[str]) -> None:
    """Guards the help: inherited fields, a text folded over two lines, choices, and titles of nested classes."""
    with pytest.raises(SystemExit) as leaving:
        settings("--layers", "broken", "--help")
    assert leaving.value.code == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Usage: congling try RUN [TEXTS…] [options]"
    for expected in (
        "Tries.",
        "Arguments",
        "Options",
        "How fast it learns",
        "  RUN    The folder of the run. (required)",
        "  --layers INT        How many layers. (default: 3)",
        "  --[no-]tied         Share the embeddings. (default: yes)",
        "  --json              Print JSON.",
        "  --references PATH…  Reference files.",
    ):
        assert expected in lines
    text = " ".join(" ".join(lines).split())
    assert "--learning-rate FLOAT Step size of the first update. (default: 0.5)" in text
    assert "--schedule {cosine,inverse-root} How the rate falls. (default: cosine)" in text
    assert "second paragraph" not in text


def test_help_is_translated(run_congling: Run) -> None:
    """Guards against helps that do not go through the catalogue."""
    english = run_congling("equations", "--help")
    chinese = run_congling("--language", "zh", "equations", "--help")
    assert (english.code, chinese.code) == (0, 0)
    assert "Print JSON, for a program to read." in english.out
    assert "Print JSON, for a program to read." not in chinese.out
    assert "用法" in chinese.out


def test_overview_lists_every_verb(run_congling: Run) -> None:
    """Guards the front door: no arguments and --help give the same table on stdout."""
    bare, asked = run_congling(), run_congling("--help")
    assert bare == asked
    assert bare.code == 0 and bare.err == ""
    for name, what in verbs().items():
        assert f"  {name}" in bare.out and what in bare.out


def test_version(run_congling: Run) -> None:
    """Guards the line that bug reports carry."""
    assert run_congling("--version") == Outcome(0, f"congling {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "congling: there is no command trian; did you mean train?\n"),
        (["xyzzy"], "congling: there is no command xyzzy; choose one of train, translate, predict,"),
        (["--halp"], "congling: there is no option --halp; did you mean --help?\n"),
        (["--layers", "3", "train"], "congling: there is no option --layers; options of a command stand after it"),
        (["--language"], "congling: --language wants a language after it: en or zh\n"),
        (["--language", "tlh", "data"], "congling: there is no language tlh; choose en or zh\n"),
        (["--language=tlh"], "congling: there is no language tlh; choose en or zh\n"),
    ],
)
def test_wrong_usage_gives_one_line_and_code_2(run_congling: Run, arguments: list[str], expected: str) -> None:
    """Guards the exit code, the nearest name, and that nothing reaches stdout."""
    outcome = run_congling(*arguments)
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith(expected) and outcome.err.count("\n") == 1


def test_option_errors_name_the_command(run_congling: Run) -> None:
    """Guards the head of the line: the command whose option is wrong, not only congling."""
    outcome = run_congling("equations", "--jsno")
    assert outcome == Outcome(2, "", "congling equations: there is no option --jsno; did you mean --json?\n")


def test_verbs_get_their_arguments_and_give_the_exit_code(run_congling: Run, verb: Callable[..., None]) -> None:
    """Guards against a global option that eats an argument behind the verb."""
    seen: list[str] = []
    verb(lambda arguments: seen.extend(arguments) or 3)
    assert run_congling("translate", "--version", "-h", "--language", "x").code == 3
    assert seen == ["--version", "-h", "--language", "x"]


def _raise(error: BaseException) -> Callable[[list[str]], int]:
    def run(arguments: list[str]) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("there is no file a.zh"), 1, "congling: there is no file a.zh\n"),
        (KeyboardInterrupt(), 130, "congling: stopped\n"),
        (OSError(errno.ENOSPC, "No space", "runs/a"), 1, "congling: the disk that holds runs/a is full;"),
        (OSError(errno.EDQUOT, "Quota"), 1, "congling: the disk is full;"),
        (RuntimeError("Error: I/O error: No space left on device (os error 28)"), 1, "congling: the disk is full;"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    run_congling: Run, verb: Callable[..., None], error: BaseException, code: int, line: str
) -> None:
    """Guards against a traceback for a user's mistake, Ctrl-C or a full disk."""
    verb(_raise(error))
    outcome = run_congling("translate")
    assert outcome.code == code
    assert outcome.err.startswith(line) and outcome.err.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("ours"), OSError(errno.EIO, "broken"), ZeroDivisionError()])
def test_our_own_bugs_keep_their_traceback(verb: Callable[..., None], error: Exception) -> None:
    """Guards against a bug that is dressed up as the user's mistake."""
    verb(_raise(error))
    with pytest.raises(type(error)):
        main(["translate"])


def _process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, *arguments], env={**os.environ, **environment}, capture_output=True)


def test_help_imports_nothing_heavy() -> None:
    """Guards the 0.3 seconds of --help: torch alone takes two seconds to import."""
    heavy = ("torch", "datasets", "tyro", "rich", "numpy", "plotly", "sentencepiece")
    look = f"print([name for name in {heavy} if name in sys.modules])"
    code = f"import sys; from congling.cli.main import main; main(['--help']); {look}"
    assert _process("-c", code).stdout.decode().splitlines()[-1] == "[]"


def test_output_is_utf8_whatever_the_locale() -> None:
    """Guards against a UnicodeEncodeError, or bytes of another encoding, under an ASCII locale."""
    outcome = _process("-m", "congling", "--help", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert "从零" in outcome.stdout.decode("utf-8")
    wrong = _process("-m", "congling", "训练", PYTHONIOENCODING="ascii")
    assert "训练" in wrong.stderr.decode("utf-8")


def test_closed_pipe_ends_quietly() -> None:
    """Guards ``congling … | head``: no traceback and no "Exception ignored" while Python flushes."""
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "congling", "--help"]
    outcome = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=buffered)
    os.close(writing)
    assert (outcome.returncode, outcome.stderr) == (141, b"")


def test_chinese_help_is_not_cut_off(run_congling: Callable[..., Outcome]) -> None:
    """Guards against columns that end in an ellipsis because a Chinese character is two cells wide."""
    helped = run_congling("--language", "zh", "train", "translation", "--help")
    assert helped.code == 0 and "--average" in helped.out
    assert "…" not in helped.out
