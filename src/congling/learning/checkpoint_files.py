"""What a checkpoint's folder holds, and whether it is still as it was written.

Three safetensors files (``weights``, ``optimizer``, ``random``) and ``state.json``, which keeps the format, the step,
the size and SHA-256 of each file, the training's state, and the SHA-256 of all this.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from congling.language import _
from congling.learning.runs import FORMAT, check_format

if TYPE_CHECKING:  # PyTorch takes 200 MB, which a training without it has better use for
    from numpy.typing import NDArray
    from torch import Tensor

    Arrays = Mapping[str, Tensor | NDArray[Any]]

PARTS = ("weights", "optimizer", "random")
STATE = "state.json"
_METADATA = {"format": "pt"}  # other readers refuse files without this


def tensors_path(folder: Path, part: str) -> Path:
    """Where a checkpoint keeps one of ``PARTS``."""
    return folder / f"{part}.safetensors"


def write_tensors(path: Path, tensors: Arrays) -> None:
    """One safetensors file, readable by whoever may read the folder. Tied tensors are written once for each name.

    Args:
        tensors: all of PyTorch or all of NumPy.
    """
    arrays = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, np.ndarray)}
    if len(arrays) == len(tensors):
        from safetensors.numpy import save_file

        save_file(arrays, path, metadata=_METADATA)
    else:
        _write_torch(path, tensors)
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)  # safetensors makes it for its owner alone


def _write_torch(path: Path, tensors: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    seen: set[int] = set()
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        packed[name] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    save_file(packed, path, metadata=_METADATA)


def write_state(folder: Path, step: int, state: Mapping[str, Any]) -> None:
    """Write ``state.json``, after the parts, whose fingerprints it keeps."""
    files = {part: _fingerprint(path) for part in PARTS if (path := tensors_path(folder, part)).exists()}
    whole = {"format": FORMAT, "step": step, "files": files, "state": dict(state)}
    text = json.dumps({**whole, "sha256": _digest(whole)}, ensure_ascii=False, indent=1)
    (folder / STATE).write_text(text + "\n", encoding="utf-8", newline="\n")


def _fingerprint(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _digest(value: Any) -> str:
    as_read = json.loads(json.dumps(value))  # a key 1 comes back as "1", and sorts differently
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode("utf-8")).hexdigest()


def examine(folder: Path, parts: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What ``state.json`` holds, and what is wrong with it or with the named parts: an empty text if nothing is.

    Raises:
        UserError: a newer congling wrote it.
    """
    try:
        whole = json.loads((folder / STATE).read_text(encoding="utf-8"))
        check_format(folder, whole["format"])
        digest = whole.pop("sha256")
        if digest != _digest(whole):
            raise ValueError
    except FileNotFoundError:
        return {}, _("{path} is missing").format(path=folder / STATE)
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}, _("{path} was changed or cut off after it was written").format(path=folder / STATE)
    if any(part not in whole["files"] for part in parts):
        return {}, _("{path} holds weights only, so nothing can go on from it").format(path=folder)
    problems = [_file_problem(tensors_path(folder, part), whole["files"][part]) for part in parts]
    return whole, next(filter(None, problems), "")


def _file_problem(path: Path, wanted: Mapping[str, Any]) -> str:
    if not path.is_file():
        return _("{path} is missing").format(path=path)
    size = path.stat().st_size
    if size != wanted["bytes"]:
        message = _("{path} has {size} bytes instead of {wanted}")
        return message.format(path=path, size=size, wanted=wanted["bytes"])
    if _fingerprint(path) != wanted:
        return _("{path} was changed after it was written (its SHA-256 differs)").format(path=path)
    return ""
