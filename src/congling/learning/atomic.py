"""Writing that is either done or not done: under a temporary name, synced to the disk, then renamed.

A reader never sees half a file or half a folder, whatever moment the writer is killed at. What a killed writer leaves
behind has a name that nobody reads (``.<name>.partial-<pid>``), and the next writer into the same folder removes it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from congling.errors import UserError
from congling.language import _

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|replaced)-(?P<pid>\d+)")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_being_written: set[Path] = set()  # by this process; in a container a restarted one often has the same pid


def write_atomically(path: Path | str, content: bytes | str) -> None:
    """Replace the file by ``content`` (text as UTF-8), whole or not at all.

    Raises:
        UserError: ``path`` is a folder, the disk is full or the folder cannot be written to; the file is as it was.
    """
    with atomic_file(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def atomic_file(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write piece by piece, that becomes ``path`` if the block ends well, and vanishes if it does not.

    Raises:
        UserError: as ``write_atomically``.
    """
    if Path(path).is_dir():
        raise UserError(_("{path} is a folder, not a file").format(path=path))
    with _partial(Path(path)) as partial:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(Path(path).parent)


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """A temporary folder beside ``path`` that becomes ``path`` if the block ends well, and vanishes if it does not.

    A folder that is there already is replaced. If the writer dies between the two renames that this takes, ``recover``
    puts the old one back.

    Raises:
        UserError: the disk is full or the folder cannot be written to; ``path`` is as it was.
    """
    with _partial(Path(path)) as partial:
        partial.mkdir()
        yield partial
        _sync_all(partial)
        _move_into_place(partial, Path(path))


def remove_folder(path: Path) -> None:
    """Remove the folder at once for every reader: renamed first, so that nobody takes what is left of it for whole."""
    with _partial(path) as partial:
        path.rename(partial)


def recover(folder: Path | str) -> None:
    """Clear away what killed writers left in the folder; put back what they had moved aside but not yet replaced."""
    for leftover in [entry for entry in Path(folder).iterdir() if _is_abandoned(entry)]:
        match = _LEFTOVER.fullmatch(leftover.name)
        assert match is not None
        original = leftover.with_name(match["name"])
        if match["kind"] == "replaced" and not original.exists():
            leftover.rename(original)
        else:
            _remove(leftover)


@contextmanager
def explaining_disk_errors(path: Path | str) -> Iterator[None]:
    """Inside, a full or forbidden disk becomes a ``UserError`` about ``path``; other errors pass."""
    try:
        yield
    except Exception as error:
        number = _error_number(error)
        if number in _FULL:
            raise UserError(_full_disk(Path(path))) from error
        if number in _FORBIDDEN:
            reason = os.strerror(number)
            message = _("cannot write {path}: {reason}. Change its permissions or use another folder")
            raise UserError(message.format(path=path, reason=reason)) from error
        raise


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """The temporary name for ``path``, free to use; nothing is left under it in the end."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with explaining_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        recover(path.parent)
        _being_written.add(partial.absolute())
        try:
            yield partial
        finally:
            _remove(partial)
            _being_written.discard(partial.absolute())


def _move_into_place(partial: Path, path: Path) -> None:
    """Rename the folder; a folder cannot be renamed over a full one, so an old one steps aside first."""
    if not path.exists():
        partial.rename(path)
        return _sync_folder(path.parent)
    aside = path.with_name(f".{path.name}.replaced-{os.getpid()}")
    path.rename(aside)
    try:
        partial.rename(path)
    except OSError:
        aside.rename(path)
        raise
    _sync_folder(path.parent)
    _remove(aside)


def _sync_all(folder: Path) -> None:
    """Every file and folder below ``folder``, and itself, to the disk."""
    for entry in folder.rglob("*"):
        if entry.is_dir():
            _sync_folder(entry)
        else:
            with open(entry, "rb+") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot open a folder, and keeps its directory entries by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_abandoned(entry: Path) -> bool:
    match = _LEFTOVER.fullmatch(entry.name)
    if match is None or entry.absolute() in _being_written:
        return False
    return int(match["pid"]) == os.getpid() or not _is_running(int(match["pid"]))


def _is_running(pid: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end a process on Windows: rather leave its files
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _error_number(error: Exception) -> int | None:
    """The system's number of an error; safetensors only writes it into its message."""
    if isinstance(error, OSError):
        return error.errno
    written = re.search(r"\(os error (\d+)\)", str(error))
    return int(written[1]) if written else None


def _full_disk(path: Path) -> str:
    free = "?"
    with suppress(OSError):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        free = f"{shutil.disk_usage(folder).free / 2**20:.1f} MB"
    message = _(
        "the disk is full: {path} was not written ({free} free). What was saved before is intact; free some space"
    )
    return message.format(path=path, free=free)
