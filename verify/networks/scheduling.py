"""The schedule that an object of torch.optim.lr_scheduler moves the learning rate by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from derive.language.bad_input import BadInput

T = sympy.Symbol("t")


def _exact(value: float) -> sympy.Rational:
    """The decimal that a float was written as."""
    return sympy.Rational(str(value))


def _cosine(s: Any, k: sympy.Expr, base: float) -> sympy.Expr:
    low = _exact(s.eta_min) / _exact(base)
    return low + (1 - low) * (1 + sympy.cos(sympy.pi * k / s.T_max)) / 2


def _linear(s: Any, k: sympy.Expr, _: float) -> sympy.Expr:
    begin, end = _exact(s.start_factor), _exact(s.end_factor)
    return _until(k, s.total_iters, begin + (end - begin) * k / s.total_iters, end)


def _polynomial(s: Any, k: sympy.Expr, _: float) -> sympy.Expr:
    return _until(k, s.total_iters, (1 - k / s.total_iters) ** _exact(s.power), sympy.Integer(0))


def _until(k: sympy.Expr, last: int, before: sympy.Expr, after: sympy.Expr) -> sympy.Expr:
    return sympy.Piecewise((before, k < last), (after, True))


SMOOTH: Mapping[str, Callable[[Any, sympy.Expr, float], sympy.Expr]] = {
    "CosineAnnealingLR": _cosine,
    "ExponentialLR": lambda s, k, _: _exact(s.gamma) ** k,
    "LinearLR": _linear,
    "PolynomialLR": _polynomial,
}
"""The rate of step k beside the base rate, of the schedules that are one formula until they end."""


def schedule_of(scheduler: Any, optimizer: Any) -> tuple[sympy.Expr, float]:
    """eta, the rate beside h as an expression in t = kh, and h, the rate that it begins from.

    Raises:
        BadInput: the scheduler is another optimizer's, has kinks, or is a function that cannot be
            read; by name.
    """
    name = type(scheduler).__name__
    if getattr(scheduler, "optimizer", None) is not optimizer:
        raise BadInput(f"this {name} moves the learning rate of another optimizer.")
    if name not in SMOOTH:
        raise BadInput(
            f"{name} is not covered: it has kinks or follows no formula, and a flow is found for "
            f"one smooth formula; covered are {', '.join(SMOOTH)}."
        )
    base = scheduler.base_lrs[0]
    h = _exact(base)
    return SMOOTH[name](scheduler, T / h, base), base
