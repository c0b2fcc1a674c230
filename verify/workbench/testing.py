"""Assertions for a test suite of your own: same formula, observed order, exact residual.

Each raises AssertionError with everything that is needed to see the failure again, the values that
Hypothesis drew included, so that what it prints last is the smallest counterexample it found.
`tests/examples/test_my_paper.py` is a complete test file to start from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice, pairwise, product
from typing import Any

import sympy
from flint import fmpq

from derive.engine.bseries import BSeries
from derive.engine.sequences import StepSequence
from derive.language.coefficients import Coefficient, Exact, exact
from derive.language.formula import MEANINGS, Formula, K
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import plain
from verify.claims.equality import closed, difference
from verify.formulas.reading import read_expression, read_latex
from verify.running.cells import aligned
from verify.running.losses import VectorField
from verify.running.numbers import RATIONAL, PowerSeries, power_series
from verify.running.orders import observed_order
from verify.running.residuals import transient_residual
from verify.running.trajectories import Start
from verify.workbench.candidates import slow_memory, value

Written = sympy.Expr | str | int | Coefficient | StepSequence | Formula
"""A formula: SymPy, text, LaTeX (text with a backslash), or what `derive` returns."""

_SMALL = tuple(fmpq(p, q) for p, q in ((1, 2), (1, 3), (1, 1), (2, 1), (2, 3), (1, 5), (3, 1)))
_STEPS = tuple(fmpq(k) for k in range(5))
_MOST_POINTS = 5000


class Undecided(AssertionError):
    """What is at hand is no evidence for or against what is asserted."""


def assert_same_formula(
    left: Written, right: Written, *, names: Collection[str] | None = None
) -> None:
    """Two formulas are the same rational function of their symbols and of powers such as beta**k.

    Args:
        names: the symbols that text may hold; by default those of the other formula and
            beta, h, k, kappa, z.
    Raises:
        AssertionError: they differ; it shows both, the difference and values that tell them apart.
        Undecided: an AssertionError too; neither was found.
        BadInput: text that cannot be read, or a formula that is not rational.

    >>> assert_same_formula("h*(1 + beta)/4", "h/4 + beta*h/4")
    """
    __tracebackhide__ = True
    known = {*MEANINGS, *_symbols(left), *_symbols(right)} if names is None else names
    a, b = (closed(_read(side, known)) for side in (left, right))
    try:
        left_over = difference(a, b)
    except ValueError as error:
        raise BadInput(
            f"whether two formulas are the same is decided for ratios only: {error}"
        ) from (error)
    if not left_over:
        return
    lines = {"left": plain(a), "right": plain(b), "left - right": plain(left_over)}
    if not (example := _counterexample(a, b)):
        raise Undecided(_page("the formulas could not be told apart, nor shown equal", lines))
    raise AssertionError(_page("the formulas differ", lines | {"for example": example}))


def assert_observed_order(errors: Sequence[float | str], order: int, *, ratio: int = 2) -> None:
    """The errors at step sizes h, h/ratio, h/ratio^2, ... vanish like h^order.

    Args:
        errors: at least four, from the largest step size on.
    Raises:
        AssertionError: another order; it shows the local slopes and the interval.
        Undecided: an AssertionError too; the interval holds more than one whole order.

    >>> assert_observed_order([1.0, 0.26, 0.066, 0.0166, 0.00416], 2)
    """
    __tracebackhide__ = True
    observed = observed_order(errors, ratio=ratio)
    if observed.supports(order):
        return
    sizes = [float(e) for e in errors]
    slopes = [
        f"{math.log(a / b) / math.log(ratio):.3f}" if min(a, b) > 0 else "?"
        for a, b in pairwise(sizes)
    ]
    lines = {
        "errors": "  ".join(f"{e:.3e}" for e in sizes),
        "local slopes": "  ".join(slopes),
    }
    if not observed.decides:
        why = _undecided(sizes)
        raise Undecided(_page("the errors cannot decide their order", lines | {"because": why}))
    low, high = observed.value - observed.uncertainty, observed.value + observed.uncertainty
    lines["observed"] = f"{observed}, between {low:.3f} and {high:.3f}"
    raise AssertionError(_page(f"the errors do not vanish like h^{order}", lines))


def assert_exact_residual(
    optimizer: Optimizer,
    loss: VectorField,
    start: Sequence[Exact],
    flow: Mapping[Tree, Any] | BSeries | None = None,
    *,
    order: int,
    weights: Callable[[int, PowerSeries], Mapping[Tree, Any]] | None = None,
    parameters: Mapping[str, Exact | float] | None = None,
    steps: int = 4,
    memory: Start | None = None,
) -> None:
    """The iterates and a flow agree through h^order, exactly, over the first steps.

    A flow whose coefficients depend on k is followed from the declared start, on [kh, (k+1)h] with
    its coefficients at k. One that does not is the lasting flow: it is followed from a start whose
    memory has forgotten its own start.

    Args:
        loss: a polynomial, or a vector field of polynomials: numbers are rational.
        flow: the coefficients b(t) of x' = sum over trees of h^(|t|-1) b(t)/sigma(t) F(t), such as
            `modified_flow(...)` or a dict of SymPy expressions.
        weights: instead of `flow`, what multiplies F(t) on [kh, (k+1)h], from k and h; followed
            from the declared start.
        parameters: a number for every parameter that `optimizer.at` has not fixed.
        memory: another memory before the first step, from x_0, grad E(x_0) and h.
    Raises:
        AssertionError: a power of h up to h^order is left; it shows which, at which k, and where.
        BadInput: a parameter has no number, or the loss is not polynomial.
    """
    __tracebackhide__ = True
    values = {name: exact(v) for name, v in (parameters or {}).items()}
    if missing := [name for name in optimizer.parameters if name not in values]:
        raise BadInput(f"parameters has no number for {', '.join(missing)} of {optimizer.name}.")
    if len(start) != loss.dimension:
        raise BadInput(f"start has {len(start)} coordinates, the loss {loss.dimension}.")
    special = optimizer.at(**values)
    point = [exact(x) for x in start]
    if flow is not None and weights is None:
        coefficients = {t: b for t, b in flow.items() if t.order <= order}
        if memory is None and not any(map(_depends_on_k, coefficients.values())):
            memory = slow_memory(special, loss, order, power_series(order + 2))
        followed = _weights(coefficients, values)
    elif weights is not None and flow is None:
        followed = weights
    else:
        raise BadInput("give either flow or weights.")

    def lowest(count: int) -> int:
        return transient_residual(
            special,
            loss,
            point,
            followed,
            parameters={},
            length=order + 2,
            steps=count,
            memory=memory,
        )

    try:
        power = lowest(steps)
    except (TypeError, ValueError) as error:
        if PowerSeries.__name__ not in str(error):
            raise
        raise BadInput(f"an exact residual needs a polynomial loss: {error}.") from error
    if power > order:
        return
    first = next(k for k in range(1, steps + 1) if lowest(k) == power)
    lines = {
        "lowest power": f"h^{power} is left in x_k - x(kh), first at k = {first}",
        "loss": loss.text,
        "start": ", ".join(map(str, point)),
        "parameters": ", ".join(f"{name} = {v}" for name, v in special.values),
    }
    what = f"{optimizer.name} and the flow do not agree through h^{order}"
    raise AssertionError(_page(what, lines))


def _page(head: str, lines: Mapping[str, str]) -> str:
    return f"{head}\n{aligned([pair for pair in lines.items() if pair[1]], indent='  ')}"


def _symbols(side: Written) -> set[str]:
    return set() if isinstance(side, str) else {s.name for s in _read(side, ()).free_symbols}


def _read(side: Written, names: Collection[str]) -> sympy.Expr:
    if isinstance(side, str):
        return (read_latex if "\\" in side else read_expression)(side, names=names)
    if isinstance(side, Formula):
        return side.expr
    if isinstance(side, Coefficient | StepSequence):
        return side.as_expr()
    return sympy.Integer(side) if isinstance(side, int) else side


def _counterexample(left: sympy.Expr, right: sympy.Expr) -> str:
    """The first of some small values of the symbols that tell two formulas apart."""
    names = sorted(symbol.name for symbol in left.free_symbols | right.free_symbols)
    for values in islice(_values(names), _MOST_POINTS):
        step = int(values.get(K.name, fmpq(0)))
        try:
            a, b = (value(side, step, values, RATIONAL) for side in (left, right))
        except (ValueError, ZeroDivisionError):
            continue
        if a != b:
            where = ", ".join(f"{name} = {v}" for name, v in values.items()) or "anywhere"
            return f"{where}: left = {a}, right = {b}"
    return ""


def _values(names: Sequence[str]) -> Iterator[dict[str, fmpq]]:
    for found in product(*(_STEPS if name == K.name else _SMALL for name in names)):
        yield dict(zip(names, found, strict=True))


def _undecided(errors: Sequence[float]) -> str:
    if len(errors) < 4:
        return f"there are {len(errors)}; give at least four"
    if not all(0 < e < math.inf for e in errors):
        return "not all of them are positive numbers; compute with more digits"
    return "the slopes still move; take smaller steps, or more digits where rounding shows"


def _weights(
    coefficients: Mapping[Tree, Any], values: Mapping[str, fmpq]
) -> Callable[[int, PowerSeries], dict[Tree, PowerSeries]]:
    """What multiplies F(t) on [kh, (k+1)h]."""

    def weights(k: int, h: PowerSeries) -> dict[Tree, PowerSeries]:
        numbers = {t: _number(b, k, values) for t, b in coefficients.items()}
        return {t: h ** (t.order - 1) * (b / t.symmetry) for t, b in numbers.items()}

    return weights


def _depends_on_k(coefficient: Any) -> bool:
    if isinstance(coefficient, StepSequence):
        return True
    return isinstance(coefficient, sympy.Expr) and K in coefficient.free_symbols


def _number(coefficient: Any, k: int, values: Mapping[str, fmpq]) -> fmpq:
    """A coefficient of any kind where k and the parameters are given."""
    if isinstance(coefficient, StepSequence):
        return coefficient.at_step(k, values)
    if isinstance(coefficient, Coefficient):
        return coefficient.at(values)
    if isinstance(coefficient, sympy.Expr):
        return value(coefficient, k, values, RATIONAL)
    return exact(coefficient)
