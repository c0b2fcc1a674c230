"""Sequences in k over component expressions: solutions obey their recurrence, powers fade."""

import pytest

from derive.engine.fading import Fading
from derive.engine.sequences import NoClosedForm
from derive.engine.vectors import Algebra

ALGEBRA = Algebra()
A, B = (ALGEBRA.symbol(name, "parameter") for name in "ab")
X = ALGEBRA.symbol("x", "slow", "x")
FADING = Fading(ALGEBRA, "a rule")
POWER, K = FADING.power(A), FADING.step


def test_a_sequence_takes_the_values_of_its_steps():
    sequence = POWER * POWER * K + X
    for k in range(4):
        assert FADING.at(sequence, k) == A ** (2 * k) * k + X
        assert FADING.at(FADING.later(sequence), k) == FADING.at(sequence, k + 1)


@pytest.mark.parametrize("forcing", [X, POWER * X, POWER**2 * B + K, POWER * K])
@pytest.mark.parametrize("rate", [B, A])
def test_a_solution_obeys_its_recurrence_from_its_first_value(forcing, rate):
    found = FADING.solved(rate, forcing, X)
    assert FADING.at(found, 0) == X
    assert FADING.later(found) == rate * found + forcing


def test_the_solution_that_fades_holds_no_power_of_the_rate():
    found = FADING.solved(ALGEBRA.number(1), POWER * X, None)
    assert FADING.later(found) == found + POWER * X
    with pytest.raises(NoClosedForm, match="does not fade"):
        FADING.solved(ALGEBRA.number(1), X, None)
