"""Checkpoints: all that a training needs to go on bit by bit, and no pickle anywhere.

Each is a folder ``checkpoints/<step>/`` (see ``checkpoint_files``); ``last`` and ``best`` beside them are text files
that name a folder. A folder appears whole or not at all, and a pointer moves only after its folder is on the disk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import atomic_folder, remove_folder, write_atomically
from congling.learning.checkpoint_files import PARTS, examine, tensors_path, write_state, write_tensors
from congling.learning.runs import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from congling.learning.checkpoint_files import Arrays

    Tensors = dict[str, Tensor]

Which = Literal["best", "last"] | int


@dataclass(frozen=True)
class LoadedCheckpoint:
    """What ``save_checkpoint`` was given. The tensors map their files: copy them, as ``load_state_dict`` does."""

    step: int
    weights: Tensors
    optimizer: Tensors
    random: Tensors
    state: dict[str, Any]


def save_checkpoint(
    run: Run,
    step: int,
    weights: Arrays,
    optimizer: Arrays,
    random: Arrays,
    state: Mapping[str, Any],
    keep: int,
    *,
    best: bool = False,
    also: Sequence[int] = (),
) -> Path:
    """Save a checkpoint, point ``last`` (and ``best``) at it, and prune the older ones.

    Args:
        state: whatever else the training needs, as JSON holds it: the data cursor, the budget that is spent …
        keep: how many of the newest checkpoints stay, besides the best one.
        also: steps whose checkpoints stay too, however old.

    Raises:
        UserError: the disk is full or forbidden; ``last`` and ``best`` are as they were, and so are their folders.
    """
    folder = _folder(run, step)
    with atomic_folder(folder) as partial:
        for part, tensors in zip(PARTS, (weights, optimizer, random), strict=True):
            write_tensors(tensors_path(partial, part), tensors)
        write_state(partial, step, state)
    if best:  # before ``last``: a training that goes on from here must not take an older one for the best
        _point(run, "best", folder)
    _point(run, "last", folder)
    prune(run, keep, also)
    return folder


def mark_best(run: Run, name: str, weights: Mapping[str, Tensor]) -> Path:
    """Keep weights that no single step gave, such as an average, under ``checkpoints/<name>``, as the best ones.

    Raises:
        UserError: the disk is full or forbidden; ``best`` is as it was.
    """
    folder = run.checkpoints_path / name
    with atomic_folder(folder) as partial:
        write_tensors(tensors_path(partial, "weights"), weights)
        write_state(partial, int(_pointed(run, "last") or 0), {})
    _point(run, "best", folder)
    return folder


def go_back(run: Run, step: int, best_step: int) -> None:
    """Let ``last`` name ``step``, from which a training goes on, and ``best`` what was best until then.

    What came later is given up: a best checkpoint among it, or an average, must not outlive it.
    """
    best = _pointed(run, "best")
    later = best is not None and (not best.isdigit() or int(best) > step)
    if later and best_step in run.checkpoint_steps():
        _point(run, "best", _folder(run, best_step))
    elif later:
        _point(run, "best", _folder(run, step))
    if _pointed(run, "last") != _folder(run, step).name:
        _point(run, "last", _folder(run, step))


def prune(run: Run, keep: int, also: Sequence[int] = ()) -> None:
    """Remove the checkpoints of all steps but the newest ``keep``, the best, the last and those of ``also``.

    Those after ``last`` go too: their future was given up when the training went on from an earlier step.
    """
    pointed = {_pointed(run, "last"), _pointed(run, "best")}
    last = int(_pointed(run, "last") or 0)
    reached = [step for step in run.checkpoint_steps() if step <= last]
    kept = {*reached[max(0, len(reached) - keep) :], *also}
    for step in run.checkpoint_steps():
        folder = _folder(run, step)
        if step not in kept and folder.name not in pointed:
            remove_folder(folder)


def load_checkpoint(run: Run, which: Which = "last") -> LoadedCheckpoint:
    """A checkpoint, after every file was compared with its SHA-256. ``best`` is ``last`` while nothing was validated.

    Raises:
        UserError: there is none, or it is broken (names the file, what is wrong and the newest intact checkpoint).
    """
    from safetensors.torch import load_file

    folder = checkpoint_folder(run, which)
    whole = _verified(run, folder, PARTS)
    weights, optimizer, random = (load_file(tensors_path(folder, part)) for part in PARTS)
    return LoadedCheckpoint(whole["step"], weights, optimizer, random, whole["state"])


def load_weights(run: Run, which: Which = "best") -> Tensors:
    """A checkpoint's weights only; the rest is not even read. Errors as ``load_checkpoint``."""
    from safetensors.torch import load_file

    folder = checkpoint_folder(run, which)
    _verified(run, folder, ("weights",))
    return load_file(tensors_path(folder, "weights"))


def load_arrays(run: Run, which: Which = "best") -> dict[str, NDArray[Any]]:
    """The same as NumPy arrays, without PyTorch in memory. Errors as ``load_checkpoint``."""
    from safetensors.numpy import load_file

    folder = checkpoint_folder(run, which)
    _verified(run, folder, ("weights",))
    return load_file(tensors_path(folder, "weights"))


def checkpoint_folder(run: Run, which: Which) -> Path:
    """The folder that ``best``, ``last`` or a step means.

    Raises:
        UserError: there is no such checkpoint.
    """
    if isinstance(which, str):
        name = _pointed(run, which) or _pointed(run, "last")
        if name is None:
            raise UserError(_("{run} has no checkpoint yet: train it further (--resume)").format(run=run.path))
        return run.checkpoints_path / name
    if which not in run.checkpoint_steps():
        steps = ", ".join(map(str, run.checkpoint_steps())) or _("none")
        message = _("{run} has no checkpoint of step {step}; it has: {steps}")
        raise UserError(message.format(run=run.path, step=which, steps=steps))
    return _folder(run, which)


def average_weights(run: Run, steps: Sequence[int]) -> Tensors:
    """The mean of the weights of several checkpoints, summed in float64, as float32; whole numbers from the last one.

    Raises:
        UserError: a checkpoint is missing, broken, or of another shape than the first.
    """
    if not steps:
        raise ValueError("the mean of no checkpoints")
    sums: Tensors = {}
    for step in steps:
        for name, tensor in load_weights(run, step).items():
            if not tensor.is_floating_point():
                sums[name] = tensor.clone()
            elif step == steps[0]:
                sums[name] = tensor.double()
            elif name in sums and sums[name].shape == tensor.shape:
                sums[name] += tensor
            else:
                message = _("{run}: the checkpoints of steps {first} and {step} differ in {name}: no mean of them")
                raise UserError(message.format(run=run.path, first=steps[0], step=step, name=name))
    return {name: (total / len(steps)).float() if total.is_floating_point() else total for name, total in sums.items()}


def random_state() -> Tensors:
    """The states of PyTorch's generators: ``cpu``, and ``cuda.<n>`` for each GPU.

    Python's and NumPy's generators are not in it, because nothing in a training here draws from them.
    """
    import torch

    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda.{n}": state for n, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_random_state(states: Mapping[str, Tensor]) -> None:
    """Set the generators that are here to the states of ``random_state``; those of absent GPUs are passed over."""
    import torch

    torch.set_rng_state(states["cpu"].clone())
    for n in range(torch.cuda.device_count()):
        if f"cuda.{n}" in states:
            torch.cuda.set_rng_state(states[f"cuda.{n}"].clone(), n)


def _folder(run: Run, step: int) -> Path:
    return run.checkpoints_path / f"{step:09d}"


def _point(run: Run, pointer: Literal["best", "last"], folder: Path) -> None:
    write_atomically(run.checkpoints_path / pointer, folder.name + "\n")


def _pointed(run: Run, pointer: Literal["best", "last"]) -> str | None:
    """The name of the folder that ``best`` or ``last`` names; None if there is no pointer yet."""
    path = run.checkpoints_path / pointer
    if not path.is_file():
        return None
    name = path.read_text(encoding="utf-8", errors="replace").strip()
    if not name or Path(name).name != name or (pointer == "last" and not name.isdecimal()):
        message = _("{path} says {name}, which is no checkpoint. {way_out}")
        raise UserError(message.format(path=path, name=repr(name), way_out=_way_out(run, None)))
    return name


def _verified(run: Run, folder: Path, parts: Sequence[str]) -> dict[str, Any]:
    """What ``state.json`` holds, of a checkpoint whose named parts are as they were written."""
    whole, problem = examine(folder, parts)
    if problem:
        message = _("this checkpoint cannot be used: {problem}. {way_out}")
        raise UserError(message.format(problem=problem, way_out=_way_out(run, folder)))
    return whole


def _way_out(run: Run, broken: Path | None) -> str:
    """Which checkpoint to use instead of a broken one: the newest intact one, an older one if there is any."""
    others = [step for step in run.checkpoint_steps() if broken is None or step != _step(broken)]
    others.sort(key=lambda step: (broken is None or step < _step(broken), step), reverse=True)
    for step in others:
        if not examine(_folder(run, step), PARTS)[1]:
            return _("The newest other one that is intact is that of step {step}: --checkpoint {step}").format(
                step=step
            )
    return _("There is no other intact checkpoint: train the run anew")


def _step(folder: Path) -> float:
    """The step of a folder's name; an average comes after all steps."""
    return int(folder.name) if folder.name.isdecimal() else math.inf
