"""An observed variable of a rule from a user's text, such as y = x + h*v."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from derive.engine.invariant_manifold import SlowManifold
from derive.engine.observed import observed_flow
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from verify.formulas.reading import read_expression
from verify.running.numbers import evaluate

CALLED = "y"


def read_observed(rule: Optimizer, text: str, *, order: int) -> SlowManifold:
    """The modified flow of an observed variable.

    Args:
        text: a state, or NAME = EXPR, EXPR in the states, the parameters and h; NAME is y without
            it.
    Raises:
        BadInput: the text is not read, or the variable does not tell where the slow one is.
    """
    text = text.strip()
    if text in rule.memory:
        return observed_flow(rule, order=order, observe=text)
    left, equals, right = text.partition("=")
    name = left.strip() if equals else CALLED
    if not name.isidentifier():
        raise BadInput(f"--observe {text!r} has no name on the left; write y = x + h*v.")
    if name in ("h", "k", "t"):
        raise BadInput(f"--observe gives the name {name!r} of the step; take another, such as y.")
    states = ("x", *rule.memory, *(n for n in ("t",) if n in rule.keywords))
    names = (*states, *(p.name for p in rule.declared), "h")
    expr = read_expression(right if equals else text, names=names)

    def observe(**known: Any) -> Any:
        try:
            return _value(expr, known)
        except (TypeError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                f"--observe {text!r} has a function that is not expanded in h here; "
                "write it in sums, products and whole powers."
            ) from None

    return observed_flow(rule, order=order, observe=observe, name=name)


def _value(expr: sympy.Expr, known: dict[str, Any]) -> Any:
    """The value on series, which know their roots as powers."""
    roots: dict[str, Any] = {}

    def root(base: sympy.Expr, exponent: sympy.Rational) -> sympy.Symbol:
        value = known["h"] * 0 + evaluate(base, known | roots)
        name = f"root {len(roots)}"
        roots[name] = value ** Fraction(int(exponent.p), int(exponent.q))
        return sympy.Symbol(name)

    base, exponent = sympy.Wild("base"), sympy.Wild("exponent", properties=[_is_broken])
    without = expr.replace(base**exponent, root)
    return evaluate(without, known | roots)


def _is_broken(exponent: sympy.Expr) -> bool:
    return isinstance(exponent, sympy.Rational) and exponent.q > 1
