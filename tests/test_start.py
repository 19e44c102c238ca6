"""What a command pays before its work and after it: imports, the collector of cycles, threads."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from congling.cli.quick_imports import quick_imports
from congling.decoding.beam import beam_search
from congling.learning.runs import Run
from congling.learning.threads import FEW_ROWS, SMALL_NETWORK, side_by_side, threads_for
from congling.tasks.translation import translator as translator_module
from congling.tasks.translation.options import SearchOptions
from congling.tasks.translation.translator import Translator

NOT_FOR_TRANSLATING = (
    "datasets", "llvmlite", "numba", "pandas", "plotly", "pyarrow", "rich", "sacrebleu", "scipy", "sklearn", "sympy",
    "torch._dynamo", "torch._inductor",
)  # fmt: skip


def test_translating_imports_nothing_for_training_or_drawing(tiny_run: Path) -> None:
    """Guards the 2.5 seconds of translating one sentence: each of these adds 0.05 to 1.5 seconds to PyTorch's 1.7."""
    code = f"""
import gc, sys
from congling.cli.main import main
assert main(["translate", {str(tiny_run)!r}, "猫狗。"]) == 0
print([name for name in {NOT_FOR_TRANSLATING} if name in sys.modules], "torch" in sys.modules)
print(gc.get_freeze_count() > 100_000)
"""
    outcome = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8")
    assert outcome.stdout.splitlines()[1:] == ["[] True", "True"], outcome.stderr


def test_process_ends_without_a_last_collection() -> None:
    """Guards the end of every command: the last collection walked through all of PyTorch, 0.3 s."""
    code = """
import gc, sys
import congling.cli.main as module
module.main = lambda: 3
try:
    module.main_and_exit()
except SystemExit as leaving:
    print(leaving.code, gc.get_freeze_count() > 0)
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert outcome.stdout == "3 True\n", outcome.stderr


@pytest.mark.parametrize("collecting", [True, False])
def test_quick_imports_leave_the_collector_as_it_was(collecting: bool) -> None:
    """Guards against a collector that stays off, so that cycles fill the memory, also after a failed import."""
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        with pytest.raises(ImportError), quick_imports():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() == collecting
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(
    ("rows", "parameters", "threads"),
    [(FEW_ROWS, SMALL_NETWORK, 1), (FEW_ROWS + 1, 5, 3), (1, SMALL_NETWORK + 1, 3)],
)
def test_one_thread_for_little_work_alone(rows: int, parameters: int, threads: int) -> None:
    """Guards large batches and large networks against one thread, and whatever comes afterwards, errors included."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with pytest.raises(KeyError), threads_for(rows, parameters):
            assert torch.get_num_threads() == threads
            raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_work_side_by_side_keeps_its_order_and_its_errors() -> None:
    """Guards parts that come back in the order in which they end, and an error that is lost with its thread."""
    meeting = threading.Barrier(3, timeout=10)

    def work(part: int) -> tuple[int, int]:
        meeting.wait()  # only threads that run at the same time get past it
        time.sleep(0.05 * (3 - part))
        return part, torch.get_num_threads()

    assert side_by_side(work, [0, 1, 2]) == [(0, 1), (1, 1), (2, 1)]
    assert side_by_side(len, [[7, 8]]) == [2]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda part: 1 // part, [1, 0])


def test_workers_are_kept_but_not_by_a_forked_process() -> None:
    """Guards the time that new threads take to begin, their own number of threads, and a fork without them."""
    meeting = threading.Barrier(2, timeout=10)

    def work(_part: int) -> tuple[int, int]:
        meeting.wait()
        return threading.get_ident(), torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        first = side_by_side(work, [0, 1])
        torch.set_num_threads(3)
        assert set(side_by_side(work, [0, 1])) == set(first)
        assert {threads for _thread, threads in first} == {1}
    finally:
        torch.set_num_threads(before)
    if not hasattr(os, "fork"):
        return
    if (child := os.fork()) == 0:
        os._exit(0 if side_by_side(len, [[1], [2, 3]]) == [1, 2] else 1)
    until = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)


def test_translator_counts_hypotheses(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a count of sentences where every sentence is as many rows as the beam is wide."""
    threads = []

    def listening(*arguments: object, **settings: object) -> object:
        threads.append(torch.get_num_threads())
        return beam_search(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(translator_module, "beam_search", listening)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        translator = Translator.load(Run.open(tiny_run), device="cpu")
        for sentences in (FEW_ROWS // 5, FEW_ROWS // 5 + 1):
            list(translator.translate(["猫狗。"] * sentences, SearchOptions(beam=5)))
    finally:
        torch.set_num_threads(before)
    assert threads == [1, 2]
