"""What the findings about gradients are called, what they mean, and what usually helps."""

from __future__ import annotations

from congling.language import _


def finding_word(kind: str) -> str:
    """What a kind of finding is called, in a word or two."""
    words = {
        "vanishing": _("vanishing"),
        "exploding": _("exploding"),
        "dead-relu": _("dead ReLU"),
        "saturated-softmax": _("saturated softmax"),
        "non-finite": _("not finite"),
    }
    return words.get(kind, kind)


def finding_advice(kind: str) -> str:
    """What a kind of finding means for the training, and what to try."""
    advice = {
        "vanishing": _(
            "The layers in front hardly learn, because hardly any gradient reaches them. What helps: residual "
            "connections, normalisation, another activation (ReLU instead of sigmoid), another initialisation, "
            "fewer layers."
        ),
        "exploding": _(
            "The gradient grows from layer to layer, so that a step throws the front layers far off. What helps: "
            "clipping, a smaller initialisation, normalisation, a smaller learning rate."
        ),
        "dead-relu": _(
            "Units that are zero for every example get no gradient and hardly ever come back. What helps: a smaller "
            "learning rate, leaky ReLU or GELU, another initialisation."
        ),
        "saturated-softmax": _(
            "Where one place gets nearly everything, hardly any gradient passes the softmax. After training this may "
            "be as it should; at the beginning the scores are too large."
        ),
        "non-finite": _("From here on all numbers are lost. What helps: a smaller learning rate, clipping, float32."),
    }
    return advice.get(kind, "")
