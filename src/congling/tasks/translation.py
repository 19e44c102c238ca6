"""Translation: a Transformer learns from sentence pairs. Data, network, loss and metric come together here."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from congling.data.batches import Batch, SubwordSampling, TrainingBatches, collate, ordered_batches
from congling.data.splits import Example
from congling.data.token_store import TokenStore
from congling.data.tokenizers import Tokenizer
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.checkpoints import load_checkpoint
from congling.learning.events import Listener
from congling.learning.metrics import MetricsFile, TensorBoardEvents
from congling.learning.options import DEFAULT_MINUTES, TrainingOptions
from congling.learning.precision import device_of
from congling.learning.progress import ProgressReport
from congling.learning.runs import Run
from congling.learning.trainer import Reason, Trainer, Validation
from congling.networks.transformer import Transformer
from congling.tasks.scores import bleu
from congling.tasks.translation_data import load_examples, prepare, read_corpus
from congling.tasks.translation_options import (
    DataOptions,
    NetworkOptions,
    SearchOptions,
    TranslationOptions,
    VocabularyOptions,
)
from congling.tasks.translator import Translator, build_network

Say = Callable[[str], None]
TASK = "translation"
SAMPLES = 3  # sentences to show at each validation
SCORED = 200  # validation sentences that are translated at each validation


def train(options: TranslationOptions, say: Say) -> tuple[Run, Reason]:
    """Train a translator from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    with ExitStack() as stack:
        corpus = read_corpus(options.data, options.training.seed, say)
        languages = corpus.source_language, corpus.target_language
        path = options.run or _free_folder(languages)
        config = dataclasses.asdict(options) | {"run": str(path), "languages": list(languages)}
        run = Run.create(path, config, task=TASK, seed=options.training.seed)
        stack.enter_context(run.training())
        try:
            prepare(run, corpus, options, say)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # nothing was learned yet: leave no half run in the way
            raise
        return run, _fit(run, options, say, resume=False)


def resume(path: Path, minutes: float | None, steps: int | None, say: Say) -> tuple[Run, Reason]:
    """Go on with a run that was interrupted or killed, or give a finished one a longer budget.

    Args:
        minutes, steps: a new total budget, in the kind that the run was trained with.
    """
    run = Run.open(path)
    options = options_of(run)
    _extend(run, options.training, minutes, steps)
    with run.training():
        if not run.file("data/train.arrow").is_file():
            corpus = read_corpus(options.data, options.training.seed, say)
            prepare(run, corpus, options, say)
        return run, _fit(run, options, say, resume=True)


def options_of(run: Run) -> TranslationOptions:
    """The options that a run was trained with, from its ``run.yaml``."""
    if run.task != TASK:
        raise UserError(_("{run} was trained for {task}, not for translation").format(run=run.path, task=run.task))
    try:
        return TranslationOptions(
            run=run.path,
            device=run.config["device"],
            data=DataOptions(**_with_paths(run.config["data"])),
            vocabulary=VocabularyOptions(**run.config["vocabulary"]),
            network=NetworkOptions(**run.config["network"]),
            training=TrainingOptions(**run.config["training"]),
        )
    except (KeyError, TypeError) as error:
        raise UserError(
            _("{path} does not describe a translation run: {reason}").format(path=run.path / "run.yaml", reason=error)
        ) from error


def _with_paths(data: dict[str, Any]) -> dict[str, Any]:
    names = ("source", "target", "table", "valid_source", "valid_target", "test_source", "test_target")
    return {name: Path(value) if name in names and value else value for name, value in data.items()}


def _extend(run: Run, training: TrainingOptions, minutes: float | None, steps: int | None) -> None:
    if minutes is None and steps is None:
        return
    by_steps = training.steps is not None
    if (steps is None) == by_steps:
        raise UsageError(
            _("{run} was trained by {kind}: give the new total with --{kind}").format(
                run=run.path, kind="steps" if by_steps else "minutes"
            )
        )
    training.minutes, training.steps = minutes, steps
    training.check()
    run.update_config(run.config | {"training": dataclasses.asdict(training)})


def _free_folder(languages: tuple[str, str]) -> Path:
    first = Path("runs") / f"translation-{'-'.join(languages)}"
    number, path = 1, first
    while path.exists():
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


# Fitting -------------------------------------------------------------------------------------------------------------


def _fit(run: Run, options: TranslationOptions, say: Say, resume: bool) -> Reason:
    training = options.training
    source, target = Tokenizer.load(run.file("source.model")), Tokenizer.load(run.file("target.model"))
    device = device_of(options.device)
    torch.manual_seed(training.seed)
    network = build_network(options.network, source, target, bool(options.vocabulary.joint_vocabulary)).to(device)
    batches = TrainingBatches(
        TokenStore.open(run.file("data/train.arrow")),
        batch_tokens=training.batch_tokens,
        seed=training.seed,
        source_pad=source.pad_id,
        target_pad=target.pad_id,
        sampling=_sampling(options, source, target),
    )
    twin = build_network(options.network, source, target, bool(options.vocabulary.joint_vocabulary)).to(device).eval()
    translator = Translator(twin, source, target)
    translator.languages = (run.config["languages"][0], run.config["languages"][1])
    examples = load_examples(run.file("data/valid.jsonl"))

    def loss(batch: Batch) -> tuple[Tensor, int]:
        return network.loss(batch.to(device), training.label_smoothing)

    with ProgressReport() as progress:
        listeners: list[Listener] = [progress, MetricsFile(run)]
        if training.tensorboard:
            listeners.append(TensorBoardEvents(run))
        trainer = Trainer(network, loss, batches, lambda: validate(translator, examples), run, training, listeners)
        trainer.parameters.lend(twin)
        if resume and run.checkpoint_steps():
            trainer.restore(load_checkpoint(run, "last"))
            if reason := trainer.finished():
                say(_("{run} is trained: {ended}").format(run=run.path, ended=_why(reason, training)))
                return reason
        return trainer.train()


def _why(reason: Reason, training: TrainingOptions) -> str:
    if reason == "patience":
        return _("its validation loss had stopped falling")
    if reason == "steps":
        return _("its {steps} steps are done; a larger --steps trains it further").format(steps=training.steps)
    minutes = training.minutes or DEFAULT_MINUTES
    return _("its {minutes:g} minutes are spent; more --minutes train it further").format(minutes=minutes)


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
    return Validation(
        loss=validation_loss(translator, examples),
        scores={"bleu": bleu(outputs, references, translator.languages[1]).score},
        samples=[
            (example.source, example.references[0], output)
            for example, output in list(zip(scored, outputs, strict=True))[:SAMPLES]
        ],
    )


def validation_loss(translator: Translator, examples: Sequence[Example], batch_tokens: int = 4096) -> float:
    """The mean cross-entropy in nats over the target tokens of the examples' first references."""
    network: Transformer = translator.network
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
