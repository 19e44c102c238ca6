"""Frames: small snapshots of the weights at steps 0, 1, 2, 4, 8 …, for looking back over a training.

Most of what can be seen of learning happens early, so the frames stand close together there; and a training twice
as long keeps only one more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import write_atomically
from congling.learning.runs import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from congling.learning.checkpoint_files import Arrays


def is_frame_step(step: int) -> bool:
    """Whether a frame is due after this step: 0 and the powers of two."""
    return step >= 0 and step & (step - 1) == 0


def save_frame(run: Run, step: int, weights: Arrays) -> Path:
    """Save the weights, numbers with a fraction as float16 where it can hold them (up to 65,504): enough to look at,
    not to go on from.

    Raises:
        UserError: the disk is full or forbidden.
    """
    path = _path(run, step)
    arrays = {name: _small_array(array) for name, array in weights.items() if isinstance(array, np.ndarray)}
    if len(arrays) == len(weights):
        from safetensors.numpy import save

        write_atomically(path, save(arrays, metadata={"format": "pt"}))
    else:
        write_atomically(path, _torch_bytes(weights))
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
    from safetensors.torch import load_file

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


def _torch_bytes(weights: Mapping[str, Any]) -> bytes:
    from safetensors.torch import save

    return save({name: _small(tensor) for name, tensor in weights.items()}, metadata={"format": "pt"})


def _small_array(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return np.ascontiguousarray(array)
    largest = max(float(array.max(initial=0.0)), -float(array.min(initial=0.0)))
    return np.ascontiguousarray(array) if largest > np.finfo(np.float16).max else array.astype(np.float16, order="C")


def _small(tensor: Tensor) -> Tensor:
    import torch

    # A copy always: tied weights share their memory, which safetensors refuses.
    own = tensor.detach().cpu()
    if own.is_floating_point() and not bool((own.abs() > torch.finfo(torch.float16).max).any()):
        return own.half().clone().contiguous()
    return own.clone().contiguous()
