"""Potentials of diagonal networks: conventions, Bregman divergences, limits, depth."""

from collections.abc import Callable
from functools import cache

import mpmath
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from derive.language.update_rule import BadInput
from derive.networks.potentials import (
    ALPHA,
    DELTA,
    POSITION,
    THETA,
    deep_kernel_limit,
    deep_position,
    deep_potential,
    deep_rich_limit,
    hyperentropy,
    kernel_expansion,
    mirror_map,
    rich_expansion,
    sufficient_start,
)
from verify.models.network_conventions import CONVENTIONS

KEYS = list(CONVENTIONS)
Z = sympy.Symbol("z", positive=True)
reals = st.integers(-80, 80).map(lambda n: sympy.Rational(n, 16))
sizes = st.integers(1, 60).map(lambda n: sympy.Rational(n, 12))
decades = st.integers(-10, 10).map(lambda n: sympy.Integer(10) ** n)
q = 2 - sympy.sqrt(4 + Z**2) + Z * sympy.asinh(Z / 2)


DIGITS = 300


@cache
def on_mpmath(expr: sympy.Expr) -> tuple[list[str], Callable[..., mpmath.mpf]]:
    names = sorted(expr.free_symbols, key=str)
    return [name.name for name in names], sympy.lambdify(names, expr, "mpmath")


def number(expr: sympy.Expr, **values: object) -> mpmath.mpf:
    """The value at 300 digits, the symbols given by name."""
    names, function = on_mpmath(expr)
    with mpmath.workdps(DIGITS):
        return function(*(mpmath.mpmathify(values[name]) for name in names))


@pytest.mark.parametrize("key", KEYS)
@given(pull=reals, delta=sizes)
def test_the_mirror_map_undoes_the_flow(key, pull, delta):
    convention = CONVENTIONS[key]
    turn = convention.turn * THETA
    theta = convention.unit(DELTA) * (sympy.exp(turn) - sympy.exp(-turn))
    back = mirror_map(theta, DELTA, convention) / convention.scale - THETA
    assert abs(number(back, theta=pull, Delta=delta)) < 1e-50


@pytest.mark.parametrize("key", KEYS)
def test_the_potential_is_the_integral_of_the_mirror_map(key):
    convention = CONVENTIONS[key]
    potential = hyperentropy(THETA, DELTA, convention)
    slope = sympy.diff(potential, THETA) - mirror_map(THETA, DELTA, convention)
    assert sympy.simplify(slope) == 0
    assert potential.subs(THETA, 0) == 0


@pytest.mark.parametrize("key", KEYS)
def test_every_potential_is_q_in_its_own_unit(key):
    convention = CONVENTIONS[key]
    unit = convention.unit(DELTA)
    ours = unit * q.subs(Z, THETA / unit) * convention.scale / convention.turn
    gap = ours - hyperentropy(THETA, DELTA, convention)
    for theta, delta in ((1, 1), (-3, 2), (5, sympy.Rational(1, 7))):
        assert abs(number(gap, theta=theta, Delta=delta)) < 1e-100


def test_at_one_alpha_the_conventions_disagree_by_factors_of_two():
    """z in q'(z) = asinh(z/2), in units of theta/alpha^2: the trap in one line."""
    inside = {
        key: 1 / convention.unit(convention.start) * ALPHA**2
        for key, convention in CONVENTIONS.items()
    }
    assert inside == {
        "woodworth2020": 1,
        "even2023": 2,
        "gunasekar2023": 4,
        "papazov2024": 4,
        "lyu2023": 1,
    }


@given(z=st.one_of(sizes, decades), terms=st.integers(1, 4))
def test_successive_sums_of_both_expansions_lie_on_both_sides(z, terms):
    """z = theta/alpha^2 over twenty decades."""
    for expansion in (kernel_expansion, rich_expansion):
        with mpmath.workdps(DIGITS):
            exact = number(q, z=z)
            here, there = (number(expansion(Z, n), z=z) - exact for n in (terms, terms + 1))
            assert here * there < 0
            assert abs(here) < abs(here - there)


@pytest.mark.parametrize("power", range(1, 11))
def test_the_limits_need_their_scaling(power):
    """4 alpha^2 Q -> theta^2 like alpha^-4, Q/log(1/alpha^2) -> |theta| like 1/log(1/alpha)."""
    potential = hyperentropy(THETA, ALPHA**2, CONVENTIONS["woodworth2020"])
    with mpmath.workdps(DIGITS):
        scale, theta = mpmath.mpf(10) ** power, mpmath.mpf(3)
        wide = 4 * scale**2 * number(potential, theta=theta, alpha=scale)
        assert 0 < theta**2 - wide <= theta**4 / (48 * scale**4)
        log = 2 * mpmath.log(scale)
        narrow = number(potential, theta=theta, alpha=1 / scale) / log
        lead = theta * (mpmath.log(theta) - 1) / log
        assert 0 <= narrow - theta - lead <= 2 / (scale**2 * log)


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_the_slope_of_the_deep_potential_is_its_dual_position(depth):
    at = sympy.Integer(depth)
    rate = sympy.diff(deep_position(POSITION, at), POSITION)
    left = sympy.diff(deep_potential(POSITION, at), POSITION) - POSITION * rate
    for n in range(-9, 10):
        assert abs(number(left, s=sympy.Rational(n, 10))) < 1e-100
    assert deep_potential(POSITION, at).subs(POSITION, 0) == 0


@pytest.mark.parametrize("depth", [3, 4, 5, 6])
def test_the_deep_position_solves_the_flow(depth):
    """w_+' = D w_+^(D-1) in the pull, s = D (D-2) times it, alpha = 1."""
    plus = (1 - POSITION) ** sympy.Rational(-1, depth - 2)
    minus = plus.subs(POSITION, -POSITION)
    rate = depth * (depth - 2) * sympy.diff(plus, POSITION) - depth * plus ** (depth - 1)
    position = deep_position(POSITION, sympy.Integer(depth)) - plus**depth + minus**depth
    for n in range(-9, 10):
        assert abs(number(rate, s=sympy.Rational(n, 10))) < 1e-100
        assert abs(number(position, s=sympy.Rational(n, 10))) < 1e-100


@pytest.mark.parametrize("tau", [sympy.Rational(1, 3), 2])
def test_depth_two_is_the_limit_of_depth(tau):
    """s = (D-2) tau: the position tends to 2 sinh(2 tau), that of w_+^2 - w_-^2."""
    near = sympy.Rational(1, 10**12)
    found = number(deep_position(), s=near * tau, D=2 + near)
    assert abs(found - 2 * mpmath.sinh(2 * tau)) < 1e-8


@pytest.mark.parametrize("depth", [3, 4, 6])
@given(n=st.integers(1, 400))
def test_the_deep_potential_between_its_bounds(depth, n):
    """z - (D/2) z^(2/D) <= q_D(z) <= z for every z; below the kernel, near the rich limit."""
    with mpmath.workdps(DIGITS):
        known = {"s": 1 - mpmath.mpf(2) ** (-mpmath.mpf(n) / 10), "D": depth}
        z, potential = number(deep_position(), **known), number(deep_potential(), **known)
        assert z - mpmath.mpf(depth) / 2 * z ** (mpmath.mpf(2) / depth) <= potential <= z
        assert potential <= number(deep_kernel_limit(Z), z=z, D=depth)
        gap = abs(potential - number(deep_rich_limit(Z), z=z, D=depth))
        assert gap <= z ** (mpmath.mpf(2) / depth - 1)


def test_how_small_a_start_must_be_at_each_depth():
    """For 1 % above the smallest l1 norm 1 of 1000 coordinates: a power against an exponential."""
    starts = [sufficient_start(sympy.Rational(1, 100), 1, 1000, depth=d) for d in (2, 3, 4)]
    two, three, four = (number(sympy.sympify(start)) for start in starts)
    assert two < mpmath.mpf(10) ** -170
    assert 1e-4 < three < four < 1
    with pytest.raises(BadInput, match="depth = 1"):
        sufficient_start(sympy.Integer(1), sympy.Integer(1), sympy.Integer(2), depth=1)
