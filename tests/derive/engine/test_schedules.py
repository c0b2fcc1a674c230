"""How much of a regularizer acts over a run, and with which delay a schedule is seen."""

from functools import cache

import pytest
import sympy

from derive import BadInput, optimizer
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.engine.schedules import SCHEDULES, T, action, find_schedule, seen_schedule
from derive.optimizers import NONLINEAR

BETA, X = sympy.symbols("beta x")
COUNT = 4000


@cache
def rates(name):
    """The rate at the middles of many small intervals."""
    pieces = [(float(end), sympy.lambdify(T, e)) for end, e in find_schedule(name).pieces]
    middles = [(i + 0.5) / COUNT for i in range(COUNT)]
    return [(m, next(f for end, f in pieces if m <= end)(m)) for m in middles]


def share(name, power, until=1.0):
    """The integral of rate^power up to a time."""
    return sum(rate**power for m, rate in rates(name) if m < until) / COUNT


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_exact_shares_are_those_of_a_fine_sum(name):
    found = action(name)
    assert float(found.way) == pytest.approx(share(name, 1), abs=1e-3)
    assert float(found.action) == pytest.approx(share(name, 2), abs=1e-3)
    before = share(name, 2, float(found.half)) / share(name, 2)
    assert float(found.action_before) == pytest.approx(before, abs=2e-3)
    assert max(rate for _, rate in rates(name)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_more_of_the_regularizer_than_of_the_way_comes_before_the_rate_halves(name):
    found = action(name)
    assert found.action <= found.way
    assert float(found.action_before) >= float(found.way_before)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_stays_at_or_below_half_from_the_half_time_on_and_is_above_just_before(name):
    half = float(action(name).half)
    assert all(rate <= 0.5 + 1e-9 for m, rate in rates(name) if m > half)
    assert [rate for m, rate in rates(name) if m < half][-1] > 0.5


def test_outside_the_buffer_the_schedule_is_seen_half_a_step_late_and_inside_by_the_memory_too():
    outside, inside = (
        seen_schedule(NONLINEAR[name]) for name in ("scheduled-buffer", "scheduled-heavy-ball")
    )
    assert outside.lag == sympy.Rational(1, 2)
    assert sympy.simplify(inside.lag - outside.lag - BETA / (1 - BETA)) == 0
    assert sympy.simplify(outside.turn - inside.turn) == 0
    assert sympy.simplify(outside.turn - (1 + BETA) / (2 * (1 - BETA) ** 2)) == 0


def test_what_is_no_schedule_of_the_step_is_refused():
    with pytest.raises(BadInput, match="2 schedules"):
        seen_schedule(NONLINEAR["scheduled-momentum"])

    @optimizer(schedules=("eta",))
    def squared(x, grad, h, *, eta, t):
        return x - h * eta(t) ** 2 * grad(x)

    with pytest.raises(BadInput, match="otherwise than as a step"):
        seen_schedule(squared)


def test_a_wrong_name_and_a_kink_are_said():
    with pytest.raises(BadInput, match="Did you mean 'cosine'"):
        find_schedule("cosin")
    with pytest.raises(BadInput, match="has kinks"):
        find_schedule("step").expr()


BETA_T, ETA, DECAY = (sympy.Function(n)(sympy.Symbol("t")) for n in ("beta", "eta", "decay"))


@pytest.mark.parametrize(
    ("name", "lag"),
    [
        ("scheduled-decay", (1 + BETA_T) / (2 * (1 - BETA_T))),
        ("scheduled-decoupled-decay", sympy.Rational(1, 2)),
    ],
)
def test_a_decay_is_seen_late_by_the_memory_where_it_goes_through_it(name, lag):
    """x' loses speed decay(t - lag h) x: by the derivative of the decay at h, alone."""
    flow = general_flow(NONLINEAR[name], order=2)
    field = field_on_loss(flow, Ground(NONLINEAR[name], {"E": X**2 * 0}, ("x",), {})).field["x"]
    (first, second), t = field[0], sympy.Symbol("t")
    speed = ETA / (1 - BETA_T) if name == "scheduled-decay" else ETA
    assert sympy.simplify(first + speed * DECAY * X) == 0
    slope = sympy.expand(second).coeff(sympy.diff(DECAY, t))
    assert sympy.simplify(slope - speed * lag * X) == 0
