"""Single slips of the pen: a sign, a factor 2, an exponent or a bound off by one, a wrong name.

What a wrong formula most often is; each slip comes with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import sympy

from derive.language.formula import K

Rewrite = Callable[[sympy.Expr], sympy.Expr | None]


def slips(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    """Wrong versions of an expression, each one slip away, with the slip's name."""
    for name, wrong in _slips(expr):
        if not wrong.has(sympy.zoo, sympy.nan):
            yield name, wrong


def _slips(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    yield "the sign", -expr
    yield "a factor 2", 2 * expr
    yield "a factor 1/2", expr / 2
    for place, part in _parts(expr):
        for name, changed in _changes(part):
            yield name, place(changed)
    if expr.is_Integer:
        yield "the number, one too many", expr + 1
        yield "the number, one too few", expr - 1
    if expr.has(K):
        yield "the index k, one too many", expr.subs(K, K + 1)
        yield "the index k, one too few", expr.subs(K, K - 1)
    yield from _exchanges(expr)


def _exchanges(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    """A symbol in the place of its neighbour, and 1 + s for 1 - s."""
    symbols = sorted(expr.free_symbols, key=str)
    for symbol, neighbour in pairwise([*symbols, *symbols[:1]]):
        yield f"{neighbour} for {symbol}", expr.xreplace({symbol: neighbour})
        turned = expr.replace(lambda e, s=symbol: e in (1 + s, 1 - s), lambda e: 2 - e)
        yield f"1 + {symbol} for 1 - {symbol}, and back", turned


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
    if isinstance(part, sympy.Mul):
        for factor in part.args:
            if factor.is_Symbol or factor.is_Add:
                yield f"the exponent of {factor}, one too many", part * factor
                yield f"the factor {factor} of {part}, left out", part / factor
    if isinstance(part, sympy.Sum):
        yield from _bounds(part)
    if isinstance(part, sympy.Add):
        for i, term in enumerate(part.args):
            rest = [*part.args[:i], *part.args[i + 1 :]]
            yield f"the sign of {term} in {part}", sympy.Add(*rest, -term)
            yield f"the term {term} of {part}, left out", sympy.Add(*rest)
            yield f"a factor 2 at {term}", sympy.Add(*rest, 2 * term)
            yield f"a factor 1/2 at {term}", sympy.Add(*rest, term / 2)


def _bounds(total: sympy.Sum) -> Iterator[tuple[str, sympy.Expr]]:
    """A bound off by one, where the term that comes or goes is not 0."""
    index, low, high = total.limits[0]
    whole = {s: sympy.Dummy(s.name, integer=True, positive=True) for s in total.free_symbols}
    for name, said, edge, bounds in (
        ("lower", "high", low, (low + 1, high)),
        ("lower", "low", low - 1, (low - 1, high)),
        ("upper", "high", high + 1, (low, high + 1)),
        ("upper", "low", high, (low, high - 1)),
    ):
        if total.function.xreplace(whole).subs(index, edge.xreplace(whole)) != 0:
            changed = total.func(total.function, (index, *bounds), *total.limits[1:])
            yield f"the {name} bound of the sum over {index}, one too {said}", changed
