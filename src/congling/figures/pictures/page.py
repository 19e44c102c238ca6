"""The page of one picture: what a classifier makes of it, layer by layer, number by number, and step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling.figures.page import page, plain_number
from congling.figures.pictures.budget import Kept, kept_of
from congling.figures.pictures.classifier_view import PictureView, view_of_run
from congling.figures.pictures.influence import Influence
from congling.figures.pictures.packing import coarse, exact, pixels
from congling.figures.pictures.texts import picture_texts
from congling.figures.pictures.view import SeenConvolution, SeenPicture

__all__ = ["PictureView", "picture_page", "view_of_run"]

MOST_MISTAKES = 24
MOST_TEMPLATES = 64
STYLES = ["translation.css", "picture.css"]


def picture_page(view: PictureView) -> str:
    """A self-contained page in the current language; under 4 MB for the default network on digits.

    The numbers of the weights that were kept are in it in single precision, so that the arithmetic of a pixel comes
    out; what moves through training has 256 levels. Of large networks the most active channels are in it.
    """
    best = int(view.now.scores.argmax())
    facts = {"run": view.name, "name": view.title, "answer": view.classes[best]}
    return page(
        title=f"{view.title} → {view.classes[best]} · congling",
        body="picture.html",
        texts=picture_texts() | facts,
        styles=STYLES,
        scripts=[
            "heatmap.js",
            "picture_pixels.js",
            "pixel_sum.js",
            "picture_layers.js",
            "picture_sums.js",
            "picture_leaning.js",
            "picture.js",
        ],
        data=_data(view),
    )


# Data ----------------------------------------------------------------------------------------------------------------


def _data(view: PictureView) -> dict[str, Any]:
    seen = [*view.before, view.now]
    kept = kept_of(view.now.convolutions, len(view.before))
    return {
        "classes": list(view.classes),
        "truth": view.truth,
        "remarks": list(view.remarks),
        "picture": pixels(np.rint(view.shown * 255).astype(np.uint8)),
        "steps": [each.step for each in seen],
        "scores": [[plain_number(score) for score in each.scores.tolist()] for each in seen],
        "probabilities": [[plain_number(share) for share in each.probabilities.tolist()] for each in seen],
        "layers": [_layer(view, number, each) for number, each in enumerate(kept)],
        "templates": _templates(seen),
        "full": [{"path": path, "steps": coarse(_stack(seen, path))} for path in view.now.full],
        "influence": _influence(view.influence),
        "held_out": _held_out(view),
    }


def _layer(view: PictureView, number: int, kept: Kept) -> dict[str, Any]:
    layer, channels = view.now.convolutions[number], kept.channels
    norm = layer.normalisation
    return {
        "path": layer.path,
        "block": int(layer.path.split(".")[1]),
        "convolution": int(layer.path.split(".")[3]),
        "inputs_shape": list(layer.inputs.shape),
        "outputs": len(layer.sums),
        "kernel": layer.kernels.shape[2],
        "stride": layer.stride,
        "padding": layer.padding,
        "activation": layer.activation,
        "pooling": layer.pooling,
        "window": layer.window,
        "channels": channels,
        "moving": kept.moving,
        "inputs": exact(layer.inputs) if kept.exact else None,
        "kernels": exact(layer.kernels[channels]),
        "bias": None if layer.bias is None else exact(layer.bias[channels]),
        "normalisation": None if norm is None else {name: exact(each[channels]) for name, each in vars(norm).items()},
        "around": None if layer.around is None else exact(layer.around[channels]),
        "sums": exact(layer.sums[channels]),
        "activated": coarse(layer.activated[channels]),
        "pooled": None if layer.pooled is None else coarse(layer.pooled[channels]),
        "before": [_moved(each.convolutions[number], channels[: kept.moving]) for each in view.before],
    }


def _moved(layer: SeenConvolution, channels: list[int]) -> dict[str, Any]:
    """A layer at an earlier step; of kernels over more than three channels the mean over these."""
    kernels = layer.kernels[channels]
    return {
        "kernels": coarse(kernels if kernels.shape[1] <= 3 else kernels.mean(axis=1, keepdims=True)),
        "sums": coarse(layer.sums[channels]),
        "activated": coarse(layer.activated[channels]),
        "pooled": None if layer.pooled is None else coarse(layer.pooled[channels]),
    }


def _templates(seen: Sequence[SeenPicture]) -> dict[str, Any] | None:
    now = seen[-1].templates
    if now is None:
        return None
    strongest = np.argsort(-np.abs(now).mean(axis=(1, 2, 3)), kind="stable")
    chosen = strongest if len(now) <= MOST_TEMPLATES else strongest[:MOST_TEMPLATES]
    steps = [coarse(each.templates[chosen]) for each in seen if each.templates is not None]
    return {"units": chosen.tolist(), "total": len(now), "are_classes": not seen[-1].full, "steps": steps}


def _stack(seen: Sequence[SeenPicture], path: str) -> NDArray[np.float32]:
    return np.stack([each.full[path] for each in seen])  # (steps, D)


def _influence(found: Influence) -> dict[str, Any]:
    return {
        "classes": found.classes,
        "gradient": coarse(found.gradient),
        "product": coarse(found.product),
        "drop": coarse(found.drop),
        "patch": found.patch,
        "stride": found.stride,
    }


def _held_out(view: PictureView) -> dict[str, Any] | None:
    found = view.held_out
    if found is None or view.pictures is None:
        return None
    worst = found.worst(MOST_MISTAKES)
    low, high = found.interval
    return {
        "part": view.part,
        "count": len(found),
        "right": found.right,
        "accuracy": found.accuracy,
        "low": low,
        "high": high,
        "confusion": found.confusion.tolist(),
        "mistakes": [
            {
                "name": found.names[row],
                "truth": int(found.targets[row]),
                "answer": int(found.predicted[row]),
                "probability": plain_number(found.probabilities[row, found.predicted[row]]),
                "true_probability": plain_number(found.probabilities[row, found.targets[row]]),
            }
            for row in worst.tolist()
        ],
        "pictures": pixels(np.asarray(view.pictures[worst])),
    }
