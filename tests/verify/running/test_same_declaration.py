"""One declaration on floats, multiprecision numbers, balls, exact power series and symbols."""

import numpy as np
import pytest
import sympy
from flint import arb, fmpq, fmpq_poly

from derive.engine.invariant_manifold import general_flow
from derive.engine.observed import step_of_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.optimizers import NONLINEAR
from verify.running.numbers import PowerSeries, precision
from verify.running.points import samples
from verify.running.reals import REAL, Real, reals, vector

PLACE = (fmpq(3, 2), fmpq(-5, 4))
RULES = [
    rule
    for rule in NONLINEAR.values()
    if not rule.players and not rule.schedules and not rule.keywords and len(rule.fields) == 1
]


def values_of(rule):
    return dict(samples(rule)[0])


def after_two_steps(rule, convert, joined):
    """x after two steps from a memory of ones, with the gradient x^3 + x."""
    x = joined([convert(p) for p in PLACE])
    memory = [x * 0 + 1 for _ in rule.memory]
    values = {name: convert(value) for name, value in values_of(rule).items()}
    for _ in range(2):
        x, memory = rule.step(x, memory, lambda y: y**3 + y, convert(fmpq(1, 8)), values)
    return list(x)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_floats_multiprecision_and_balls_agree(rule):
    with precision(50):
        fine = [entry.value for entry in after_two_steps(rule, REAL.convert, reals)]
        assert all(isinstance(entry, Real) for entry in after_two_steps(rule, REAL.convert, reals))
        balls = after_two_steps(rule, arb, vector)
        assert all(ball.rel_accuracy_bits() > 120 for ball in balls)
        assert all(
            ball.overlaps(arb(str(value), "1e-45")) for ball, value in zip(balls, fine, strict=True)
        )
    coarse = after_two_steps(rule, lambda q: int(q.p) / int(q.q), np.array)
    assert np.array(coarse) == pytest.approx([float(value) for value in fine], rel=1e-12)


X = sympy.Symbol("x")
E = X**4 / 4 + X**2


def exactly(rule, flow, row):
    """A row of component expressions on E at x = 3/2, as rationals by power of h."""
    as_flow = type(flow)(**{**vars(flow), "flow": {"x": row}})
    field = field_on_loss(as_flow, Ground(rule, dict.fromkeys(rule.fields, E), ("x",)))
    at = {sympy.Symbol(n): sympy.Rational(int(v.p), int(v.q)) for n, v in values_of(rule).items()}
    found = [e.subs(at).subs(X, sympy.Rational(3, 2)) for e in field.field["x"][0]]
    return [fmpq(int(e.p), int(e.q)) for e in map(sympy.nsimplify, found)]


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "lion", "normalized-momentum"])
def test_an_exact_step_from_the_manifold_is_the_step_of_the_flow(name):
    """No rounding and no slope: the coefficients of h, h^2 and h^3 are equal rationals."""
    rule, order = NONLINEAR[name], 3
    flow = general_flow(rule, order=order)
    expected = exactly(rule, flow, step_of_flow(flow)["x"])

    def series(row):
        return PowerSeries(fmpq_poly(list(row)), order + 1)

    x, state = (
        vector([series([fmpq(3, 2)])]),
        [vector([series(exactly(rule, flow, flow.manifold[n]))]) for n in rule.memory],
    )
    (found,), _ = rule.step(
        x, state, lambda y: y**3 + 2 * y, PowerSeries.step(order + 1), values_of(rule)
    )
    assert [found[n] for n in range(order + 1)] == expected
