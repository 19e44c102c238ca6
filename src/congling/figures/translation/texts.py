"""What the inspect page says, by name; ``{name}`` in a text is filled in by the page's script."""

from __future__ import annotations

from congling.language import _


def translation_texts() -> dict[str, str]:
    """Every text of the page in the current language."""
    return _headings() | _explanations() | _controls() | _descriptions()


def recurrent_translation_texts(attention: bool) -> dict[str, str]:
    """The same where the page is of a recurrent network, with or without attention."""
    texts = translation_texts() | {
        "sizes": _(
            "a recurrent network · encoder layers: {encoder} · decoder layers: {decoder} · width of a state: {width}"
        ),
        "attention_text": _(
            "Before it writes a piece (a row), the decoder compares its state with what the encoder found at each "
            "source piece (the columns), and shares 100 % among them; it goes on with their mixture."
        ),
        "sizes_text": _(
            "The length of each position's vector: of the embedded piece, then of each layer's state, in the encoder "
            "of both directions together."
        ),
    }
    if attention:
        return texts
    return texts | {
        "pieces_text": _(
            "The network reads and writes pieces of words, each a number in its vocabulary; ▁ stands for a space, "
            "</s> for the end. It has no attention: all that it knows of the source while it writes is the state that "
            "it began with. The bar below a piece is its probability."
        )
    }


def _headings() -> dict[str, str]:
    return {
        "inspect": _("a translation, seen from inside"),
        "contents": _("Contents"),
        "night": _("light or dark"),
        "pieces_title": _("Pieces"),
        "positions_title": _("Positions"),
        "attention_title": _("Attention"),
        "sizes_title": _("Sizes"),
        "decoding_title": _("Decoding"),
        "candidates_title": _("Candidates"),
    }


def _explanations() -> dict[str, str]:
    return {
        "pieces_text": _(
            "The network reads and writes pieces of words, each a number in its vocabulary; ▁ stands for a space, "
            "</s> for the end. Point at a piece of the translation: the lines show where the decoder looked in the "
            "source while it wrote that piece. The bar below a piece is its probability."
        ),
        "positions_text": _(
            "Attention by itself does not see order. So each position adds waves of its own to the vectors: sines in "
            "the left half and cosines in the right, quick ones first, slow ones last."
        ),
        "attention_text": _(
            "Every head of every layer asks each position (a row) where to look, and shares 100 % among the positions "
            "that answer (the columns). Choose a map to see it large."
        ),
        "encoder_self_text": _("Each piece of the source looks at the whole source."),
        "decoder_self_text": _(
            "Each position of the translation looks at what has been written so far; "
            "what comes later is hidden from it."
        ),
        "cross_text": _("The translation asks, the source answers: for each piece written, the pieces read."),
        "sizes_text": _(
            "The length of each position's vector, as it enters and after every layer. A row or a column that stands "
            "out tells of a position that the network treats in a way of its own."
        ),
        "decoding_text": _(
            "The translation is written a piece at a time. At each step the decoder gives every piece of the "
            "vocabulary a probability. Step with the arrow keys ← and →."
        ),
        "candidates_text": _(
            "The translations that the search ended with, best first. It ranks them by their score: the "
            "log-probability over the length to the power of the length penalty α."
        ),
    }


def _controls() -> dict[str, str]:
    return {
        "source_pieces": _("source"),
        "target_pieces": _("translation"),
        "layer": _("Layer"),
        "head": _("Head"),
        "average": _("average of all"),
        "encoder_self": _("Encoder self-attention"),
        "decoder_self": _("Decoder self-attention"),
        "cross": _("Cross-attention"),
        "encoder": _("Encoder"),
        "decoder": _("Decoder"),
        "previous": _("Previous step"),
        "next": _("Next step"),
        "step": _("Step"),
        "best_pieces": _("Likeliest next pieces"),
        "looks_at": _("Where cross-attention looks now"),
        "others": _("all other pieces"),
        "rank": _("Rank"),
        "candidate": _("Translation"),
        "score": _("Score"),
        "log_probability": _("Log-probability"),
        "unfinished": _("cut off at the greatest length"),
        "empty": _("(empty)"),
    }


def _descriptions() -> dict[str, str]:
    return {
        "start": _("start"),
        "embedded": _("embedded"),
        "chosen": _("written"),
        "layer_number": _("layer {layer}"),
        "head_number": _("head {head}"),
        "layer_head": _("layer {layer}, head {head}"),
        "step_number": _("step {step} of {steps}"),
        "piece_number": _("piece {id}"),
        "asks": _("asks"),
        "answers": _("answers"),
        "dimension": _("position {position}, dimension {dimension}"),
        "sizes": _("encoder layers: {encoder} · decoder layers: {decoder} · heads: {heads} · width: {width}"),
        "total": _("log-probability {total}, on average {mean} a piece"),
        "map_label": _("{name}: a map of {rows} rows and {columns} columns; the arrow keys move through its cells"),
    }
