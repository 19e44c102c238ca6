"""The weights of one of our translators inside other libraries: MarianMTModel, and a model folder of CTranslate2.

Marian normalises after each sub-layer, so the translator must too (``--norm post``). Marian keeps queries, keys and
values in three matrices, ours and CTranslate2's lie one below the other in one. Padding has no vector in our tables
and is never predicted; a zero row and a bias of −∞ say the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from congling.data.text.tokenizers import Tokenizer
from congling.networks.transformer import Transformer
from congling.networks.transformer_layers import MultiHeadAttention

LONGEST = 512  # positions

# Marian --------------------------------------------------------------------------------------------------------------


def marian_of(network: Transformer, attention: str) -> Any:
    """A MarianMTModel that computes what the network computes.

    Args:
        attention: how it attends, ``sdpa`` or ``eager``.

    Raises:
        ValueError: the network normalises first, which Marian cannot, or the outputs are not the same.
    """
    from transformers import MarianConfig, MarianMTModel

    if network.encoder.norm is not None:
        raise ValueError("Marian normalises after each sub-layer: train with --norm post")
    layer: Any = network.encoder.layers[0]
    pad = network.pad_id
    width, heads = layer.self_attention.width, layer.self_attention.heads
    inner = layer.feed_forward.inner.weight.shape[0]
    config = MarianConfig(
        vocab_size=network.source_embedding.table.weight.shape[0] + 1, decoder_vocab_size=pad + 1,
        share_encoder_decoder_embeddings=False, d_model=width, encoder_layers=len(network.encoder.layers),
        decoder_layers=len(network.decoder.layers), encoder_attention_heads=heads, decoder_attention_heads=heads,
        encoder_ffn_dim=inner, decoder_ffn_dim=inner, activation_function="relu", max_position_embeddings=LONGEST,
        scale_embedding=True, pad_token_id=pad, eos_token_id=0, bos_token_id=0, forced_eos_token_id=None,
        decoder_start_token_id=pad, attn_implementation=attention,
    )  # fmt: skip
    marian = MarianMTModel(config).eval()
    missing, unknown = marian.load_state_dict(dict(_marian_weights(network)), strict=False)
    left = [name for name in missing if "embed_positions" not in name and name != "lm_head.weight"]
    if left or unknown:
        raise ValueError(f"weights do not fit: {', '.join([*left, *unknown])}")
    _require_same_outputs(network, marian)
    return marian


@torch.no_grad()
def _require_same_outputs(network: Transformer, marian: Any) -> None:
    source = torch.tensor([[5, 7, 11, 0], [13, 2, 0, network.source_embedding.table.weight.shape[0]]])
    padding = torch.tensor([[False] * 4, [False] * 3 + [True]])
    written = torch.tensor([[network.pad_id, 3, 17], [network.pad_id, 19, 23]])
    theirs = marian(input_ids=source, attention_mask=(~padding).long(), decoder_input_ids=written).logits
    apart = float((network(source, padding, written) - theirs[..., :-1]).abs().max())
    if not apart < 1e-3:  # float32 sums in another order differ by 1e-5
        raise ValueError(f"the same weights give logits that lie {apart:.3g} apart")


def _marian_weights(network: Transformer) -> Iterator[tuple[str, Tensor]]:
    source, target = network.source_embedding.table.weight, network.target_embedding.table.weight
    yield "model.encoder.embed_tokens.weight", _with_padding(source, 0.0)
    yield "model.decoder.embed_tokens.weight", _with_padding(target, 0.0)
    yield "final_logits_bias", _with_padding(network.output_bias, -math.inf).unsqueeze(0)
    for side in ("encoder", "decoder"):
        for number, layer in enumerate(getattr(network, side).layers):
            for name, tensor in _marian_layer(layer):
                yield f"model.{side}.layers.{number}.{name}", tensor


def _marian_layer(layer: Any) -> Iterator[tuple[str, Tensor]]:
    attentions = {"self_attn": ("self_attention", "self_attn_layer_norm")}
    if hasattr(layer, "cross_attention"):
        attentions["encoder_attn"] = ("cross_attention", "encoder_attn_layer_norm")
    for theirs, (ours, norm) in attentions.items():
        yield from _marian_attention(theirs, getattr(layer, ours))
        yield from _named(norm, getattr(layer, f"{ours}_add_and_norm").norm)
    yield from _named("fc1", layer.feed_forward.inner)
    yield from _named("fc2", layer.feed_forward.outer)
    yield from _named("final_layer_norm", layer.feed_forward_add_and_norm.norm)


def _marian_attention(name: str, attention: MultiHeadAttention) -> Iterator[tuple[str, Tensor]]:
    projection = attention.input_projection
    parts = zip("qkv", projection.weight.chunk(3), projection.bias.chunk(3), strict=True)
    for letter, weight, bias in parts:
        yield f"{name}.{letter}_proj.weight", weight
        yield f"{name}.{letter}_proj.bias", bias
    yield from _named(f"{name}.out_proj", attention.output_projection)


def _named(name: str, layer: Any) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", layer.weight
    yield f"{name}.bias", layer.bias


def _with_padding(rows: Tensor, value: float) -> Tensor:
    return torch.cat([rows, rows.new_full((1, *rows.shape[1:]), value)])


# CTranslate2 ---------------------------------------------------------------------------------------------------------


def write_ctranslate2(network: Transformer, source: Tokenizer, target: Tokenizer, folder: Path) -> Path:
    """A model folder that CTranslate2 opens; sources end with ``</s>``, which the caller adds."""
    from ctranslate2.specs import TransformerSpec

    normalises_first = network.encoder.norm is not None
    layers = (len(network.encoder.layers), len(network.decoder.layers))
    first: Any = network.encoder.layers[0]
    spec = TransformerSpec.from_config(layers, first.self_attention.heads, pre_norm=normalises_first)
    spec.decoder.start_from_zero_embedding = True
    for part, ours, table in (
        (spec.encoder, network.encoder, network.source_embedding.table.weight),
        (spec.decoder, network.decoder, network.target_embedding.table.weight),
    ):
        embeddings = part.embeddings[0] if isinstance(part.embeddings, list) else part.embeddings
        embeddings.weight = _numbers(table)
        part.scale_embeddings = math.sqrt(table.shape[1])
        part.position_encodings.encodings = _numbers(_positions(table.shape[1]))
        if normalises_first:
            _fill_norm(part.layer_norm, ours.norm)
        for layer_spec, layer in zip(part.layer, ours.layers, strict=True):
            _fill_layer(layer_spec, layer)
    spec.decoder.projection.weight = _numbers(network.projection)
    spec.decoder.projection.bias = _numbers(network.output_bias)
    spec.register_source_vocabulary(_pieces(source))
    spec.register_target_vocabulary(_pieces(target))
    spec.config.unk_token, spec.config.eos_token = source.pieces([source.unknown_id])[0], source.pieces([0])[0]
    spec.config.decoder_start_token = spec.config.eos_token  # any: its vector is zero
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    return folder


def _fill_layer(spec: Any, layer: Any) -> None:
    attention, width = layer.self_attention, layer.self_attention.width
    _fill(spec.self_attention.linear[0], attention.input_projection.weight, attention.input_projection.bias)
    _fill(spec.self_attention.linear[1], attention.output_projection.weight, attention.output_projection.bias)
    _fill_norm(spec.self_attention.layer_norm, layer.self_attention_add_and_norm.norm)
    if hasattr(layer, "cross_attention"):
        attention, projection = layer.cross_attention, layer.cross_attention.input_projection
        _fill(spec.attention.linear[0], projection.weight[:width], projection.bias[:width])
        _fill(spec.attention.linear[1], projection.weight[width:], projection.bias[width:])
        _fill(spec.attention.linear[2], attention.output_projection.weight, attention.output_projection.bias)
        _fill_norm(spec.attention.layer_norm, layer.cross_attention_add_and_norm.norm)
    _fill(spec.ffn.linear_0, layer.feed_forward.inner.weight, layer.feed_forward.inner.bias)
    _fill(spec.ffn.linear_1, layer.feed_forward.outer.weight, layer.feed_forward.outer.bias)
    _fill_norm(spec.ffn.layer_norm, layer.feed_forward_add_and_norm.norm)


def _fill(spec: Any, weight: Tensor, bias: Tensor) -> None:
    spec.weight, spec.bias = _numbers(weight), _numbers(bias)


def _fill_norm(spec: Any, norm: Any) -> None:
    spec.gamma, spec.beta = _numbers(norm.weight), _numbers(norm.bias)


def _positions(width: int) -> Tensor:
    from congling.equations.positions import sinusoidal_positions

    return sinusoidal_positions(LONGEST, width)


def _numbers(tensor: Tensor) -> Any:
    return tensor.detach().float().contiguous().numpy()


def _pieces(tokenizer: Tokenizer) -> list[str]:
    return tokenizer.pieces(list(range(tokenizer.size - 1)))
