"""The number of the step: its powers fade, a quotient in it is one in the time t = kh."""

import numpy as np
import pytest
import sympy
from flint import fmpq

from derive import optimizer
from derive.engine.component_ring import NoExpansion
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss
from verify.running.general_flows import NamedFields
from verify.running.losses import polynomial
from verify.running.slopes import slopes


def averaged(x, z, grad, h, share):
    z = z - h * grad((x + z) / 2)
    return (1 - share) * x + share * z, z


def accelerated(x, u, grad, h, b):
    y = x + h * b * u
    new = y - h**2 * grad(y)
    return new, (new - x) / h


@optimizer(state=("z",))
def averaged_by_steps(x, z, grad, h, *, k):
    return averaged(x, z, grad, h, 1 / (k + 1))


@optimizer(state=("z",))
def averaged_in_time(x, z, grad, h, *, t):
    return averaged(x, z, grad, h, h / (t + h))


@optimizer(state=("z", "n"), start=lambda x, grad, h: (x, 1))
def averaged_by_a_counter(x, z, n, grad, h):
    """The counter begins with 1."""
    return *averaged(x, z, grad, h, np.divide(1, n)), n + 1


@optimizer(state=("u",))
def accelerated_by_steps(x, u, grad, h, *, k):
    return accelerated(x, u, grad, h, k / (k + 3))


@optimizer(state=("u",))
def accelerated_in_time(x, u, grad, h, *, t):
    return accelerated(x, u, grad, h, t / (t + 3 * h))


def on_a_loss(flow):
    """Every part of the field on a loss of one variable, at one place and time."""
    x, names = sympy.Symbol("x"), ("x", "z_x", "u_x", "t")
    at = {sympy.Symbol(name): sympy.Rational(2, 3 + i) for i, name in enumerate(names)}
    found = field_on_loss(flow, Ground(flow.optimizer, {"E": x**4 / 4 + x**2}, ("x",)))
    return {name: [term.subs(at) for term in row] for name, (row,) in found.field.items()}


@pytest.mark.parametrize(
    ("by_steps", "in_time"),
    [
        (averaged_by_steps, averaged_in_time),
        (averaged_by_a_counter, averaged_in_time),
        (accelerated_by_steps, accelerated_in_time),
    ],
    ids=str,
)
def test_what_is_written_in_steps_is_read_in_time(by_steps, in_time):
    ours, right = general_flow(by_steps, order=3), general_flow(in_time, order=3)
    assert ours.by_steps
    assert not right.by_steps
    assert on_a_loss(ours) == on_a_loss(right)


@pytest.mark.parametrize("rule", [averaged_by_steps, averaged_by_a_counter], ids=str)
def test_the_flow_in_time_follows_the_iterates_that_count_steps(rule):
    loss = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")
    start = {"x": [fmpq(1)], "z": [fmpq(3, 4)], "t": [fmpq(1, 2)]}
    assert slopes(general_flow(rule, order=2), NamedFields({"E": loss}, {"x": 1}), start, {})


@pytest.mark.parametrize("power", [lambda b, n: b**n, np.power])
def test_powers_of_a_counter_fade(power):
    def step(x, m, k, grad, h, *, b):
        k = k + 1
        m = b * m + (1 - b) * grad(x)
        return x - h * m / (1 - power(b, k)), m, k

    found = general_flow(optimizer(state=("m", "k"), parameters=("b",))(step), order=1)
    assert not found.by_steps
    assert found.flow["x"] == (-found.manifold["m"][0],)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (lambda k: 1 / np.sqrt(k + 1), "function of the time t"),
        (lambda k: 1.5**k, "never fades"),
        (lambda k: k % 2, "function of the time t"),
    ],
)
def test_what_is_no_quotient_in_the_step_is_refused_with_the_time_as_the_way_out(share, said):
    rule = optimizer()(lambda x, grad, h, *, k: x - h * share(k) * grad(x))
    with pytest.raises(NoExpansion, match=said):
        general_flow(rule, order=1)
