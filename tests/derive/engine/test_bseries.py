from flint import fmpq
from hypothesis import given

from derive.engine.bseries import (
    BSeries,
    exp,
    identity,
    log,
    series,
)
from derive.language.trees import LEAF, trees_up_to
from tests.derive.series import compose, field_at, lie_derivative
from tests.derive.strategies import ORDER, b_series, fields, rationals

# Sums over all non-empty trees up to orders 4 ... 10 of the modified equation of explicit Euler.
EULER_SUMS = ["1/2", "31/30", "29/60", "143/140", "31/60", "143/140", "77/180"]


def same(a: BSeries, b: BSeries) -> bool:
    order = min(a.order, b.order)
    return a.empty == b.empty and all(a[t] == b[t] for t in trees_up_to(order))


@given(a=b_series(), b=b_series(), c=b_series())
def test_composition_is_associative(a, b, c):
    assert same(compose(a, compose(b, c)), compose(compose(a, b), c))


@given(a=b_series())
def test_the_identity_map_is_neutral(a):
    one = identity(ORDER)
    assert same(compose(a, one), a)
    assert same(compose(one, a), a)


@given(b=fields())
def test_log_undoes_exp(b):
    assert same(log(exp(b)), b)


@given(a=b_series())
def test_exp_undoes_log(a):
    assert same(exp(log(a)), a)


@given(b=fields(order=5), s=rationals(), t=rationals())
def test_flows_of_one_field_add_their_times(b, s, t):
    assert same(compose(exp(b * s), exp(b * t)), exp(b * (s + t)))


@given(b=fields(order=5), c=fields(order=5), a=fields(order=5), s=rationals())
def test_the_lie_derivative_is_linear(a, b, c, s):
    assert same(lie_derivative(a + b * s, c), lie_derivative(a, c) + lie_derivative(b, c) * s)
    assert same(lie_derivative(c, a + b * s), lie_derivative(c, a) + lie_derivative(c, b) * s)


@given(outer=b_series(order=5), inner=b_series(order=5), along=fields(order=5))
def test_the_lie_derivative_is_a_derivation(outer, inner, along):
    """D(f(Y)) = f'(Y) D(Y): differentiating the composed field by the product rule."""
    stage = inner
    speed = lie_derivative(stage, along)
    # f'(Y) D(Y): one branch at a time is replaced by its derivative
    expected = series(
        5,
        lambda t: sum(
            (
                speed[t.branches[i]] * _product(stage, t.branches[:i] + t.branches[i + 1 :])
                for i in range(len(t.branches))
            ),
            fmpq(0),
        ),
    )
    assert same(lie_derivative(field_at(stage), along), expected)


def _product(stage: BSeries, branches) -> fmpq:
    result = fmpq(1)
    for branch in branches:
        result *= stage[branch]
    return result


@given(field=fields(order=5))
def test_the_flow_is_its_own_velocity(field):
    """d/ds exp(s b) at s = 0 composed with a flow is the Lie derivative of that flow."""
    flow = exp(field)
    velocity = compose(field, flow)
    assert same(lie_derivative(flow, field), velocity)


def test_the_exact_flow_has_coefficients_one_over_density():
    field = series(8, lambda t: fmpq(int(t is LEAF)))
    assert same(exp(field), series(8, lambda t: fmpq(1, t.density), empty=fmpq(1)))


def test_explicit_euler_has_the_published_modified_equation():
    # HLW IX.9, example 9.4 and the table after it: b = 1, -1/2, 1/6 and 1/3, ...
    euler = series(10, lambda t: fmpq(1 if t is LEAF else 0), empty=fmpq(1))
    modified = log(euler)
    sums = [str(sum((modified[t] for t in trees_up_to(n)), fmpq(0))) for n in range(4, 11)]
    assert sums == EULER_SUMS
