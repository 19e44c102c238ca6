"""What to look at in a fit, in plain sentences in the current language."""

from __future__ import annotations

from congling.language import _


def fit_text(inputs: int, classes: int) -> str:
    """Of a fit of so many inputs, and so many classes (0 for a number)."""
    match inputs, classes:
        case 1, 0:
            return _(
                "The points are the examples. The network has to find a curve that goes where they go, without "
                "following their noise. Beyond the examples, at both ends, nothing tells it what to do."
            )
        case 1, _classes:
            return _("How likely each class is along the input. The marks above show where the examples of each are.")
        case 2, 0:
            return _(
                "The colour is the function's value. Where the truth is known it stands beside the fit, and then their "
                "difference: orange where the fit is too low, blue where it is too high."
            )
        case 2, 2:
            return _(
                "The colour of the plane says which class the network would choose there, and its strength how sure it "
                "is; along the line it is undecided. Points on ground of the other colour are taken for the wrong one."
            )
        case 2, _classes:
            return _(
                "The colour of the plane says which class the network finds likeliest there. Points on ground of "
                "another colour are taken for the wrong class."
            )
        case _inputs, 0:
            return _("Each point is an example; the closer to the line, the better.")
    return _("Each row is a true class, each column a predicted one: what is right lies on the diagonal.")


def slider_text() -> str:
    """Of the slider over the frames of a training."""
    return _(
        "Move the slider to go through the training, from step 0, before anything was learned, to ★, the weights "
        "that were kept. The steps double, because most happens early."
    )
