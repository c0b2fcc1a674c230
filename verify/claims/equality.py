"""Whether two formulas are the same, decided exactly among rational functions and powers r**k."""

from __future__ import annotations

import sympy
from flint import arb

from derive.language.coefficients import Coefficient, Ring
from derive.language.formula import BETA, K
from derive.language.writing import plain
from verify.running.numbers import BALL, evaluate

COUNTERS = (K, *sympy.symbols("M m l"))
"""What may stand in an exponent of beta."""


def in_ring(expr: sympy.Expr) -> Coefficient:
    """The expression as a rational function of its symbols; beta**k is one more symbol, and so
    are its powers with the number M of batches, a position m and a lag l.

    Raises:
        ValueError: it is not one.
    """

    def open_power(power: sympy.Pow) -> sympy.Expr:
        rest, opened = sympy.expand(power.exp), sympy.Integer(1)
        for counter in COUNTERS:
            slope = rest.coeff(counter, 1)
            rest = sympy.expand(rest - slope * counter)
            opened *= sympy.Symbol(f"q_{counter}") ** slope
        return opened * power.base**rest

    opened = expr.replace(lambda e: e.is_Pow and e.base == BETA and e.exp.free_symbols, open_power)
    ring = Ring(tuple(sorted(symbol.name for symbol in opened.free_symbols)))
    return ring.from_expr(opened)


def apart(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether their values at a certain point lie in balls that do not meet: they differ then."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    point = {
        s.name: arb(i + 7) if s in COUNTERS else arb(2 * i + 3) / 64 for i, s in enumerate(symbols)
    }
    try:
        return not evaluate(left, point, BALL).overlaps(evaluate(right, point, BALL))
    except (ValueError, ArithmeticError):
        return False


def same(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two rational functions are equal, exactly; ValueError where they are none."""
    return not apart(left, right) and not in_ring(left - right)


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


def written_out(expr: sympy.Expr) -> sympy.Expr:
    """Sums between whole numbers, term by term; others stay.

    As in SymPy, a sum down from low to high is minus the sum of what lies between (Karr).
    """

    def terms(total: sympy.Sum) -> sympy.Expr:
        index, low, high = total.limits[0]
        if len(total.limits) > 1 or not (low.is_Integer and high.is_Integer):
            return total
        first, end, sign = int(low), int(high) + 1, 1
        if end < first:
            first, end, sign = end, first, -1
        places = map(sympy.Integer, range(first, end))
        return sign * sympy.Add(*(total.function.xreplace({index: i}) for i in places))

    return expr.replace(lambda e: isinstance(e, sympy.Sum), terms)


def closed(expr: sympy.Expr) -> sympy.Expr:
    """Sums in closed form, at generic parameters."""

    def close(total: sympy.Sum) -> sympy.Expr:
        done = total.doit()
        return done.replace(lambda e: isinstance(e, sympy.Piecewise), lambda e: e.args[-1][0])

    return expr.replace(lambda e: isinstance(e, sympy.Sum), close)
