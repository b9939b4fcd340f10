"""Spelling help: the known word that a word nobody knows was probably meant to be.

By optimal string alignment, which counts insertions, deletions, substitutions and swapped
neighbours (Damerau 1964): one of them makes four of five misspellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SHORTEST = 3  # letters of a word that is corrected
_LONG = 8  # a word of so many letters may have two errors


def corrected(
    query: str, words: Iterable[str], known: Sequence[str], names: Iterable[str]
) -> str | None:
    """The query with the likeliest spelling of each of `words` that has one; None where none has.

    `known`: words of the captioner, commonest first; `names`: words of photos' names. Of two that
    are as near, first comes the one of the same letters, then of the same first letter, then the
    commoner, and a known one before a name.
    """
    names = sorted(names)
    text = query
    for word in words:
        meant = nearest_spelling(word, known, names)
        if meant is not None:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", meant, text, flags=re.IGNORECASE)
    return text if text != query else None


def nearest_spelling(word: str, known: Sequence[str], names: Sequence[str]) -> str | None:
    """The word that is nearest to one which nobody knows, None where none is near enough."""
    if len(word) < SHORTEST or not word.isalpha():
        return None
    most = 2 if len(word) >= _LONG else 1
    letters, in_order = set(word), sorted(word)
    best: tuple[tuple[int, bool, bool], str] | None = None
    for each in (*known, *names):
        if abs(len(each) - len(word)) > most or len(letters.symmetric_difference(each)) > 2 * most:
            continue
        if len(each) < SHORTEST or not each.isalpha() or _is_form_of(word, each):
            continue
        distance = edit_distance(word, each)
        if distance > most:
            continue
        unlike = distance, sorted(each) != in_order, each[0] != word[0]
        if best is None or unlike < best[0]:
            best = unlike, each
    return None if best is None else best[1]


def edit_distance(one: str, other: str) -> int:
    """The optimal string alignment distance of two words."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        line = [row]
        for column, right in enumerate(other, start=1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (left != right))
            is_swapped = row > 1 < column and left == other[column - 2] and one[row - 2] == right
            line.append(min(cost, before[column - 2] + 1) if is_swapped else cost)
        before, last = last, line
    return last[-1]


def _is_form_of(word: str, other: str) -> bool:
    """Whether one is the other's plural: neither is misspelled."""
    short, long = sorted((word, other), key=len)
    return long in (f"{short}s", f"{short}es")
