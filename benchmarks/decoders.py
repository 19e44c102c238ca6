"""One batch of sentences translated by each of several libraries with equal weights: from pieces to pieces.

Equal for all: a length penalty of 1 (the log-probability by the length, the default of both peers), no unknown pieces,
and at most as many pieces as three times the batch's longest source plus 20. Two things differ. How a beam ends: here a
finished hypothesis keeps its place in the beam, in the others its place is filled again. And where a translation runs
away: ours ends at three times its own source plus 20, which the others can only be told for a whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from equal_weights import marian_of, write_ctranslate2

from congling.data.text.pair_batches import collate
from congling.learning.runs import Run
from congling.networks.transformer import Transformer
from congling.tasks.translation.options import SearchOptions
from congling.tasks.translation.translator import Translator

Rows = list[list[int]]  # pieces of each sentence of a batch, without the end
Decode = Callable[[Rows, int], Rows]  # a batch of sources and the beam, to target pieces
OURS, PENALTY = "congling", 1.0


def names(threads: int) -> list[str]:
    """All of them; a peer's names begin with the peer."""
    generating = [f"generate {way}" for way in ("float32 sdpa", "float32 eager", "bfloat16 sdpa")]
    engines = [f"ctranslate2 {kind}, {count} at a time" for kind in ("float32", "int8") for count in {1, threads}]
    return [OURS, *generating, *sorted(engines)]


def decoder(name: str, run: Path, folder: Path) -> Decode:
    """One of them, with the weights of a run. What it needs on the disk is written to a folder of its own."""
    translator = Translator.load(Run.open(run), device="cpu")
    network = translator.network
    if not isinstance(network, Transformer):
        raise ValueError("only a Transformer's weights fit the others")
    if name == OURS:
        return our_decoder(translator)
    peer, precision, way = name.split(" ", 2)
    if peer == "generate":
        return marian_decoder(translator, marian_of(network, way).to(getattr(torch, precision)))
    place, at_once = folder / name.replace(" ", "-"), int(way.split()[0])
    write_ctranslate2(network, translator.source_tokenizer, translator.target_tokenizer, place)
    return ctranslate2_decoder(translator, place, precision.rstrip(","), at_once, torch.get_num_threads() // at_once)


def our_decoder(translator: Translator) -> Decode:
    """Ours, by the search behind ``congling translate``, compiled as it is after some sentences."""
    if translator.prepared is not None:
        translator.prepared.compiled.prepare()

    def decode(rows: Rows, beam: int) -> Rows:
        options = SearchOptions(
            beam=beam, length_penalty=PENALTY, batch_tokens=len(rows) * 1000, max_length=most_pieces(rows)
        )
        return [found[0].ids for found in translator.search(rows, options)]

    return decode


def marian_decoder(translator: Translator, marian: Any) -> Decode:
    """Hugging Face's ``generate``, which keeps keys and values (use_cache)."""
    source, target = translator.source_tokenizer, translator.target_tokenizer

    def decode(rows: Rows, beam: int) -> Rows:
        batch = collate(rows, [[] for _row in rows], source.pad_id, target.pad_id)
        with torch.inference_mode():
            found = marian.generate(
                input_ids=batch.source, attention_mask=(~batch.source_padding).long(), num_beams=beam, do_sample=False,
                use_cache=True, length_penalty=PENALTY, max_new_tokens=most_pieces(rows),
                bad_words_ids=[[target.unknown_id]],
            )  # fmt: skip
        no_pieces = (target.end_id, target.pad_id)
        return [[piece for piece in row if piece not in no_pieces] for row in found[:, 1:].tolist()]

    return decode


def ctranslate2_decoder(translator: Translator, folder: Path, precision: str, at_once: int, threads: int) -> Decode:
    """CTranslate2 with a batch cut into ``at_once`` parts that it translates at the same time, each in some threads."""
    import ctranslate2

    engine = ctranslate2.Translator(
        str(folder), "cpu", compute_type=precision, inter_threads=at_once, intra_threads=threads
    )
    source, target = translator.source_tokenizer, translator.target_tokenizer
    source_pieces = source.pieces(range(source.size))
    target_ids = {piece: number for number, piece in enumerate(target.pieces(range(target.size)))}

    def decode(rows: Rows, beam: int) -> Rows:
        pieces = [[source_pieces[piece] for piece in [*row, source.end_id]] for row in rows]
        found = engine.translate_batch(
            pieces, beam_size=beam, length_penalty=PENALTY, disable_unk=True, max_decoding_length=most_pieces(rows),
            max_batch_size=-(-len(rows) // at_once),
        )  # fmt: skip
        return [[target_ids[piece] for piece in each.hypotheses[0]] for each in found]

    return decode


def most_pieces(rows: Rows) -> int:
    """How many pieces a translation in this batch may have, the end included."""
    return 3 * max(map(len, rows)) + 20
