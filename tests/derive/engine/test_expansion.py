"""The expansion by hand against known values, and against heavy ball itself, run exactly.

On a polynomial loss, from a rational start, the iterates of heavy ball are power series in h with
rational coefficients. The flows must reproduce them, coefficient by coefficient, up to h^order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import factorial, prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, Expr, Integer, Poly, Rational, Symbol, cancel, log, series, sqrt, symbols
from sympy.polys.ring_series import rs_subs, rs_trunc
from sympy.polys.rings import PolyElement, PolyRing

from derive.engine.expansion import BETA, K, gamma, steady_flow, transient_flow

E1, E2, E3, E4 = symbols("E1:5")
TWO_THIRDS = QQ(2, 3)
Point = tuple[PolyElement, ...]

in_each_dimension = pytest.mark.parametrize("dimension", [1, 2])
to_each_order = pytest.mark.parametrize("order", [1, 2, 3, 4])
few = settings(max_examples=10, deadline=None)


def test_the_steady_flow_has_the_known_coefficients() -> None:
    b = BETA
    f_0, f_1, f_2 = steady_flow(3)
    assert same(f_0, -E1 / (1 - b))
    assert same(f_1, -(1 + b) / (2 * (1 - b) ** 3) * E2 * E1)
    curved = (1 + 4 * b + b**2) / (3 * (1 - b) ** 5) * E2**2 * E1
    twisted = (1 + 10 * b + b**2) / (12 * (1 - b) ** 5) * E3 * E1**2
    assert same(f_2, -curved - twisted)


@pytest.mark.parametrize("beta", [Rational(0), Rational(1, 2), Rational(9, 10)])
def test_on_a_parabola_the_steady_flow_is_the_logarithm_of_the_slow_root(beta: Rational) -> None:
    h, parabola = Symbol("h"), {E1: 1, E2: 1, E3: 0, E4: 0, BETA: beta}
    slow_root = (1 + beta - h + sqrt((1 + beta - h) ** 2 - 4 * beta)) / 2
    exponent = sum(h ** (n + 1) * f.subs(parabola) for n, f in enumerate(steady_flow(4)))
    assert series(log(slow_root) - exponent, h, 0, 5).removeO() == 0


def test_the_transient_flow_has_the_known_coefficients() -> None:
    f_0, f_1 = transient_flow(2)
    assert same(f_0, -(1 - BETA ** (K + 1)) / (1 - BETA) * E1)
    assert same(f_1, -gamma() * (1 + BETA) / (2 * (1 - BETA) ** 3) * E2 * E1)


def test_gamma_has_the_known_closed_form() -> None:
    memory = 4 * (K + 1) * BETA ** (K + 1) * (1 - BETA) / (1 + BETA)
    assert same(gamma(), 1 - BETA ** (2 * K + 2) - memory)


@pytest.mark.parametrize("k", range(6))
def test_gamma_adds_up_the_squares_of_the_past_speeds(k: int) -> None:
    speed = [(1 - BETA ** (r + 1)) / (1 - BETA) for r in range(k + 1)]
    past = sum(BETA ** (k - r) * speed[r] ** 2 for r in range(k))
    assert same(speed[k] ** 2 + 2 * past, gamma().subs(K, k) * (1 + BETA) / (1 - BETA) ** 3)


def test_without_momentum_it_is_the_modified_flow_of_gradient_descent() -> None:
    f_0, f_1, f_2 = map(without_momentum, transient_flow(3))
    assert same(f_0, -E1)
    assert same(f_1, -E2 * E1 / 2)
    assert same(f_2, -(E2**2) * E1 / 3 - E3 * E1**2 / 12)


@in_each_dimension
def test_without_momentum_there_is_no_transient(dimension: int) -> None:
    steady = map(without_momentum, scalars(steady_flow(4, dimension)))
    assert list(map(without_momentum, scalars(transient_flow(4, dimension)))) == list(steady)


@in_each_dimension
def test_the_first_step_does_not_feel_the_momentum(dimension: int) -> None:
    for f in scalars(transient_flow(4, dimension)):
        assert same(f.subs(K, 0), without_momentum(f))


@in_each_dimension
def test_the_transient_dies_out_and_leaves_the_steady_flow(dimension: int) -> None:
    steady = scalars(steady_flow(4, dimension))
    for f, f_infinity in zip(scalars(transient_flow(4, dimension)), steady, strict=True):
        faded = f.replace(
            lambda e: e.is_Pow and e.base == BETA and e.exp.has(K), lambda _: Integer(0)
        )
        assert same(faded, f_infinity)


@pytest.mark.parametrize("flow", [steady_flow, transient_flow])
def test_on_a_separable_loss_each_axis_moves_by_itself(flow: Any) -> None:
    mixed = {Symbol(f"E{i}{j}"): 0 for i, j in product(range(1, 4), repeat=2)}
    along_x = {Symbol(f"E{n}"): Symbol(f"E{n}0") for n in range(1, 5)}
    along_y = {Symbol(f"E{n}"): Symbol(f"E0{n}") for n in range(1, 5)}
    for f, (f_x, f_y) in zip(flow(4), flow(4, 2), strict=True):
        assert same(f_x.subs(mixed), f.subs(along_x))
        assert same(f_y.subs(mixed), f.subs(along_y))


@dataclass(frozen=True)
class Run:
    """Heavy ball from rest on a polynomial loss, as power series in h up to h^order."""

    loss: PolyElement
    beta: Any  # an element of QQ, like the start
    start: tuple[Any, ...]
    order: int

    @property
    def ring(self) -> PolyRing:
        return self.loss.ring

    @property
    def axes(self) -> Point:
        return tuple(self.ring.gens[:-1])

    @property
    def h(self) -> PolyElement:
        return self.ring.gens[-1]

    def truncated(self, p: PolyElement, order: int) -> PolyElement:
        return rs_trunc(p, self.h, order + 1)

    def at(self, place: Point, p: PolyElement, order: int) -> PolyElement:
        """The value of p there, up to h^order."""
        return rs_subs(p, dict(zip(self.axes, place, strict=True)), self.h, order + 1)

    def iterates(self, steps: int) -> list[Point]:
        """x_0, ..., x_steps, straight from the update."""
        places: list[Point] = [tuple(map(self.ring, self.start))]
        velocity = [self.ring.zero for _ in self.axes]
        for _ in range(steps):
            here = places[-1]
            pull = [self.h * self.at(here, self.loss.diff(x), self.order - 1) for x in self.axes]
            velocity = [self.beta * v - p for v, p in zip(velocity, pull, strict=True)]
            places.append(tuple(x + v for x, v in zip(here, velocity, strict=True)))
        return places

    def field(self, coefficients: Sequence[Any], k: int = 0) -> Point:
        """sum_n h^n f_n(x; k) for this loss and this beta."""
        total = [self.ring.zero for _ in self.axes]
        for n, f_n in enumerate(coefficients):
            for axis, f in enumerate(scalars([f_n])):
                total[axis] += self.h**n * self.polynomial(f.subs({BETA: self.beta, K: k}))
        return tuple(total)

    def polynomial(self, f: Expr) -> PolyElement:
        """f with each symbol replaced by the derivative of the loss that it stands for."""
        result, jets = self.ring.zero, sorted(f.free_symbols, key=str)
        slopes = [self.derivative(*map(int, str(jet).removeprefix("E"))) for jet in jets]
        for powers, c in Poly(f, jets, domain=QQ).rep.to_dict().items():
            factors = (e**p for e, p in zip(slopes, powers, strict=True) if p)
            result += prod(factors, start=self.ring(c))
        return result

    def derivative(self, *times: int) -> PolyElement:
        """The loss, differentiated that many times along each axis."""
        result = self.loss
        for axis, count in zip(self.axes, times, strict=True):
            for _ in range(count):
                result = result.diff(axis)
        return result

    def along(self, field: Point, p: PolyElement) -> PolyElement:
        """dp/dt on the solutions of x' = field(x)."""
        rate = self.ring.zero
        for f, x in zip(field, self.axes, strict=True):
            rate += f * p.diff(x)
        return rate

    def follow(self, field: Point, place: Point, time: PolyElement) -> Point:
        """Where x' = field leads from that place in that time: sum_j time^j/j! x^(j), by Taylor."""
        result, derivative = list(place), self.axes
        for j in range(1, self.order + 1):
            derivative = tuple(
                self.truncated(self.along(field, p), self.order - j) for p in derivative
            )
            for axis, p in enumerate(derivative):
                result[axis] += time**j * self.at(place, p, self.order - j) * QQ(1, factorial(j))
        return tuple(result)

    def is_followed_by(self, coefficients: Sequence[Any], steps: int = 4) -> bool:
        """Whether the flow, interval by interval from the start, passes through every iterate."""
        here, *ahead = self.iterates(steps)
        for k, place in enumerate(ahead):
            here = self.follow(self.field(coefficients, k), here, self.h)
            if here != place:
                return False
        return True


def runs(dimension: int, order: int) -> st.SearchStrategy[Run]:
    """Losses with all monomials up to degree 5 on a line and 4 in the plane, any beta and start."""
    ring = PolyRing([*"xy"[:dimension], "h"], QQ)
    numbers = st.fractions(-2, 2, max_denominator=3).map(QQ.convert)
    degree = 5 if dimension == 1 else 4
    monomials = [
        (*m, 0) for m in product(range(degree + 1), repeat=dimension) if 1 <= sum(m) <= degree
    ]
    return st.builds(
        Run,
        loss=st.fixed_dictionaries(dict.fromkeys(monomials, numbers)).map(ring.from_dict),
        beta=st.fractions(0, Fraction(9, 10), max_denominator=10).map(QQ.convert),
        start=st.tuples(*[numbers] * dimension),
        order=st.just(order),
    )


@in_each_dimension
@to_each_order
@given(data=st.data())
@few
def test_the_transient_flow_passes_through_every_iterate(
    dimension: int, order: int, data: st.DataObject
) -> None:
    run = data.draw(runs(dimension, order))
    assert run.is_followed_by(transient_flow(order, dimension))


@in_each_dimension
@to_each_order
@given(data=st.data())
@few
def test_the_steady_flow_obeys_the_two_step_update(
    dimension: int, order: int, data: st.DataObject
) -> None:
    run = data.draw(runs(dimension, order))
    now = tuple(map(run.ring, run.start))
    field = run.field(steady_flow(order, dimension), k=0)
    before, after = (run.follow(field, now, time) for time in (-run.h, run.h))
    for axis, x in enumerate(run.axes):
        pull = run.h * run.at(now, run.loss.diff(x), order - 1)
        momentum = run.beta * (now[axis] - before[axis])
        assert after[axis] == now[axis] - pull + momentum


def quintic(order: int, beta: Any = TWO_THIRDS) -> Run:
    """No derivative up to the fifth vanishes at the start."""
    x = PolyRing(["x", "h"], QQ).gens[0]
    return Run(x**5 / 5 + x**4 / 4 + x**2 / 2, beta, start=(QQ(1),), order=order)


def test_the_closed_form_holds_for_many_steps() -> None:
    assert quintic(order=4).is_followed_by(transient_flow(4), steps=12)


@to_each_order
def test_no_coefficient_may_skip_its_transient(order: int) -> None:
    impatient = [*transient_flow(order)[:-1], steady_flow(order)[-1]]
    assert not quintic(order).is_followed_by(impatient)
    assert quintic(order - 1).is_followed_by(impatient)


@pytest.mark.parametrize("beta", [QQ(1, 10), QQ(1, 2), QQ(9, 10)])
def test_a_gamma_that_is_late_by_one_step_is_rejected(beta: Any) -> None:
    f_0, _ = transient_flow(2)
    late = 1 - BETA ** (2 * K + 2) - 4 * K * BETA ** (K + 1) * (1 - BETA) / (1 + BETA)
    right, wrong = (
        [f_0, -factor * (1 + BETA) / (2 * (1 - BETA) ** 3) * E2 * E1] for factor in (gamma(), late)
    )
    assert quintic(2, beta).is_followed_by(right)
    assert not quintic(2, beta).is_followed_by(wrong)
    assert quintic(1, beta).is_followed_by(wrong)


@pytest.mark.parametrize("flow", [steady_flow, transient_flow])
@pytest.mark.parametrize(
    ("order", "dimension", "complaint"),
    [
        (0, 1, r"order = 0 is outside 1\.\.4"),
        (5, 1, r"order = 5 is outside 1\.\.4"),
        (-1, 2, r"order = -1 is outside 1\.\.4"),
        (2, 0, r"dimension = 0 is outside 1\.\.2"),
        (2, 3, r"dimension = 3 is outside 1\.\.2"),
    ],
)
def test_what_is_not_done_by_hand_is_refused(
    flow: Any, order: int, dimension: int, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        flow(order, dimension)


def scalars(flow: Sequence[Any]) -> list[Expr]:
    """All components of all coefficients, one after another."""
    return [f for f_n in flow for f in (f_n if isinstance(f_n, tuple) else (f_n,))]


def without_momentum(f: Expr) -> Expr:
    """f at beta = 0, for every step k >= 0."""
    any_step = Symbol("k", integer=True, nonnegative=True)
    return f.subs(K, any_step).subs(BETA, 0)


def same(f: Any, g: Any) -> bool:
    """Whether two polynomials in the derivatives of the loss have equal coefficients."""
    jets = [symbol for symbol in (f - g).free_symbols if symbol.name.startswith("E")]
    if not jets:
        return cancel(f - g) == 0
    return all(cancel(c) == 0 for c in Poly(f - g, *jets, domain="EX").coeffs())
