"""Translation: a network learns from sentence pairs. Data, network, loss and metric come together here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from congling.data.text.packed_batches import PackedTrainingBatches
from congling.data.text.pair_batches import Batch, collate, ordered_batches
from congling.data.text.splits import Example
from congling.data.text.token_store import TokenStore
from congling.data.text.tokenizers import Tokenizer
from congling.data.text.training_batches import SubwordSampling, TrainingBatches
from congling.learning.checkpoints import Which
from congling.learning.events import Listener, Reason
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.shared_batches import Sharing
from congling.learning.trainer import Trainer
from congling.learning.training_state import Validation
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into
from congling.tasks.translation.data import languages, load_examples, prepare, read_corpus
from congling.tasks.translation.options import TASK, SearchOptions, TranslationOptions
from congling.tasks.translation.scores import bleu, bleu_tokenizer
from congling.tasks.translation.stored_run import languages_of, translation_options_of
from congling.tasks.translation.translator import TranslationNetwork, Translator, build_network

SAMPLES = 3  # sentences to show at each validation
TOKENS_A_THREAD = 1000  # with fewer of a batch's, a thread of its own is not worth its while
SCORED = 200  # validation sentences that are translated at each validation


def train(options: TranslationOptions, say: Say) -> tuple[Run, Reason]:
    """Train a translator from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    options.settle()
    pair = languages(options.data)
    run = new_run(options, TASK, f"translation-{'-'.join(pair)}", beside={"languages": list(pair)})
    with run.training():
        with preparing(run):
            prepare(run, read_corpus(options.data, options.training.seed, say), options, say)
        return run, _train_into(run, options, say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew. Errors as ``go_on``."""

    def learn(run: Run, options: TranslationOptions, begin: Which) -> Reason:
        if not run.file("data/train.arrow").is_file():
            prepare(run, read_corpus(options.data, options.training.seed, say), options, say)
        return _train_into(run, options, say, begin)

    return go_on(on, _settled_options_of, learn)


def _settled_options_of(run: Run) -> TranslationOptions:
    options = translation_options_of(run)
    options.settle()
    return options


def _train_into(run: Run, options: TranslationOptions, say: Say, begin: Which | None) -> Reason:
    def make_trainer(listeners: list[Listener]) -> Trainer[Batch]:
        return _trainer(run, options, listeners)

    return train_into(run, options.training, make_trainer, say, begin)


def _trainer(run: Run, options: TranslationOptions, listeners: list[Listener]) -> Trainer[Batch]:
    """The trainer of a run whose data are prepared."""
    training = options.training
    source, target = Tokenizer.load(run.file("source.model")), Tokenizer.load(run.file("target.model"))
    device = device_of(options.device)
    torch.manual_seed(training.seed)
    network = build_network(options.network, source, target, bool(options.vocabulary.joint_vocabulary)).to(device)
    packs = options.network.network == "transformer"  # a recurrent network reads one sentence a row
    batches = (PackedTrainingBatches if packs else TrainingBatches)(
        TokenStore.open(run.file("data/train.arrow")),
        batch_tokens=training.batch_tokens,
        seed=training.seed,
        source_pad=source.pad_id,
        target_pad=target.pad_id,
        sampling=_sampling(options, source, target),
    )
    twin = build_network(options.network, source, target, bool(options.vocabulary.joint_vocabulary)).to(device).eval()
    translator = Translator(twin, source, target)
    translator.languages = languages_of(run)
    examples = load_examples(run.file("data/valid.jsonl"))

    def loss_by(network: TranslationNetwork, batch: Batch) -> tuple[Tensor, int]:
        return network.loss(batch.to(device), training.label_smoothing)

    def look() -> Validation:
        return validate(translator, examples)

    # A recurrent network is run by Python, position by position; its threads would wait for each other there.
    sharing = Sharing(Batch.parts, loss_by, most=training.batch_tokens // TOKENS_A_THREAD)
    trainer = Trainer(
        network, lambda batch: loss_by(network, batch), batches, look, run, training, listeners, "tokens",
        sharing if packs else None,
    )  # fmt: skip
    trainer.parameters.lend(twin)
    return trainer


def _sampling(options: TranslationOptions, source: Tokenizer, target: Tokenizer) -> SubwordSampling | None:
    strength = options.vocabulary.subword_sampling
    return SubwordSampling(source, target, strength) if strength > 0 else None


# Validating ----------------------------------------------------------------------------------------------------------


def validate(translator: Translator, examples: Sequence[Example]) -> Validation:
    """The loss a token over all examples (their first reference), BLEU of some greedy translations, and samples."""
    scored = examples[:SCORED]
    outputs = [
        each.text
        for each in translator.translate([example.source for example in scored], SearchOptions(beam=1, max_length=60))
    ]
    references = [example.references for example in scored]
    language = translator.languages[1]
    # A tokenizer by name: sacreBLEU then keeps its remarks on the data for ``congling evaluate``.
    score = bleu(outputs, references, language, tokenizer=bleu_tokenizer(language)).score
    return Validation(
        loss=validation_loss(translator, examples),
        scores={"bleu": score},
        samples=[
            (example.source, example.references[0], output)
            for example, output in list(zip(scored, outputs, strict=True))[:SAMPLES]
        ],
    )


def validation_loss(translator: Translator, examples: Sequence[Example], batch_tokens: int = 4096) -> float:
    """The mean cross-entropy in nats over the target tokens of the examples' first references."""
    network = translator.network
    device = network.output_bias.device
    source, target = translator.source_tokenizer, translator.target_tokenizer
    sources = source.encode_all([example.source for example in examples])
    targets = target.encode_all([example.references[0] for example in examples])
    total, count = 0.0, 0
    with torch.no_grad():
        for rows in ordered_batches([max(map(len, pair)) for pair in zip(sources, targets, strict=True)], batch_tokens):
            batch = collate([sources[r] for r in rows], [targets[r] for r in rows], source.pad_id, target.pad_id)
            loss, tokens = network.loss(batch.to(device))
            total, count = total + float(loss), count + tokens
    return total / max(1, count)
