"""Powers of h and linear forms compute as written, and refuse what is not linear."""

from typing import Any

import pytest
from flint import fmpq

from derive.engine.linear_forms import LinearForm, NotLinear, StepPower
from derive.language.coefficients import Ring

RING = Ring(("beta",))
BETA, ONE = RING.parameter("beta"), RING.number(1)
H: Any = StepPower(ONE, 1)
X, V = (LinearForm(RING, {(name, 0): ONE}) for name in ("x", "v"))


def test_forms_add_and_scale():
    form = BETA * V - H * (X + V) / 2 + 0
    half = RING.number(fmpq(-1, 2))
    assert form.terms == {("v", 0): BETA, ("x", 1): half, ("v", 1): half}
    assert (X - X).terms == {}


def test_powers_of_h_multiply_and_cancel():
    power = 2 * H**3 / H * BETA
    assert (power.weight, power.power) == (2 * BETA, 2)
    assert ((V / H) * H).terms == V.terms
    assert (H - H).weight == 0


@pytest.mark.parametrize(
    "rule",
    [
        lambda: X * V,
        lambda: X + 1,
        lambda: X / V,
        lambda: X**2,
        lambda: abs(X),
        lambda: X < V,
        lambda: H**0.5,
        lambda: H + 1,
    ],
)
def test_what_is_not_linear_is_refused(rule):
    with pytest.raises(NotLinear):
        rule()
