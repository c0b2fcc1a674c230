"""The verifier's hot loops beside its peers, at 50 digits: steps of an iteration, one flow.

`pytest tests/benchmarks/test_verifier.py --benchmark-only -n 0`.
"""

import mpmath
import pytest
from flint import arb, fmpq

from derive import heavy_ball
from verify.claims.checks.heavy_ball import QUARTIC, loss_weights
from verify.running.enclosures import enclosed_flow
from verify.running.flows import Field, flow
from verify.running.numbers import BALL, MPFR, MPMATH, precision
from verify.running.trajectories import iterates

DIGITS, STEPS = 50, 1000
BETA, STEP, TIME = fmpq(1, 2), fmpq(1, 2**10), 5


@pytest.mark.benchmark(group=f"heavy ball, {STEPS} steps")
@pytest.mark.parametrize("arithmetic", [MPFR, BALL, MPMATH], ids=lambda a: a.name)
def test_steps_of_an_iteration(benchmark, arithmetic):
    with precision(DIGITS):
        benchmark(
            iterates,
            heavy_ball,
            QUARTIC,
            [arithmetic.convert(fmpq(1))],
            h=arithmetic.convert(STEP),
            steps=STEPS,
            parameters={"beta": arithmetic.convert(BETA)},
            arithmetic=arithmetic,
        )


def weights(convert):
    h, beta = convert(STEP), convert(BETA)
    return loss_weights(h * (1 + beta) / (4 * (1 - beta) ** 2), 1 / (1 - beta))


flows = pytest.mark.benchmark(group=f"modified flow of x^4/4 + x^2/2 to time {TIME}")


@flows
def test_flow(benchmark):
    with precision(DIGITS):
        field, start = Field(QUARTIC, weights(MPFR.convert)), [MPFR.convert(fmpq(1))]
        times = [MPFR.convert(fmpq(TIME))]
        benchmark(flow, field, start, times, digits=DIGITS, arithmetic=MPFR)


@flows
def test_flow_in_balls(benchmark):
    with precision(DIGITS):
        field = Field(QUARTIC, weights(arb))
        benchmark(enclosed_flow, field, [arb(1)], arb(TIME), digits=DIGITS)


def slope(x, scale, pull):
    """The same field, written out: -scale (x + x^3) (1 - pull (1 + 3 x^2))."""
    gradient = x + x * x * x
    return -scale * gradient - pull * gradient * (1 + 3 * x * x)


def written_out(convert):
    first, second = weights(convert).values()
    return first, -second


@flows
def test_flow_by_mpmath_odefun(benchmark):
    with precision(DIGITS):
        scale, pull = written_out(MPMATH.convert)
        benchmark.pedantic(
            lambda: mpmath.odefun(lambda _, x: slope(x, scale, pull), 0, mpmath.mpf(1))(TIME),
            rounds=3,
        )


@flows
def test_flow_by_heyoka(benchmark):
    hy = pytest.importorskip("heyoka")
    bits = int((DIGITS + 10) * 3.33)
    with precision(DIGITS):
        scale, pull = (hy.real(str(w), bits) for w in written_out(MPFR.convert))
        x = hy.make_vars("x")
        start = [hy.real("1", bits)]
        integrator = hy.taylor_adaptive(
            [(x, slope(x, scale, pull))], start, fp_type=hy.real, prec=bits
        )

        def run():
            integrator.time = hy.real("0", bits)
            integrator.state[0] = start[0]
            integrator.propagate_until(hy.real(str(TIME), bits))

        benchmark(run)
