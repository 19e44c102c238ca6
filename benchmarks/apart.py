"""A way in a process of its own: what is compared shares no kernels, no memory and no threads, only the machine.

It works while its turn lasts and waits otherwise, without computing.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

W = TypeVar("W")
Make = Callable[[], Callable[[W], object]]


class Apart(Generic[W]):
    """Calls one way, which its own process makes, on one piece of the work after the other.

    Args:
        make: makes the way; it is handed over to the process, so it must be a function of a module, or a
            ``functools.partial`` of one.
        work: what there is to do; the process has it from the beginning.
        threads: that the process computes with.
    """

    def __init__(self, make: Make[W], work: Sequence[W], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, work, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._wait()

    def __call__(self, number: int) -> Any:
        """Do piece ``number`` of the work; gives what the way gives, which comes through a pipe."""
        self._connection.send(number)
        return self._wait()

    def _wait(self) -> Any:
        try:
            failure, found = self._connection.recv()
        except EOFError:
            raise RuntimeError("a process of the benchmark has died; was it out of memory?") from None
        if failure is not None:
            raise RuntimeError(failure)
        return found

    def end(self) -> None:
        """Let the process end."""
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, make: Make[W], work: Sequence[W], threads: int) -> None:
    """The process: make the way, then do what is asked for until nobody asks any more."""
    from benchmark import settle

    try:
        settle(threads)
        way = make()
        connection.send((None, None))
        while True:
            connection.send((None, way(work[connection.recv()])))
    except EOFError:
        pass
    except Exception:  # whatever it is, it is the other process that can tell
        connection.send((traceback.format_exc(), None))
