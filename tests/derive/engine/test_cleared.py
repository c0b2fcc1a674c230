"""A method without denominators has bounds that its coefficients obey."""

from itertools import pairwise
from math import lcm
from typing import Any

import pytest

from derive.engine import many_steps
from derive.engine.cleared import Cleared
from derive.engine.linear_memory import linear_method
from derive.language.coefficients import Coefficient
from derive.language.trees import trees_up_to
from derive.optimizers import ZOO

ORDER = 6
METHODS = {name: linear_method(rule) for name, rule in ZOO.items()}
PACKED = {name: m for name, m in METHODS.items() if len(m.ring.parameters) == 1}


@pytest.mark.parametrize("name", METHODS)
def test_the_entries_over_the_pole_are_those_of_the_method(name):
    method, cleared = METHODS[name], Cleared.of(METHODS[name])

    def over(rows: list[list[Any]], bottom: Any) -> list[list[Coefficient]]:
        return [[Coefficient(method.ring, top, bottom) for top in row] for row in rows]

    assert over(cleared.w, cleared.divisor) == method.w
    assert over(cleared.u, cleared.pole) == method.u
    assert over(cleared.inverse, cleared.pole) == method.memory_inverse
    assert over(cleared.a, cleared.pole**cleared.slope) == method.a


@pytest.mark.parametrize("name", PACKED)
def test_no_coefficient_is_larger_than_the_bound(name):
    found = many_steps.solve(PACKED[name], ORDER, 1)
    cleared = Cleared.of(PACKED[name])
    bounds = [cleared.largest_coefficient(nodes) for nodes in range(1, ORDER + 1)]
    assert all(low <= high for low, high in pairwise(bounds))
    for t in trees_up_to(ORDER):
        for values in (found.flow, found.step, *found.memory):
            coefficients = found.arithmetic.unpack(values[t]).coeffs()
            assert all(abs(c) <= bounds[t.order - 1] for c in coefficients)
    assert found.scales[ORDER] == lcm(*range(1, ORDER + 1))
