"""The sign of a coefficient on the whole range of an optimizer's parameters, and what follows.

A momentum that is a symbol is taken as not negative: closed forms with a root of it, or without
the cases below 0, hold for 0 <= beta < 1. A number may be negative.
"""

from __future__ import annotations

import sympy

from derive.language.coefficients import Coefficient
from derive.language.parameter import Parameter
from derive.language.update_rule import Optimizer


def size(value: Coefficient, optimizer: Optimizer) -> sympy.Expr:
    """|value|, written without bars where the sign is known."""
    sign = sign_of(value, optimizer)
    return (value * sign).as_expr() if sign else sympy.Abs(value.as_expr())


def square_root(value: Coefficient, optimizer: Optimizer) -> tuple[sympy.Expr, bool]:
    """The square root with squares taken out, and whether it is known to be real."""
    outside, inside = sympy.Integer(1), sympy.Integer(1)
    for factor in sympy.Mul.make_args(value.as_expr()):
        base, power = factor.as_base_exp()
        if base.is_Rational:
            outside *= sympy.sqrt(factor)
            continue
        half, odd = divmod(int(power), 2)
        outside *= size(value.ring.from_expr(base), optimizer) ** half
        inside *= base**odd
    return outside * sympy.sqrt(inside), sign_of(value, optimizer) > 0 or not value


def sign_of(value: Coefficient, optimizer: Optimizer) -> int:
    """1 or -1 where the value keeps this sign inside the parameters' ranges, 0 where unknown."""
    ranges = [p for name in value.ring.parameters for p in optimizer.declared if p.name == name]
    sign = 1 if value else 0
    for factor in sympy.Mul.make_args(value.as_expr()):
        base, power = factor.as_base_exp()
        if int(power) % 2:
            sign *= _sign_of_polynomial(base, ranges)
    return sign


def _sign_of_polynomial(polynomial: sympy.Expr, ranges: list[Parameter]) -> int:
    """Every parameter p becomes a function of some t > 0 that runs through its range: low + t,
    high - t or (low + high t)/(1 + t). Then coefficients of one sign decide.
    """
    images: dict[sympy.Symbol, sympy.Expr] = {}
    for parameter in ranges:
        t = sympy.Symbol(parameter.name)
        low, high = (
            None if end is None else sympy.Rational(int(end.p), int(end.q))
            for end in (parameter.lower, parameter.upper)
        )
        if parameter.meaning == "momentum" and low is not None:
            low = max(low, sympy.Integer(0))
        if low is not None and high is not None:
            images[t] = (low + high * t) / (1 + t)
        elif low is not None:
            images[t] = low + t
        elif high is not None:
            images[t] = high - t
        elif polynomial.has(t):
            return 0
    sign = 1
    for part in sympy.fraction(sympy.together(polynomial.subs(images, simultaneous=True))):
        signs = {int(sympy.sign(c)) for c in sympy.Poly(part, *images, sympy.Dummy()).coeffs()}
        sign *= signs.pop() if len(signs) == 1 else 0
    return sign
