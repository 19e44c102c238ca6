"""A trained translator: sentences in, translations out, in order, and every number on the way if one asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from congling.data.text.languages import written_without_spaces
from congling.data.text.pair_batches import collate, ordered_batches
from congling.data.text.sentences import split_long
from congling.data.text.tokenizers import Tokenizer
from congling.decoding.beam import beam_search
from congling.decoding.greedy import greedy_search
from congling.decoding.hypotheses import Hypothesis
from congling.decoding.steps import Steps
from congling.equations.glass_box import GlassBox, glass_box, open_box
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_weights
from congling.learning.memory import keep_freed_memory
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.threads import ROWS_A_THREAD, side_by_side, threads_for
from congling.networks.prepared_transformer import PreparedTransformer
from congling.networks.recurrent_translator import RecurrentTranslator
from congling.networks.transformer import Transformer
from congling.tasks.translation.network_options import NetworkOptions
from congling.tasks.translation.options import SearchOptions
from congling.tasks.translation.stored_run import languages_of, translation_options_of

LONGEST_SOURCE = 256  # pieces; longer lines are translated part by part
LINES_AT_ONCE = 2048

TranslationNetwork = Transformer | RecurrentTranslator


@dataclass(frozen=True)
class Translation:
    """The translations of one line, best first, each with its hypotheses (one for each part of a long line)."""

    source: str
    texts: list[str]
    scores: list[float]
    parts: list[tuple[list[int], list[Hypothesis]]]  # source ids and their hypotheses

    @property
    def text(self) -> str:
        """The best one."""
        return self.texts[0] if self.texts else ""


@dataclass(frozen=True)
class Inside:
    """A glass box around one translation: what was seen, and the pieces that its rows and columns stand for."""

    seen: GlassBox
    source_ids: list[int]  # the end included, as in all of these
    target_ids: list[int]
    source_pieces: list[str]
    target_pieces: list[str]
    hypotheses: list[Hypothesis]
    text: str


def build_network(options: NetworkOptions, source: Tokenizer, target: Tokenizer, shared: bool) -> TranslationNetwork:
    """The network that the options describe, for these vocabularies."""
    settings = options.chosen() | {"shared_embeddings": shared, "tied_output": options.tied_output}
    if options.network == "rnn":
        kind = settings.pop("cell")
        return RecurrentTranslator(source.size, target.size, kind=kind, attention=options.attention, **settings)
    norm_first = settings.pop("norm") == "pre"
    return Transformer(source.size, target.size, norm_first=norm_first, **settings)


class Translator:
    """Translates with a network and its two tokenizers; the weights may change between two searches."""

    def __init__(self, network: TranslationNetwork, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer) -> None:
        self.network = network
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
        self.prepared: PreparedTransformer | None = None  # once and for all, where the weights stay
        self.languages = ("und", "und")

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "auto") -> Translator:
        """Open a run's tokenizers and the weights of one of its checkpoints.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        options = translation_options_of(run)
        source, target = Tokenizer.load(run.file("source.model")), Tokenizer.load(run.file("target.model"))
        network = build_network(options.network, source, target, bool(options.vocabulary.joint_vocabulary))
        try:
            load_parameters(network, load_weights(run, which))
        except ValueError as error:
            raise UserError(
                _("the weights of {run} do not fit its run.yaml: {reason}").format(run=run.path, reason=error)
            ) from error
        translator = cls(network.to(device_of(device)).eval(), source, target)
        translator.languages = languages_of(run)
        keep_freed_memory()  # a search, too, asks for the same large tensors at every step
        if isinstance(translator.network, Transformer):
            translator.prepared = PreparedTransformer(translator.network)
        return translator

    # Translating -----------------------------------------------------------------------------------------------------

    def translate(
        self,
        lines: Iterable[str],
        options: SearchOptions | None = None,
        n_best: int = 1,
        lines_at_once: int = LINES_AT_ONCE,
    ) -> Iterator[Translation]:
        """Translate any number of lines, in order; memory stays flat. Empty lines stay empty."""
        options = options or SearchOptions()
        remaining = iter(lines)
        while chunk := list(islice(remaining, lines_at_once)):
            yield from self._translate_chunk(chunk, options, n_best)

    def _translate_chunk(self, lines: list[str], options: SearchOptions, n_best: int) -> list[Translation]:
        parts = [split_long(line, LONGEST_SOURCE, self._piece_count) for line in lines]
        ids = self.source_tokenizer.encode_all([part for line_parts in parts for part in line_parts])
        hypotheses = iter(zip(ids, self.search(ids, options, n_best), strict=True))
        return [
            self._joined(line, [next(hypotheses) for _part in line_parts])
            for line, line_parts in zip(lines, parts, strict=True)
        ]

    def _piece_count(self, text: str) -> int:
        return len(self.source_tokenizer.encode(text))

    def _joined(self, line: str, parts: list[tuple[list[int], list[Hypothesis]]]) -> Translation:
        """The k-th best translation of a long line is made of its parts' k-th best."""
        space = "" if written_without_spaces(self.languages[1]) else " "
        kept = [(ids, found) for ids, found in parts if found]
        count = min((len(found) for _ids, found in kept), default=0)
        texts = [
            space.join(self.target_tokenizer.decode(found[rank].ids) for _ids, found in kept) for rank in range(count)
        ]
        scores = [sum(found[rank].log_probability for _ids, found in kept) for rank in range(count)]
        return Translation(line, texts or [""], scores, kept)

    def search(self, ids: Sequence[list[int]], options: SearchOptions, n_best: int = 1) -> list[list[Hypothesis]]:
        """The best hypotheses for each row of source ids (without the end), in the order of the rows."""
        steps = self._steps()

        def searched(numbers: list[int]) -> list[list[Hypothesis]]:
            return self._search(steps, [ids[number] for number in numbers], options, n_best)

        found: list[list[Hypothesis]] = [[] for _row in ids]
        filled = [number for number, row in enumerate(ids) if row]
        for rows in ordered_batches([len(ids[number]) for number in filled], options.batch_tokens):
            numbers = [filled[row] for row in rows]
            hypotheses = len(numbers) * max(options.beam, n_best)
            with threads_for(hypotheses, self.parameters):
                parts = self._parts(steps, numbers, hypotheses)
                results = side_by_side(searched, parts)
            for part, best in zip(parts, results, strict=True):
                for number, best_of_it in zip(part, best, strict=True):
                    found[number] = best_of_it
        return found

    def _parts(self, steps: Steps, numbers: list[int], hypotheses: int) -> list[list[int]]:
        """The sentences of a batch for each thread, of all lengths alike; one part where threads share operations."""
        if not isinstance(steps, PreparedTransformer) or self.network.projection.device.type != "cpu":
            return [numbers]
        count = max(1, min(torch.get_num_threads(), len(numbers), hypotheses // ROWS_A_THREAD))
        there_and_back = 2 * count  # 0 1 1 0 0 1 1 0 …: they come by their lengths, and no part has the longer ones
        return [numbers[k::there_and_back] + numbers[there_and_back - 1 - k :: there_and_back] for k in range(count)]

    def _steps(self) -> Steps:
        """The fastest way to the next pieces; in a glass box the one that shows everything."""
        if open_box() is not None or not isinstance(self.network, Transformer):
            return self.network
        return self.prepared or PreparedTransformer(self.network, lasting=False)

    def _search(
        self, steps: Steps, rows: list[list[int]], options: SearchOptions, n_best: int
    ) -> list[list[Hypothesis]]:
        source, padding = self._collated(rows)
        longest = torch.tensor([min(options.max_length, 3 * len(row) + 20) for row in rows])
        settings: dict[str, Any] = {
            "end_id": self.target_tokenizer.end_id,
            "pad_id": self.target_tokenizer.pad_id,
            "max_lengths": longest,
            "banned": (self.target_tokenizer.unknown_id,),
            "no_repeat_ngram": options.no_repeat_ngram,
        }
        with torch.inference_mode():
            if options.beam == 1 and n_best == 1:
                return [[each] for each in greedy_search(steps, source, padding, **settings)]
            return beam_search(
                steps, source, padding, beam=max(options.beam, n_best), n_best=n_best,
                length_penalty=options.length_penalty, **settings,
            )  # fmt: skip

    def _collated(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        batch = collate(rows, [[] for _row in rows], self.source_tokenizer.pad_id, self.target_tokenizer.pad_id)
        device = self.network.output_bias.device
        return batch.source.to(device), batch.source_padding.to(device)

    # Looking inside --------------------------------------------------------------------------------------------------

    def alignments(self, source_ids: list[int], target_ids: list[int]) -> list[tuple[int, int]]:
        """For each target piece the source piece that it looks at most: (source, target) places, from 0.

        The weights are those of a recurrent network's attention, or the mean over the heads of a Transformer's last
        cross-attention (Garg et al. 2019 find the last layers but one to align best in deep networks; in shallow ones
        it is the last).

        Raises:
            UserError: the network has no attention.
        """
        if not self.network.cross_attention:
            raise UserError(
                _("this translator has no attention that could say what it looked at: train one with --attention")
            )
        weights = self._forced(source_ids, target_ids)[self.network.cross_attention[-1]][0]  # (H, T, S) or (T, S)
        over_heads = weights.mean(dim=0) if weights.dim() == 3 else weights
        looked_at = over_heads[: len(target_ids), : len(source_ids)].argmax(dim=-1)  # (T,)
        return [(int(source), target) for target, source in enumerate(looked_at)]

    def _forced(self, source_ids: list[int], target_ids: list[int]) -> GlassBox:
        """One plain pass with a given translation, in a glass box."""
        batch = collate([source_ids], [target_ids], self.source_tokenizer.pad_id, self.target_tokenizer.pad_id)
        batch = batch.to(self.network.output_bias.device)
        with torch.no_grad(), glass_box() as seen:
            self.network(batch.source, batch.source_padding, batch.target_input)
        return seen

    def look_inside(self, text: str, options: SearchOptions | None = None, n_best: int = 5) -> Inside:
        """Translate one sentence and see everything: attention weights, outputs, positions, logits, runner-ups."""
        options = options or SearchOptions()
        source_ids = self.source_tokenizer.encode(text)
        if not source_ids:
            raise UserError(_("there is nothing to translate in {text}").format(text=repr(text)))
        if len(source_ids) > LONGEST_SOURCE:
            raise UserError(
                _("the sentence has {count} pieces; at most {most} can be looked into at once").format(
                    count=len(source_ids), most=LONGEST_SOURCE
                )
            )
        hypotheses = self.search([source_ids], options, min(n_best, max(options.beam, 1)))[0]
        target_ids = hypotheses[0].ids
        seen = self._forced(source_ids, target_ids)
        source_row, target_row = (
            [*source_ids, self.source_tokenizer.end_id],
            [*target_ids, self.target_tokenizer.end_id],
        )
        return Inside(
            seen,
            source_row,
            target_row,
            self.source_tokenizer.pieces(source_row),
            self.target_tokenizer.pieces(target_row),
            hypotheses,
            self.target_tokenizer.decode(target_ids),
        )
