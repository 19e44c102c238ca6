"""``congling VERB …``: finds the verb, runs it, and turns what the user can mend into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. A verb's module is imported only when it is chosen,
so that ``congling --help`` answers at once.
"""

from __future__ import annotations

import errno
import gc
import importlib
import io
import keyword
import os
import sys
import unicodedata

from congling import __version__
from congling.errors import UsageError, UserError
from congling.language import _, use_language
from congling.nearest import did_you_mean

INTERRUPTED = 130
PIPE_CLOSED = 141
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
UNUSABLE = (  # what can be wrong with a path that the user names
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG,
    errno.ELOOP,
)  # fmt: skip


def main_and_exit() -> None:
    """The console script."""
    code = main()
    gc.freeze()  # all that there is goes with the process: a last collection would walk through every object of PyTorch
    sys.exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the arguments are those of the process by default. Gives the exit code."""
    _speak_utf8()
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()  # here, so that a full disk or a closed pipe is still ours to report
        return code
    except UserError as error:
        return _fail(str(error), error.exit_code, getattr(error, "prog", "congling"))
    except KeyboardInterrupt:
        return _fail(_("stopped"), INTERRUPTED)
    except BrokenPipeError:
        return _leave_closed_pipe()
    except Exception as error:
        if _is_disk_full(error):
            return _fail(_disk_full(error), 1)
        if isinstance(error, OSError) and error.errno in UNUSABLE and error.filename is not None:
            return _fail(_("cannot use {path}: {reason}").format(path=error.filename, reason=error.strerror), 1)
        raise


def verbs() -> dict[str, str]:
    """Every verb, each with what it does in one line; its module is ``congling.cli.<verb>``, ``import_`` for import."""
    return {
        "train": _("train a network: on the data that come with a task, or on your own"),
        "translate": _("translate sentences with a trained run"),
        "predict": _("give a trained run an input and print what it answers"),
        "evaluate": _("score a trained run on held-out data"),
        "inspect": _("look inside a run while it computes: every value, or one page to open in a browser"),
        "demonstrate": _("try a claim about training: the same training with one thing different, measured"),
        "export": _("write a run in a format that other programs read"),
        "import": _("make a run of a file that another program wrote"),
        "equations": _("list every formula with its source, its code, and how far plain and fused are apart"),
        "data": _("list, fetch and check data"),
    }


def _run(arguments: list[str]) -> int:
    """Take the options that stand before the verb, then hand the rest to the verb."""
    _refuse_bytes(arguments)
    rest = list(arguments)
    wants_help = wants_version = False
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word in ("--help", "-h"):
            wants_help = True
        elif word == "--version":
            wants_version = True
        elif word.split("=")[0] == "--language":
            _choose_language(word, rest)
        else:
            raise _unknown_option(word)
    if wants_version:
        print(f"congling {__version__}")
    elif wants_help or not rest:
        print(_overview())
    else:
        return _run_verb(rest[0], rest[1:])
    return 0


def _refuse_bytes(arguments: list[str]) -> None:
    """Python lets bytes that are not UTF-8 in as lone surrogates, which no library takes; nor does one take a NUL."""
    for argument in arguments:
        if "\0" in argument or any(0xD800 <= ord(character) <= 0xDFFF for character in argument):
            raise UsageError(_("the argument {argument} is not UTF-8 text").format(argument=ascii(argument)))


def _run_verb(verb: str, arguments: list[str]) -> int:
    if verb not in verbs():
        raise _unknown_verb(verb)
    module = importlib.import_module(f"congling.cli.{verb}_" if keyword.iskeyword(verb) else f"congling.cli.{verb}")
    try:
        return int(module.main(arguments))
    except SystemExit as leaving:  # after a verb's --help
        return leaving.code if isinstance(leaving.code, int) else 0


def _choose_language(word: str, rest: list[str]) -> None:
    if "=" not in word and not rest:
        raise UsageError(_("--language wants a language after it: en or zh"))
    code = word.split("=", 1)[1] if "=" in word else rest.pop(0)
    use_language(code)
    # Worker processes that a verb starts speak the same language.
    os.environ["CONGLING_LANGUAGE"] = code


def _unknown_verb(verb: str) -> UsageError:

    otherwise = _("choose one of {verbs}").format(verbs=", ".join(verbs()))
    return UsageError(_("there is no command {verb}").format(verb=verb) + did_you_mean(verb, list(verbs()), otherwise))


def _unknown_option(word: str) -> UsageError:

    known = ["--help", "--version", "--language"]
    otherwise = _("options of a command stand after it: congling train translation --minutes 3")
    return UsageError(_("there is no option {option}").format(option=word) + did_you_mean(word, known, otherwise))


def _overview() -> str:
    """The verbs and examples, for ``congling`` and ``congling --help``."""
    width = max(map(len, verbs())) + 2
    examples = {
        "congling train translation": _("train a Chinese→English translator on Tatoeba"),
        "congling train translation --source a.zh --target a.en": _("train it on your own sentence pairs"),
        'congling translate RUN "我喜欢学习。"': _("translate with the run that training made"),
        "congling train function-fitting --function spiral": _("fit a function with a small network, in seconds"),
        "congling demonstrate momentum": _("see what momentum does, and whether it always does"),
        "congling equations attention": _("one formula: LaTeX, source and code"),
    }
    column = max(map(_display_width, examples)) + 2
    return "\n".join(
        [
            _("Congling 从零: from zero to a language model, every formula readable."),
            "",
            _("Usage: {usage}").format(usage=_("congling [--language en|zh] COMMAND [arguments]")),
            "",
            _("Commands"),
            *(f"  {verb:{width}}{what}" for verb, what in verbs().items()),
            "",
            _("Examples"),
            *(f"  {line}{' ' * (column - _display_width(line))}{what}" for line, what in examples.items()),
            "",
            _("congling COMMAND --help shows a command's options; congling --version the version."),
        ]
    )


def _display_width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _speak_utf8() -> None:
    """Whatever the locale, what we read and write is UTF-8; a stray byte must not stop an error message."""
    for stream, errors in ((sys.stdin, "strict"), (sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _fail(message: str, code: int, prog: str = "congling") -> int:
    print(f"{prog}: {message}", file=sys.stderr)
    return code


def _leave_closed_pipe() -> int:
    """Whoever read our output has left (``congling … | head``): end quietly, also while Python flushes at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _is_disk_full(error: Exception) -> bool:
    # Libraries in Rust (safetensors) wrap the system's error in one of their own and leave only its text.
    return getattr(error, "errno", None) in NO_SPACE or f"(os error {errno.ENOSPC})" in str(error)


def _disk_full(error: Exception) -> str:
    path = getattr(error, "filename", None)
    if path:
        return _("the disk that holds {path} is full; free some space and run the command again").format(path=path)
    return _("the disk is full; free some space and run the command again")
