"""Hypothesis strategies: losses, starting points, momentum parameters and step sizes."""

from __future__ import annotations

from flint import fmpq
from hypothesis import strategies as st

from verify.running.families import FAMILIES, MOMENTA, bounded_polynomial, rational
from verify.running.losses import Loss


class _Drawn:
    """Lets Hypothesis choose the integers of a family."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def randint(self, a: int, b: int) -> int:
        return self._draw(st.integers(a, b))


@st.composite
def smooth_losses(draw: st.DrawFn, max_dimension: int = 4) -> Loss:
    """Random polynomials, logistic regressions, exponentials with cosines, two-layer networks."""
    family = draw(st.sampled_from(FAMILIES))
    return family(_Drawn(draw), draw(st.integers(1, max_dimension)))


@st.composite
def polynomial_losses(draw: st.DrawFn, max_dimension: int = 3) -> Loss:
    """Random polynomials bounded below: exact in rational arithmetic."""
    return bounded_polynomial(_Drawn(draw), draw(st.integers(1, max_dimension)))


@st.composite
def starts(draw: st.DrawFn, dimension: int) -> list[fmpq]:
    """Starting points of [-1, 1]^dimension."""
    return [rational(_Drawn(draw), -1, 1) for _ in range(dimension)]


def betas() -> st.SearchStrategy[fmpq]:
    """Momentum parameters in [0, 1), those near 0 and 0.99 included."""
    return st.sampled_from(MOMENTA)
