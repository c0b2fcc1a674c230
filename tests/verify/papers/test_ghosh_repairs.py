"""Repairs and examples, and what surrounds them."""

import random
from itertools import pairwise

import pytest
import sympy
from flint import arb, fmpq

from derive import heavy_ball, initial_shift, modified_flow, nesterov, tree
from derive.language.formula import BETA, H
from derive.language.trees import LEAF, grow, trees_up_to
from verify.campaigns.runner import find_claims
from verify.claims.checks.heavy_ball import QUARTIC, RESIDUAL_BETAS, loss_weights
from verify.claims.checks.start_up import cold_component
from verify.claims.slots import Value
from verify.models.scalar_network import limit
from verify.models.written_fields import second_order
from verify.papers.ghosh2023.examples import START
from verify.papers.ghosh2023.figure_one import MOMENTA, RATE
from verify.papers.ghosh2023.second_order_flows import fade_alike
from verify.running.convergence import ConvergenceStudy
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import MPFR, PowerSeries, power_series, precision
from verify.running.orders import observed_order
from verify.running.residuals import advance, transient_residual
from verify.running.trajectories import iterates, vector

b, h, q = BETA, H, 1 - BETA
x, v, a = sympy.symbols("x v a")


def reduced(beta, step):
    """Equation (5)."""
    return loss_weights(step * ((1 + beta) / (4 * (1 - beta) ** 2)), 1 / (1 - beta))


def test_layers_whose_quotient_never_turns_fade_alike_at_no_momentum():
    (claim,) = find_claims(["ghosh2023.second-order-start-nesterov"])
    assert claim.says
    says = claim.says.changed(mass=Value(h), damping=Value(sympy.Integer(1)))
    assert fade_alike(says, 0)[0]
    assert not fade_alike(says, 1)[0]


def test_a_warm_start_leaves_a_term_of_order_h2_and_no_other_start_removes_it_at_order_h():
    loss, start = QUARTIC, [fmpq(1)]
    for beta in RESIDUAL_BETAS:
        power = transient_residual(
            heavy_ball,
            loss,
            start,
            lambda k, h, beta=beta: reduced(beta, h),
            parameters={"beta": beta},
            length=4,
            steps=6,
            memory=lambda x, g, h, beta=beta: [g * h * (-1 / (1 - beta))],
        )
        assert power == 2


def differential_shift(case_loss, x0, series, order, h, arithmetic):
    weights = [h**t.order * (series[t].at({}) / t.symmetry) for t in trees_up_to(order)]
    return x0 + vector(case_loss.field(order).at([*x0, *weights], arithmetic))


@pytest.mark.parametrize("rule", [heavy_ball, nesterov], ids=str)
def test_the_shift_leaves_a_start_up_that_fades_at_every_order(rule):
    """Each h^n term of x_k - y(kh) is a sum of k^a beta^(jk), 1 <= j <= n, a < n: no constant."""
    beta, source, order, steps = fmpq(2, 5), random.Random(0), 4, 24
    arithmetic, step = power_series(order + 1), PowerSeries.step(order + 1)
    loss = bounded_polynomial(source, 1)
    x0 = vector([arithmetic.convert(c) for c in starting_point(source, 1)])
    path = iterates(
        rule,
        loss,
        list(x0),
        h=step,
        steps=steps,
        parameters={"beta": arithmetic.convert(beta)},
        arithmetic=arithmetic,
    )
    flow = modified_flow(rule.at(beta=beta), order=order)
    weights = {t: step ** (t.order - 1) * (c.at({}) / t.symmetry) for t, c in flow.items()}
    shift = initial_shift(rule.at(beta=beta), order=order)
    begin = differential_shift(loss, x0, shift, order, step, arithmetic)
    rest = [
        path[k] - advance(loss, weights, begin, step * k, arithmetic) for k in range(1, steps + 1)
    ]
    for n in range(1, order + 1):
        terms = [entry[0][n] for entry in rest]
        assert any(terms)
        for j in range(1, n + 1):
            for _ in range(n):
                terms = [after - beta**j * before for before, after in pairwise(terms)]
        assert terms
        assert not any(terms)


@pytest.mark.parametrize("rule", [heavy_ball, nesterov], ids=str)
def test_the_shift_at_trees_without_branching_is_the_slow_part_of_a_mode(rule):
    order = 6
    shift = initial_shift(rule, order=order)
    for beta in RESIDUAL_BETAS:
        part, stem = cold_component(rule, beta, order + 1), LEAF
        for n in range(1, order + 1):
            assert part[n] == (-1) ** n * shift[stem].at({"beta": beta})
            stem = grow([stem])


def test_no_delay_is_the_shift_at_order_h2():
    flow = modified_flow(heavy_ball, order=2)
    w, u = (flow[tree(t)].as_expr() for t in ("[]", "[[]]"))
    late = b / q
    moved = sympy.factor(-late * u + (late * w) ** 2 / 2)
    assert sympy.simplify(moved - b * (1 + 2 * b) / (2 * q**4)) == 0
    assert sympy.simplify(moved - initial_shift(heavy_ball, order=2)[tree("[[]]")].as_expr()) != 0


@pytest.mark.parametrize("c", [fmpq(0), fmpq(1), fmpq(2), fmpq(-1)], ids=str)
def test_the_second_order_equation_is_of_order_1_from_any_other_start(c):
    """beta = 1/2: c = 2 is 1/(1-beta); only c = 2/3 is of order 2 at the final time."""

    def order(speed):
        def follow(run):
            beta = run.values["beta"]
            return second_order(run, run.h * (1 + beta) / 2, 1 - beta, MPFR.convert(speed))

        run = ConvergenceStudy(
            heavy_ball, QUARTIC, [fmpq(1)], {"beta": fmpq(1, 2)}, halvings=range(6, 11)
        )
        return observed_order(run.errors(follow, digits=20, at_end=True))

    assert order(fmpq(2, 3)).supports(2)
    assert order(c).supports(1)


def test_the_layers_of_nesterov_fade_alike_at_one_momentum():
    """log(1/beta) = 2(1-beta)/(1-beta+2beta^2) at beta = 0.14956...: O(h^2) over all steps."""
    beta = fmpq(1495614158917001615734271823152865656311, 10**40)

    def inertia(beta):
        return (1 - beta + 2 * beta * beta) / 2

    for side, sign in ((fmpq(-1, 10**30), 1), (fmpq(1, 10**30), -1)):
        with precision(50):
            near = arb(beta + side)
            assert sign * (-near.log() - (1 - near) / inertia(near)) > 0

    def follow(run):
        now = run.values["beta"]
        c = (1 - 2 * now) / (1 - now + 2 * now * now)
        return second_order(run, run.h * inertia(now), 1 - now, c)

    def order(at):
        run = ConvergenceStudy(nesterov, QUARTIC, [fmpq(1)], {"beta": at}, halvings=range(6, 11))
        return observed_order(run.errors(follow, digits=20))

    assert order(beta).supports(2)
    assert order(fmpq(1, 3)).supports(1)
    assert order(fmpq(1, 2)).supports(1)


def limit_norm(x, y, beta, digits):
    w1, w2 = limit(x, y, beta, digits, RATE, START)
    with precision(4 * digits + 100):
        return (w1 * w1 + w2 * w2).sqrt()


@pytest.mark.parametrize(
    ("place", "published"),
    [
        ((1, fmpq(3, 5)), "1.946793 1.892996 1.735539 1.455675"),
        ((1, 1), "2.031343 1.989464 1.869909 1.672159"),
        ((2, 1), "1.807681 1.595575 1.000724 1.776450"),
    ],
    ids=str,
)
def test_the_norms_of_figure_1_are_enclosed(place, published):
    x, y = map(fmpq, place)
    for beta, digits in zip(MOMENTA, published.split(), strict=True):
        wide, narrow = (limit_norm(x, y, beta, d) for d in (20, 40))
        assert abs(narrow - arb(digits)) < arb("5.1e-7")
        assert narrow.rad() < arb("1e-40")
        assert wide.overlaps(narrow)
        h = 0.01 * (1 - int(beta.p) / int(beta.q))
        assert abs(by_floats(int(x.p), int(y.p) / int(y.q), h, beta) - narrow) < 1e-10


def by_floats(x: float, y: float, h: float, beta: fmpq) -> float:
    momentum = int(beta.p) / int(beta.q)
    w, last = (2.8, 3.4), (2.8, 3.4)
    for _ in range(5000):
        r = y - w[0] * w[1] * x
        ahead = tuple(w[i] + h * r * x * w[1 - i] + momentum * (w[i] - last[i]) for i in (0, 1))
        w, last = ahead, w
    return (w[0] ** 2 + w[1] ** 2) ** 0.5


def test_a_start_that_is_a_minimum_stays_where_it_is():
    """y = 2.8 * 3.4 x: the four norms are the same, so that the order of Figure 1 is not strict."""
    for beta in MOMENTA:
        found = limit_norm(fmpq(1), fmpq(238, 25), beta, 20)
        with precision(40):
            assert abs(found - arb(fmpq(97, 5)).sqrt()) < arb(10) ** -20


def test_a_delay_of_one_step_and_the_shift_lead_to_the_same_path_up_to_order_h2():
    """At beta = 1/2 the delay is one whole step."""

    def gap(j):
        found = []

        def follow(run):
            beta = run.values["beta"]
            weights = reduced(beta, run.h)
            start = run.x0 + run.gradient() * (run.h * beta / (1 - beta) ** 2)
            shifted, late = run.steady(weights, start), run.steady(weights)
            found.append(max(abs(a - b)[0] for a, b in zip(shifted[1:], late, strict=False)))
            return shifted

        halvings = range(j, j + 1)
        run = ConvergenceStudy(
            heavy_ball, QUARTIC, [fmpq(1)], {"beta": fmpq(1, 2)}, halvings=halvings
        )
        run.errors(follow, digits=20)
        return float(found[0])

    assert observed_order([gap(j) for j in range(5, 10)]).supports(2)
