"""When are two formulas the same identically? Roots, powers and logarithms as extra symbols.

Every root, power with a symbol in its exponent, logarithm or other function becomes one symbol of a
rational function, after it has been split as far as the signs in the domain allow; a root r of
order q keeps its relation r**q = p. A difference that reduces to 0 is 0 wherever it is defined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from derive.language.coefficients import Coefficient, Ring
from verify.formulas.domain import ComparisonDomain

One = sympy.S.One


class NormalForm:
    """A formula as a rational function of its symbols and of what stands for its functions.

    Attributes:
        value: the reduced expression, 0 only if the formula is identically 0.
        is_rational: whether it holds nothing but powers with whole exponents, or with whole
            symbols in them, so that it is 0 only if `value` is.
    """

    def __init__(self, expr: sympy.Expr, domain: ComparisonDomain) -> None:
        """Raises:
        ZeroDivisionError: the formula divides by what is identically 0.
        """
        self.domain = domain
        self.roots: dict[tuple[sympy.Expr, sympy.Expr], int] = {}
        self._open_all(expr)
        opened = self._open_all(expr)
        ring = Ring(tuple(sorted(s.name for s in opened.free_symbols)))
        reduced = self._reduced(ring.from_expr(opened))
        kernels = {symbol: kernel for kernel, symbol in self.symbols.items()}
        self.value: sympy.Expr = reduced.as_expr().xreplace(kernels) if reduced else sympy.S.Zero
        left = {s for s in reduced.as_expr().free_symbols if s in kernels}
        self.is_rational = all(self._counts(kernels[symbol]) for symbol in left)

    def _open_all(self, expr: sympy.Expr) -> sympy.Expr:
        """Twice: the first time to learn of which common order the roots of each base are."""
        self.symbols: dict[sympy.Expr, sympy.Symbol] = {}
        self.relations: dict[sympy.Symbol, tuple[int, sympy.Expr]] = {}
        return self._open(expr)

    def _counts(self, kernel: sympy.Expr) -> bool:
        """Whether the kernel is a power such as beta**k of a number or symbol that is positive."""
        if not isinstance(kernel, sympy.Pow):
            return False
        whole = all(s.name in self.domain.whole for s in kernel.exp.free_symbols)
        return kernel.exp.is_number is False and whole and kernel.base.is_Atom

    def _symbol(self, kernel: sympy.Expr) -> sympy.Symbol:
        if kernel not in self.symbols:
            self.symbols[kernel] = sympy.Symbol(f"kernel_{len(self.symbols)}")
        return self.symbols[kernel]

    def _open(self, expr: Any) -> sympy.Expr:
        if isinstance(expr, sympy.Rational | sympy.Symbol):
            return expr
        if isinstance(expr, sympy.Add | sympy.Mul):
            return expr.func(*map(self._open, expr.args))
        if expr is sympy.E or isinstance(expr, sympy.exp):
            return self._powers(sympy.E, One if expr is sympy.E else expr.exp)
        if isinstance(expr, sympy.Pow):
            if isinstance(expr.exp, sympy.Integer):
                return self._open(expr.base) ** expr.exp
            return self._power(expr.base, expr.exp)
        if isinstance(expr, sympy.Abs):
            return self._absolute(expr.args[0])
        if isinstance(expr, sympy.log):
            return self._logarithm(expr.args[0])
        x = expr.args[0] if expr.args else None
        if isinstance(expr, sympy.sinh | sympy.cosh | sympy.tanh | sympy.coth):
            return self._open(expr.rewrite(sympy.exp))
        if isinstance(expr, sympy.tan):
            return self._open(sympy.sin(x)) / self._open(sympy.cos(x))
        if isinstance(expr, sympy.cot):
            return self._open(sympy.cos(x)) / self._open(sympy.sin(x))
        if isinstance(expr, sympy.Sum) or not expr.args:
            return self._symbol(expr)
        kernel = expr.func(*map(self._canonical, expr.args))
        if not isinstance(kernel, expr.func):  # sin(-x) is -sin(x)
            return self._open(kernel)
        symbol = self._symbol(kernel)
        if isinstance(kernel, sympy.sin):
            cosine = self._symbol(sympy.cos(kernel.args[0]))
            self.relations[symbol] = (2, 1 - cosine**2)
        return symbol

    def _canonical(self, expr: sympy.Expr) -> sympy.Expr:
        """One way to write the argument of a function, if it is rational."""
        try:
            inner = NormalForm(expr, self.domain)
        except (ValueError, ZeroDivisionError):
            return expr
        return inner.value

    def _is_whole(self, exponent: sympy.Expr) -> bool:
        """Whether it is a whole number wherever the symbols that count are."""
        counts = {s: sympy.Symbol(s.name, integer=True) for s in exponent.free_symbols}
        whole = all(s.name in self.domain.whole for s in counts)
        return whole and exponent.xreplace(counts).is_integer is True

    def _factors(
        self, expr: sympy.Expr, whole: bool = False
    ) -> tuple[list[tuple[sympy.Expr, int]], sympy.Expr]:
        """Factors that are 0 or more, with their exponents, and the product of all others; before
        a whole power every factor stands for itself, whatever its sign."""
        positive: list[tuple[sympy.Expr, int]] = []
        rest = sympy.S.One
        for factor in sympy.Mul.make_args(self._canonical(expr)):
            base, exponent = factor.as_base_exp()
            if not exponent.is_Integer:
                base, exponent = factor, One
            if isinstance(base, sympy.Rational):
                number = base**exponent
                rest *= sympy.sign(number)
                primes = sympy.factorrat(abs(number))
                positive += [(sympy.Integer(p), int(n)) for p, n in primes.items()]
                continue
            sign = self.domain.sign(base)
            if sign:
                rest *= sympy.Integer(sign) ** exponent
                positive.append((base if sign > 0 else self._canonical(-base), int(exponent)))
            elif whole:
                positive.append((base, int(exponent)))
            elif exponent % 2 == 0:
                positive.append((sympy.Abs(base, evaluate=False), int(exponent)))
            else:
                rest *= factor
        return positive, rest

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        positive, rest = self._factors(base, self._is_whole(exponent))
        if len(positive) > 1 or rest != 1:
            result = One
            for factor, times in positive:
                result *= self._powers(factor, times * exponent)
            return result if rest == 1 else result * self._powers(rest, exponent)
        if not positive:
            return One
        ((factor, times),) = positive
        return self._powers(factor, times * exponent)

    def _powers(self, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        """base**exponent as a product of powers of b**(m/q), one for each monomial m in it."""
        result: sympy.Expr = One
        for term in sympy.Add.make_args(sympy.expand(self._canonical(exponent))):
            number, monomial = term.as_coeff_Mul()
            if not isinstance(number, sympy.Rational):
                number, monomial = One, term
            if monomial == 1 and base is not sympy.E:
                whole = sympy.floor(number)
                result *= self._open(base) ** whole
                number -= whole
                if number == 0:
                    continue
            if base == -1 and monomial != 1 and number.is_Integer and self._is_whole(monomial):
                sign = self._symbol(sympy.Pow(base, monomial, evaluate=False))
                self.relations[sign] = (2, One)
                result *= sign ** (number % 2)
                continue
            key = base, monomial
            order = self.roots[key] = math.lcm(self.roots.get(key, 1), int(number.q))
            kernel = (
                sympy.exp(monomial / order)
                if base is sympy.E
                else sympy.Pow(base, monomial / order, evaluate=False)
            )
            symbol = self._symbol(kernel)
            if monomial == 1 and base is not sympy.E:
                self.relations[symbol] = (order, self._open(base))
            result *= symbol ** (number * order)
        return result

    def _absolute(self, x: sympy.Expr) -> sympy.Expr:
        positive, rest = self._factors(x)
        result: sympy.Expr = One
        for factor, times in positive:
            result *= (
                self._kernel_of_abs(factor.args[0])
                if isinstance(factor, sympy.Abs)
                else self._open(factor)
            ) ** times
        return result if rest in (1, -1) else result * self._kernel_of_abs(rest)

    def _kernel_of_abs(self, x: sympy.Expr) -> sympy.Expr:
        lead = _lead(x)
        symbol = self._symbol(sympy.Abs(lead, evaluate=False))
        self.relations[symbol] = (2, self._open(lead) ** 2)
        return symbol

    def _logarithm(self, x: sympy.Expr) -> sympy.Expr:
        positive, rest = self._factors(x)
        result: sympy.Expr = sympy.S.Zero
        for factor, times in positive:
            if isinstance(factor, sympy.exp) or factor is sympy.E:
                result += times * self._open(One if factor is sympy.E else factor.exp)
            else:
                inside = factor
                if isinstance(factor, sympy.Abs):
                    inside = sympy.Abs(_lead(factor.args[0]), evaluate=False)
                result += times * self._symbol(sympy.log(inside, evaluate=False))
        return result if rest == 1 else result + self._symbol(sympy.log(rest, evaluate=False))

    def _reduced(self, found: Coefficient) -> Coefficient:
        """The numerator without powers of a root at or above its order."""
        if not found or not self.relations:
            return found
        return _lowered_roots(found, self.relations, list(self.symbols.values()))


def _lowered_roots(
    found: Coefficient,
    relations: Mapping[sympy.Symbol, tuple[int, sympy.Expr]],
    symbols: Sequence[sympy.Symbol],
) -> Coefficient:
    """The fraction with every root in its numerator below its order, the outermost first."""
    names = {*found.ring.parameters, *(symbol.name for symbol in relations)}
    names |= {s.name for _, radicand in relations.values() for s in radicand.free_symbols}
    ring = Ring((*sorted(names), "unused"))  # of several symbols, so that polynomials are of a kind
    fraction = ring.from_expr(found.as_expr())
    top, before = fraction.numerator, None
    while top is not before:
        before = top
        for symbol in reversed(symbols):
            if symbol in relations:
                order, radicand = relations[symbol]
                place = ring.parameters.index(symbol.name)
                top = _lowered(top, place, order, ring.from_expr(radicand))
    return Coefficient(ring, top, fraction.denominator) if top != 0 else ring.number(0)


def _lowered(polynomial: Any, place: int, order: int, radicand: Coefficient) -> Any:
    """The polynomial times a power of the radicand's denominator, r**order replaced in it; the
    same object where there is nothing to replace."""
    terms = polynomial.to_dict()
    most = max((exponents[place] for exponents in terms), default=0) // order
    if not most:
        return polynomial
    groups: dict[int, dict[tuple[int, ...], Any]] = {}
    for exponents, value in terms.items():
        times, left = divmod(exponents[place], order)
        groups.setdefault(times, {})[(*exponents[:place], left, *exponents[place + 1 :])] = value
    context = polynomial.context()
    result = context.from_dict({})
    for times, group in groups.items():
        scale = radicand.numerator**times * radicand.denominator ** (most - times)
        result += context.from_dict(group) * scale
    return result


def _lead(x: sympy.Expr) -> sympy.Expr:
    """x or -x: one of the two, always the same."""
    both = sympy.expand(x), sympy.expand(-x)
    return min(both, key=lambda e: (str(e).startswith("-"), str(e)))
