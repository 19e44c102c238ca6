"""Every claim by name, in the order of the road. A claim is made when it is asked for, in the user's language then."""

from __future__ import annotations

from collections.abc import Callable

from congling.demonstrations import (
    augmentation,
    batches,
    bending,
    descent,
    exploding,
    fading,
    optimisers,
    overfitting,
    penalties,
    seeing,
    translators,
    vanishing,
    waiting,
)
from congling.demonstrations.claim import Claim
from congling.demonstrations.showings import showing_names
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

CLAIMS: dict[str, Callable[[], Claim]] = {
    "activation": bending.activation,
    "width": bending.width,
    "depth": bending.depth,
    "exact-regression": descent.exact_regression,
    "learning-rate": descent.learning_rate,
    "overfitting": overfitting.overfitting,
    "more-data": overfitting.more_data,
    "simpler-model": overfitting.simpler_model,
    "augmentation": augmentation.augmentation,
    "picture-augmentation": seeing.picture_augmentation,
    "early-stopping": overfitting.early_stopping,
    "l1": penalties.l1,
    "l2": penalties.l2,
    "dropout": penalties.dropout,
    "vanishing-gradients": vanishing.vanishing_gradients,
    "residual-connections": vanishing.residual_connections,
    "exploding-gradients": exploding.exploding_gradients,
    "clipping": exploding.clipping,
    "initialisation": exploding.initialisation,
    "input-normalisation": exploding.input_normalisation,
    "layer-normalisation": exploding.layer_normalisation,
    "momentum": optimisers.momentum,
    "rmsprop": optimisers.rmsprop,
    "adam": optimisers.adam,
    "mini-batches": batches.mini_batches,
    "full-connection": seeing.full_connection,
    "shifted-pictures": seeing.shifted_pictures,
    "pooling": seeing.pooling,
    "fading-memory": fading.fading_memory,
    "each-step-waits": waiting.each_step_waits,
    "translators": translators.translators,
}


def claim_names() -> list[str]:
    """What ``congling demonstrate`` can be asked for."""
    return list(CLAIMS)


def claim_named(name: str) -> Claim:
    """The claim of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in CLAIMS:
        otherwise, known = _("see congling demonstrate"), [*claim_names(), *showing_names()]
        raise UsageError(_("there is no claim {name}").format(name=name) + did_you_mean(name, known, otherwise))
    return CLAIMS[name]()


def all_claims() -> list[Claim]:
    """All of them, in the order of the road."""
    return [make() for make in CLAIMS.values()]
