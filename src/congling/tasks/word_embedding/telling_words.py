"""Words that show at a glance what vectors have learned: frequent, but none of the words that go with everything."""

from __future__ import annotations

from congling.tasks.word_embedding.word_vectors import WordVectors

SKIPPED = 0.005  # of the vocabulary: the most frequent words are those of grammar
LOOKED_AT = 400  # words after these
NEAREST = 3


def telling_words(vectors: WordVectors, count: int = 4) -> list[str]:
    """Some frequent words whose nearest neighbours are near, none of which is a neighbour of another one of them."""
    first = int(SKIPPED * len(vectors))
    candidates = [word for word in vectors.words[first : first + LOOKED_AT] if _is_word(word)]
    found = {word: vectors.most_similar(word, topn=NEAREST) for word in candidates}
    order = sorted(candidates, key=lambda word: -sum(cosine for _other, cosine in found[word]))
    chosen, seen = list[str](), set[str]()
    for word in order:
        others = {other for other, _cosine in found[word]}
        if word not in seen and not others & seen and others:
            chosen.append(word)
            seen |= others | {word}
        if len(chosen) == count:
            break
    return chosen


def _is_word(word: str) -> bool:
    """Whether it has two letters at least, and no digit."""
    return sum(map(str.isalpha, word)) > 1 and not any(map(str.isnumeric, word))
