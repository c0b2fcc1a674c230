"""Single slips of the pen: a sign, a factor 2, an exponent off by one, a neighbour's name.

What a wrong formula most often is; each slip comes with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy

from derive.formula import K

Rewrite = Callable[[sympy.Expr], sympy.Expr | None]


def slips(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    """Wrong versions of an expression, each one slip away, with the slip's name."""
    yield "the sign", -expr
    yield "a factor 2", 2 * expr
    yield "a factor 1/2", expr / 2
    for place, part in _parts(expr):
        for name, changed in _changes(part):
            yield name, place(changed)
    if expr.has(K):
        yield "the index k, one too many", expr.subs(K, K + 1)
        yield "the index k, one too few", expr.subs(K, K - 1)


def _parts(expr: sympy.Expr) -> Iterator[tuple[Rewrite, sympy.Expr]]:
    """Every sub-expression with the function that puts another in its place."""
    yield (lambda new: new), expr
    for i, arg in enumerate(expr.args):
        for place, part in _parts(arg):

            def put(new: sympy.Expr, i: int = i, place: Rewrite = place) -> sympy.Expr:
                return expr.func(*expr.args[:i], place(new), *expr.args[i + 1 :])

            yield put, part


def _changes(part: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    if isinstance(part, sympy.Pow):
        for step, said in ((1, "one too many"), (-1, "one too few")):
            yield f"the exponent of {part.base}, {said}", part.base ** (part.exp + step)
    if isinstance(part, sympy.Add):
        for i, term in enumerate(part.args):
            rest = [*part.args[:i], *part.args[i + 1 :]]
            yield f"the sign of {term} in {part}", sympy.Add(*rest, -term)
            yield f"the term {term} of {part}, left out", sympy.Add(*rest)
            yield f"a factor 2 at {term}", sympy.Add(*rest, 2 * term)
            yield f"a factor 1/2 at {term}", sympy.Add(*rest, term / 2)
