"""What the page of words says, by name; ``{name}`` in a text is filled in by the page's script."""

from __future__ import annotations

from congling.figures.words.view import WordsView
from congling.language import _


def words_texts(view: WordsView) -> dict[str, str]:
    """Every text of the page in the current language."""
    facts = _("{total} words with {width} numbers each; the page shows {shown} of them")
    numbers = {"total": f"{view.total:,}", "width": view.vectors.shape[1], "shown": f"{len(view.words):,}"}
    return (
        {"facts": facts.format(**numbers)}
        | _headings()
        | _explanations()
        | _encodings()
        | _product()
        | _space()
        | _rest()
    )


def _headings() -> dict[str, str]:
    return {
        "inspect": _("words, seen as numbers"),
        "contents": _("Contents"),
        "night": _("light or dark"),
        "encodings_title": _("Three encodings"),
        "product_title": _("One-hot times matrix"),
        "space_title": _("The latent space"),
        "analogy_title": _("Arithmetic with words"),
        "course_title": _("How the space came about"),
        "map_label": _("{name}: {rows} by {columns} numbers. The arrow keys read them out."),
    }


def _explanations() -> dict[str, str]:
    return {
        "encodings_text": _(
            "A network calculates, so a word must become numbers. The index is its place in the list of all words, the "
            "most frequent one first. The one-hot vector has a place for every word of the list and a single 1. The "
            "embedding is a short row of numbers that were learned from the company the word keeps."
        ),
        "product_text": _(
            "Embedding is not another kind of step: a one-hot vector times the matrix of all embeddings is the row of "
            "the word, since every other row is multiplied by 0. A program leaves out the zeros and looks the row up; "
            "result and gradient are the same."
        ),
        "space_text": _(
            "Every word is a point. Words that are used alike lie close, although nobody said which these are. A map "
            "in two or three dimensions cannot show all distances: the lines lead to the nearest words by the cosine "
            "in all dimensions, however far the map has put them."
        ),
        "analogy_text": _(
            "Directions carry meaning too: the way from b to a, walked from c, should end near the word that is to c "
            "what a is to b. All vectors are made length 1 first; the three words themselves cannot be the answer. It "
            "often fails: the more text the training saw, the less."
        ),
        "course_text": _(
            "The same words after more and more steps, in the three main directions of the last one. The loss does not "
            "mind if all vectors turn together, so every step is turned onto the next as closely as a rotation can "
            "(orthogonal Procrustes): what still moves was learned."
        ),
    }


def _encodings() -> dict[str, str]:
    return {
        "index": _("Index"),
        "one_hot": _("One-hot"),
        "embedding": _("Embedding"),
        "unknown": _("not in the vocabulary: no index, so no vector"),
        "zeros": _("0 … 0 ({count} zeros)"),
        "number_of": _("number {place}: {value}"),
        "index_alike": _("Difference of two indices"),
        "one_hot_alike": _("Product of two one-hot vectors"),
        "embedding_alike": _("Cosine of two embeddings"),
        "alike": _("{one}, {other}: {value}"),
        "can": _("It can"),
        "cannot": _("It cannot"),
        "index_can": _("name a word with one number; here it also says how frequent the word is."),
        "index_cannot": _(
            "be calculated with: neighbours in the list have nothing in common, and twice an index is another word."
        ),
        "one_hot_can": _("go into a network without a false order: every word is as far from every other."),
        "one_hot_cannot": _(
            "say that two words are alike: the product of any two is 0. And it is as long as the vocabulary."
        ),
        "embedding_can": _("say how alike two words are, so what is learned of one helps with the others."),
        "embedding_cannot": _(
            "tell two meanings of one word apart, nor say what a single number of it stands for; it repeats the "
            "prejudices of its text."
        ),
    }


def _product() -> dict[str, str]:
    return {
        "one_hot_shape": _("o, 1 × {total}"),
        "matrix_shape": _("E, {total} × {width}"),
        "row_shape": _("e of {word}, 1 × {width}"),
        "product_cost": _(
            "The product takes {product} multiplications, {zeros} of them by 0; the look-up reads {width} numbers."
        ),
    }


def _space() -> dict[str, str]:
    return {
        "layout": _("Layout"),
        "dimensions": _("Dimensions"),
        "zoom": _("Zoom"),
        "zoom_in": _("Closer"),
        "zoom_out": _("Farther"),
        "whole": _("All"),
        "find_word": _("Find a word"),
        "rare": _("rare"),
        "frequent": _("frequent"),
        "hint": _(
            "Drag to move or turn (with Shift: move); click for neighbours; wheel after a click, or + and −: zoom."
        ),
        "hovered": _("{word}: index {rank}"),
        "rank": _("index {rank}"),
        "rank_and_count": _("index {rank}, {count} times in the text"),
        "choose_word": _("Choose a word on the map."),
        "name_pca": _("PCA"),
        "name_tsne": _("t-SNE"),
        "name_umap": _("UMAP"),
        "about_pca": _(
            "The directions in which the words differ most; of all differences they keep {share}. Distances are true "
            "to these, and the rest is not seen."
        ),
        "about_tsne": _(
            "Keeps who is near whom and gives up the rest: sizes of groups, and distances between them, mean nothing."
        ),
        "about_umap": _(
            "Keeps who is near whom, as t-SNE does, by another rule; sizes of groups, and distances between them, mean "
            "little."
        ),
        "all_words": _(" All {count} words."),
        "fewer_words": _(" The first {shown} of {count} words, since this layout takes long."),
    }


def _rest() -> dict[str, str]:
    return {
        "word": _("a word"),
        "arithmetic": _("The vectors"),
        "nearest_words": _("Nearest words, by cosine"),
        "no_vector": _("{word} is too rare for this page, which calculates with the {count} most frequent words."),
        "play": _("Play the training"),
        "through_training": _("Through training"),
        "step_of": _("step {step} of {last}"),
    }
