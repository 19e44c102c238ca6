"""One training at a time in a folder: a lock of the operating system, so it ends when its process does."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import explaining_disk_errors

_locked_here: set[Path] = set()  # the system lets a process lock its own file twice, so its locks are kept here


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Inside, no other training can lock the folder. The file ``training.lock`` holds the process's number.

    Raises:
        UserError: somebody trains into the folder already, or it cannot be written to.
    """
    path = folder.resolve() / "training.lock"
    file = _acquire(path, folder)
    _locked_here.add(path)
    try:
        yield
    finally:
        _locked_here.discard(path)
        file.close()  # and so unlocked


def _acquire(path: Path, folder: Path) -> IO[str]:
    if path in _locked_here:
        raise UserError(_is_training(folder, str(os.getpid())))
    with explaining_disk_errors(path):
        file = open(path, "a+", encoding="utf-8", newline="\n")  # noqa: SIM115 (it stays open as long as the lock holds)
        if not _lock(file):
            file.seek(0)
            holder = file.read().strip() or "?"
            file.close()
            raise UserError(_is_training(folder, holder))
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    return file


def _is_training(folder: Path, pid: str) -> str:
    message = _("{path} is being trained already, by process {pid}: wait for it, stop it, or train into another folder")
    return message.format(path=folder, pid=pid)


def _lock(file: IO[str]) -> bool:
    """Lock the file for this process alone; False if another one holds it.

    A record lock, not ``flock``: forked data workers inherit a ``flock`` and would keep it when the trainer is killed.
    """
    if sys.platform == "win32":
        import msvcrt

        file.seek(1 << 20)  # Windows forbids reading what is locked, and the number is to be read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network disks know no locks; training there unguarded is better than not at all.
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True
