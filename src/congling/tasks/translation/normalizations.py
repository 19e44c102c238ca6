"""How each side's text is normalised before it is cut into pieces: as asked for, or as its language needs."""

from __future__ import annotations

from congling.data.text.languages import primary
from congling.data.text.tokenizer_training import Normalization
from congling.tasks.translation.options import VocabularyOptions

PLAIN: Normalization = "nmt_nfkc"  # where a language has no rule of its own


def normalizations(chosen: VocabularyOptions, source: str, target: str) -> tuple[Normalization, Normalization]:
    """The rules for the two languages; a joint vocabulary has one for both."""
    rules = chosen.source_normalization, chosen.target_normalization
    automatic = _source_rule(source), _target_rule(target)
    if chosen.joint_vocabulary:
        asked = next((rule for rule in rules if rule != "auto"), None)
        joint = asked or (automatic[0] if automatic[1] == PLAIN else automatic[1])
        return joint, joint
    return (
        automatic[0] if rules[0] == "auto" else rules[0],
        automatic[1] if rules[1] == "auto" else rules[1],
    )


def _source_rule(language: str) -> Normalization:
    """What ``auto`` means for a source: Chinese is folded to simplified characters."""
    return "simplified-chinese" if primary(language) == "zh" else PLAIN


def _target_rule(language: str) -> Normalization:
    """What ``auto`` means for a target: Chinese is folded too, but it and Japanese keep their own punctuation."""
    own: dict[str, Normalization] = {"zh": "simplified-characters", "ja": "identity"}
    return own.get(primary(language), PLAIN)
