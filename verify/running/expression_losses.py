"""A loss that is given as a SymPy expression, on every number type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import sympy

from derive.language.update_rule import BadInput
from verify.running import numbers
from verify.running.losses import Loss
from verify.running.tape import Node


def loss_from_expression(expr: sympy.Expr, text: str = "", variables: Sequence[str] = ()) -> Loss:
    """The loss that a SymPy expression is; its variables, sorted by name, are the coordinates.

    Args:
        variables: the coordinates, where the loss need not depend on all of them.
    Raises:
        BadInput: it has no variable, or is not smooth.

    >>> x, y = sympy.symbols("x y")
    >>> loss_from_expression(x**2 + x * y).dimension
    2
    """
    text = text or str(expr)
    variables = variables or sorted(symbol.name for symbol in expr.free_symbols)
    if not variables:
        raise BadInput(f"{text!r} has no variable to minimize over; write one, such as x^2.")
    for part in sympy.preorder_traversal(expr):
        if reason := _NOT_SMOOTH.get(type(part)):
            raise BadInput(f"a loss cannot have {reason}.")

    def value(x: Sequence[Any]) -> Any:
        zero = x[0] * 0
        return _on_numbers(expr, dict(zip(variables, x, strict=True)), zero) + zero

    return Loss(len(variables), value, text)


_NOT_SMOOTH: Mapping[type, str] = {
    sympy.Abs: "abs, which is not smooth where its argument is 0; sqrt(x^2 + 1) is a smooth one",
    sympy.factorial: "a factorial, which is made for whole numbers; write a polynomial or exp",
    sympy.binomial: "a binomial, which is made for whole numbers; write a polynomial",
    sympy.Sum: "a sum over an index; write its terms out",
    sympy.LambertW: "LambertW, whose derivatives are not at hand; write another function",
}


def _on_numbers(expr: sympy.Expr, values: Mapping[str, Any], zero: Any) -> Any:
    """The value on the number type of `zero`: floats, balls, series, nodes of a program."""
    if isinstance(expr, sympy.Symbol):
        return values[expr.name]
    if isinstance(expr, sympy.Rational):
        whole = zero + int(expr.p)
        return whole if expr.q == 1 else whole / int(expr.q)
    if expr is sympy.pi:
        return _on_numbers(_rational_pi(), values, zero)
    if expr is sympy.E:
        return numbers.exp(zero + 1)
    if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Rational):
        return _rational_power(_on_numbers(expr.base, values, zero), expr.exp)
    arguments = [_on_numbers(argument, values, zero) for argument in expr.args]
    return _ON_NUMBERS[expr.func](*arguments)


@cache
def _rational_pi() -> sympy.Rational:
    return sympy.Rational(str(sympy.pi.evalf(101)))


def _rational_power(base: Any, exponent: sympy.Rational) -> Any:
    top, bottom = int(exponent.p), int(exponent.q)
    if bottom == 2 and not isinstance(base, Node):
        base = numbers.sqrt(base)
    elif bottom != 1:
        base = numbers.exp(numbers.log(base) / bottom)
    return base**top if top >= 0 else 1 / base**-top


_ON_NUMBERS: Mapping[type, Callable[..., Any]] = {
    sympy.Add: lambda *terms: sum(terms[1:], start=terms[0]),
    sympy.Mul: lambda *factors: math.prod(factors[1:], start=factors[0]),
    sympy.Pow: lambda base, exponent: numbers.exp(numbers.log(base) * exponent),
    sympy.exp: numbers.exp,
    sympy.log: numbers.log,
    sympy.sin: numbers.sin,
    sympy.cos: numbers.cos,
    sympy.tan: lambda x: numbers.sin(x) / numbers.cos(x),
    sympy.cot: lambda x: numbers.cos(x) / numbers.sin(x),
    sympy.sinh: lambda x: (numbers.exp(x) - numbers.exp(-x)) / 2,
    sympy.cosh: lambda x: (numbers.exp(x) + numbers.exp(-x)) / 2,
    sympy.tanh: numbers.tanh,
    sympy.asinh: lambda x: numbers.log(x + numbers.sqrt(x * x + 1)),
    sympy.coth: lambda x: 1 / numbers.tanh(x),
}
