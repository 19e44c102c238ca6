"""Training and validation curves: how the loss fell, where it was best, and where it left for infinity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from congling.figures.plots import category_colour, faint, new_figure, number
from congling.figures.theme import DAY
from congling.language import _
from congling.learning.events import StepDone, Validated
from congling.learning.metrics import diverged_at, read_metrics
from congling.learning.runs import Run

MOST_POINTS = 2000  # of a curve; more than a screen is wide


class Heard(Protocol):
    """What a training said; ``learning.history.History`` is one."""

    @property
    def steps(self) -> Sequence[StepDone]: ...
    @property
    def validations(self) -> Sequence[Validated]: ...


@dataclass(frozen=True)
class Curves:
    """The losses of a training, each the mean over its examples or tokens; NaN where a loss was not finite.

    Attributes:
        steps, losses: in training.
        valid_steps, valid_losses: on the validation data.
        best: the step of the best validation, or None.
        diverged: the step at which the loss was no longer finite or the training was given up, or None.
    """

    steps: list[int]
    losses: list[float]
    valid_steps: list[int]
    valid_losses: list[float]
    best: int | None = None
    diverged: int | None = None


def curves_of_history(heard: Heard, reason: str | None = None) -> Curves:
    """The curves of a training in memory.

    Args:
        reason: why it ended; ``"diverged"`` marks its last step.
    """
    losses = [step.loss for step in heard.steps]
    # An average over checkpoints was never where the training stood.
    validations = [each for each in heard.validations if not each.averaged]
    best = [each.step for each in validations if each.best]
    steps = [step.step for step in heard.steps]
    ended = steps[-1] if reason == "diverged" and steps else None
    return Curves(
        steps, losses, [each.step for each in validations], [each.loss for each in validations],
        best[-1] if best else None, _first_broken(steps, losses) or ended,
    )  # fmt: skip


def curves_of_run(run: Run) -> Curves:
    """The curves in a run's ``metrics.jsonl``.

    Raises:
        UserError: a line of the file is no record.
    """
    records = read_metrics(run)
    training, valid = (
        [(record["step"], _number(record[tag])) for record in records if tag in record]
        for tag in ("train/loss", "valid/loss")
    )
    steps, losses = [step for step, _loss in training], [loss for _step, loss in training]
    finite = [(loss, step) for step, loss in valid if math.isfinite(loss)]
    return Curves(
        steps, losses, [step for step, _loss in valid], [loss for _step, loss in valid],
        min(finite)[1] if finite else None, _first_broken(steps, losses) or diverged_at(run),
    )  # fmt: skip


def learning_curves(curves: Curves) -> go.Figure:
    """Both curves over the steps; the loss on a logarithmic scale where all of it is above zero."""
    finite = [loss for loss in (*curves.losses, *curves.valid_losses) if math.isfinite(loss)]
    figure = new_figure(_("Loss, step by step"), subtitle=_summary(curves), x=_("step"), y=_("loss"), height=460)
    hover = _("step %{x}<br>loss %{y:.4~g}")
    steps, losses = _thinned(curves.steps, curves.losses)
    figure.add_scatter(
        x=steps, y=losses, mode="lines" if len(steps) > 1 else "markers", name=_("training"),
        line={"color": faint(category_colour(0), 0.75), "width": 1.5}, hovertemplate=hover,
    )  # fmt: skip
    figure.add_scatter(
        x=curves.valid_steps, y=curves.valid_losses, mode="lines+markers", name=_("validation"),
        line={"color": category_colour(1), "width": 2}, marker={"size": 5}, hovertemplate=hover,
    )  # fmt: skip
    if finite and 0 < min(finite) < max(finite):
        decades = max(finite) / min(finite) > 30  # else there would be hardly a mark
        figure.update_yaxes(type="log", tickformat="~g", dtick=1 if decades else None)
    _mark_best(figure, curves)
    if curves.diverged is not None:
        figure.add_vline(x=curves.diverged, line={"color": DAY.accent, "width": 2, "dash": "dot"})
        _write_at(figure, curves.diverged, 1.0, _("diverged at step {step}").format(step=curves.diverged))
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(hovermode="x unified")
    return figure


def _mark_best(figure: go.Figure, curves: Curves) -> None:
    if curves.best is None or curves.best not in curves.valid_steps:
        return
    loss = curves.valid_losses[curves.valid_steps.index(curves.best)]
    figure.add_scatter(
        x=[curves.best], y=[loss], mode="markers", name=_("best validation"), hoverinfo="skip",
        marker={"symbol": "star", "size": 14, "color": DAY.accent, "line": {"color": DAY.surface, "width": 1}},
    )  # fmt: skip


def _write_at(figure: go.Figure, step: int, height: float, text: str) -> None:
    figure.add_annotation(
        x=step, y=height, yref="paper", text=text, font={"color": DAY.accent}, xanchor="right", yanchor="top", xshift=-6
    )


def _summary(curves: Curves) -> str:
    if curves.best is not None and curves.best in curves.valid_steps:
        loss = curves.valid_losses[curves.valid_steps.index(curves.best)]
        return _("best on the validation data at step {step}: {loss}").format(step=curves.best, loss=number(loss))
    return ""


def _thinned(steps: list[int], losses: list[float]) -> tuple[list[int], list[float]]:
    """At most so many points, the last one always among them."""
    every = -(-len(steps) // MOST_POINTS)
    if every <= 1:
        return steps, losses
    kept = sorted({*range(0, len(steps), every), len(steps) - 1})
    return [steps[place] for place in kept], [losses[place] for place in kept]


def _first_broken(steps: list[int], losses: list[float]) -> int | None:
    return next((step for step, loss in zip(steps, losses, strict=True) if not math.isfinite(loss)), None)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
