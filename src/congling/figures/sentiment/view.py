"""One text on its way through a text classifier, as plain arrays: the reading word by word, states and gates, and what
the answer is made of.

M words · T pieces, the end included · W units of a state · K classes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.figures.recurrence.hidden_states import hidden_states
from congling.networks.bag_of_ngrams import BagOfNgrams
from congling.networks.text_classifier import TextClassifier
from congling.tasks.sentiment.inside import Inside, look_inside
from congling.tasks.sentiment.reading import Reading
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

Array = NDArray[np.float64]
DIRECTIONS = ("forward_scan", "backward_scan")


@dataclass(frozen=True)
class TextView:
    """Everything that is to be seen of one text in a classifier.

    Attributes:
        name: of the run.
        truth: the number of the text's class, where that is known.
        reading: how the probabilities moved.
        pieces: (T).
        scans: states and gates, as ``hidden_states`` gives them.
        shares: (K, T), what each piece's states add to the score of a class beyond the mean of all classes.
        bias: (K), what is added whatever the text.
    """

    name: str
    truth: int | None
    reading: Reading
    pieces: list[str]
    scans: list[dict[str, Any]]
    shares: Array
    bias: Array


def view_of_text(name: str, classifier: SentimentClassifier, text: str, truth: int | None) -> TextView:
    """Read a text as the page shows it; errors as ``SentimentClassifier.ids``."""
    reading, inside = classifier.read(text), look_inside(classifier, text)
    shares, bias = score_shares(classifier.network, inside)
    return TextView(name, truth, reading, inside.pieces, hidden_states(inside.box), shares, bias)


# What the answer is made of ------------------------------------------------------------------------------------------


def score_shares(network: TextClassifier, inside: Inside) -> tuple[Array, Array]:
    """The scores of the classes, beyond their mean, as a sum over the pieces (K, T) and a bias (K).

    With n-grams, it is the mean of what the network's states and what the n-grams give.
    """
    shares, bias = _read_shares(network, inside)
    if network.ngrams is None:
        return shares, bias
    counted, counted_bias = _counted_shares(network.ngrams, inside)
    return (shares + counted) / 2, (bias + counted_bias) / 2


def _counted_shares(ngrams: BagOfNgrams, inside: Inside) -> tuple[Array, Array]:
    """What the n-grams give: each in equal parts to its pieces."""
    ids = inside.values["ids"]
    added = _array(ngrams.shares(ids, torch.tensor([ids.shape[1]], device=ids.device))[0])  # (T, L, K)
    added, bias = added - added.mean(axis=-1, keepdims=True), _array(ngrams.bias)
    shares = np.zeros((len(bias), len(added)))
    for length in range(1, added.shape[1] + 1):
        for back in range(length):
            shares[:, : len(added) - back] += added[back:, length - 1].T / length
    return shares, bias - bias.mean()


def _read_shares(network: TextClassifier, inside: Inside) -> tuple[Array, Array]:
    """What the network that reads gives.

    The output layer is linear and pooling picks or averages, so that the sum is exact: with the largest value of a unit
    its weight goes to the piece where the unit had it, with a mean in equal parts to all, with the last state to the
    last piece that was read.
    """
    weights, bias = _array(network.output.weight), _array(network.output.bias)  # (K, F), (K)
    weights, bias = weights - weights.mean(axis=0), bias - bias.mean()
    states = _states(network, inside)  # (T, W · directions)
    if network.pooling == "last":
        return _last_shares(network, states, weights), bias
    ways = network.pooling.split("-")
    shares = np.zeros((len(weights), len(states)))
    for way, part in zip(ways, np.split(weights, len(ways), axis=1), strict=True):
        if way == "mean":
            shares += part @ states.T / len(states)
        else:
            places = states.argmax(axis=0)
            added = part * states.max(axis=0)
            for place in np.unique(places):
                shares[:, place] += added[:, places == place].sum(axis=1)
    return shares, bias


def _last_shares(network: TextClassifier, states: Array, weights: Array) -> Array:
    width = states.shape[1] // network.recurrent.directions
    shares = np.zeros((len(weights), len(states)))
    shares[:, -1] = weights[:, :width] @ states[-1, :width]
    if network.recurrent.directions == 2:
        shares[:, 0] += weights[:, width:] @ states[0, width:]
    return shares


def _states(network: TextClassifier, inside: Inside) -> Array:
    """(T, W · directions), of the last layer."""
    last = len(network.recurrent.layers) - 1
    paths = [f"recurrent.layers.{last}.{direction}.hidden" for direction in DIRECTIONS[: network.recurrent.directions]]
    return np.concatenate([_array(inside.values[path][0]) for path in paths], axis=1)


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().double().numpy())
