"""What the page of a picture says, by name; ``{name}`` in a text is filled in by the page's script."""

from __future__ import annotations

from congling.language import _


def picture_texts() -> dict[str, str]:
    """Every text of the page in the current language."""
    return _headings() | _explanations() | _head() | _layers() | _leaning() | _mistakes() | pixel_texts()


def pixel_texts() -> dict[str, str]:
    """What the arithmetic of one pixel says; other pages have it too."""
    return {
        "patch": _("patch"),
        "kernel": _("kernel"),
        "products": _("products"),
        "kernel_too_large": _("The kernel is too large for all its numbers to be read here."),
        "products_sum": _("sum of the {count} products"),
        "channel": _("channel {channel}"),
        "other_channels": _("other {count}"),
        "pixel": _("row {row}, column {column}"),
        "night": _("light or dark"),
        "map_label": _("{name}: {rows} by {columns} numbers. The arrow keys read them out."),
        "negative": _("negative"),
        "positive": _("positive"),
        "nothing": _("nothing"),
        "much": _("much"),
    }


def _headings() -> dict[str, str]:
    return {
        "inspect": _("a picture, seen from inside"),
        "contents": _("Contents"),
        "scores_title": _("The answer"),
        "layers_title": _("Layer by layer"),
        "sums_title": _("One pixel, calculated"),
        "templates_title": _("Every neuron's picture"),
        "leaning_title": _("What the answer leans on"),
        "mistakes_title": _("Mistakes"),
        "bars_title": _("Probability and score of each class"),
        "course_title": _("How the answer came about"),
        "goes_in": _("What goes in"),
        "comes_out": _("What comes out: choose a pixel"),
        "shares_title": _("What each input channel adds"),
        "confusion_title": _("Which class was taken for which"),
        "worst_title": _("The worst mistakes"),
    }


def _explanations() -> dict[str, str]:
    return {
        "scores_text": _(
            "The last layer gives each class a score, any number. The softmax makes probabilities of the scores: all "
            "together are 100 %, and a score that is larger by 1 is 2.7 times as likely."
        ),
        "layers_text": _(
            "Each channel is one kernel that slides over what the layer before gave, and writes down how much every "
            "place is like it. Read a column from top to bottom: the kernel, the map that it makes (here with what "
            "normalisation did to it), what the activation leaves, what pooling keeps. The channels that are busiest "
            "with this picture come first. Choose a map to calculate one of its pixels."
        ),
        "sums_text": _(
            "One number of a map: the patch below the kernel times the kernel, number by number, all summed. Move the "
            "pointer, or the arrow keys, over what comes out. Dashed numbers lie outside of the picture and count as "
            "zero. The weights are those that were kept, wherever the slider stands."
        ),
        "templates_text": _(
            "Without convolutions, every neuron of the first layer has a weight for each pixel: together they are a "
            "picture. The neuron adds up the picture times its own: blue pixels speak for it, orange ones against."
        ),
        "leaning_text": _(
            "Three ways to ask which pixels matter to the score of a class. They need not agree: the first two ask "
            "what a very small change would do, the third what happens when a piece is gone."
        ),
        "mistakes_text": _(
            "What the classifier says of pictures that it never learned from. The diagonal is what it gets right; the "
            "wrong answers that it is surest of are often the ones where a person hesitates too, or where the label is "
            "wrong."
        ),
    }


def _head() -> dict[str, str]:
    return {
        "is_right": _("That is right."),
        "is_wrong": _("It is {truth}."),
        "grey_shape": _("{columns} × {rows} pixels, grey"),
        "colour_shape": _("{columns} × {rows} pixels, in colour"),
        "semicolon": _("; "),
        "step_axis": _("training step"),
        "through_training": _("Through training"),
        "play": _("Play the training"),
        "step_answer": _("step {step} of {last}: {answer}, {share}"),
    }


def _layers() -> dict[str, str]:
    return {
        "layer": _("Layer"),
        "output_channel": _("Channel"),
        "input_channel": _("Input channel"),
        "layer_name": _("Block {block}, convolution {convolution}"),
        "block_name": _("Block {block}"),
        "layer_facts": _(
            "{outputs} kernels of {kernel} × {kernel}; in: {inputs} × {before} × {before}, "
            "out: {outputs} × {after} × {after} numbers."
        ),
        "kept": _("The {kept} strongest of {outputs} are in this page."),
        "moving": _(
            "The slider moves the first {count} channels of each layer; of the others the page has the last step alone."
        ),
        "show_all": _("{shown} of {count}: show all"),
        "mean_kernel": _("kernel, mean over the channels"),
        "sums": _("after convolution"),
        "activated": _("after {name}"),
        "max_pooled": _("largest of {window} × {window}"),
        "mean_pooled": _("mean of {window} × {window}"),
        "full_layer": _("Full layer {number}"),
        "full_facts": _("{count} neurons, a colour each"),
        "neuron": _("neuron {number}"),
        "use_arrows": _("The map that comes out. The arrow keys choose a pixel."),
        "sum_place": _("{layer}, channel {channel}, row {row}, column {column}; input channel {input}:"),
        "all_channels": _("all {count} input channels together"),
        "bias": _("plus the bias"),
        "normalised": _("normalised: {gain} · ({value} − {mean}) / {deviation} + {bias}"),
        "around": _("plus what came around the block"),
        "together": _("calculated here"),
        "in_the_map": _("in the map of the network"),
        "not_in_the_map": _("in the map of the network, which rounds otherwise"),
    }  # fmt: skip


def _leaning() -> dict[str, str]:
    return {
        "leaning_for": _("Class"),
        "leaning_picture": _("The picture"),
        "leaning_picture_text": _("As the network reads it. Point at the maps beside it."),
        "leaning_gradient": _("Gradient"),
        "leaning_gradient_text": _("How strongly the score would answer if a pixel changed a little, whichever way."),
        "leaning_product": _("Gradient × input"),
        "leaning_product_text": _(
            "What a pixel, as it differs from the mean picture, adds to the score (blue) or takes away (orange)."
        ),
        "leaning_drop": _("Covered"),
        "leaning_drop_text": _(
            "By how much the score falls (blue) or rises (orange) when the {side} × {side} pixels around there are "
            "covered."
        ),
    }


def _mistakes() -> dict[str, str]:
    return {
        "truth": _("true class"),
        "answered": _("answer"),
        "accuracy_test": _(
            "{right} of {count} held-out test pictures are right: {accuracy} (with 95 % confidence {low} to {high} of "
            "all such pictures)."
        ),
        "accuracy_valid": _(
            "{right} of {count} validation pictures are right: {accuracy} (with 95 % confidence {low} to {high} of all "
            "such pictures)."
        ),
        "confused": _("{truth} → {answer}: {count} of {total}"),
        "no_mistakes": _("None: every one is right."),
    }
