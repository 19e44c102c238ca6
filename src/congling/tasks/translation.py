"""Translation: a Transformer learns from sentence pairs. Data, network, loss and metric come together here."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from congling.data.batches import Batch, SubwordSampling, TrainingBatches, collate, ordered_batches
from congling.data.splits import Example
from congling.data.token_store import TokenStore
from congling.data.tokenizers import Tokenizer
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.checkpoint_files import examine
from congling.learning.checkpoints import Which, checkpoint_folder, load_checkpoint
from congling.learning.events import Listener, Reason
from congling.learning.metrics import MetricsFile, TensorBoardEvents
from congling.learning.options import DEFAULT_MINUTES, TrainingOptions
from congling.learning.precision import compute_type, device_of
from congling.learning.progress import ProgressReport
from congling.learning.runs import Run
from congling.learning.threads import use_threads
from congling.learning.trainer import Trainer
from congling.learning.training_state import Validation
from congling.networks.transformer import Transformer
from congling.tasks.scores import bleu
from congling.tasks.stored_options import TASK, languages_of, options_of
from congling.tasks.translation_data import languages, load_examples, prepare, read_corpus
from congling.tasks.translation_options import SearchOptions, TranslationOptions
from congling.tasks.translator import Translator, build_network

Say = Callable[[str], None]
SAMPLES = 3  # sentences to show at each validation
SCORED = 200  # validation sentences that are translated at each validation


def train(options: TranslationOptions, say: Say) -> tuple[Run, Reason]:
    """Train a translator from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    device_of(options.device)  # a device or a folder that is not to be had is said before the data are read
    run = _new_run(options)
    with run.training():
        try:
            prepare(run, read_corpus(options.data, options.training.seed, say), options, say)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)  # nothing was learned yet: leave no half run in the way
            raise
        return run, _fit(run, options, say, begin=None)


def _new_run(options: TranslationOptions) -> Run:
    pair = languages(options.data)
    path = options.run or _free_folder(pair)
    options.training.precision = _measured_precision(options)
    if options.training.minutes is None and options.training.steps is None:
        options.training.minutes = DEFAULT_MINUTES  # run.yaml says what was meant; a later default changes no old run
    config = dataclasses.asdict(options) | {"run": str(path), "languages": list(pair)}
    return Run.create(path, config, task=TASK, seed=options.training.seed)


def _measured_precision(options: TranslationOptions) -> Literal["float32", "bfloat16"]:
    """What ``auto`` means here, once for the whole run: measured anew, it might change in the middle of a training."""
    use_threads(options.training.threads)
    chosen = compute_type(options.training.precision, device_of(options.device))
    return "bfloat16" if chosen == torch.bfloat16 else "float32"


def resume(path: Path, minutes: float | None, steps: int | None, say: Say, which: Which = "last") -> tuple[Run, Reason]:
    """Go on with a run that was interrupted or killed, or give a finished one a longer budget.

    Args:
        minutes, steps: a new total budget, in the kind that the run was trained with.
        which: the checkpoint to go on from; a run that has none yet begins anew.
    """
    run = Run.open(path)
    options = options_of(run)
    with run.training():
        if minutes is not None or steps is not None:
            _extend(run, options.training, minutes, steps, which)
        if not run.file("data/train.arrow").is_file():
            corpus = read_corpus(options.data, options.training.seed, say)
            prepare(run, corpus, options, say)
        return run, _fit(run, options, say, begin=which)


def _extend(run: Run, training: TrainingOptions, minutes: float | None, steps: int | None, which: Which) -> None:
    """Give the options another budget. ``run.yaml`` keeps the old one until the checkpoint is restored."""
    by_steps = training.steps is not None
    if (steps is None) == by_steps:
        raise UsageError(
            _("{run} was trained by {kind}: give the new total with --{kind}").format(
                run=run.path, kind="steps" if by_steps else "minutes"
            )
        )
    training.minutes, training.steps = minutes, steps
    training.check()
    done = max(run.checkpoint_steps(), default=0)
    if steps is not None and steps < done:
        raise UsageError(
            _("--steps {steps} is a total, and {run} has done {done} already").format(
                steps=steps, run=run.path, done=done
            )
        )
    spent = _seconds_spent(run, which) / 60
    if minutes is not None and minutes < spent:
        raise UsageError(
            _("--minutes {minutes:g} is a total, and {run} has spent {spent:g} already").format(
                minutes=minutes, run=run.path, spent=math.ceil(10 * spent) / 10
            )
        )


def _seconds_spent(run: Run, which: Which) -> float:
    if not run.checkpoint_steps():
        return 0.0
    whole, problem = examine(checkpoint_folder(run, which), ())
    return 0.0 if problem else float(whole["state"]["progress"]["seconds"])  # restoring will name the problem


def _keep_budget(run: Run, training: TrainingOptions) -> None:
    """Write a budget that ``_extend`` changed into ``run.yaml``."""
    stored = run.config["training"]
    budget = {"minutes": training.minutes, "steps": training.steps}
    if stored | budget != stored:
        run.update_config(run.config | {"training": stored | budget})


def _free_folder(languages: tuple[str, str]) -> Path:
    first = Path("runs") / f"translation-{'-'.join(languages)}"
    number, path = 1, first
    while path.exists():
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


# Fitting -------------------------------------------------------------------------------------------------------------


def _fit(run: Run, options: TranslationOptions, say: Say, begin: Which | None) -> Reason:
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
    translator.languages = languages_of(run)
    examples = load_examples(run.file("data/valid.jsonl"))

    def loss(batch: Batch) -> tuple[Tensor, int]:
        return network.loss(batch.to(device), training.label_smoothing)

    with ProgressReport() as progress:
        listeners: list[Listener] = [progress, MetricsFile(run)]
        if training.tensorboard:
            listeners.append(TensorBoardEvents(run))
        trainer = Trainer(network, loss, batches, lambda: validate(translator, examples), run, training, listeners)
        trainer.parameters.lend(twin)
        if begin is not None and run.checkpoint_steps():
            _restore(trainer, run, begin)
            if reason := trainer.finished():
                say(_("{run} is trained: {ended}").format(run=run.path, ended=_why(reason, training)))
        _keep_budget(run, training)
        return trainer.train()  # of a finished run, what was left to do after the last step: validating, averaging


def _restore(trainer: Trainer[Batch], run: Run, which: Which) -> None:
    checkpoint = load_checkpoint(run, which)
    try:
        trainer.restore(checkpoint)
    except (KeyError, ValueError, RuntimeError) as error:  # other names, other shapes
        raise UserError(
            _("the weights of {run} do not fit its run.yaml: undo the edit").format(run=run.path)
        ) from error


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
