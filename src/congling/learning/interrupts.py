"""Ctrl-C while something must first be brought to an end and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Interrupts:
    """Whether the user has asked to stop. Only inside ``caught`` does Ctrl-C wait for an answer."""

    requested: bool = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Inside, the first Ctrl-C (or TERM) sets ``requested``; the second one ends the program at once.

        Signals come to the main thread alone: in another one nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: object) -> None:
            if self.requested:
                raise KeyboardInterrupt
            self.requested = True

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
