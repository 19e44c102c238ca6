"""Everything that is to be seen of one translated sentence, as plain arrays and lists, read off a glass box.

S source pieces · T target pieces, both with the end · H heads · W width · V vocabulary
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from congling.figures.recurrence.hidden_states import hidden_states

if TYPE_CHECKING:
    from congling.equations.glass_box import GlassBox

Array = NDArray[np.float64]
ADDITIVE = "attention.weights"  # where a recurrent network with attention shows what it looked at


class Pieces(Protocol):
    """What the view needs of a tokenizer; ``data.text.tokenizers.Tokenizer`` is one."""

    end_id: int

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces of these ids, the end too."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids."""


class Found(Protocol):
    """What the view needs of a translation; ``decoding.hypotheses.Hypothesis`` is one."""

    @property
    def ids(self) -> list[int]: ...
    @property
    def log_probability(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def finished(self) -> bool: ...


@dataclass(frozen=True)
class DecodingStep:
    """One position of the translation: the piece that was written, and what else could have been.

    Attributes:
        piece, probability: of what was written.
        best: the likeliest pieces with their probabilities, best first; the written one need not be among them.
    """

    piece: str
    probability: float
    best: list[tuple[str, float]]


@dataclass(frozen=True)
class Candidate:
    """A translation that the search ended with; ``log_probability`` in nats, ``score`` is what the search ranks by."""

    text: str
    log_probability: float
    score: float
    finished: bool


@dataclass(frozen=True)
class TranslationView:
    """One sentence on its way through a Transformer or a recurrent network.

    Attributes:
        name: of the run.
        source_pieces, source_ids: S of each; ``target_pieces``, ``target_ids``: T.
        width: W.
        positions: (S, W), what is added to the source's word vectors; None of a recurrent network.
        encoder_self: for each layer (H, S, S), row: who asks, column: who answers; each row sums to one. Empty of a
            recurrent network.
        decoder_self: for each layer (H, T, T); row t writes target piece t, column t reads what is known there: the
            start for t = 0, then the target piece t − 1. Empty of a recurrent network.
        cross: for each layer (H, T, S); of a recurrent network one layer with one head, or none without attention.
        encoder_norms: (1 + layers, S), the length ‖x‖ of every position's vector, embedded and after each layer.
        decoder_norms: (1 + layers, T).
        steps: T of them.
        log_probability: of the whole translation, in nats.
        candidates: best first; empty where nothing was searched.
        states: what a recurrent network held while it read (``encoder``) and wrote (``decoder``), as
            ``figures.recurrence.hidden_states`` gives it; empty of a Transformer.
    """

    name: str
    source_text: str
    target_text: str
    source_pieces: list[str]
    source_ids: list[int]
    target_pieces: list[str]
    target_ids: list[int]
    width: int
    positions: Array | None
    encoder_self: list[Array]
    decoder_self: list[Array]
    cross: list[Array]
    encoder_norms: Array
    decoder_norms: Array
    steps: list[DecodingStep]
    log_probability: float
    candidates: list[Candidate] = field(default_factory=list)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def view_from_glass_box(
    seen: GlassBox,
    *,
    name: str,
    source_text: str,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    source_tokenizer: Pieces,
    target_tokenizer: Pieces,
    hypotheses: Sequence[Found] = (),
    runner_ups: int = 7,
) -> TranslationView:
    """The view of one forced pass of a ``Transformer`` or a ``RecurrentTranslator`` over one sentence.

    Args:
        seen: the glass box around ``network(source, source_padding, target_input)``, the network in ``eval`` mode;
            ``source`` is ``source_ids``, ``target_input`` is <pad> and ``target_ids`` without the last. Of a batch, the
            first sentence is seen.
        source_ids: with the end, as the network read them.
        target_ids: what the network was forced to write, with the end if the translation came to one.
        hypotheses: what the search found, best first.
        runner_ups: how many of the likeliest pieces to keep at each step.

    Raises:
        ValueError: when the glass box saw another number of positions.
    """
    source, target = len(source_ids), len(target_ids)
    logits = _array(seen["logits"])[:target]  # (T, V)
    if len(logits) != target:
        raise ValueError(f"the glass box saw {len(logits)} target positions, not the {target} of the translation")
    steps = _steps(logits, target_ids, target_tokenizer, runner_ups)
    return TranslationView(
        name=name,
        source_text=source_text,
        target_text=target_tokenizer.decode(target_ids),
        source_pieces=source_tokenizer.pieces(source_ids),
        source_ids=list(source_ids),
        target_pieces=target_tokenizer.pieces(target_ids),
        target_ids=list(target_ids),
        width=seen["source_embedding.output"].shape[-1],
        positions=_numpy(seen["source_embedding.positions"])[:source] if "source_embedding.positions" in seen else None,
        encoder_self=_weights(seen, "encoder", "self_attention", source, source),
        decoder_self=_weights(seen, "decoder", "self_attention", target, target),
        cross=_cross_attention(seen, target, source),
        encoder_norms=_norms(seen, "source_embedding", "encoder", source),
        decoder_norms=_norms(seen, "target_embedding", "decoder", target),
        steps=steps,
        log_probability=float(_log_softmax(logits)[np.arange(target), list(target_ids)].sum()),
        candidates=[_candidate(each, target_tokenizer) for each in hypotheses],
        states=_states(seen, source, target),
    )


def _cross_attention(seen: GlassBox, target: int, source: int) -> list[Array]:
    if ADDITIVE in seen:  # of a recurrent network, (B, T, S)
        return [_array(seen[ADDITIVE])[None, :target, :source]]
    return _weights(seen, "decoder", "cross_attention", target, source)


def _states(seen: GlassBox, source: int, target: int) -> dict[str, list[dict[str, Any]]]:
    sides = {"encoder": source, "decoder": target}
    states = {side: hidden_states(seen, length=length, within=side) for side, length in sides.items()}
    return {side: scans for side, scans in states.items() if scans}


def _weights(seen: GlassBox, side: str, kind: str, rows: int, columns: int) -> list[Array]:
    """For each layer (H, rows, columns): the first sentence's, without what padding added."""
    return [_array(seen[f"{path}.{kind}.weights"])[:, :rows, :columns] for path in _layers(seen, side)]


def _norms(seen: GlassBox, embedding: str, side: str, length: int) -> Array:
    """‖x‖ of each position, (1 + layers, length): of the embedded pieces, then after each layer."""
    vectors = [_array(seen[f"{embedding}.output"])]
    vectors += [_array(seen[f"{path}.feed_forward_add_and_norm.output"]) for path in _layers(seen, side)]
    vectors += _hidden(seen, side)
    return np.stack([np.linalg.norm(each[:length], axis=-1) for each in vectors])


def _hidden(seen: GlassBox, side: str) -> list[Array]:
    """The outputs of a recurrent network's layers, both directions side by side."""
    layers: list[Array] = []
    while f"{side}.layers.{len(layers)}.forward_scan.hidden" in seen:
        scans = [f"{side}.layers.{len(layers)}.{way}_scan.hidden" for way in ("forward", "backward")]
        layers.append(np.concatenate([_array(seen[scan]) for scan in scans if scan in seen], axis=-1))
    return layers


def _layers(seen: GlassBox, side: str) -> list[str]:
    """``encoder.layers.0`` and its fellows, as many as were seen."""
    paths: list[str] = []
    while f"{side}.layers.{len(paths)}.self_attention.weights" in seen:
        paths.append(f"{side}.layers.{len(paths)}")
    return paths


def _steps(logits: Array, target_ids: Sequence[int], tokenizer: Pieces, runner_ups: int) -> list[DecodingStep]:
    probabilities = np.exp(_log_softmax(logits))  # (T, V)
    steps = []
    for row, chosen in zip(probabilities, target_ids, strict=True):
        best = np.argsort(-row, kind="stable")[:runner_ups]
        pieces = tokenizer.pieces([chosen, *best.tolist()])
        ranked = list(zip(pieces[1:], row[best].tolist(), strict=True))
        steps.append(DecodingStep(pieces[0], float(row[chosen]), ranked))
    return steps


def _candidate(found: Found, tokenizer: Pieces) -> Candidate:
    return Candidate(tokenizer.decode(found.ids), found.log_probability, found.score, found.finished)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _array(batch: Any) -> Array:
    """The first sentence of a tensor (B, …)."""
    return _numpy(batch[0])


def _numpy(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().double().numpy())
