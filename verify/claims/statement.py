"""A statement: a sentence whose every assertion is a slot, and the type that says what it is about.

The sentence, its LaTeX and its JSON are written from the slots; a check receives the statement and
reads from it what it tries. Between the slots stand words and notation, which assert nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sympy
from flint import fmpq

from derive.language.formula import K
from verify.claims.slots import Slot, Value
from verify.running.numbers import MPFR, RATIONAL, evaluate
from verify.running.recording import recorder


@lru_cache(maxsize=4096)
def _at_step(expr: sympy.Expr, k: int) -> sympy.Expr:
    return expr.xreplace({K: sympy.Integer(k)})


class Type(StrEnum):
    """What a statement is about; see `NEEDED` for what it cannot do without."""

    EQUALITY = "equality"
    """A quantity equals a formula."""
    CLOSENESS = "closeness"
    """The iterates of a rule stay close to a flow."""
    INEQUALITY = "inequality"
    """One side bounds the other."""
    LIMIT = "limit"
    """A leading term and what is left beside it."""
    EXISTENCE = "existence"
    """Something exists up to an order, and not beyond."""
    THRESHOLD = "threshold"
    """A property holds on one side of a value and fails on the other."""


NEEDED: Mapping[Type, tuple[str, ...]] = {
    Type.EQUALITY: ("formula",),
    Type.CLOSENESS: ("order", "when", "losses"),
    Type.INEQUALITY: ("relation",),
    Type.LIMIT: ("limit",),
    Type.EXISTENCE: ("order",),
    Type.THRESHOLD: ("threshold", "relation"),
}
"""The kinds of slot that a statement of a type must have."""

ATOM = r"\\?[a-zA-Z]+|\d+"
"""What may be raised to a power without brackets."""
MARK = re.compile(r"\{(\+?)([a-z]\w{2,})\}")


@dataclass(frozen=True)
class Statement:
    """A sentence with slots.

    Args:
        text: words, mathematics between dollars, {name} where a slot stands; {+name} gives a
            formula its sign, as the second term of a sum needs it.
        slots: by name, of three letters or more; each stands in the text, or in a reason.

    >>> says = Statement(Type.EQUALITY, r"The factor is $c={factor}$.", {"factor": Value(K / 2)})
    >>> print(says.latex)
    The factor is $c=\\frac{k}{2}$.
    >>> says.number("factor", k=4)
    2
    """

    type: Type
    text: str
    slots: Mapping[str, Slot]
    read: set[str] = field(default_factory=set, compare=False, repr=False)
    """The slots that somebody has looked at since the set was last emptied."""

    def __post_init__(self) -> None:
        kinds = {slot.kind for slot in self.slots.values()}
        missing = [kind for kind in NEEDED[self.type] if kind not in kinds]
        if missing:
            raise ValueError(f"a statement of {self.type} has a slot of kind {missing[0]!r}.")

    def __getitem__(self, name: str) -> Any:
        """The slot of this name; who asks for it depends on it."""
        self.read.add(name)
        return self.slots[name]

    def changed(self, **slots: Slot) -> Statement:
        """The same sentence with other values in some slots."""
        return replace(self, slots={**self.slots, **slots})

    def expr(self, name: str) -> sympy.Expr:
        """The formula in a slot."""
        return self[name].expr

    def number(self, name: str, *, k: Any = 0, **values: Any) -> Any:
        """The value of a formula on exact numbers, power series or multiprecision numbers.

        Args:
            k: the number of the step, which may stand in exponents.
        """
        fixed = _at_step(self.expr(name), k)
        multiprecision = any(type(v).__name__ == "mpfr" for v in values.values())
        return evaluate(fixed, values, MPFR if multiprecision else RATIONAL)

    def equals(self, name: str, found: Any, **values: fmpq | int) -> bool:
        """Whether a formula comes to this number, exactly; written down where it is recorded."""
        equal = self.number(name, **values) == found
        if (log := recorder()) is not None:
            right, *places = (sympy.Rational(str(value)) for value in (found, *values.values()))
            log.identity(self.expr(name), right, equal, **dict(zip(values, places, strict=True)))
        return equal

    @property
    def latex(self) -> str:
        """The sentence."""
        return self.filled(self.text)

    def filled(self, text: str) -> str:
        """A text with the slots where their names stand, as LaTeX."""
        inside, done, pieces = False, "", list(self.pieces(text))
        for piece, after in zip(pieces, [*pieces[1:], ""], strict=True):
            if isinstance(piece, str):
                inside ^= piece.count("$") % 2 == 1
                done += piece
                continue
            slot, sign = piece
            bare = slot.latex.removeprefix("$").removesuffix("$")
            if inside and ("$" in bare or bare == slot.latex):
                raise ValueError(f"{slot.latex!r} is words and stands between dollars in: {text}")
            if isinstance(after, str) and after.startswith("^") and not re.fullmatch(ATOM, bare):
                bare = rf"\left({bare}\right)"
            signed = sign and not bare.startswith("-")
            words = slot.latex.removesuffix(",") if after[:1] == "," else slot.latex
            done += f"{'+' if signed else ''}{bare}" if inside else words
        return done

    def pieces(self, text: str) -> Iterator[str | tuple[Slot, bool]]:
        """The words of a text, and between them its slots with whether they show a plus sign."""
        end = 0
        for mark in MARK.finditer(text):
            if mark[2] in self.slots:
                yield text[end : mark.start()]
                yield self.slots[mark[2]], bool(mark[1])
                end = mark.end()
        yield text[end:]

    def around(self, name: str) -> tuple[str, str]:
        r"""What stands in front of a slot and behind it on its side of an equation, as LaTeX.

        >>> loss = r"Of $\hat E:=E{+part}\lVert\nabla E\rVert^2$."
        >>> Statement(Type.EQUALITY, loss, {"part": Value(K)}).around("part")
        ('E+', '\\lVert\\nabla E\\rVert^2')
        """
        for piece in self.text.split("$")[1::2]:
            for mark in MARK.finditer(piece):
                if mark[2] == name:
                    front = re.split(r":?=", piece[: mark.start()])[-1]
                    behind = re.split(r":?=|(?<!\\)[,;]", piece[mark.end() :])[0]
                    lead = self._inside(front) + ("+" if mark[1] and front.strip() else "")
                    return lead, self._inside(behind)
        return "", ""

    def _inside(self, text: str) -> str:
        """A piece of mathematics with its slots filled."""
        return self.filled(f"${text}$")[1:-1]

    def formulas(self) -> dict[str, sympy.Expr]:
        """The slots that hold formulas."""
        return {name: s.expr for name, s in self.slots.items() if isinstance(s, Value)}

    def wrong(self) -> Iterator[tuple[str, str, Statement]]:
        """Every statement with one slot changed: the slot, the slip, the statement."""
        for name, slot in self.slots.items():
            for slip, other in slot.wrong():
                yield name, slip, self.changed(**{name: other})


def rows(slots: Mapping[str, Slot]) -> list[dict[str, str]]:
    """Slots with their kinds and values."""
    return [{"name": n, "kind": slot.kind, "value": slot.plain} for n, slot in slots.items()]


NOTATION = (
    r"[_^](?:\{[^{}]*\}|\w|\\\w+)",  # what is raised or lowered: x_0, x_{k+1}, \nabla^2E
    r"\\(?:dot|ddot|hat|tilde|bar)\b",
    r":=[^$;]*",  # a definition: what stands on its right is a name, not a finding
    r"=(?=[^$=<>\d]*\{\+?[a-z]\w{2,}\})",  # an equals sign with a slot on its right
)
"""What may stand between slots although it has digits or relations: notation."""

_ASSERTS = re.compile(
    r"\d|[<>=]|\\(?:[lg]eq?|ll|gg|sim|simeq|approx|to|neq?|propto|infty)(?![a-zA-Z])|\bO\(|Theta"
    r"|\b(?:at (?:most|least)|(?:less|more|greater|fewer) than|exactly|only if|if and only if)\b"
    r"|\b(?:over all steps|at every step|however|uniformly|always|never)\b"
)


def asserted(text: str, slots: Mapping[str, Slot]) -> list[str]:
    r"""The digits, relations and orders of a text that stand in no slot.

    >>> asserted(r"Heavy ball at $x_{k+1}$ is $O(h^2)$-close.", {})
    ['O(']
    >>> asserted(r"The loss $\hat E:=E+c\lVert\nabla E\rVert^2$ has $c={factor}$.", {"factor": K})
    []
    """
    for pattern in NOTATION:
        text = re.sub(pattern, " ", text)
    bare = MARK.sub(lambda m: " " if m[2] in slots else m[0], text)
    return _ASSERTS.findall(bare)
