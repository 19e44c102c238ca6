"""What network translates: its kind and its sizes, as the user chooses them. Nothing here imports PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import flag, require_at_least, require_below_one
from congling.networks.recurrent_kinds import GATES

MOST_BILLIONS = 4  # far more than an ordinary computer can train; a slip of the finger should not fill its memory

NETWORKS: dict[str, dict[str, Any]] = {  # the options that a network has beside those of all, and their defaults
    "transformer": {
        "width": 192,
        "heads": 4,
        "feed_forward": 768,
        "encoder_layers": 3,
        "decoder_layers": 3,
        "dropout": 0.1,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "activation": "relu",
        "norm": "pre",
    },
    "rnn": {"cell": "gru", "width": 256, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.2},
}
RNN_RATE = 4e-3
RATES_TIMES_ROOT_WIDTH = {"pre": 0.055, "post": 0.028}
"""Of a Transformer, by its norm: the rate falls with the root of the width, as in Vaswani et al. 2017, eq. 3."""


@dataclass
class NetworkOptions:
    """Network"""

    network: Literal["transformer", "rnn"] = "transformer"
    """A Transformer, or a recurrent network, which reads and writes step by step."""
    cell: Literal["elman", "gru", "lstm"] | None = None
    """With --network rnn: Elman's simple recurrence, or one with gates that decide what is kept; by default gru."""
    attention: bool = False
    """With --network rnn: let the decoder look at the whole source at each step; a Transformer always does."""
    width: int | None = None
    """Width of the model: numbers that stand for one token between the layers; by default 192, of an rnn 256."""
    heads: int | None = None
    """Attention heads of a Transformer, which share the width; by default 4."""
    feed_forward: int | None = None
    """Inner width of a Transformer's feed-forward layers; by default 768."""
    encoder_layers: int | None = None
    """Layers that read the source; by default 3, of an rnn 1 in both directions."""
    decoder_layers: int | None = None
    """Layers that write the target; by default 3, of an rnn 1."""
    dropout: float | None = None
    """Part of the numbers that is dropped in training: after each sub-layer of a Transformer, by default 0.1; around
    the layers of an rnn, by default 0.2."""
    attention_dropout: float | None = None
    """Part of a Transformer's attention weights that is dropped in training; by default none."""
    activation_dropout: float | None = None
    """Part of the feed-forward layers' inner numbers that is dropped in training; by default none."""
    activation: Literal["relu", "gelu", "silu"] | None = None
    """Activation function of the feed-forward layers; by default relu."""
    norm: Literal["pre", "post"] | None = None
    """Normalise before each sub-layer of a Transformer, which learns faster and is the default, or after it, as in the
    original (and in Marian)."""
    tied_output: bool = True
    """Use the target's embedding table as the output layer's matrix."""

    def check(self) -> None:
        """Refuse sizes that no network can have, and options of another network."""
        self._refuse_others_options()
        chosen = self.chosen()
        sizes = ("width", "heads", "feed_forward", "encoder_layers", "decoder_layers")
        require_at_least(*((flag(name), chosen[name], 1) for name in sizes if name in chosen))
        billions = self._parameters() / 1e9
        if billions > MOST_BILLIONS:
            raise UsageError(
                _("these sizes make a network of {billions:,.0f} billion parameters; at most {most}").format(
                    billions=billions, most=MOST_BILLIONS
                )
            )
        if chosen["width"] % chosen.get("heads", 1):
            raise UsageError(
                _("--width {width} cannot be divided among --heads {heads}: choose a width that is a multiple").format(
                    width=chosen["width"], heads=chosen["heads"]
                )
            )
        rates = ("dropout", "attention_dropout", "activation_dropout")
        require_below_one(*((flag(name), chosen[name]) for name in rates if name in chosen))

    def chosen(self) -> dict[str, Any]:
        """Every option that the network has beside those of all, as given or else with its default."""
        own = NETWORKS[self.network]
        return {name: own[name] if getattr(self, name) is None else getattr(self, name) for name in own}

    def settle(self) -> None:
        """Write the defaults in where nothing was given."""
        for name, value in self.chosen().items():
            setattr(self, name, value)

    def learning_rate(self) -> float:
        """The default, once ``settle`` ran, to three digits."""
        if self.network == "rnn":
            return RNN_RATE
        assert self.norm is not None and self.width is not None
        return float(f"{RATES_TIMES_ROOT_WIDTH[self.norm] / math.sqrt(self.width):.3g}")

    def _refuse_others_options(self) -> None:
        if self.attention and self.network == "transformer":
            raise UsageError(_("--attention belongs to --network rnn: a Transformer has it always"))
        for network, own in NETWORKS.items():
            for name in own.keys() - NETWORKS[self.network].keys():
                if getattr(self, name) is not None:
                    message = _("{option} belongs to --network {network}, not to --network {other}")
                    raise UsageError(message.format(option=flag(name), network=network, other=self.network))

    def _parameters(self) -> int:
        """How many numbers the layers' matrices hold.

        A Transformer has four matrices a self- or cross-attention, two a feed-forward layer; a recurrent layer two a
        gate, and twice that in both directions, whose outputs the next one reads side by side.
        """
        chosen = self.chosen()
        square, encoder, decoder = chosen["width"] ** 2, chosen["encoder_layers"], chosen["decoder_layers"]
        if self.network == "rnn":
            gates = GATES[chosen["cell"]]
            seen = 2 if self.attention else 0
            return int(gates * square * (2 * (3 * encoder - 1) + 2 * decoder + seen))
        feed_forward = 2 * chosen["width"] * chosen["feed_forward"]
        return int(encoder * (4 * square + feed_forward) + decoder * (8 * square + feed_forward))
