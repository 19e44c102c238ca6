"""The story's claims, tried in their short form; and what tries them: fair families, honest verdicts, true readings."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from congling.cli.options import parse
from congling.data.pictures.augmentation import Augmentation
from congling.demonstrations.claim import (
    FULL_SEEDS,
    SHORT_SEEDS,
    Claim,
    Course,
    Curve,
    Expectation,
    Metric,
    Reading,
    Variant,
    but,
    problem,
)
from congling.demonstrations.claims import all_claims, claim_named, claim_names
from congling.demonstrations.command import command
from congling.demonstrations.demonstrate import TUNING_SEED, demonstrate
from congling.demonstrations.figure import figure
from congling.demonstrations.letters import EVERY_LETTER, SIDE, letters, with_copies
from congling.demonstrations.outcome import Outcome
from congling.demonstrations.page import demonstration_page
from congling.demonstrations.trial import Trial
from congling.demonstrations.words import number, spread
from congling.errors import UsageError
from congling.figures.plots_page import night_colours
from congling.tasks.function_fitting.fitted_function import build_network
from congling.tasks.function_fitting.options import FunctionFittingOptions
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.translation.options import TranslationOptions

INFINITE = float("inf")
ROAD = {
    *("1.2", "1.3", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9"),
    *("4.2", "4.4", "4.5", "6.5"),
}
TASKS = {
    FunctionFittingOptions: "function-fitting",
    ImageClassificationOptions: "image-classification",
    TranslationOptions: "translation",
}


# The claims ----------------------------------------------------------------------------------------------------------


MINUTES_LONG = {"translators"}  # too long for a test: docs/demonstrations.md has what came of it


@pytest.mark.parametrize("name", [name for name in claim_names() if name not in MINUTES_LONG])
def test_the_claim_holds_in_its_short_form(name: str) -> None:
    """Guards each claim's direction and margin with fixed seeds: all three go its way, the median beyond the margin."""
    outcome = demonstrate(claim_named(name))
    assert outcome.seeds == SHORT_SEEDS
    assert all(verdict.right == 3 for verdict in outcome.verdicts), outcome.margins()
    assert outcome.held, outcome.sentence


def test_every_item_of_the_road_has_a_claim() -> None:
    """Guards against an item of the road that is told and not shown, and a name that differs from its key."""
    assert {claim.road for claim in all_claims()} == ROAD
    assert [claim.name for claim in all_claims()] == claim_names()


@pytest.mark.parametrize("claim", all_claims(), ids=claim_names())
def test_variants_differ_in_one_thing(claim: Claim) -> None:
    """Guards against a before and after that differ in two things: then nobody knows which of them it was."""
    for variant in claim.variants:
        others = [other for other in claim.variants if other is not variant]
        assert not others or min(_differences(variant, other) for other in others) == 1, variant.name


@pytest.mark.parametrize("claim", all_claims(), ids=claim_names())
def test_readings_name_variants_and_metrics(claim: Claim) -> None:
    """Guards against a misspelled reading, which is found only after training, and a margin that asks nothing."""
    for each in claim.expectations:
        for reading in (each.larger, each.smaller):
            assert reading.variant in {variant.name for variant in claim.variants}
            assert reading.metric in {metric.name for metric in claim.metrics}
        assert each.margin > each.even
        assert (each.times is None) != (each.by is None)
        each.phrase.format(distance="", larger="", smaller="")


@pytest.mark.parametrize("claim", all_claims(), ids=claim_names())
def test_the_command_gives_the_variant(claim: Claim) -> None:
    """Guards against a printed command that trains something else than what was measured."""
    for variant in claim.variants:
        if type(variant.options) not in TASKS:  # a problem made for the claim
            assert not variant.repeatable
            continue
        program, verb, task, *arguments = shlex.split(command(variant.options, seed=7))
        assert (program, verb, task) == ("congling", "train", TASKS[type(variant.options)])
        assert parse(type(variant.options), arguments, "", "") == but(variant.options, seed=7)


def test_claims_are_listed_without_pytorch() -> None:
    """Guards the second that importing PyTorch takes before ``congling demonstrate`` lists what there is."""
    code = (
        "import sys; from congling.demonstrations.claims import all_claims; all_claims(); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_unknown_claim_is_named() -> None:
    """Guards the message for a slip of the finger."""
    with pytest.raises(UsageError, match="there is no claim droput; did you mean dropout"):
        claim_named("droput")


# Verdicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("larger", "smaller", "held"),
    [
        ((6.0, 6.0, 6.0), (2.0, 2.0, 2.0), True),
        ((3.0, 3.0, 3.0), (2.0, 2.0, 2.0), False),  # the right way, but by less than the margin
        ((9.0, 9.0, 1.9), (2.0, 2.0, 2.0), False),  # one of three the other way
        ((2.0, 2.0, 2.0), (6.0, 6.0, 6.0), False),
        ((INFINITE, INFINITE, 9.0), (2.0, 2.0, 2.0), True),
        ((2.0, 2.0, 2.0), (INFINITE, INFINITE, INFINITE), False),
        ((INFINITE, INFINITE, INFINITE), (INFINITE, INFINITE, INFINITE), False),  # both diverged: equal
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), False),
        ((2.0, 2.0, 2.0), (0.0, 0.0, 0.0), True),
    ],
)
def test_a_verdict_asks_for_margin_and_agreement(larger: Any, smaller: Any, held: bool) -> None:
    """Guards against a claim that holds whatever is measured."""
    outcome = _outcome(larger, smaller, times=2)
    assert outcome.held is held
    assert outcome.sentence.startswith("As the story tells it" if held else "Not as the story tells it")


def test_differences_are_judged_as_differences() -> None:
    """Guards parts of a whole, for which ratios mean nothing when one of them is zero."""
    assert _outcome((0.41, 0.5, 0.6), (0.0, 0.2, 0.1), by=0.3).held
    assert not _outcome((0.41, 0.5, 0.6), (0.2, 0.3, 0.1), by=0.3).held


def test_one_of_ten_seeds_may_go_the_other_way() -> None:
    """Guards the rule that the page tells: nine of ten seeds, not eight."""
    assert _outcome((9.0,) * 9 + (1.0,), (2.0,) * 10, times=2).held
    assert not _outcome((9.0,) * 8 + (1.0,) * 2, (2.0,) * 10, times=2).held
    assert len(FULL_SEEDS) == 10


def test_readings_are_compared_seed_by_seed() -> None:
    """Guards the pairing: sorted by themselves, these readings would all be equal."""
    verdict = _outcome((1.0, 2.0, 3.0), (3.0, 1.0, 2.0), times=2).verdicts[0]
    assert verdict.distances == (1 / 3, 2.0, 1.5)


def test_an_outcome_tells_its_numbers() -> None:
    """Guards table, sentence, margins and JSON against each other's numbers, and JSON against Infinity."""
    outcome = _outcome((6.0, 8.0, INFINITE), (2.0, 2.0, 2.0), times=2)
    assert outcome.table() == [["", "error"], ["before", "7 ± 1.41; 1 of 3 diverged"], ["after", "2 ± 0"]]
    assert outcome.sentence == "As the story tells it: before is 4 times as large (8 against 2)."
    assert outcome.margins() == ["asked: at least 2 times; seen: 4 times (median), 3 of 3 seeds go this way"]
    told = json.loads(json.dumps(outcome.to_json(), allow_nan=False))
    assert told["variants"][0]["values"] == {"error": [6.0, 8.0, None]}
    assert told["expectations"][0]["distances"] == [3.0, 4.0, None]
    assert told["held"] is True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.012345, "0.0123"), (12.345, "12.3"), (1234.5, "1,230"), (2_541_000.0, "2,540,000"),
        (1.26e-5, "1.3×10⁻⁵"), (-4.4e8, "-4.4×10⁸"), (INFINITE, "∞"), (math.nan, "∞"),
    ],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    """Guards against digits that say nothing, and against 1e-05 in a sentence."""
    assert number(value) == text


def test_a_spread_leaves_out_what_diverged() -> None:
    """Guards against a mean of infinity, and against one that hides that some diverged."""
    assert spread([1.0, 2.0, 3.0]) == "2 ± 1"
    assert spread([INFINITE, INFINITE]) == "diverged"
    assert spread([0.25, 0.75], percent=True) == "50 % ± 35.4 %"


# Trying --------------------------------------------------------------------------------------------------------------

QUICK = problem(
    function="line", examples=13, valid_size=5, test_size=7, steps=11, validations=1, hidden=[3], learning_rate=0.01
)


def test_the_best_rate_is_chosen_on_a_seed_that_is_not_measured() -> None:
    """Guards against a learning rate chosen on what it is judged by, and against the worst one."""
    seeds: list[tuple[int, float]] = []

    def error(trial: Trial) -> float:
        training = trial.fit.options.training
        seeds.append((training.seed, training.learning_rate))
        return {0.01: 3.0, 0.1: 1.0, 0.3: 2.0}[training.learning_rate]

    claim = _claim(error, Variant("before", "before", QUICK, (0.01, 0.1, 0.3)), Variant("after", "after", QUICK))
    outcome = demonstrate(claim, (1, 2))
    assert [each for each in seeds if each[0] == TUNING_SEED] == [(0, 0.01), (0, 0.1), (0, 0.3)]
    assert TUNING_SEED not in FULL_SEEDS
    assert outcome.options["before"].training.learning_rate == 0.1
    assert {rate for seed, rate in seeds if seed} == {0.1, 0.01}  # 0.01 is the other variant's own
    assert outcome.table()[1][0] == "before (rate 0.1)"
    assert "--learning-rate 0.1" in outcome.commands["before"]


def test_variants_of_a_seed_see_the_same_data() -> None:
    """Guards the pairs: with other data in every variant, the seeds' spread would hide the difference."""
    first, second = Trial.of(but(QUICK, seed=3)), Trial.of(but(QUICK, seed=3, l2=0.1))
    other = Trial.of(but(QUICK, seed=4))
    assert np.array_equal(first.fit.data.train.inputs, second.fit.data.train.inputs)
    assert not np.array_equal(first.fit.data.train.inputs, other.fit.data.train.inputs)
    assert first.fit.history.steps[0].loss == second.fit.history.steps[0].loss  # the same first weights
    assert first.fit.history.steps[-1].loss != second.fit.history.steps[-1].loss


def test_a_change_must_have_an_option() -> None:
    """Guards against a variant that is the same as the first because its one change was misspelled."""
    with pytest.raises(TypeError, match="learningrate"):
        but(QUICK, learningrate=0.1)


def test_progress_names_variant_and_seed() -> None:
    """Guards the lines that a user sees while nothing else happens."""
    said: list[str] = []
    demonstrate(
        _claim(Trial.error, Variant("before", "before", QUICK), Variant("after", "after", QUICK)), (1, 2), said.append
    )
    assert [line.split(": ")[0] for line in said] == [
        f"{variant}, seed {seed}" for seed in (1, 2) for variant in ("before", "after")
    ]


# Readings ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial() -> Trial:
    """A small network that was trained for a moment on noisy points."""
    return Trial.of(problem(function="sine", examples=23, noise=0.3, hidden=[5, 3, 2], steps=31, test_size=17))


def test_errors_are_those_of_the_weights_that_they_name(trial: Trial) -> None:
    """Guards last against best weights, training against test part, and noisy targets against the truth."""
    data, network = trial.fit.data, trial.fit.network
    with torch.no_grad():
        predicted = {part: network(data.examples(part).inputs).double().numpy() for part in ("train", "test")}
    assert trial.error() == pytest.approx(np.mean((predicted["test"] - data.test.targets) ** 2), rel=1e-6)
    assert trial.error("train") == pytest.approx(np.mean((predicted["train"] - data.train.targets) ** 2), rel=1e-6)
    truth = np.sin(data.test.inputs)
    assert trial.distance_from_truth() == pytest.approx(np.mean((predicted["test"] - truth) ** 2), rel=1e-6)
    spoiled = {name: torch.zeros_like(weights) for name, weights in trial.fit.best_weights.items()}
    worse = Trial(dataclasses.replace(trial.fit, best_weights=spoiled))
    assert worse.best_error() == pytest.approx(np.mean(data.test.targets**2), rel=1e-6)
    assert worse.error() == trial.error()


def test_weights_are_counted_without_biases(trial: Trial) -> None:
    """Guards against biases among the weights that penalties act on."""
    matrices = [layer.linear.weight for layer in trial.fit.network.layers] + [trial.fit.network.output.weight]
    weights = torch.cat([each.detach().flatten() for each in matrices])
    assert len(weights) == 1 * 5 + 5 * 3 + 3 * 2 + 2 * 1
    assert trial.sum_of_squares() == pytest.approx(float((weights.double() ** 2).sum()), rel=1e-12)
    middle = float(weights.abs().median())
    assert trial.part_of_weights_below(middle) == pytest.approx(13 / 28)


def test_gradients_are_those_before_the_first_step(trial: Trial) -> None:
    """Guards against the trained weights' gradients, and against layers in another order; twin: PyTorch's autograd."""
    network = build_network(trial.fit.options, trial.fit.data)
    loss, _count = network.loss(trial.fit.data.examples("train"))
    loss.backward()
    layers = [layer.linear for layer in network.layers] + [network.output]
    gradients = [torch.cat([layer.weight.grad.flatten(), layer.bias.grad]) for layer in layers]
    expected = [float(each.double().square().mean().sqrt()) for each in gradients]
    count = len(trial.fit.data.train)
    assert trial.gradients_by_layer() == pytest.approx([each / count for each in expected], rel=1e-4)
    whole = torch.cat(gradients) / count
    assert trial.first_gradient() == pytest.approx(float(whole.norm()), rel=1e-4)


def test_the_exact_solution_is_numpys() -> None:
    """Guards the reference of the exact regression; twin: ``numpy.linalg.lstsq``, and the difference of two losses."""
    options = problem(
        function="sine", examples=29, noise=0.2, features=["x", "x^2"], hidden=[], steps=3,
        optimizer="gradient-descent", learning_rate=0.01,
    )  # fmt: skip
    trial = Trial.of(options)
    inputs = trial.fit.data.train.inputs
    design = np.concatenate([inputs, inputs**2, np.ones_like(inputs)], axis=1).astype(np.float32).astype(np.float64)
    targets = trial.fit.data.train.targets.astype(np.float32).astype(np.float64)
    exact = np.linalg.lstsq(design, targets, rcond=None)[0]
    output = trial.fit.network.output
    found = np.concatenate([output.weight.detach().numpy().T, output.bias.detach().numpy()[:, None]]).astype(np.float64)
    losses = [np.mean((design @ weights - targets) ** 2) for weights in (found, exact)]
    assert trial.distance_from_exact() == pytest.approx(np.linalg.norm(found - exact), rel=1e-9)
    assert trial.excess_over_exact() == pytest.approx(losses[0] - losses[1], rel=1e-7)


def test_what_diverged_is_worse_than_anything() -> None:
    """Guards against the small error of weights that were thrown away a step later."""
    trial = Trial.of(problem(function="sine", optimizer="gradient-descent", learning_rate=1000.0, steps=200, hidden=[]))
    assert trial.diverged
    assert trial.error() == trial.best_error() == trial.distance_from_truth() == INFINITE


def test_copies_are_of_training_pictures_alone() -> None:
    """Guards against copies of unseen pictures, which would make any network look good, and against wrong letters."""
    plain = letters(5)
    more = with_copies(plain, Augmentation(mirror=1.0), count=2, seed=5)
    assert (len(plain.train), len(more.train)) == (30, 90)
    assert more.test is plain.test and more.valid is plain.valid
    assert np.array_equal(more.train.targets, np.tile(plain.train.targets, 3))
    pictures = more.train.inputs.reshape(3, 30, SIDE, SIDE)
    assert np.array_equal(pictures[0], plain.train.inputs.reshape(30, SIDE, SIDE))
    assert np.array_equal(pictures[2], pictures[0][:, :, ::-1])
    assert not any((row == plain.test.inputs).all(axis=1).any() for row in plain.train.inputs)


def test_letters_are_drawn_as_they_stand() -> None:
    """Guards against a letter on its head, which mirrored copies would then put right."""
    assert set(EVERY_LETTER) == set("FGJLPR")
    assert all([len(row) for row in rows.split()] == [5] * 7 for rows in EVERY_LETTER.values())
    bare = letters(5).train.inputs.reshape(30, SIDE, SIDE)[3]  # the L: its foot is at the bottom
    assert bare[SIDE // 2 :].sum() > 1.3 * bare[: SIDE // 2].sum()


# Figures -------------------------------------------------------------------------------------------------------------


def test_a_figure_shows_every_seed_and_says_what_diverged() -> None:
    """Guards against a dot that is missing without a word, and colours that stay as they are at night."""
    outcome = _outcome((6.0, 8.0, INFINITE), (2.0, 2.0, 2.0), times=2)
    drawn = figure(outcome)
    dots = [trace for trace in drawn.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in dots] == [[6.0, 8.0], [2.0, 2.0, 2.0]]
    assert [list(trace.y) for trace in dots] == [[0, 0], [1, 1, 1]]
    assert "1 diverged" in [annotation.text for annotation in drawn.layout.annotations]
    assert list(drawn.layout.yaxis.ticktext) == ["before", "after"]
    lines = [trace for trace in drawn.data if trace.showlegend and trace.mode.startswith("lines")]
    assert [trace.name for trace in lines] == ["before", "after"]
    assert sum(len(trace.x) for trace in drawn.data if trace.legendgroup == "before") == 3 * 4
    days = {day for day, _night in night_colours()}
    assert {colour for colour in _colours(drawn.to_plotly_json()) if not colour.startswith("rgba")} <= days


def test_a_page_tells_statement_sentence_margins_and_commands() -> None:
    """Guards the page against a part that is left out."""
    outcome = _outcome((6.0, 8.0, 9.0), (2.0, 2.0, 2.0), times=2)
    page = demonstration_page(outcome)
    for text in (
        "What the story tells",
        "before is 4 times as large",
        "congling train function-fitting --function line",
    ):
        assert text in page


# Helpers of these tests ----------------------------------------------------------------------------------------------


def _claim(error: Any, *variants: Variant, **margin: float) -> Claim:
    course = Course("lines", "step", "loss", lambda trial: {"": ([1.0, 2.0], [3.0, 2.0])})
    expectation = Expectation(
        Reading("before", "error"),
        Reading("after", "error"),
        "before is {distance} times as large ({larger} against {smaller})",
        **(margin or {"times": 2.0}),
    )
    return Claim(
        "test",
        "3.0",
        "A claim",
        "What the story tells",
        variants,
        (Metric("error", "error", error),),
        (expectation,),
        (course,),
    )


def _outcome(larger: tuple[float, ...], smaller: tuple[float, ...], **margin: float) -> Outcome:
    claim = _claim(Trial.error, Variant("before", "before", QUICK), Variant("after", "after", QUICK), **margin)
    values = {Reading("before", "error"): larger, Reading("after", "error"): smaller}
    seeds = tuple(range(1, len(larger) + 1))
    curves = tuple(Curve(each.name, "", [1, 2, 3, 4], [4, 3, 2, 1]) for each in claim.variants for _seed in seeds)
    return Outcome(claim, seeds, values, {each.name: each.options for each in claim.variants}, curves, 1.0)


def _differences(first: Variant, second: Variant) -> int:
    """How many options differ; learning rates that are chosen from the same several ones are none."""
    count = int(first.prepare is not second.prepare) + int(bool(first.rates) != bool(second.rates))
    count += int(first.pictures != second.pictures)
    free = {"learning_rate"} if first.rates or second.rates else set()
    for one, other in zip(*(dataclasses.asdict(each.options).values() for each in (first, second)), strict=True):
        if not isinstance(one, dict):
            count += int(one != other)
        else:
            different = {name for name in one if one[name] != other[name]} - free
            count += 1 if "network" in different else len(different)  # an mlp and a cnn have no sizes in common
    return count


def _colours(value: Any) -> Iterator[str]:
    """Every text in a figure that is a colour."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _colours(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _colours(each)
    elif isinstance(value, str) and value.startswith(("#", "rgb")):
        yield value
