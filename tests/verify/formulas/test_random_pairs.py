"""Random pairs of formulas, equal by rewriting or different by a planted change, are told apart."""

import random

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, Rational, Sum, cos, exp, log, sin, sqrt

from verify.formulas.aligning import read_derivation
from verify.formulas.deciding import Outcome, decide
from verify.formulas.domain import ComparisonDomain

h, beta, k, r, a, b = sympy.symbols("h beta k r a b")
ON_RANGES = ComparisonDomain.of(
    (sympy.Ge(beta, 0), sympy.Lt(beta, 1), sympy.Gt(h, 0), sympy.Ge(k, 0))
)
ATOMS = (h, beta, beta**k, 1 - beta, 1 + beta, 1 / (1 - beta), sqrt(h), k, Rational(3, 4), h**2)
REAL_ATOMS = (a, b, 1 + a**2, a - b, 1 / (1 + b**2), Rational(2, 3), Abs(a), cos(b))


def formula(draw: random.Random, atoms, size: int):
    """A sum or product of atoms, a root or an exponential here and there."""
    if size <= 1:
        return draw.choice(atoms)
    left = formula(draw, atoms, size // 2)
    right = formula(draw, atoms, size - size // 2)
    way = draw.randrange(8)
    if way == 0:
        return sqrt(1 + left**2) * right
    if way == 1:
        return exp(-(left**2)) + right
    return left + right if way % 2 else left * right


def one(draw: random.Random, real: bool):
    """What is 1, or 0 added to it, for all values of the symbols in their ranges."""
    ways = [
        (1 + a**2) / (1 + a * a),
        sin(a + b) ** 2 + cos(a + b) ** 2,
        exp(a) * exp(-a) * (1 + b - b),
        1 + Abs(a) ** 2 - a**2,
        1 + sqrt(a**2 + 2 * a * b + b**2) - Abs(a + b),
        1 + (a - b) * (a + b) - a**2 + b**2,
        1 + sqrt(1 + a**2) - (1 + a**2) / sqrt(1 + a**2),
    ]
    ranged = [
        (1 - beta) / sqrt((1 - beta) ** 2),
        beta ** (k + 2) / beta**k - beta**2 + 1,
        1 + Abs(h - 1) ** 2 - (h - 1) ** 2,
        1 + sqrt(h * (1 - beta)) - sqrt(h) * sqrt(1 - beta),
        (1 + sqrt(beta)) * (1 - sqrt(beta)) / (1 - beta),
        Sum(beta**r, (r, 0, k)) - (1 - beta ** (k + 1)) / (1 - beta) + 1,
        1 + Sum(r, (r, 1, k)) - k * (k + 1) / 2,
        1 + log(h * (1 + beta)) - log(h) - log(1 + beta),
        4 ** (k + 1) / 2 ** (2 * k + 2),
        (-1) ** (2 * k),
        1 + Abs(beta - 1) - (1 - beta),
    ]
    return draw.choice(ways if real else ranged)


def rewritten(draw: random.Random, expr, real: bool):
    """The same, written differently."""
    way = draw.randrange(4)
    if way == 0:
        return sympy.expand(expr)
    if way == 1:
        return expr * one(draw, real)
    if way == 2:
        return expr + one(draw, real) - one(draw, real)
    return sympy.expand(expr * one(draw, real))


SLIGHT = (
    ("a factor 1 + (beta/10)^100", lambda e: e * (1 + (beta / 10) ** 100)),
    ("a factor 1 + 10^-40", lambda e: e * (1 + Rational(1, 10**40))),
    ("from k = 40 on", lambda e: e + sympy.prod([k - i for i in range(40)])),
    ("from k = 7 on", lambda e: e + sympy.prod([k - i for i in range(7)]) * sqrt(h)),
    ("near the end of beta", lambda e: e + Abs(beta - Rational(9, 10)) + beta - Rational(9, 10)),
    ("the branch of a root", lambda e: e + sqrt((1 - 2 * beta) ** 2) - (1 - 2 * beta)),
    ("at long steps", lambda e: e + Abs(h - 50) + h - 50),
    ("at short steps", lambda e: e + Abs(h - Rational(1, 500)) - h + Rational(1, 500)),
    ("an odd k", lambda e: e + (-1) ** k - 1),
    ("a power of h", lambda e: e + h**9 * Rational(1, 10**12)),
    ("the end of a sum", lambda e: e + Sum(beta**r, (r, 0, k)) - (1 - beta**k) / (1 - beta)),
    ("the sign", lambda e: -e - 1),
)
REAL_SLIGHT = (
    ("a root of a square", lambda e: e + sqrt(a**2) - a),
    ("the size of a difference", lambda e: e + Abs(a - 2) + a - 2),
    ("far out", lambda e: e + Abs(a + 40) - a - 40),
    ("a tiny factor", lambda e: e + (b / 10) ** 100),
    ("a tiny term", lambda e: e + Rational(1, 10**40)),
    ("the sign", lambda e: -e - 1 - e**2),
    ("two roots", lambda e: e + sqrt(a - 1) * sqrt(a - 2) - sqrt((a - 1) * (a - 2))),
)


def outcome(left, right, *, aligned: bool) -> Outcome:
    """As `check` or `check --align` answers."""
    if not aligned:
        return decide(left, right, ON_RANGES).outcome
    first, second = (rf"1-\left({sympy.latex(side)}\right)" for side in (left, right))
    text = f"{first} &= {second}"  # a line that begins with a name alone would define it
    (step,) = read_derivation(rf"\begin{{align}} {text} \end{{align}}").judged()
    return step.outcome


@pytest.mark.parametrize("aligned", [False, True], ids=["check", "align"])
@given(seed=st.integers(0, 10**9))
def test_what_is_rewritten_is_never_called_different(aligned, seed):
    draw = random.Random(seed)
    left = formula(draw, REAL_ATOMS if aligned else ATOMS, draw.randint(1, 4))
    assert outcome(left, rewritten(draw, left, aligned), aligned=aligned) != Outcome.DIFFERENT


@pytest.mark.parametrize("aligned", [False, True], ids=["check", "align"])
@given(seed=st.integers(0, 10**9))
def test_a_planted_change_is_never_called_equal(aligned, seed):
    draw = random.Random(seed)
    left = formula(draw, REAL_ATOMS if aligned else ATOMS, draw.randint(1, 4))
    _, change = draw.choice(REAL_SLIGHT if aligned else SLIGHT)
    right = change(rewritten(draw, left, aligned))
    assert outcome(left, right, aligned=aligned) != Outcome.EQUAL
