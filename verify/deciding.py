"""Whether two formulas are the same, decided exactly among rational functions and powers r**k."""

from __future__ import annotations

import sympy

from derive.formula import K
from derive.writing import plain
from verify.checks import in_ring


def difference(left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
    """left - right, exact and factored, r**k being one more symbol for every r; 0 where equal.

    Raises:
        ValueError: it is no rational function of its symbols.
    """
    powers: dict[sympy.Symbol, sympy.Expr] = {}

    def opened(power: sympy.Pow) -> sympy.Expr:
        exponent = sympy.expand(power.exp)
        slope = exponent.coeff(K, 1)
        rest = exponent - slope * K
        if rest.has(K) or power.base.has(K) or not slope.is_Integer:
            return power
        result = power.base**rest
        for factor in sympy.Mul.make_args(in_ring(power.base).as_expr()):
            base, times = factor.as_base_exp()
            primes = sympy.factorrat(base) if base.is_Rational else {base: 1}
            for prime, count in primes.items():
                total = slope * times * count
                if prime == -1:
                    total %= 2
                symbol = sympy.Symbol(f"({plain(sympy.sympify(prime))})^k")
                powers[symbol] = prime**K
                result *= symbol**total
        return result

    written = closed(left - right)
    found = in_ring(written.replace(lambda e: e.is_Pow and e.exp.has(K), opened))
    return found.as_expr().xreplace(powers)


def closed(expr: sympy.Expr) -> sympy.Expr:
    """Sums in closed form, at generic parameters."""

    def close(total: sympy.Sum) -> sympy.Expr:
        done = total.doit()
        return done.replace(lambda e: isinstance(e, sympy.Piecewise), lambda e: e.args[-1][0])

    return expr.replace(lambda e: isinstance(e, sympy.Sum), close)
