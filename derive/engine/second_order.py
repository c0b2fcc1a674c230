"""The second-order equation of a velocity form: x'' as a function of x, x' and the time, by orders.

Where a velocity u is slow, the flow of (x, u) is one equation for x alone: v = F_x(x, u) is solved
for u = U(x, v), and x'' is the derivative of F_x along the flow, written in x and v = x'.

Source: Shi, Du, Jordan, Su, Understanding the acceleration phenomenon via high-resolution
differential equations (2022), where the equations end at h; here they go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion, Symbol
from derive.engine.components import Components
from derive.engine.displaced import displaced
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.on_loss import SympyWorld
from derive.engine.running_rules import Running
from derive.engine.step_series import Series, constant
from derive.engine.vectors import direction
from derive.language.update_rule import Optimizer

VELOCITY = "x'"

Vector = str | tuple["Vector", ...]
"""What stands beside a coefficient: VELOCITY, or the gradient's derivative along vectors: () is g,
(v,) is H v and (v, w) is E'''[v, w]."""

Terms = Mapping[Vector, sympy.Expr]


@dataclass(frozen=True)
class SecondOrder:
    """x'' = sum over n of h^n times the sum of coefficient times vector, with x_k = X((k + c) h).

    Args:
        terms: by power of h, what is added up; coefficients in the parameters and t.
        clock: c.
    """

    optimizer: Optimizer
    terms: tuple[Terms, ...]
    clock: fmpq

    @property
    def order(self) -> int:
        return len(self.terms)

    def coefficient(self, vector: Vector) -> sympy.Expr:
        """What multiplies a vector in x'', as a polynomial in h."""
        h = sympy.Symbol("h")
        return sympy.Add(*(h**n * row.get(vector, 0) for n, row in enumerate(self.terms)))

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """Every vector that occurs, x' first, then by how high the derivatives of the loss are."""
        return tuple(sorted({v for row in self.terms for v in row}, key=_height))


def _height(vector: Vector) -> tuple[int, str]:
    return (-1 if vector == VELOCITY else len(written(vector)), written(vector))


def second_order_equation(
    optimizer: Optimizer, *, order: int, clock: fmpq | None = None
) -> SecondOrder:
    """The equation x'' = A(x, x', t) that the iterates follow, through h^(order-1).

    Args:
        optimizer: a rule whose velocity is slow, as momentum that is tied to the step.
        order: how many powers of h, at least 1.
        clock: c of the times (k + c) h at which X passes the iterates; 0 without it.
    Raises:
        BadInput: the rule has no such equation; the message says why.

    >>> from derive.optimizers import heavy_ball_inertial
    >>> found = second_order_equation(heavy_ball_inertial, order=2)
    >>> [(written(v), found.coefficient(v)) for v in found.vectors]
    [("x'", -2*k), ('g', -h*k - 1)]
    """
    flow = general_flow(optimizer, order=order)
    u, algebra, speeds = _velocity(flow), flow.algebra, flow.flow["x"]
    along = [direction(algebra, {n: row[i] for n, row in flow.flow.items()}) for i in range(order)]
    rates = [
        sum((along[i](speeds[n - i]) for i in range(n + 1)), algebra.zero) for n in range(order)
    ]
    found = displaced(Series(algebra, rates), {u.index: _solved(flow, u)})
    shift = clock or fmpq(0)
    if shift and "t" in flow.slow:
        t = algebra.symbol("t", "slow", flow.spaces["t"])
        earlier = Series(algebra, [t, algebra.number(-shift), *[algebra.zero] * order][:order])
        found = displaced(found, {t.symbols[0].index: earlier})
    return SecondOrder(optimizer, tuple(_terms(flow, c) for c in found.coefficients), shift)


def starting_velocity(
    optimizer: Optimizer, *, order: int, start: Callable[..., Any] | None = None
) -> tuple[Terms, ...]:
    """x'(0) of the second-order equation after a start, by power of h.

    Args:
        order: how many powers of h.
        start: the memory before the first step as a function of (x, grad, h, parameters), as a
            declaration gives it; the declared one without it.
    Raises:
        BadInput: the rule has no second-order equation, or depends on the time or a fading memory.

    >>> from derive.optimizers import heavy_ball_inertial
    >>> starting_velocity(heavy_ball_inertial, order=2, start=lambda x, grad, h, k: (-h * grad(x),))
    ({}, {(): -3/2})
    """
    flow = general_flow(optimizer, order=order)
    u, algebra = _velocity(flow), flow.algebra
    if len(flow.slow) > 2 or flow.fast:
        raise NoExpansion(
            f"the starting velocity is found where x and {u.name} are all there is; "
            f"{optimizer.name} has more: {', '.join((*flow.slow[2:], *flow.fast))}."
        )
    begun = Running(optimizer, algebra).begun(order, start)[u.name]
    found = displaced(Series(algebra, list(flow.flow["x"])), {u.index: begun})
    return tuple(_terms(flow, c) for c in found.coefficients)


def _velocity(flow: SlowManifold) -> Symbol:
    """The slow state, besides x and the time, that x' is a multiple of as h tends to 0."""
    others = [n for n in flow.slow if n != "x" and not flow.is_time(n)]
    first = flow.flow["x"][0]
    if len(others) == 1 and not flow.optimizer.players:
        (symbol,) = flow.algebra.symbol(others[0], "slow", flow.spaces[others[0]]).symbols
        slope = first.derivative(symbol)
        if slope and not slope.space and first == slope * flow.algebra.variable(symbol):
            return symbol
    raise NoExpansion(
        f"{flow.optimizer.name} has no second-order equation: one velocity u has to be slow beside "
        "x, with x' = u as h tends to 0, as where 1 - beta is of the order of h. Declare the "
        "velocity u = (x - last)/h as a state: x <- x + h u."
    )


def _solved(flow: SlowManifold, u: Symbol) -> Series:
    """u as a series in h over x and the velocity, from x' = F_x(x, u)."""
    algebra = flow.algebra
    velocity = constant(algebra, algebra.symbol(VELOCITY, "slow", u.space), flow.order)
    first, *later = flow.flow["x"]
    slope, rest = first.derivative(u), Series(algebra, [algebra.zero, *later])
    found = velocity / slope
    for _ in later:
        found = (velocity - displaced(rest, {u.index: found})) / slope
    return found


def _terms(flow: SlowManifold, element: Element) -> Terms:
    """A sum of plain coefficients times vectors."""
    world, names = SympyWorld({}, [], {}), (*flow.optimizer.parameters, "t")
    scalars = Components(world, {name: sympy.Symbol(name) for name in names}, {})
    pieces = flow.algebra.split(element) if element else []
    return {_vector(vector): sympy.factor(scalars.of(weight)) for weight, vector in pieces}


def _vector(piece: Element) -> Vector:
    symbols = piece.symbols
    if len(symbols) == 1 and piece == piece.algebra.variable(symbols[0]):
        (s,) = symbols
        if s.name == VELOCITY:
            return VELOCITY
        if s.kind == "field":
            return tuple(sorted((_vector(v) for _, v in s.data[2]), key=_height))
    raise NoExpansion(
        f"the equation has {piece!r} in it, which is no derivative of the loss along vectors."
    )


def written(vector: Vector, *, tex: bool = False) -> str:
    """A vector as people write it: x', g, H x', E'''[x', x'].

    >>> written((VELOCITY, ())), written(((VELOCITY,),), tex=True)
    ("E'''[x', g]", '\\\\nabla^{2}E\\\\,\\\\nabla^{2}E\\\\,\\\\dot X')
    """
    if isinstance(vector, str):
        return r"\dot X" if tex else "x'"
    inside = [written(v, tex=tex) for v in vector]
    if not inside:
        return r"\nabla E" if tex else "g"
    if len(inside) == 1:
        return rf"\nabla^{{2}}E\,{inside[0]}" if tex else f"H {inside[0]}"
    head = rf"\nabla^{{{len(inside) + 1}}}E" if tex else "E" + "'" * (len(inside) + 1)
    return f"{head}[{', '.join(inside)}]"
