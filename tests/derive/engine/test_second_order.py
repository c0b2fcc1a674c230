"""The second-order equation of a velocity form meets the method's own recurrence by orders."""

import pytest
import sympy
from flint import fmpq

from derive import BadInput, Parameter, heavy_ball, optimizer
from derive.engine.second_order import VELOCITY, second_order_equation, starting_velocity
from derive.optimizers import NONLINEAR

MOST = 7
"""Products of h and the time tau from here on are cut at this total power."""
R, TAU, H = sympy.ring("tau h", sympy.QQ)
Q = sympy.Rational
NUMBERS = {"k": Q(2, 3), "c": Q(4, 5)}
K, C = NUMBERS.values()
NOW, V, SLOPES = Q(5, 4), Q(3, 7), (Q(2, 3), Q(-4, 5), Q(7, 4), Q(3, 2))
"""The time, the velocity and the derivatives of the loss at x = 0, where everything begins."""


def cut(p):
    return R.from_dict({m: c for m, c in p.items() if sum(m) <= MOST})


def product(*factors):
    total = R.one
    for factor in factors:
        total = cut(total * factor)
    return total


def derivative_of_loss(n, place):
    """E^(n) at a small place."""
    total, power = R.zero, R.one
    for i, slope in enumerate(SLOPES[n - 1 :]):
        total += power * (slope / sympy.factorial(i))
        power = product(power, place)
    return total


ONE_OVER_TIME = sum((-TAU) ** i / NOW ** (i + 1) for i in range(MOST + 1))


def number(coefficient):
    """A coefficient that may have powers of 1/t in it, at the time NOW + tau."""
    w = sympy.Symbol("w")
    powers = sympy.Poly(coefficient.subs(NUMBERS).subs("t", 1 / w).expand(), w).all_coeffs()
    total = R.zero
    for c in powers:
        total = product(total, ONE_OVER_TIME) + R(c)
    return total


def on_a_line(vector, place, velocity):
    """A vector on the loss of one variable."""
    if vector == VELOCITY:
        return velocity
    along = (on_a_line(v, place, velocity) for v in vector)
    return product(derivative_of_loss(len(vector) + 1, place), *along)


def integral(p):
    return cut(R.from_dict({(i + 1, j): c / (i + 1) for (i, j), c in p.items()}))


def position(terms, velocity=None):
    """X at the time NOW + tau, by Picard's iteration."""
    first = R(V) if velocity is None else velocity
    place, speed = R.zero, first
    weights = [(H**n, v, number(c)) for n, row in enumerate(terms) for v, c in row.items()]
    for _ in range(MOST + 1):
        rate = sum((product(w, p, on_a_line(v, place, speed)) for p, v, w in weights), R.zero)
        place, speed = integral(speed), first + integral(rate)
    return place


def at(p, sign):
    """The value at tau = sign h."""
    total = R.zero
    for (i, j), c in p.items():
        total += c * sign**i * H ** (i + j)
    return total


def gradient(place):
    return derivative_of_loss(1, place)


def inverse(p):
    """1/p for p = 1 + O(h)."""
    total = R.one
    for _ in range(MOST + 1):
        total = cut(1 - product(total, p - 1))
    return total


BETA = product(1 - K * H, inverse(1 + K * H))


def heavy_ball_left(here, before, beta=BETA):
    return here + product(beta, before) + H**2 * gradient(R.zero)


def nesterov_left(here, before, beta=BETA):
    descended = -(H**2) * gradient(R.zero)
    return here - descended - product(beta, descended - before + H**2 * gradient(before))


def convex_left(here, before):
    """Step k at the time (k + 3/2) h, so that k/(k + 3) is (t - 3h/2)/(t + 3h/2)."""
    w = Q(3, 2) / NOW * H
    return nesterov_left(here, before, product(1 - w, inverse(1 + w)))


def convex_ball_left(here, before):
    w = Q(3, 2) / NOW * H
    return heavy_ball_left(here, before, product(1 - w, inverse(1 + w)))


def triple_left(here, before):
    rho = 1 - K * H
    beta = product(rho, rho, inverse(1 + K * H))
    gamma = product(beta, inverse(1 - K * H / 2)) / 2
    slope = gradient(-product(gamma, before))
    return here + product(beta, before) + product(1 + rho, H**2, slope)


def conformal_left(here, before):
    beta = sum((-C * H) ** i / sympy.factorial(i) for i in range(MOST + 1))
    return heavy_ball_left(here, before, beta)


LEFT = {
    "heavy-ball-inertial": heavy_ball_left,
    "nesterov-sc": nesterov_left,
    "heavy-ball-c": convex_ball_left,
    "nesterov-c": convex_left,
    "triple-momentum": triple_left,
    "conformal-euler": conformal_left,
}


def remaining(left, terms):
    """The lowest power of h in what is left of the recurrence on the solution through x = 0."""
    path = position(terms)
    return lowest(left(at(path, 1), at(path, -1)))


def lowest(p):
    return min((j for (_, j) in cut(p)), default=MOST)


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_recurrence_is_met_to_two_powers_of_h_more_than_the_equation_has(name, order):
    found = second_order_equation(NONLINEAR[name], order=order, clock=fmpq(3, 2))
    assert remaining(LEFT[name], found.terms) == order + 2


@pytest.mark.parametrize("name", LEFT)
def test_a_thousandth_more_of_any_last_term_is_seen(name):
    found = second_order_equation(NONLINEAR[name], order=3, clock=fmpq(3, 2))
    assert len(found.terms[2]) >= 3
    for vector, weight in found.terms[2].items():
        wrong = (*found.terms[:2], {**found.terms[2], vector: weight * Q(1001, 1000)})
        assert remaining(LEFT[name], wrong) == 4


def test_on_another_clock_the_equation_of_the_convex_method_loses_an_order():
    found = second_order_equation(NONLINEAR["nesterov-c"], order=2)
    assert remaining(convex_left, found.terms) == 3


FIRST = {
    "heavy-ball-inertial": -(H**2),
    "nesterov-sc": product(-2 * H**2, inverse(1 + K * H)),
    "triple-momentum": -(2 - K * H) * H**2,
    "conformal-euler": -(H**2),
}
"""The first iterate from rest at x = 0, over the gradient there."""


@pytest.mark.parametrize("name", FIRST)
def test_the_starting_velocity_leads_to_the_first_iterate(name):
    rule = NONLINEAR[name]
    terms = starting_velocity(rule, order=3)
    velocity = sum(
        (
            H**n * number(c) * on_a_line(v, R.zero, 0)
            for n, row in enumerate(terms)
            for v, c in row.items()
        ),
        R.zero,
    )
    for factor, power in ((1, 4), (Q(1001, 1000), 2)):
        path = position(second_order_equation(rule, order=3).terms, velocity * factor)
        assert lowest(at(path, 1) - FIRST[name] * gradient(R.zero)) == power


def test_the_second_order_leapfrog_has_even_powers_only():
    terms = second_order_equation(NONLINEAR["conformal-leapfrog"], order=4).terms
    assert [bool(row) for row in terms] == [True, False, True, False]


@optimizer(state=("u",), parameters=(Parameter("k"),))
def signed(x, u, grad, h, *, k):
    u = (1 - k * h) * u - h * grad(x) ** 3
    return x + h * u, u


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (heavy_ball, "one velocity u has to be slow"),
        (NONLINEAR["descent-ascent"], "one velocity u has to be slow"),
        (signed, "no derivative of the loss along vectors"),
    ],
    ids=str,
)
def test_a_rule_without_such_an_equation_says_why(rule, message):
    with pytest.raises(BadInput, match=message):
        second_order_equation(rule, order=2)


def test_a_start_that_depends_on_the_time_is_refused():
    with pytest.raises(BadInput, match="nesterov-c has more: t"):
        starting_velocity(NONLINEAR["nesterov-c"], order=1)
