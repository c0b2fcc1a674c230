"""The Taylor coefficients of a formula."""

from __future__ import annotations

from collections.abc import Iterator

import sympy


def taylor_coefficients(expr: sympy.Expr, symbol: sympy.Symbol, terms: int) -> Iterator[sympy.Expr]:
    """Those of 1, symbol, symbol^2, ... about 0, as many as this.

    Each derivative is taken of the one before it: SymPy simplifies between those that it takes at
    once.

    >>> list(taylor_coefficients(sympy.exp(sympy.Symbol("x")), sympy.Symbol("x"), 3))
    [1, 1, 1/2]
    """
    for n in range(terms):
        expr = sympy.diff(expr, symbol) if n else expr
        yield expr.subs(symbol, 0) / sympy.factorial(n)
