"""The mean of a loss at a noisy point."""

import sympy
from hypothesis import given
from hypothesis import strategies as st

from derive.batches.injection import MU, SIGMA, noisy_mean

x, y = sympy.symbols("x y")


@given(i=st.integers(0, 5), j=st.integers(0, 5))
def test_gaussian_moments(i: int, j: int):
    """E z^n = (n-1)!! for even n, coordinate by coordinate."""

    def mean(power: int, v: sympy.Symbol) -> sympy.Expr:
        return sympy.Add(
            *(
                sympy.binomial(power, n) * v ** (power - n) * SIGMA**n * sympy.factorial2(n - 1)
                for n in range(0, power + 1, 2)
            )
        )

    whole = sympy.Poly(sympy.expand(mean(i, x) * mean(j, y)), SIGMA)
    wanted = sympy.Add(*(c * SIGMA**p for (p,), c in whole.terms() if p <= 4))
    found = noisy_mean(x**i * y**j, (x, y)).subs(MU, 3)
    assert sympy.expand(found - wanted) == 0
