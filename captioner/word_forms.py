"""Words in the singular: what stands in captions as often in the plural is one thing."""

from __future__ import annotations

from collections.abc import Collection

_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "leaves": "leaf"}
_PLURALS = (("ies", "y"), ("es", ""), ("s", ""))


def singular(word: str, known: Collection[str]) -> str:
    """A plural's singular where that is known, any other word as it is."""
    for end, instead in _PLURALS:
        base = word[: -len(end)] + instead
        if word.endswith(end) and len(word) > len(end) + 2 and base in known:
            return base
    return _IRREGULAR.get(word, word)
