"""Language models: a network learns from running text to say what comes next. Data, network and loss come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from congling.data.text.passages import Passage
from congling.data.text.running_text import RunningTextBatches, TextBatch
from congling.data.text.word_store import WordStore
from congling.language import _
from congling.learning.checkpoints import Which
from congling.learning.events import Listener, Reason
from congling.learning.history import History
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.trainer import Diverged, Trainer
from congling.learning.training_state import Validation
from congling.tasks.language_model.data import TextParts, has_text, load_text, prepare, reading, text_parts
from congling.tasks.language_model.options import TASK, LanguageModelOptions, WritingOptions
from congling.tasks.language_model.text_generator import TextGenerator, build_network, language_model_options_of
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into

SAMPLES, PROMPT = 2, 16  # texts to show at each validation, and the pieces of held-out text that they go on from
SHOWN = WritingOptions(temperature=0.8, seed=1, length=48)


@dataclass(frozen=True)
class TextFit:
    """A training in memory that is over.

    Attributes:
        generator: with the weights of the last step; after ``diverged``, those before the step that could not be done.
        reason: what ended it.
    """

    generator: TextGenerator
    history: History
    reason: Reason


def fit(options: LanguageModelOptions, passages: Sequence[Passage], listeners: Sequence[Listener] = ()) -> TextFit:
    """Train on text that is there, in memory alone: nothing is written, and a divergence is a result like others.

    Args:
        passages: to learn from, instead of the data that the options name.

    Raises:
        UserError: the options or the text do not allow it.
    """
    options.check()
    text = text_parts(options, lambda: iter(passages), lambda _name, rows: WordStore.of(rows))
    history = History()
    trainer = make_trainer(options, text, None, [history, *listeners])
    try:
        reason = trainer.train()
    except Diverged:
        reason = "diverged"
    network = build_network(options.network, text.tokenizer)
    load_parameters(network, {name: values.detach().cpu() for name, values in trainer.weights().items()})
    return TextFit(TextGenerator(network, text, options), history, reason)


def train(options: LanguageModelOptions, say: Say) -> tuple[Run, Reason]:
    """Train a language model from the options; everything is kept in the run's folder.

    Raises:
        UserError: the text, the options or the disk do not allow it; training diverged.
    """
    options.check()
    read = reading(options.data, say)
    run = new_run(options, TASK, f"{TASK}-{_subject(options)}")
    with run.training():
        with preparing(run):
            prepare(run, options, read, say)
        return run, _train_into(run, options, say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew. Errors as ``go_on``."""

    def learn(run: Run, options: LanguageModelOptions, begin: Which) -> Reason:
        if not has_text(run):
            prepare(run, options, reading(options.data, say), say)
        return _train_into(run, options, say, begin)

    return go_on(on, language_model_options_of, learn)


def _subject(options: LanguageModelOptions) -> str:
    """What the run's folder is called after: ``poems`` for ``/home/me/poems.txt``."""
    own = options.data.text
    return own[0].absolute().name.removesuffix(".gz").removesuffix(".txt") if own else options.data.data


def _train_into(run: Run, options: LanguageModelOptions, say: Say, begin: Which | None) -> Reason:
    text = load_text(run)

    def with_listeners(listeners: list[Listener]) -> Trainer[TextBatch]:
        return make_trainer(options, text, run, listeners)

    return train_into(run, options.training, with_listeners, say, begin)


def make_trainer(
    options: LanguageModelOptions, text: TextParts, run: Run | None, listeners: Sequence[Listener]
) -> Trainer[TextBatch]:
    """The trainer of a text that is prepared, of a run or in memory."""
    device, training = device_of(options.device), options.training
    torch.manual_seed(training.seed)
    network = build_network(options.network, text.tokenizer).to(device)
    batches = RunningTextBatches(text.parts["train"].ids, training.batch_size, training.context, training.seed)
    generator = TextGenerator(build_network(options.network, text.tokenizer).to(device), text, options)

    def loss(batch: TextBatch) -> tuple[Tensor, int]:
        return network.loss(batch.to(device))

    trainer = Trainer(network, loss, batches, lambda: validate(generator), run, training, listeners, "tokens")
    trainer.parameters.lend(generator.network)
    return trainer


# Validating ----------------------------------------------------------------------------------------------------------


def validate(generator: TextGenerator) -> Validation:
    """The loss a piece on the validation text, the bits a character of it, and what the network writes on from it."""
    found = generator.score(*generator.part("valid"))
    titles = _("prompt"), _("it went on"), _("output")
    return Validation(found.loss, {"bits_a_character": found.bits_a_character}, _samples(generator), titles)


def _samples(generator: TextGenerator) -> list[tuple[str, str, str]]:
    """A piece of held-out text, how it goes on, and how the network goes on: drawn, but always by the same chance."""
    store, decode = generator.text.parts["valid"], generator.tokenizer.decode
    longest = sorted(range(len(store)), key=lambda number: -len(store[number]))[:SAMPLES]
    passages = [store[number].tolist() for number in sorted(longest)]
    cuts = [generator.between_characters(ids, min(PROMPT, len(ids) // 2)) for ids in passages]
    ends = [generator.between_characters(ids, cut + SHOWN.length) for ids, cut in zip(passages, cuts, strict=True)]
    prompts = [decode(ids[:cut]) for ids, cut in zip(passages, cuts, strict=True)]
    texts = [decode(ids[cut:end]) for ids, cut, end in zip(passages, cuts, ends, strict=True)]
    written = [samples[0].text for samples in generator.write(prompts, SHOWN)]
    return list(zip(prompts, texts, written, strict=True))
