"""Which flow does heavy ball follow? The answer on paper, in plain SymPy, through h^3.

Expand the update and the flow in h and match powers: Hairer, Lubich, Wanner, Geometric Numerical
Integration (2006), IX.1. There are no trees here, so that it can bear witness to the B-series.

    v_(k+1) = beta v_k - h grad E(x_k),    x_(k+1) = x_k + v_(k+1),    v_0 = 0,    0 <= beta < 1.

The loss E stays abstract. Its derivatives are symbols: E1, E2, ... in one dimension; E10, E01, E20,
E11, E02, ... in two, where Eij is differentiated i times along the first axis, j along the second.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import product
from math import factorial
from typing import Any, Literal, TypeAlias, overload

from sympy import QQ, Add, Expr, Mul, Pow, Symbol
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement, PolyRing

__all__ = ["BETA", "JetSpace", "K", "gamma", "steady_flow", "transient_flow"]

BETA = Symbol("beta")
K = Symbol("k")
HIGHEST_ORDER = 4

Vector: TypeAlias = tuple[PolyElement, ...]


@overload
def steady_flow(order: int, dimension: Literal[1] = 1) -> list[Expr]: ...
@overload
def steady_flow(order: int, dimension: Literal[2]) -> list[tuple[Expr, ...]]: ...
@overload
def steady_flow(order: int, dimension: int) -> list[Expr] | list[tuple[Expr, ...]]: ...
def steady_flow(order: int, dimension: int = 1) -> list[Any]:
    """The autonomous flow that the iterates follow once the start-up transient has died out.

    Finds f_0, f_1, ... such that the solutions of x' = sum_n h^n f_n(x) satisfy, as series in h,
    x(t+h) - (1+beta) x(t) + beta x(t-h) = -h grad E(x(t)) up to and including h^order.

    Args:
        order: how many coefficients, 1 to 4. One step takes the time h: x_k = x(kh).
        dimension: of x, 1 or 2.
    Returns:
        f_0, ..., f_(order-1); in dimension 2, each a pair of components.
    Raises:
        ValueError: order or dimension is out of range.
    Source:
        Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.1.

    >>> steady_flow(2)
    [-E1/(1 - beta), -E1*E2*(beta + 1)/(2*(1 - beta)**3)]
    """
    space = _jet_space(order, dimension)
    nothing = (space.ring.zero,) * dimension
    pull = [nothing, tuple(-g for g in space.gradient), *[nothing] * (order - 1)]
    # x(t+h) - (1+beta) x(t) + beta x(t-h) = sum_(j>=1) (1 + (-1)^j beta) h^j/j! x^(j)(t)
    return space.expressions(_match(space, pull, lambda j: 1 + (-1) ** j * space.beta))


def _match(
    space: "JetSpace", series: Sequence[Vector], weight: Callable[[int], FracElement]
) -> list[Vector]:
    """The field with sum_(j>=1) weight(j) h^j/j! x^(j) = series, one power of h after another."""
    field: list[Vector] = []

    @cache
    def derivative(j: int, m: int, axis: int) -> PolyElement:
        """The h^m of x^(j): x' is the field, x^(j+1) the Lie derivative of x^(j) along it."""
        if j == 1:
            return field[m][axis]
        return space.sum(
            space.along(field[i], derivative(j - 1, m - i, axis)) for i in range(m + 1)
        )

    for m in range(len(series) - 1):
        # h^(m+1): apart from weight(1) f_m, everything is made of f_0, ..., f_(m-1)
        known = [
            space.sum(
                derivative(j, m + 1 - j, axis) * (weight(j) / factorial(j)) for j in range(2, m + 2)
            )
            for axis in space.axes
        ]
        field.append(tuple((series[m + 1][i] - known[i]) * (1 / weight(1)) for i in space.axes))
    return field


@overload
def transient_flow(order: int, dimension: Literal[1] = 1) -> list[Expr]: ...
@overload
def transient_flow(order: int, dimension: Literal[2]) -> list[tuple[Expr, ...]]: ...
@overload
def transient_flow(order: int, dimension: int) -> list[Expr] | list[tuple[Expr, ...]]: ...
def transient_flow(order: int, dimension: int = 1) -> list[Any]:
    """The flow that takes heavy ball, started at rest, from its k-th iterate to the next.

    Finds f_0, f_1, ... such that, for every k >= 0, x' = sum_n h^n f_n(x; k) leads from x_k at time
    kh to x_(k+1) at time (k+1)h, as series in h up to and including h^order. Each f_n is a steady
    part, that of `steady_flow`, plus terms (k+1)^i beta^(j(k+1)) with j >= 1, which die out.

    Args:
        order: how many coefficients, 1 to 4. One step takes the time h.
        dimension: of x, 1 or 2.
    Returns:
        f_0, ..., f_(order-1), in closed form in k; in dimension 2, each a pair of components.
    Raises:
        ValueError: order or dimension is out of range.
    Source:
        Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.1, one step at a time.

    >>> transient_flow(1)
    [E1*(beta**(k + 1)/(1 - beta) - 1/(1 - beta))]
    >>> [f.subs(K, 0).factor() for f in transient_flow(2)]  # the first step is gradient descent
    [-E1, -E1*E2/2]
    """
    space = _jet_space(order, dimension)
    return space.expressions(_transient(order, dimension))


@cache
def _transient(order: int, dimension: int) -> tuple[Vector, ...]:
    """The flow from x_k to x_(k+1) is the logarithm of the map x -> x + V_(k+1)(x).

    V_n is the n-th velocity, written as a function of the place it starts from: v_n = V_n(x_(n-1)),
    V_(n+1)(x + V_n(x)) = beta V_n(x) - h grad E(x + V_n(x)), V_0 = 0. Here n = k + 1.
    """
    space = _jet_space(order, dimension)
    velocity = [(space.ring.zero,) * dimension]  # V_n, one power of h after another
    following = list(velocity)  # V_(n+1)
    for m in range(1, order + 1):
        # h^m: V_(n+1) = beta V_n + forcing, and the forcing is made of lower powers of h
        forcing = [
            -_displaced(space, slope, velocity, m - 1)
            - space.sum(_displaced(space, following[i][axis], velocity, m - i) for i in range(1, m))
            for axis, slope in enumerate(space.gradient)
        ]
        velocity.append(tuple(_solve_recurrence(space, f) for f in forcing))
        following.append(tuple(space.next_step(v) for v in velocity[m]))
    return tuple(_match(space, velocity, lambda _: space.beta**0))


def _displaced(
    space: "JetSpace", p: PolyElement, v: Sequence[Vector], power: int, depth: int = 1
) -> PolyElement:
    """The h^power of p(x + v), by Taylor: p + v d(p + v/2 d(p + v/3 d(p + ...))), d not on v."""
    if power == 0:
        return p
    return space.sum(
        v[i][axis] * _displaced(space, space.differentiate(p, axis), v, power - i, depth + 1)
        for i in range(1, power + 1)
        for axis in space.axes
    ) * (space.beta**0 / depth)


def _solve_recurrence(space: "JetSpace", forcing: PolyElement) -> PolyElement:
    """The solution of u_(n+1) = beta u_n + forcing(n) with u_0 = 0, by undetermined coefficients.

    c n^i q^j, with q = beta^n, is made by c/(beta^j - beta) n^i q^j, and at resonance, j = 1, by
    c/((i+1) beta) n^(i+1) q, up to lower powers of n, which come next. The rest is a beta^n.
    """
    beta, solution = space.beta, space.ring.zero
    while forcing:
        degree = max(i for i, *_ in forcing.monoms())
        guess = {}
        for (i, j, *rest), c in forcing.terms():
            if i == degree and j == 1:
                guess[i + 1, j, *rest] = c / ((i + 1) * beta)
            elif i == degree:
                guess[i, j, *rest] = c / (beta**j - beta)
        u = space.ring.from_dict(guess)
        solution += u
        forcing += beta * u - space.next_step(u)
    at_start = solution.compose([(space.n, space.ring.zero), (space.q, space.ring.one)])
    return solution - space.q * at_start


def gamma() -> Expr:
    """How much of its steady strength the h^1 term has on the interval from kh to (k+1)h.

    In one dimension f_1(x; k) = -gamma(k) (1+beta)/(2 (1-beta)^3) E''(x) E'(x), with f_1 from
    `transient_flow`. A pure number: (1-beta)^3/(1+beta) at k = 0, rising to 1 for large k.

    Source:
        Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.1, one step at a time.

    >>> gamma()
    -4*beta**(k + 1)*(1 - beta)*(k + 1)/(beta + 1) - beta**(2*k + 2) + 1
    """
    space = _jet_space(2, 1)
    (slope,), ((f_1,),) = space.gradient, _transient(2, 1)[1:]
    full_strength = -(1 + space.beta) / (2 * (1 - space.beta) ** 3)
    curvature_times_slope = space.expression(space.along(space.gradient, slope))
    return space.expression(f_1 * (1 / full_strength)) / curvature_times_slope


class JetSpace:
    """Polynomials in the derivatives of one abstract loss, and how to differentiate them.

    Differentiating along an axis raises one index of each symbol in turn: d/dx E1 = E2 in one
    dimension, d/dx E11 = E21 and d/dy E11 = E12 in two. The coefficients are polynomials in the
    step number n and in q = beta^n, over the rational functions of beta.

    Args:
        order: the highest derivative of the loss that may occur.
        dimension: the number of axes, 1 or 2.
    Source:
        Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.1.

    >>> plane = JetSpace(order=2, dimension=2)
    >>> [plane.expression(plane.along(plane.gradient, slope)) for slope in plane.gradient]
    [E01*E11 + E10*E20, E01*E02 + E10*E11]
    """

    def __init__(self, order: int, dimension: int) -> None:
        indices = [i for i in product(range(order + 1), repeat=dimension) if 1 <= sum(i) <= order]
        symbols = [Symbol("E" + "".join(map(str, index))) for index in indices]
        coefficients = QQ.frac_field(BETA)
        self.ring = PolyRing([Symbol("n"), Symbol("q"), *symbols], coefficients)
        self.n, self.q, *jets = self.ring.gens
        self.beta: FracElement = coefficients.gens[0]
        self.axes = range(dimension)
        self._jet = dict(zip(indices, jets, strict=True))
        self.gradient: Vector = tuple(
            self._jet[tuple(int(i == axis) for i in self.axes)] for axis in self.axes
        )

    def sum(self, terms: Iterable[PolyElement]) -> PolyElement:
        """The sum of the terms; of none, the zero of the space.

        >>> JetSpace(order=1, dimension=1).sum([])
        0
        """
        return sum(terms, self.ring.zero)

    def differentiate(self, p: PolyElement, axis: int) -> PolyElement:
        """The derivative of p along an axis.

        Raises:
            KeyError: it needs a derivative of the loss beyond the order of the space.

        >>> line = JetSpace(order=2, dimension=1)
        >>> line.expression(line.differentiate(line.gradient[0] ** 2, axis=0))
        2*E1*E2
        """
        total = self.ring.zero
        for index, jet in self._jet.items():
            if rate := p.diff(jet):
                total += rate * self._jet[(*index[:axis], index[axis] + 1, *index[axis + 1 :])]
        return total

    def along(self, field: Vector, p: PolyElement) -> PolyElement:
        """The Lie derivative of p along a field: dp/dt on the solutions of x' = field(x).

        >>> line = JetSpace(order=2, dimension=1)
        >>> line.expression(line.along(line.gradient, line.gradient[0]))
        E1*E2
        """
        return self.sum(field[axis] * self.differentiate(p, axis) for axis in self.axes)

    def next_step(self, p: PolyElement) -> PolyElement:
        """p at n + 1, so that q = beta^n becomes beta q.

        >>> line = JetSpace(order=1, dimension=1)
        >>> line.next_step(line.n * line.q)
        beta*n*q + beta*q
        """
        return p.compose([(self.n, self.n + 1), (self.q, self.beta * self.q)])

    def expression(self, p: PolyElement) -> Expr:
        """p to be read: coefficients factored, n = k + 1 and q = beta**(k + 1).

        >>> line = JetSpace(order=1, dimension=1)
        >>> line.expression(line.gradient[0] * line.q * (1 / (1 - line.beta**2)))
        E1*beta**(k + 1)/((1 - beta)*(beta + 1))
        """
        jets = [jet.as_expr() for jet in self._jet.values()]
        gathered: dict[tuple[int, ...], list[Expr]] = defaultdict(list)
        for (i, j, *powers), c in p.terms():
            steps = (K + 1) ** i, BETA ** (j * (K + 1))
            gathered[tuple(powers)].append(Mul(*_factors(c), *steps))
        return Add(*(Mul(Add(*cs), *map(Pow, jets, powers)) for powers, cs in gathered.items()))

    def expressions(self, series: Sequence[Vector]) -> list[Any]:
        """Vectors to be read: scalars in dimension 1, pairs of components in dimension 2.

        >>> plane = JetSpace(order=1, dimension=2)
        >>> plane.expressions([plane.gradient])
        [(E10, E01)]
        """
        vectors = [tuple(map(self.expression, vector)) for vector in series]
        return vectors if len(self.axes) > 1 else [scalar for (scalar,) in vectors]


@cache
def _factors(c: FracElement) -> list[Expr]:
    """The factors of c, each positive at small beta: (1 - beta)**3, not -(beta - 1)**3."""
    result: list[Expr] = []
    for part, side in ((c.numer, 1), (c.denom, -1)):
        scale, factors = part.factor_list()
        for factor, power in factors:
            sign = -1 if factor.coeff(1) < 0 else 1
            scale *= sign**power
            result.append((sign * factor).as_expr() ** (side * power))
        result.append(part.ring.domain.to_sympy(scale) ** side)
    return result


@cache
def _jet_space(order: int, dimension: int) -> JetSpace:
    if order not in range(1, HIGHEST_ORDER + 1):
        raise ValueError(f"order = {order} is outside 1..{HIGHEST_ORDER}, the range done by hand.")
    if dimension not in (1, 2):
        raise ValueError(f"dimension = {dimension} is outside 1..2, the axes that have symbols.")
    return JetSpace(order, dimension)
