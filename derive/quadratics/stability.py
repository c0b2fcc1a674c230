"""Where an optimizer is stable on a quadratic, where it oscillates, and the fastest momentum.

Everything is a statement on z = h lambda, step size times curvature, on one mode. Closed forms
hold for momenta from 0 on; give a negative one as a number.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import sympy
from flint import fmpq

from derive.language.coefficients import Coefficient, Ring
from derive.language.parameter import Parameter
from derive.language.update_rule import Optimizer
from derive.quadratics.linearization import NotInClosedForm, Z, characteristic_polynomial, quadratic
from derive.quadratics.ranges import sign_of, square_root


@lru_cache(maxsize=64)
def stability_conditions(optimizer: Optimizer) -> tuple[sympy.Expr, ...]:
    """Polynomials in z and the parameters that are all positive exactly where modes decay.

    A polynomial p of degree n in kappa with leading coefficient a > 0 and constant term b has all
    its roots inside the unit circle exactly when a - b > 0, a + b > 0 and the same holds for
    (a p - b p*)/kappa, p* = kappa^n p(1/kappa), of degree n-1. Factors known to be positive are
    divided out.

    Source:
        Jury, Theory and Application of the z-Transform Method (1964), chapter 3.

    >>> from derive import heavy_ball
    >>> from derive.language.writing import plain
    >>> [plain(condition) for condition in stability_conditions(heavy_ball)]
    ['1 - beta', '1 + beta', '2 + 2*beta - z', 'z']
    """
    found: list[sympy.Expr] = []
    row = characteristic_polynomial(optimizer).all_coeffs()
    while len(row) > 1:
        leading, constant = row[0], row[-1]
        for side in (leading - constant, leading + constant):
            found += _new_factor(side, found)
        row = [
            sympy.expand(leading * a - constant * b)
            for a, b in zip(row[:-1], reversed(row[1:]), strict=True)
        ]
        row = _without(row, found)
    return tuple(found)


def _new_factor(expr: sympy.Expr, known: list[sympy.Expr]) -> list[sympy.Expr]:
    """What must be positive, where the known factors are, for expr to be positive."""
    constant, factors = sympy.factor_list(expr)
    rest = sympy.sign(constant)
    for factor, power in factors:
        if factor in known or -factor in known:
            rest *= 1 if factor in known else (-1) ** power
        else:
            rest *= factor if power % 2 else factor**2
    rest = sympy.expand(rest)
    return [] if rest == 1 else [rest]


def _without(row: list[sympy.Expr], known: list[sympy.Expr]) -> list[sympy.Expr]:
    """The coefficients without common factors that are positive."""
    for factor in known:
        divided = [sympy.div(c, factor, *sorted(factor.free_symbols, key=str)) for c in row]
        if factor.free_symbols and all(rest == 0 for _, rest in divided):
            row = [sympy.expand(quotient) for quotient, _ in divided]
    return row


def stability_limit(optimizer: Optimizer) -> sympy.Expr:
    """The z below which a convex mode decays: exactly 0 < z < limit, all over the ranges of the
    parameters.

    Every condition that bounds z gives 1/z > r; the limit is 1/max r, and a Max stays only where
    the ranges of the parameters do not decide between two of them.

    Raises:
        NotInClosedForm: a condition has a degree above 2 in z, or an unclear sign.

    >>> from derive import heavy_ball, nesterov, quasi_hyperbolic
    >>> from derive.language.writing import plain
    >>> for rule in (heavy_ball, nesterov, quasi_hyperbolic):
    ...     print(plain(stability_limit(rule)))
    2*(1 + beta)
    2*(1 + beta)/(1 + 2*beta)
    2*(1 + beta)/(1 + beta - 2*beta*nu)
    """
    ring = Ring(optimizer.parameters)
    linear: list[Coefficient] = []
    others: list[sympy.Expr] = []
    for condition in stability_conditions(optimizer):
        rows = sympy.Poly(condition, Z).all_coeffs()[::-1]
        rows = rows[next(i for i, c in enumerate(rows) if c != 0) :]
        coefficients = [ring.from_expr(sympy.expand(c)) for c in rows]
        if sign_of(coefficients[0], optimizer) <= 0 or len(coefficients) > 3:
            raise NotInClosedForm(
                f"the stability limit of {optimizer.name} has no closed form for all its "
                "parameters; give them numbers."
            )
        if len(coefficients) == 2:
            linear.append(-coefficients[1] / coefficients[0])
        elif len(coefficients) == 3:
            others += _reciprocal_root(coefficients, optimizer)
    needed = _largest(linear, optimizer)
    if len(needed) == 1 and not others:
        return needed[0].inverse().as_expr()
    reciprocals = [*(r.as_expr() for r in needed), *others]
    return 1 / sympy.Max(*reciprocals)


def _largest(found: list[Coefficient], optimizer: Optimizer) -> list[Coefficient]:
    """Those that may be the largest and positive."""
    positive = [r for r in found if r and sign_of(r, optimizer) >= 0]
    return [
        r
        for r in positive
        if not any(sign_of(other - r, optimizer) > 0 for other in positive if other is not r)
    ]


def _reciprocal_root(c: list[Coefficient], optimizer: Optimizer) -> list[sympy.Expr]:
    """1/z for the smallest positive root of c0 + c1 z + c2 z^2, c0 > 0; empty where it has none."""
    discriminant = c[1] * c[1] - 4 * c[0] * c[2]
    if sign_of(c[2], optimizer) > 0 and sign_of(discriminant, optimizer) < 0:
        return []
    root, real = square_root(discriminant, optimizer)
    if not real or sign_of(c[2], optimizer) >= 0:
        raise NotInClosedForm(
            f"the stability limit of {optimizer.name} depends on its parameters; give them numbers."
        )
    return [(root - c[1].as_expr()) / (2 * c[0].as_expr())]


def oscillation_interval(optimizer: Optimizer) -> tuple[sympy.Expr, sympy.Expr]:
    """The two z between which the multipliers are complex, the smaller one first.

    Raises:
        NotInClosedForm: the rule has not one memory variable, or the sign of a square is unclear.

    >>> from derive import heavy_ball, nesterov, quasi_hyperbolic
    >>> from derive.language.writing import plain
    >>> for rule in (heavy_ball, nesterov, quasi_hyperbolic):
    ...     print(*map(plain, oscillation_interval(rule)))
    (1 - sqrt(beta))**2 (1 + sqrt(beta))**2
    (1 - beta)**2/(1 + beta)**2 1
    (1 - beta)/(1 + sqrt(beta*nu))**2 (1 - beta)/(1 - sqrt(beta*nu))**2
    """
    return _roots(_discriminant(optimizer), Z, optimizer)


def fastest_momentum(optimizer: Optimizer) -> sympy.Expr:
    """The momentum at which a mode with 0 < z < 1 decays fastest: it is critically damped.

    With kappa^2 + a kappa + b the radius of a complex pair is sqrt(b), which rises with the
    momentum; the larger of two real multipliers falls with it. For heavy ball it holds up to z = 4.

    Raises:
        NotInClosedForm: the rule has not exactly one memory variable and one momentum.

    >>> from derive import heavy_ball, nesterov
    >>> from derive.language.writing import plain
    >>> print(plain(fastest_momentum(heavy_ball)), plain(fastest_momentum(nesterov)))
    (1 - sqrt(z))**2 (1 - sqrt(z))/(1 + sqrt(z))
    """
    names = [p.name for p in optimizer.declared if p.meaning == "momentum"]
    if len(names) != 1 or names[0] not in optimizer.parameters:
        raise NotInClosedForm(f"{optimizer.name} has not one momentum that could be chosen.")
    return _roots(_discriminant(optimizer), sympy.Symbol(names[0]), optimizer)[0]


def _discriminant(optimizer: Optimizer) -> sympy.Expr:
    linear, constant = quadratic(optimizer)
    return sympy.expand(linear**2 - 4 * constant)


def _roots(
    expr: sympy.Expr, unknown: sympy.Symbol, optimizer: Optimizer
) -> tuple[sympy.Expr, sympy.Expr]:
    """The roots of a quadratic, the smaller one first, where z is taken from (0, 1)."""
    mode = Parameter("z", lower=fmpq(0), upper=fmpq(1), includes_lower=False)
    ranged = replace(optimizer, declared=(*optimizer.declared, mode))
    names = {*optimizer.parameters, "z"} - {unknown.name}
    ring = Ring(tuple(sorted(names)))
    rows = sympy.Poly(expr, unknown).all_coeffs()
    if len(rows) != 3:
        raise NotInClosedForm(f"{optimizer.name} has no such two values of {unknown}.")
    a, b, c = (ring.from_expr(sympy.expand(row)) for row in rows)
    root, real = square_root(b * b / 4 - a * c, ranged)
    if not real or sign_of(a, ranged) <= 0:
        raise NotInClosedForm(f"the roots of {optimizer.name} depend on its parameters.")
    low, high = (_tidy(ring, (sign * root - (b / 2).as_expr()) / a.as_expr()) for sign in (-1, 1))
    return low, high


def _tidy(ring: Ring, expr: sympy.Expr) -> sympy.Expr:
    """Factored as a rational function of its square root r, where that makes it shorter."""
    roots = [e for e in expr.atoms(sympy.Pow) if e.exp == sympy.Rational(1, 2)]
    if not roots:
        return ring.from_expr(expr).as_expr()
    root = roots[0]
    if len(roots) > 1:  # the root of a number beside
        return expr
    own = sympy.Symbol("r")
    wide = Ring((*(name for name in ring.parameters), "r"))
    found = [expr]
    for symbol in root.base.free_symbols:
        if sympy.degree(root.base, symbol) == 1:
            ((value,),) = sympy.linsolve([root.base - own**2], [symbol])
            inside = wide.from_expr(expr.subs(root, own).subs(symbol, sympy.factor(value)))
            found.append(inside.as_expr().subs(own, root))
    return min(found, key=sympy.count_ops)
