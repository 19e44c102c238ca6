"""What every test stands on: one thread, English texts, no hub, and the command line run in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: xdist's workers share the processors
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

import hypothesis
import pytest

from congling import language
from congling.cli.main import main

hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Texts are English, whatever the developer's locale, and a language that a test chose ends with the test."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONGLING_LANGUAGE", "en")
    language.use_language(None)
    yield
    language.use_language(None)


@pytest.fixture
def run_congling(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``run_congling("equations", "--json")`` runs the command in this process and gives its ``Outcome``."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        written = capfd.readouterr()
        return Outcome(code, written.out, written.err)

    return run
