"""A run: the folder that holds everything about one training, and opens anywhere without pickle.

    run.yaml        what was trained and how: task, resolved config, seed, versions
    metrics.jsonl   one JSON object a line: the losses and scores, step by step
    checkpoints/    <step>/ with weights, optimizer, random states and the data cursor; ``last`` and ``best``
    frames/         small snapshots of the weights at steps 0, 1, 2, 4, 8 …
    training.lock   held while a process trains into the folder

and what the task puts beside them, such as tokenizer models.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

import congling
from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import recover, write_atomically
from congling.learning.run_lock import training_lock

FORMAT = 1
DESCRIPTION = "run.yaml"
_LIBRARIES = ("torch", "numpy", "safetensors", "sentencepiece", "datasets", "sacrebleu")
_NEEDED = {"format": int, "task": str, "seed": int, "config": dict}


class Run:
    """A run on the disk. ``Run.create`` makes one, ``Run.open`` opens one; the constructor checks nothing.

    Attributes:
        path: the folder.
        description: ``run.yaml`` as it was read.
    """

    def __init__(self, path: Path | str, description: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.description = description or {}

    @classmethod
    def create(cls, path: Path | str, config: Mapping[str, Any], *, task: str, seed: int) -> Run:
        """Make the folder and its ``run.yaml``.

        Args:
            config: the resolved options: nested mappings and sequences of plain values (paths become text).

        Raises:
            UserError: the folder holds something already, or cannot be written to.
        """
        path = Path(path)
        _check_is_free(path)
        run = cls(path, {**_origin(task), "seed": seed, "config": _plain(config)})
        run._write_description()
        return run

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open a run.

        Raises:
            UserError: the folder is no run (names runs near it), its ``run.yaml`` is broken, or a newer congling
                made it.
        """
        path = Path(path)
        if not (path / DESCRIPTION).is_file():
            raise UserError(_no_run(path))
        return cls(path, _read_description(path / DESCRIPTION))

    @property
    def config(self) -> dict[str, Any]:
        """The resolved options that the run was made with."""
        config: dict[str, Any] = self.description["config"]
        return config

    @property
    def task(self) -> str:
        """The task's name, as ``congling train`` takes it."""
        return str(self.description["task"])

    @property
    def seed(self) -> int:
        """What every random choice of the training follows from."""
        return int(self.description["seed"])

    def file(self, name: str) -> Path:
        """The path of a file of the run, such as ``source.model``."""
        return self.path / name

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    @property
    def frames_path(self) -> Path:
        return self.path / "frames"

    def checkpoint_steps(self) -> list[int]:
        """The steps of all checkpoints, oldest first; whether they are intact is not looked at."""
        if not self.checkpoints_path.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.checkpoints_path.iterdir() if entry.name.isdecimal())

    def update_config(self, config: Mapping[str, Any]) -> None:
        """Replace the options in ``run.yaml``: a training that goes on with more steps."""
        self.description["config"] = _plain(config)
        self._write_description()

    @contextmanager
    def training(self) -> Iterator[None]:
        """Inside, no other process can train into the run; begins by clearing away what a killed training left.

        Raises:
            UserError: somebody trains into the run already.
        """
        with training_lock(self.path):
            for folder in (self.path, self.checkpoints_path, self.frames_path):
                if folder.is_dir():
                    recover(folder)
            yield

    def _write_description(self) -> None:
        text = yaml.safe_dump(self.description, allow_unicode=True, sort_keys=False, width=120)
        write_atomically(self.path / DESCRIPTION, text)


def runs_near(path: Path | str) -> list[Path]:
    """Runs that somebody who names ``path`` may have meant: above, inside or beside it, the most alike names first."""
    path = Path(path)
    above = [folder for folder in path.absolute().parents[:3] if (folder / DESCRIPTION).is_file()]
    around = [entry for folder in (path, path.parent) for entry in _run_folders(folder) if entry != path]
    around.sort(key=lambda entry: -difflib.SequenceMatcher(None, entry.name, path.name).ratio())
    return above + around


def _run_folders(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(description.parent for description in folder.glob(f"*/{DESCRIPTION}"))
    return []


def _no_run(path: Path) -> str:
    if not path.exists():
        what = _("there is no folder {path}")
    elif path.is_dir():
        what = _("{path} is no run: a run is a folder with a run.yaml, made by congling train")
    else:
        what = _("{path} is a file, not a run: a run is a folder with a run.yaml, made by congling train")
    near = ", ".join(str(run) for run in runs_near(path)[:5])
    hint = _("Runs near it: {runs}").format(runs=near) if near else _("There are no runs near it")
    return what.format(path=path) + _(". ") + hint


def _check_is_free(path: Path) -> None:
    if (path / DESCRIPTION).exists():
        message = _("{path} holds a run already: go on with it (--resume), or name another folder for the new one")
        raise UserError(message.format(path=path))
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(_("{path} is there already and no run: name a new or an empty folder").format(path=path))


def _origin(task: str) -> dict[str, Any]:
    """Where and when the run was made."""
    versions = {"python": platform.python_version()}
    for library in _LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "format": FORMAT, "task": task, "created": created, "congling": congling.__version__, "versions": versions,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """The same value of mappings, lists and scalars only, as YAML keeps them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inside) for inside in value]
    return str(value) if isinstance(value, Path) else value


def _read_description(path: Path) -> dict[str, Any]:
    try:
        description = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = _("{path}, line {line}: this is no YAML ({problem}). Mend the line or undo the edit")
        raise UserError(message.format(path=path, line=line, problem=error.problem)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(_("{path} is no YAML in UTF-8: {problem}").format(path=path, problem=error)) from error
    except OSError as error:
        raise UserError(_("cannot read {path}: {problem}").format(path=path, problem=error.strerror)) from error
    found = description if isinstance(description, dict) else {}
    check_format(path.parent, found.get("format"))
    for key, kind in _NEEDED.items():
        if not isinstance(found.get(key), kind):
            message = _('{path}: "{key}" is missing or not of its kind ({kind}). Undo the edit')
            raise UserError(message.format(path=path, key=key, kind=kind.__name__))
    return found


def check_format(path: Path, number: object) -> None:
    """Refuse what a newer congling made.

    Raises:
        UserError: naming both formats and how to get the newer congling.
    """
    if isinstance(number, int) and number > FORMAT:
        message = _(
            "{path} was made by a newer congling (format {theirs}; this one reads up to {ours}): "
            "pip install --upgrade congling"
        )
        raise UserError(message.format(path=path, theirs=number, ours=FORMAT))
