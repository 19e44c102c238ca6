"""A sentence and analogies to begin with, for whoever named none: the first ones whose words are all there."""

from __future__ import annotations

from collections.abc import Container, Sequence

SENTENCES = (
    "我们 要 学习 新 的 知识",
    "中国 人民 热爱 和平",
    "the king and the queen love their country",
)
ANALOGIES = (  # a − b + c
    ("北京", "中国", "日本"),
    ("国王", "男人", "女人"),
    ("莫斯科", "俄罗斯", "法国"),
    ("东京", "日本", "美国"),
    ("父亲", "儿子", "女儿"),
    ("男子", "男", "女"),
    ("上海", "上海市", "北京市"),
    ("king", "man", "woman"),
    ("paris", "france", "italy"),
    ("Paris", "France", "Italy"),
    ("bigger", "big", "small"),
    ("walking", "walked", "swam"),
)
MOST = 5
FROM = 20  # rank from which frequent words say more than commas and articles do


def sentence_of(vocabulary: Container[str], words: Sequence[str]) -> list[str]:
    """The words of a sentence that are all there; of none some frequent words, most frequent first."""
    for sentence in SENTENCES:
        if all(word in vocabulary for word in sentence.split()):
            return sentence.split()
    return list(words[FROM : FROM + 6] or words[:6])


def analogies_of(vocabulary: Container[str], words: Sequence[str]) -> list[tuple[str, str, str]]:
    """Analogies whose words are all there; of none three frequent words, which can be replaced on the page."""
    found = [each for each in ANALOGIES if all(word in vocabulary for word in each)][:MOST]
    some = tuple(words[FROM : FROM + 3])
    if not found and len(some) == 3:
        return [(some[0], some[1], some[2])]
    return found
