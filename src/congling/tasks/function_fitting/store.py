"""What a run keeps of a fitting's data: its options, the three parts as tensors, and their names and scales as JSON.

data/train.safetensors, valid, test     ``inputs`` (N, I) and ``targets`` as the user has them
data/data.json                          names, classes, features, scales; written last, so that it means all is there
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import write_atomically
from congling.learning.runs import Run
from congling.tasks.function_fitting.data import PARTS, FunctionData, Part, Scale
from congling.tasks.function_fitting.options import TASK, FunctionFittingOptions
from congling.tasks.stored_options import options_of

DESCRIPTION = "data/data.json"


def fitting_options_of(run: Run) -> FunctionFittingOptions:
    """The options that a run was fitted with; errors as ``options_of``."""
    return options_of(run, FunctionFittingOptions, TASK)


def save_data(run: Run, data: FunctionData) -> None:
    """Keep the data in the run's folder.

    Raises:
        UserError: the disk is full or forbidden.
    """
    for name in PARTS:
        part = data.part(name)
        tensors = {"inputs": torch.from_numpy(part.inputs), "targets": torch.from_numpy(np.asarray(part.targets))}
        content = save({key: tensor.contiguous() for key, tensor in tensors.items()})
        write_atomically(run.file(f"data/{name}.safetensors"), content)
    description = {
        "input_names": data.input_names,
        "target_name": data.target_name,
        "classes": data.classes,
        "features": data.features,
        "feature_scale": _listed(data.feature_scale),
        "target_scale": _listed(data.target_scale),
        "function": data.function_name,
        "noise": data.noise,
    }
    write_atomically(run.file(DESCRIPTION), json.dumps(description, ensure_ascii=False, indent=2) + "\n")


def has_data(run: Run) -> bool:
    """Whether the run holds its data, all of them."""
    return run.file(DESCRIPTION).is_file()


def load_data(run: Run) -> FunctionData:
    """What ``save_data`` kept.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        stored: dict[str, Any] = json.loads(run.file(DESCRIPTION).read_text(encoding="utf-8"))
        parts = [_part(load_file(run.file(f"data/{name}.safetensors"))) for name in PARTS]
        train, valid, test = parts
        return FunctionData(
            train,
            valid,
            test,
            stored["input_names"],
            stored["target_name"],
            stored["classes"],
            stored["features"],
            _scale(stored["feature_scale"]),
            _scale(stored["target_scale"]),
            stored["function"],
            stored["noise"],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = _("the data of {run} are missing or damaged: {reason}")
        raise UserError(message.format(run=run.path, reason=reason)) from error


def _part(tensors: dict[str, torch.Tensor]) -> Part:
    return Part(tensors["inputs"].numpy(), tensors["targets"].numpy())


def _listed(scale: Scale) -> dict[str, list[float]]:
    return {"mean": scale.mean.tolist(), "deviation": scale.deviation.tolist()}


def _scale(stored: dict[str, list[float]]) -> Scale:
    return Scale(np.array(stored["mean"], np.float64), np.array(stored["deviation"], np.float64))
