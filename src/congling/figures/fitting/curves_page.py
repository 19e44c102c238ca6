"""The page of a run that has no weights to show: how its loss went, and why there is nothing else."""

from __future__ import annotations

from congling.figures.fitting.curve_figures import Curves, learning_curves
from congling.figures.plots_page import Section, plots_page
from congling.language import _


def curves_page(curves: Curves, *, name: str = "") -> str:
    """A self-contained page in the current language.

    Args:
        curves: of the training, see ``curve_figures``; without any step the page says so.
        name: of the run.
    """
    figures = [learning_curves(curves)] if curves.steps or curves.valid_steps else []
    title = _("A training without weights") if curves.diverged is None else _("A training that diverged")
    section = Section(_("How the loss went"), _told(curves), figures)
    return plots_page(title, [section], introduction=_why(curves), facts=[name] if name else [])


def _why(curves: Curves) -> str:
    if curves.diverged is None:
        return _(
            "This training was stopped before its first checkpoint: no weights were saved, so there is no network to "
            "look at. What is left is the curve."
        )
    return _(
        "This training diverged at step {step}, before its first checkpoint: no weights were saved, so there is no "
        "network to look at. What is left is the curve."
    ).format(step=curves.diverged)


def _told(curves: Curves) -> str:
    if not curves.steps:
        return _("Not one step was done.")
    if curves.diverged is None:
        return _("The loss of each step that was done.")
    return _(
        "Where the learning rate is too large, a step jumps over the valley and lands higher than it began; there the "
        "slope is steeper, and the next step is longer still. A smaller learning rate, or clipping the gradient, keeps "
        "the steps short enough for the loss to fall."
    )
