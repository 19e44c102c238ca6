"""Errors that are the user's to mend: one clear line, the user's own value in it, and the way out.

The command line prints the message of a ``UserError`` and nothing else; any other exception is a bug of
ours and keeps its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Something outside the program is not as it must be: a file, its contents, a disk, a run."""

    exit_code = 1


class UsageError(UserError):
    """The command itself is wrong: an unknown task, an option out of range, two options that exclude each other."""

    exit_code = 2
