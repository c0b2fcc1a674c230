"""Random smooth games, schedules and starts keep the orders claimed; a planted error loses one."""

import random

import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.engine.invariant_manifold import general_flow
from derive.engine.second_order import second_order_equation, starting_velocity
from derive.optimizers import NONLINEAR
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_taylor, flow
from verify.running.general_flows import GeneralField, NamedFields, cold_start, run
from verify.running.numbers import MPFR, precision
from verify.running.orders import observed_order
from verify.running.phase_flow import Motion
from verify.running.slopes import one_step

T = sympy.Symbol("t")
GAMES = ["simultaneous-descent-ascent", "alternating-descent-ascent", "momentum-descent-ascent"]
SCHEDULED = ["scheduled-buffer", "scheduled-heavy-ball", "scheduled-momentum"]
SCHEDULED += ["scheduled-decay"]
few = settings(max_examples=max(2, settings().max_examples // 10))
seeds = st.integers(0, 10**6)


def assert_each_order_and_no_wrong_one(found):
    for n in found.errors:
        assert found.exact(n) or found.observed(n).reaches(n)
        if n in found.controls:
            assert not found.control(n).reaches(n)


def game(draw, rule):
    fields = {name: bounded_polynomial(draw, 2) for name in rule.fields}
    point = starting_point(draw, 2)
    values = {name: fmpq(draw.randint(1, 7), 8) for name in rule.parameters}
    return NamedFields(fields, {"x": 1, "y": 1}), {"x": point[:1], "y": point[1:]}, values


@few
@given(seeds)
@pytest.mark.parametrize("name", [*GAMES, "optimistic-descent-ascent", "consensus"])
def test_a_random_game_is_followed_order_by_order(name, seed):
    rule, draw = NONLINEAR[name], random.Random(seed)
    land, start, values = game(draw, rule)
    assert_each_order_and_no_wrong_one(one_step(general_flow(rule, order=3), land, start, values))


@few
@given(seeds)
@pytest.mark.parametrize("name", GAMES[:2])
def test_a_rate_that_is_a_little_off_loses_all_orders(name, seed):
    rule, draw = NONLINEAR[name], random.Random(seed)
    land, start, values = game(draw, rule)
    errors = []
    with precision(60):
        for j in range(24, 28):
            h = fmpq(1, 2**j)
            wrong = values | {"a": values["a"] * fmpq(1001, 1000)}
            there = GeneralField(general_flow(rule, order=2), land, wrong, h)
            begin = [MPFR.convert(c) for c in (*start["x"], *start["y"])]
            state = there.on_manifold(begin)
            path = run(rule, land, state, h=h, steps=1, parameters=values)
            (reached,) = flow(there, begin, [MPFR.convert(h)], digits=60, arithmetic=MPFR)
            gap = max(abs(a - b) for a, b in zip(reached, there.slow_part(path[-1]), strict=True))
            errors.append(float(gap / MPFR.convert(h)))
    assert observed_order(errors).supports(0)


def schedules(draw):
    """Three smooth positive functions of the time."""
    a, b, c = (fmpq(draw.randint(1, 9), 8) for _ in range(3))
    numbers = [sympy.Rational(int(q.p), int(q.q)) for q in (a, b, c)]
    eta = (1 + numbers[0] * T) / (1 + numbers[1] * T**2)
    beta = sympy.Rational(1, 2) / (1 + numbers[2] * T)
    return {"eta": eta, "beta": beta, "decay": numbers[1] + T * numbers[2]}


@few
@given(seeds)
@pytest.mark.parametrize("name", SCHEDULED)
def test_a_random_schedule_is_followed_order_by_order(name, seed):
    rule, draw = NONLINEAR[name], random.Random(seed)
    land = NamedFields({"E": bounded_polynomial(draw, 2)}, {"x": 2}, schedules(draw))
    start = {"x": starting_point(draw, 2), "t": [fmpq(draw.randint(0, 8), 8)]}
    values = {name: fmpq(draw.randint(1, 7), 8) for name in rule.parameters}
    assert_each_order_and_no_wrong_one(one_step(general_flow(rule, order=3), land, start, values))


@few
@given(seeds)
def test_a_clock_half_a_step_off_loses_the_order_at_h(seed):
    rule, draw = NONLINEAR["scheduled-buffer"], random.Random(seed)
    land = NamedFields({"E": bounded_polynomial(draw, 1)}, {"x": 1}, schedules(draw))
    values, orders = {"beta": fmpq(1, 2)}, {}
    for late in (fmpq(0), fmpq(1, 2)):
        errors = []
        with precision(60):
            for j in range(24, 28):
                h = fmpq(1, 2**j)
                field = GeneralField(general_flow(rule, order=3), land, values, h, order=2)
                begin = [MPFR.convert(fmpq(3, 4)), MPFR.convert(fmpq(1))]
                whole = GeneralField(general_flow(rule, order=3), land, values, h)
                state = whole.on_manifold(begin)
                path = run(rule, land, state, h=h, steps=1, parameters=values)
                moved = [begin[0], begin[1] + MPFR.convert(late * h)]
                (reached,) = flow(field, moved, [MPFR.convert(h)], digits=60, arithmetic=MPFR)
                gap = abs(reached[0] - whole.slow_part(path[-1])[0])
                errors.append(float(gap / MPFR.convert(h)))
        orders[late] = observed_order(errors)
    assert orders[fmpq(0)].reaches(2)
    assert orders[fmpq(1, 2)].supports(1)


INERTIAL = ["heavy-ball-inertial", "nesterov-sc", "triple-momentum"]


@few
@given(seeds)
@pytest.mark.parametrize("name", INERTIAL)
def test_the_equation_from_its_start_is_met_and_a_wrong_start_or_clock_is_not(name, seed):
    """The first two iterates on the solution of the second-order equation through h^2."""
    rule, draw = NONLINEAR[name], random.Random(seed)
    loss, point = bounded_polynomial(draw, 2), starting_point(draw, 2)
    friction = fmpq(draw.randint(1, 8), 8)
    land = NamedFields({"E": loss}, {"x": 2})
    found, begun = second_order_equation(rule, order=3), starting_velocity(rule, order=3)
    terms = {v: found.coefficient(v) for v in found.vectors}
    step = sympy.Symbol("h")
    pushed = sympy.Add(*(step**n * row.get((), 0) for n, row in enumerate(begun)))

    def order(factor, late):
        errors = []
        with precision(60):
            for j in range(24, 28):
                h = fmpq(1, 2**j)
                size, k = MPFR.convert(h), MPFR.convert(friction)
                motion = Motion(loss, terms, {"h": size, "k": k})
                place = [MPFR.convert(c) for c in point]
                value = pushed.subs({"h": sympy.Rational(int(h.p), int(h.q))}).subs(
                    "k", sympy.Rational(int(friction.p), int(friction.q))
                )
                speed = MPFR.convert(fmpq(int(value.p), int(value.q)) * factor)
                slope = loss.gradient.at(place, MPFR)
                rows = motion.around([*place, *(speed * g for g in slope), size * 0])
                cold = cold_start(rule, land, {"x": point}, h=h, parameters={"k": friction})
                path = run(rule, land, cold, h=h, steps=2, parameters={"k": friction})
                gap = 0
                for i in (1, 2):
                    there = evaluate_taylor(rows, size * (i + MPFR.convert(late)))
                    now = [entry.value for entry in path[i]["x"]]
                    gap = max(gap, *(abs(a - b) for a, b in zip(there, now, strict=True)))
                errors.append(float(gap / size))
        return observed_order(errors)

    assert order(fmpq(1), fmpq(0)).reaches(3)
    assert order(fmpq(101, 100), fmpq(0)).supports(1)
    assert order(fmpq(1), fmpq(1, 100)).supports(1)
