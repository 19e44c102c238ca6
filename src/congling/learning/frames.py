"""Frames: small snapshots of the weights at steps 0, 1, 2, 4, 8 …, for looking back over a training.

Most of what can be seen of learning happens early, so the frames stand close together there; and a training twice
as long keeps only one more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import write_atomically
from congling.learning.runs import Run


def is_frame_step(step: int) -> bool:
    """Whether a frame is due after this step: 0 and the powers of two."""
    return step >= 0 and step & (step - 1) == 0


def save_frame(run: Run, step: int, weights: Mapping[str, Tensor]) -> Path:
    """Save the weights, numbers with a fraction as float16 where it can hold them (up to 65,504): enough to look at,
    not to go on from.

    Raises:
        UserError: the disk is full or forbidden.
    """
    path = _path(run, step)
    write_atomically(path, save({name: _small(tensor) for name, tensor in weights.items()}, metadata={"format": "pt"}))
    return path


def list_frames(run: Run) -> list[int]:
    """The steps of the run's frames, in order."""
    if not run.frames_path.is_dir():
        return []
    return sorted(int(path.stem) for path in run.frames_path.glob("*.safetensors") if path.stem.isdecimal())


def load_frame(run: Run, step: int) -> dict[str, Tensor]:
    """The weights of a frame, as ``save_frame`` kept them.

    Raises:
        UserError: there is no frame of that step.
    """
    path = _path(run, step)
    if not path.is_file():
        steps = ", ".join(map(str, list_frames(run))) or _("none")
        message = _("{run} has no frame of step {step}; it has: {steps}")
        raise UserError(message.format(run=run.path, step=step, steps=steps))
    return load_file(path)


def drop_frames_after(run: Run, step: int) -> None:
    """Remove the frames of later steps: the training goes on from this one, perhaps with other options."""
    for later in list_frames(run):
        if later > step:
            _path(run, later).unlink()


def _path(run: Run, step: int) -> Path:
    return run.frames_path / f"{step:09d}.safetensors"


def _small(tensor: Tensor) -> Tensor:
    # A copy always: tied weights share their memory, which safetensors refuses.
    own = tensor.detach().cpu()
    if own.is_floating_point() and not bool((own.abs() > torch.finfo(torch.float16).max).any()):
        return own.half().clone().contiguous()
    return own.clone().contiguous()
