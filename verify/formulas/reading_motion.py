r"""A second-order equation as people write it: X'' + 2*sqrt(mu)*X' + grad f(X) = 0, or in LaTeX.

Its vectors are found first and become names; what stands beside them is read by the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import sympy

from derive.engine.second_order import VELOCITY, Terms, Vector
from verify.formulas.reading import read_expression, read_latex
from verify.formulas.tokens import Unreadable

ACCELERATION = "X''"
NAMES: Mapping[str, Vector | str] = {
    "Q_0": ACCELERATION,
    "Q_1": VELOCITY,
    "Q_2": (),
    "Q_3": (VELOCITY,),
    "Q_4": ((),),
    "Q_5": (VELOCITY, VELOCITY),
}
_PLACE = r"(?:\s*(?:\\,)?\s*[fFE](?![A-Za-z]))?(?:\s*\(\s*[Xx]\s*\))?"
_NABLA = r"(?:\\nabla|\bnabla|∇)"
_GRADIENT = rf"(?:\bgrad\b|{_NABLA}(?!\s*\^)){_PLACE}"
_SECOND = rf"(?:\bhess(?:ian)?\b|\bH\b|∇²|{_NABLA}\s*\^\s*(?:2|\{{2\}})){_PLACE}"
_THIRD = rf"(?:∇³|{_NABLA}\s*\^\s*(?:3|\{{3\}})){_PLACE}"
_VELOCITY = r"(?:\\dot\s*\{?\s*[Xx]\s*\}?|\b[Xx]'(?!'))"
_PRODUCT = r"\s*(?:\\,|\\;|\*|\\cdot)?\s*"
_BOTH = rf"\s*[\[(]\s*{_VELOCITY}\s*,\s*{_VELOCITY}\s*[\])]"
_PATTERNS = (
    (r"\\ddot\s*\{?\s*[Xx]\s*\}?|\b[Xx]''", "Q_0"),
    (_THIRD + _BOTH, "Q_5"),
    (_SECOND + _PRODUCT + _VELOCITY, "Q_3"),
    (_SECOND + _PRODUCT + _GRADIENT, "Q_4"),
    (_GRADIENT, "Q_2"),
    (_VELOCITY, "Q_1"),
)


def is_motion(text: str) -> bool:
    """Whether a text is an equation for a second derivative."""
    return bool(re.search(_PATTERNS[0][0], text))


def read_motion(
    text: str, *, names: Collection[str], aliases: Mapping[str, str], latex: bool = False
) -> Terms:
    """What stands beside every vector of X'', from an equation.

    Raises:
        Unreadable: it is no equation, or has another term than a coefficient times a vector.

    >>> read_motion("X'' + 2*c*X' + grad f(X) = 0", names=["c"], aliases={})
    {"x'": -2*c, (): -1}
    """
    left, equals, right = text.partition("=")
    if not equals or "=" in right:
        raise Unreadable("a second-order equation has one =, such as X'' + 3*X'/t + grad f(X) = 0.")
    parts = _linear(left, names, aliases, latex)
    for vector, weight in _linear(right, names, aliases, latex).items():
        parts[vector] = parts.get(vector, sympy.Integer(0)) - weight
    lead = parts.pop(ACCELERATION, sympy.Integer(0))
    if not lead:
        raise Unreadable("the equation has no X''; write X'', or \\ddot X in LaTeX.")
    return {v: -c / lead for v, c in parts.items() if c}


def read_velocity(
    text: str, *, names: Collection[str], aliases: Mapping[str, str], latex: bool = False
) -> Terms:
    """A starting velocity, such as -2*sqrt(s)*grad f/(1 + sqrt(mu*s))."""
    return _linear(text.rpartition("=")[2], names, aliases, latex)


def _linear(
    text: str, names: Collection[str], aliases: Mapping[str, str], latex: bool
) -> dict[Vector | str, sympy.Expr]:
    for name, clash in ((n, n) for n in NAMES if n in text):
        raise Unreadable(f"{clash} is a name kept for a vector here; rename {name}.")
    marked = re.sub(r"(?<=[Xx'}])\s*\(\s*t\s*\)", "", text)
    for pattern, name in _PATTERNS:
        marked = re.sub(pattern, f" {name} ", marked)
    if re.search(r"\\nabla|\\d?dot|∇|\bgrad\b|\bhess", marked):
        raise Unreadable(
            "known beside X'' are X', grad f(X), hess f(X) X', hess f(X) grad f(X) and "
            "nabla^3 f(X)[X', X'], each behind its coefficient and a *."
        )
    if not latex and re.search(r"Q_\d\s*[(\[]", marked):
        raise Unreadable("a vector is taken at X, as grad f(X), and a * stands before a bracket.")
    read = read_latex if latex else read_expression
    expr = read(marked, names={*names, *NAMES}, aliases=aliases)
    symbols = [sympy.Symbol(name) for name in NAMES]
    rest = sympy.expand(expr, deep=False)
    found: dict[Vector | str, sympy.Expr] = {}
    for symbol in symbols:
        slope = sympy.together(sympy.diff(rest, symbol))
        if slope.has(*symbols):
            raise Unreadable("the equation has a product of two vectors; every term has one.")
        if slope != 0:
            found[NAMES[symbol.name]] = slope
    if sympy.simplify(expr.xreplace(dict.fromkeys(symbols, sympy.Integer(0)))) != 0:
        raise Unreadable("the equation has a term without a vector, to which nothing can be added.")
    return found
