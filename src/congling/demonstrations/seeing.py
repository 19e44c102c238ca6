"""Road 4.2 to 4.5: networks that see. What a full connection costs, what a shift does, and what pooling keeps."""

from __future__ import annotations

from typing import Any

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, but
from congling.demonstrations.picture_sources import LetterPictures
from congling.demonstrations.readings import (
    both_losses,
    change_of_features,
    part_wrong,
    part_wrong_moved,
    right_by_shift,
    size_of_network,
    weights_of_first_layer,
)
from congling.language import _
from congling.tasks.image_classification.options import ImageClassificationOptions


def pictures_problem(**changes: Any) -> ImageClassificationOptions:
    """What ``congling train image-classification`` does by itself, but small and plain, with these changes."""
    small = {
        "device": "cpu", "threads": 1, "precision": "float32", "augment": False, "convolutions": 1, "warmup_steps": 0,
        "batch_size": 16,
    }  # fmt: skip
    return but(ImageClassificationOptions(), **(small | changes))


def full_connection() -> Claim:
    """4.2: every pixel to every neuron, or small kernels for all places."""
    plain = pictures_problem(steps=60)
    few, rates = LetterPictures(10, anywhere=True), (0.001, 0.004)
    full, convolutions = but(plain, network="mlp", hidden=[1000]), but(plain, blocks=[8, 16, 32])
    return Claim(
        name="full-connection",
        road="4.2",
        title=_("What a full connection costs"),
        statement=_(
            "From 30 × 30 grey pixels to 1,000 neurons there are 900,000 weights, and each has to be learned by "
            "itself. A convolution layer looks at every place with the same few: that costs far less, and takes fewer "
            "pictures."
        ),
        variants=(
            Variant("full", _("every pixel to 1,000 neurons"), full, rates, pictures=few),
            Variant("convolution", _("three layers of 3 × 3 kernels"), convolutions, rates, pictures=few),
        ),
        metrics=(part_wrong(), weights_of_first_layer(), size_of_network()),
        expectations=(
            Expectation(
                Reading("full", "weights"),
                Reading("convolution", "weights"),
                _("the full connection has {larger} weights, the first layer of kernels {smaller}"),
                times=1000,
            ),
            Expectation(
                Reading("full", "parameters"),
                Reading("convolution", "parameters"),
                _("the whole networks have {larger} and {smaller} parameters"),
                times=50,
            ),
            Expectation(
                Reading("full"),
                Reading("convolution"),
                _("after the same few pictures {larger} of the unseen ones are wrong, and {smaller} with kernels"),
                by=0.1,
            ),
        ),
        courses=(both_losses(),),
        remark=_(
            "The 1,000 biases of the full connection are not among its weights. The pictures are letters that the "
            "program draws: ten of each to learn from, turned, and somewhere near the middle."
        ),
    )


def shifted_pictures() -> Claim:
    """4.4: what is learned in one place, seen in another."""
    plain = pictures_problem(steps=60)
    middle = LetterPictures(30)
    return Claim(
        name="shifted-pictures",
        road="4.4",
        title=_("A picture that is moved"),
        statement=_(
            "To full layers on pixels, a picture that is moved by a few pixels is another picture: every weight sees "
            "something else. A convolution finds its features wherever they are. But where the layer after it asks for "
            "the place, a shift still matters; less, the larger the window is that pooling looks over."
        ),
        variants=(
            Variant("mlp", _("full layers"), but(plain, network="mlp", hidden=[64]), pictures=middle),
            Variant(
                "cnn",
                _("convolutions, pooled over 10 × 10"),
                but(plain, blocks=[16], convolutions=2, kernel=5, window=10),
                pictures=middle,
            ),
            Variant(
                "whole",
                _("convolutions, pooled over all"),
                but(plain, blocks=[16], convolutions=2, kernel=5, window=30),
                pictures=middle,
            ),
        ),
        metrics=(part_wrong(), part_wrong_moved(2), part_wrong_moved(6)),
        expectations=(
            Expectation(
                Reading("mlp", "moved-2"),
                Reading("mlp"),
                _("full layers get {smaller} of the unseen pictures wrong, and {larger} if they are moved by 2 pixels"),
                by=0.2,
            ),
            Expectation(
                Reading("mlp", "moved-2"),
                Reading("cnn", "moved-2"),
                _("convolutions, pooled over 10 × 10, then {smaller}"),
                by=0.1,
            ),
            Expectation(
                Reading("cnn", "moved-6"),
                Reading("whole", "moved-6"),
                _("moved by 6 pixels, they get {larger} wrong, and {smaller} if pooled over the whole picture"),
                by=0.3,
            ),
        ),
        courses=(right_by_shift(),),
        remark=_(
            "The pictures are letters that the program draws. To learn from, all stand in the middle. There is room "
            "for a shift by 7 pixels; what leaves on one side comes in on the other."
        ),
    )


def pooling() -> Claim:
    """4.5: what a window keeps."""
    plain = pictures_problem(steps=60, blocks=[8, 16, 32])
    middle = LetterPictures(20)
    return Claim(
        name="pooling",
        road="4.5",
        title=_("What pooling keeps"),
        statement=_(
            "When the picture moves by a pixel, the largest number or the mean of each small window changes less than "
            "the numbers themselves. So pooling keeps what was found and gives up where exactly, and the layers after "
            "it have less to learn."
        ),
        variants=(
            Variant("none", _("no pooling"), but(plain, pooling="none"), pictures=middle),
            Variant("max", _("the largest of 2 × 2"), plain, pictures=middle),
            Variant("mean", _("the mean of 2 × 2"), but(plain, pooling="mean"), pictures=middle),
        ),
        metrics=(part_wrong(), part_wrong_moved(2), change_of_features(), size_of_network()),
        expectations=(
            Expectation(
                Reading("none", "change"),
                Reading("max", "change"),
                _("when pictures move by a pixel, features change by {larger}, and by {smaller} with the largest"),
                times=1.5,
            ),
            Expectation(
                Reading("none", "moved-2"),
                Reading("max", "moved-2"),
                _("of the unseen ones, moved by 2 pixels, {larger} are wrong, and {smaller} with the largest"),
                by=0.1,
            ),
            Expectation(Reading("none", "moved-2"), Reading("mean", "moved-2"), _("with the mean {smaller}"), by=0.1),
        ),
        courses=(right_by_shift(),),
        remark=_(
            "The features are all that the last convolution layer hands on. The pictures are letters that the program "
            "draws, to learn from all in the middle; what leaves on one side comes in on the other."
        ),
    )


def picture_augmentation() -> Claim:
    """3.2: the same few pictures, altered anew each time that they come."""
    plain = pictures_problem(steps=120, blocks=[8, 16, 32], rotate=20, shift=0.12, crop=0)
    few, many = LetterPictures(5, anywhere=True), LetterPictures(20, anywhere=True)
    return Claim(
        name="picture-augmentation",
        road="3.2",
        title=_("Few pictures, altered each time that they come"),
        statement=_(
            "A network that sees each of few pictures a little turned and shifted each time that it comes cannot learn "
            "them by heart. It recognises more unseen ones, as it would from more pictures."
        ),
        variants=(
            Variant("few", _("5 pictures of each class"), plain, pictures=few),
            Variant("altered", _("5, turned and shifted each time"), but(plain, augment=True), pictures=few),
            Variant("many", _("20 of each class"), plain, pictures=many),
        ),
        metrics=(part_wrong(),),
        expectations=(
            Expectation(
                Reading("few"),
                Reading("altered"),
                _("of the unseen pictures {larger} are wrong, and {smaller} with alterations"),
                by=0.1,
            ),
            Expectation(Reading("few"), Reading("many"), _("with four times as many pictures {smaller}"), by=0.1),
        ),
        courses=(both_losses(),),
        remark=_(
            "The pictures are letters that the program draws, turned and shifted just as the alterations do it. Of "
            "real pictures nobody knows so well how they vary."
        ),
    )
