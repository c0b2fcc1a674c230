import mpmath
import numpy as np
import pytest
from flint import arb, fmpq, fmpq_poly

from derive import heavy_ball, one_step_map, tree
from derive.engine.backward_error import slow_motion
from derive.engine.bseries import identity
from derive.language.coefficients import Ring
from derive.language.update_rule import BadInput
from tests.derive.series import field_at
from verify.running.numbers import BALL, FLOAT, MPFR, MPMATH, RATIONAL, Arithmetic, PowerSeries

ARITHMETICS = [FLOAT, MPFR, MPMATH, BALL]


def three_steps(arithmetic: Arithmetic):
    """Heavy ball on E = x^2/2 - x, where every step is exact in every type."""
    x, v = arithmetic.convert(fmpq(1, 2)), arithmetic.convert(fmpq(0))
    h, beta = arithmetic.convert(fmpq(1, 4)), arithmetic.convert(fmpq(1, 2))
    for _ in range(3):
        x, (v,) = heavy_ball.step(x, [v], lambda y: y - 1, h, {"beta": beta})
    return x


@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=lambda a: a.name)
def test_one_declaration_runs_on_every_number_type(arithmetic):
    expected = three_steps(RATIONAL)
    found = three_steps(arithmetic)
    if isinstance(found, arb):
        assert found.contains(expected)
    else:
        assert mpmath.mpf(str(found)) == mpmath.mpf(int(expected.p)) / int(expected.q)


def test_the_declaration_runs_on_numpy_arrays():
    x, v = np.array([1.0, 2.0]), np.zeros(2)
    x, (v,) = heavy_ball.step(x, [v], lambda y: 2 * y, 0.25, {"beta": 0.5})
    assert x.tolist() == [0.5, 1.0]
    assert v.tolist() == [-0.5, -1.0]


def test_the_declaration_runs_on_power_series():
    h = PowerSeries.step(4)
    one = PowerSeries(fmpq_poly([1]), 4)
    x, v = one, one * 0
    for _ in range(2):
        x, (v,) = heavy_ball.step(x, [v], lambda y: y, h, {"beta": fmpq(1, 2)})
    # x_1 = 1 - h, v_1 = -h, v_2 = -h/2 - h(1 - h)
    assert [x[i] for i in range(4)] == [1, fmpq(-5, 2), 1, 0]


def test_the_declaration_runs_on_b_series():
    """One step from the slow manifold is the one-step map, and leads to the slow manifold."""
    ring = Ring(("beta",))
    motion = slow_motion(heavy_ball, 5)
    x = identity(5, ring.number(1))
    # on series h grad E is one operation, minus the field at a stage
    x, (v,) = heavy_ball.step(
        x, list(motion.memory), lambda y: field_at(y) * -1, 1, {"beta": ring.parameter("beta")}
    )
    step = one_step_map(heavy_ball, order=5)
    assert all(x[t] == step[t] for t in step)
    assert all(v[t] == step[t] for t in step)


@pytest.mark.parametrize("value", ["1", "-1", 2, "1.0", "-1.5"])
def test_a_parameter_outside_its_range_is_refused(value):
    with pytest.raises(BadInput, match=r"outside \(-1, 1\): the memory never fades"):
        heavy_ball.at(beta=value)


def test_an_unknown_parameter_is_named():
    with pytest.raises(BadInput, match="no parameter 'mu'; it has beta"):
        heavy_ball.at(mu="1/2")


def test_the_summary_names_the_source():
    assert "Polyak 1964" in heavy_ball.summary
    assert tree("[]").order == 1
