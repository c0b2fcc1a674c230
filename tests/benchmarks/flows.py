"""One modified flow at 50 digits: ours, ours in balls and heyoka's, as seconds a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from time import process_time
from typing import Any

from flint import arb, fmpq

from tests.benchmarks.test_verifier import (
    DIGITS,
    QUARTIC,
    TIME,
    slope,
    weights,
    written_out,
)
from verify.running.enclosures import enclosed_flow
from verify.running.flows import Field, flow
from verify.running.numbers import GUARD_DIGITS, MPFR, precision

TRIES = 5


def runs() -> dict[str, Callable[[], Any]]:
    """What is timed, by name; to be called and run at the working precision."""
    field, start = Field(QUARTIC, weights(MPFR.convert)), [MPFR.convert(fmpq(1))]
    times = [MPFR.convert(fmpq(TIME))]
    balls = Field(QUARTIC, weights(arb))
    found: dict[str, Callable[[], Any]] = {
        "flow": lambda: flow(field, start, times, digits=DIGITS, arithmetic=MPFR),
        "balls": lambda: enclosed_flow(balls, [arb(1)], arb(TIME), digits=DIGITS),
    }
    if find_spec("heyoka") is not None:
        found["heyoka"] = _heyoka()
    return found


def _heyoka() -> Callable[[], Any]:
    import heyoka as hy  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]

    bits = int((DIGITS + GUARD_DIGITS) * 3.33)
    scale, pull = (hy.real(str(w), bits) for w in written_out(MPFR.convert))
    x, one = hy.make_vars("x"), hy.real("1", bits)
    integrator = hy.taylor_adaptive([(x, slope(x, scale, pull))], [one], fp_type=hy.real, prec=bits)

    def run() -> None:
        integrator.time = hy.real("0", bits)
        integrator.state[0] = one
        integrator.propagate_until(hy.real(str(TIME), bits))

    return run


def measure_flows() -> dict[str, float]:
    """The processor seconds of each, the best of several tries in turn."""
    with precision(DIGITS):
        timed = runs()
        best = dict.fromkeys(timed, float("inf"))
        for _ in range(TRIES):
            for name, run in timed.items():
                begin = process_time()
                run()
                best[name] = min(best[name], process_time() - begin)
    return best


if __name__ == "__main__":
    print(json.dumps(measure_flows()))
