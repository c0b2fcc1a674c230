"""A run beside its flows, and the runs that break an assumption."""

import numpy as np
import pytest
from flint import fmpq

from derive.language.update_rule import BadInput
from derive.optimizers import ZOO
from tests.verify.workbench.test_zoo import CASES, LOSS
from verify.running.losses import Loss
from verify.running.numbers import log
from verify.workbench.beside_flow import FLOWS, compare, stable_limit
from verify.workbench.gradient_only import compare_at_float64

HEAVY_BALL = ZOO["heavy-ball"].at(beta="1/2")
START = [fmpq(1), fmpq(1, 2)]


def gradient(x: np.ndarray) -> np.ndarray:
    """The gradient of LOSS."""
    return np.array(
        [x[0] ** 3 + x[0] + x[1] / 2 + x[0] * x[1] / 2, 2 * x[1] + x[0] / 2 + x[0] ** 2 / 4]
    )


def test_each_flow_shows_its_order():
    orders = compare(HEAVY_BALL, LOSS, START, h=fmpq(1, 64), time=fmpq(2)).orders
    assert orders[FLOWS[0]].supports(1)
    assert orders[FLOWS[2]].supports(2)


def test_a_gradient_given_as_a_function_shows_the_same():
    found = compare_at_float64(HEAVY_BALL, gradient, [1, 0.5], h=1 / 64, time=2)
    exact = compare(HEAVY_BALL, LOSS, START, h=fmpq(1, 64), time=fmpq(2))
    for name in FLOWS[:2]:
        assert found.errors[name] == pytest.approx(exact.errors[name][:4], abs=1e-11)
    assert found.orders[FLOWS[2]].supports(2)


# z = h * curvature below which a mode decays: the classical bounds
LIMITS = [
    (ZOO["gradient-descent"], 2.0),
    (ZOO["heavy-ball"].at(beta="1/2"), 3.0),  # 2(1 + beta)
    (ZOO["nesterov"].at(beta="1/2"), 1.5),  # 2(1 + beta)/(1 + 2 beta)
    (ZOO["ema-momentum"].at(beta="1/2"), 6.0),  # 2(1 + beta)/(1 - beta)
    (ZOO["sam"].at(rho=0), 2.0),
]


@pytest.mark.parametrize(("rule", "limit"), LIMITS, ids=[str(rule) for rule, _ in LIMITS])
def test_the_stable_range_is_the_classical_one(rule, limit):
    assert stable_limit(rule) == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if not c.rule.game], ids=str)
def test_every_optimizer_can_be_compared(case):
    found = compare(case.special, LOSS, START, h=fmpq(1, 64), time=fmpq(1), halvings=4)
    assert found.rows[0].x == [1.0, 0.5]


SADDLE = Loss(2, lambda x: x[0] ** 2 - x[1] ** 2, "x^2 - y^2")
LOGARITHM = Loss(1, lambda x: log(x[0]) + x[0] ** 2, "log x + x^2")


@pytest.mark.parametrize(
    ("loss", "start", "h", "time", "said"),
    [
        (LOSS, [fmpq(0), fmpq(0)], fmpq(1, 64), 2, "critical point"),
        (LOSS, [fmpq(3), fmpq(0)], fmpq(1, 2), 2, "outside the stable range"),
        (LOSS, START, fmpq(0), 2, "outside (0, 2]"),
        (LOSS, START, fmpq(3), 2, "outside (0, 2]"),
        (SADDLE, [fmpq(1), fmpq(1)], fmpq(1, 8), 30, "unbounded below"),
        (LOGARITHM, [fmpq(0)], fmpq(1, 8), 1, "not a real number"),
    ],
    ids=["critical", "unstable", "no step", "long step", "unbounded", "undefined"],
)
def test_a_run_that_breaks_an_assumption_is_named(loss, start, h, time, said):
    with pytest.raises(BadInput) as error:
        compare(HEAVY_BALL, loss, start, h=h, time=fmpq(time))
    assert said in str(error.value)


def test_a_missing_parameter_is_asked_for():
    with pytest.raises(BadInput, match="--set beta="):
        compare(ZOO["heavy-ball"], LOSS, START, h=fmpq(1, 64), time=fmpq(1))


def test_a_gradient_that_is_not_finite_is_named():
    with pytest.raises(BadInput, match="not finite"):
        compare_at_float64(HEAVY_BALL, lambda x: x * np.nan, [1.0], h=0.1, time=1)
