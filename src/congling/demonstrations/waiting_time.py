"""How long a translator of each kind takes over one sentence: to learn from it, and to translate it.

One sentence and one thread, so that nothing else fills the time in which a step waits for the one before. Measured is
processor time, to which other programs add little, and the quickest of several goes, to which they add least.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from congling.demonstrations.recall import RecallTraining

if TYPE_CHECKING:
    from congling.data.text.pair_batches import Batch

VOCABULARY = 500  # pieces of each language, padding included
ROUNDS = 3
SECONDS_A_TURN = 0.1  # a short sentence is read many times in it

Network = Literal["rnn", "rnn-attention", "transformer"]


@dataclass
class WaitingOptions:
    """What is timed.

    Attributes:
        network: which translator.
        parameters: how many numbers it may have; its width follows.
        lengths: pieces of the sentence and of its translation, in rising order.
    """

    network: Network = "rnn"
    parameters: int = 2_000_000
    lengths: tuple[int, ...] = (8, 64, 256)
    training: RecallTraining = field(default_factory=RecallTraining)  # its seed alone


@dataclass(frozen=True)
class WaitingTrial:
    """Seconds of processor time for a sentence of each length: one step of learning from it, and translating it."""

    options: WaitingOptions
    learning: tuple[float, ...]
    translating: tuple[float, ...]

    @classmethod
    def of(cls, options: WaitingOptions) -> WaitingTrial:
        """Time a network whose weights are drawn by the seed; what it would say does not matter."""
        import torch

        from congling.learning.threads import use_threads

        use_threads(1)
        torch.manual_seed(options.training.seed)
        network = _network_of(options)
        batches = [_sentence(length) for length in options.lengths]
        taken = _quickest([partial(what, network, batch) for what in (_learn, _translate) for batch in batches])
        learning, translating = tuple(taken[: len(batches)]), tuple(taken[len(batches) :])
        return cls(options, learning, translating)


def _quickest(tasks: Sequence[Callable[[], None]]) -> list[float]:
    """Seconds of each task's quickest go, after one that warms up; by turns, so that a busy moment meets all."""
    for task in tasks:
        task()
    quickest = [math.inf] * len(tasks)
    for _round in range(ROUNDS):
        for place, task in enumerate(tasks):
            spent = 0.0
            while spent < SECONDS_A_TURN:
                begun = time.process_time()
                task()
                taken = time.process_time() - begun
                quickest[place] = min(quickest[place], taken)
                spent += taken
    return quickest


def _learn(network: Any, batch: Batch) -> None:
    network.train()
    network.loss(batch)[0].backward()
    network.zero_grad()


def _translate(network: Any, batch: Batch) -> None:
    """Greedily, as many pieces as the sentence has, whatever they are."""
    import torch

    with torch.inference_mode():
        state = network.eval().start(batch.source, batch.source_padding)
        last = torch.tensor([network.pad_id])
        for _piece in range(batch.target_output.shape[1]):
            scores, state = network.step(state, last)
            last = scores.argmax(dim=1)


def _sentence(length: int) -> Batch:
    import numpy as np

    from congling.data.text.pair_batches import collate

    source, target = np.random.default_rng(length).integers(2, VOCABULARY - 1, (2, length)).tolist()
    return collate([source], [target], VOCABULARY - 1, VOCABULARY - 1)


def _network_of(options: WaitingOptions) -> Any:
    """The widest network with no more parameters than the options allow."""
    import itertools

    import torch

    from congling.demonstrations.recall_network import size

    with torch.device("meta"):
        widths = itertools.count(16, 16)
        too_wide = next(each for each in widths if size(_network(options.network, each)) > options.parameters)
    return _network(options.network, too_wide - 16)


def _network(network: Network, width: int) -> Any:
    if network == "transformer":
        from congling.networks.transformer import Transformer

        return Transformer(
            VOCABULARY, VOCABULARY, width=width, heads=4, feed_forward=4 * width, encoder_layers=2, decoder_layers=2,
        )  # fmt: skip
    from congling.networks.recurrent_translator import RecurrentTranslator

    return RecurrentTranslator(
        VOCABULARY, VOCABULARY, kind="gru", width=width, encoder_layers=2, decoder_layers=2,
        attention=network == "rnn-attention", dropout=0.1,
    )  # fmt: skip
