"""The writer's own notation: which names may stand for which, and whether each is used."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping, Sequence

from derive.language.bad_input import BadInput
from verify.formulas.latex_tokens import Surroundings, fields_in, latex_tokens
from verify.formulas.tokens import GREEK, Unreadable, nearest, spelled, text_tokens

FIXED = ("beta", "h", "k", "E", "pi")
"""Names that mean one thing in every formula here."""


def read_names(pairs: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The pairs MINE=OURS of an option.

    Args:
        known: what OURS may be.
    Raises:
        BadInput: a pair is none, gives a name that has a meaning another one, gives one twice, or
            stands for nothing that is known.

    >>> read_names(["lr=h"], ["h", "beta"])
    {'lr': 'h'}
    """
    found: dict[str, str] = {}
    for pair in pairs:
        mine, equals, ours = (part.strip() for part in pair.partition("="))
        mine, ours = spelled(mine), spelled(ours)
        shown = f"--name {pair[:60]}"
        if not (mine and equals and ours):
            raise BadInput(f"{shown} is not MINE=OURS, such as lr=h.")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]{0,39}", mine):
            raise BadInput(f"{shown}: {mine[:40]!r} is no name; write one such as lr or beta_1.")
        if keyword.iskeyword(mine) and mine not in GREEK.values():
            raise BadInput(f"{shown}: {mine!r} is a word of Python; choose another name.")
        if mine in FIXED:
            raise BadInput(
                f"{shown}: {mine} has a meaning of its own here; rename it in your formula first."
            )
        if mine in found:
            raise BadInput(f"{shown}: {mine} is given twice; give each name once.")
        if ours not in known:
            near = nearest(ours, known)
            hint = (
                f"did you mean {mine}={near}?" if near else f"known are {', '.join(sorted(known))}."
            )
            raise BadInput(f"{shown}: nothing here is called {ours!r}; {hint}")
        found[mine] = ours
    return found


def words_in(text: str, *, is_latex: bool, known: Collection[str] = ()) -> set[str]:
    """The names in a text, each as it may be spelled."""
    try:
        tokens = (
            latex_tokens(text, Surroundings(set(known), fields_in(text)))
            if is_latex
            else text_tokens(text)
        )
        words = {str(token) for token in tokens if token.type == "NAME"}
    except Unreadable:
        return set(known)
    return words | {word.replace("_", "") for word in words}


def unused(aliases: Mapping[str, str], words: Collection[str]) -> None:
    """Refuse names that the formula does not hold.

    Raises:
        BadInput: one of the names has no effect.
    """
    for mine, ours in aliases.items():
        if mine not in words:
            has = ", ".join(sorted(word for word in words if word not in ("E",))) or "no name"
            raise BadInput(
                f"--name {mine}={ours} has no effect: the formula holds no {mine}, but {has}."
            )
