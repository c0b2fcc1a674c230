"""Potentials of diagonal networks: the wrong convention falls."""

import pytest
import sympy

import verify.papers  # noqa: F401
from derive.networks.potentials import ALPHA, DELTA, THETA, hyperentropy
from verify.claims.checks.mirror_maps import mirror_flow, stationary
from verify.claims.claim import REGISTRY, Settings
from verify.claims.slots import Value
from verify.claims.statement import Statement
from verify.models.network_conventions import CONVENTIONS
from verify.papers.lyu2023.diagonal import XI
from verify.papers.lyu2023.momentum import MU, SLOPE

FAST = Settings(digits=20)
NETWORKS = {
    "woodworth2020": "woodworth2020.potential",
    "even2023": "even2023.potential",
    "gunasekar2023": "gunasekar2023.start-and-potential",
    "papazov2024": "papazov2024.hyperentropy",
    "lyu2023": "lyu2023.hyperentropy",
}
ALIKE = [{"woodworth2020", "lyu2023"}, {"gunasekar2023", "papazov2024"}]
"""The same network from the same start; only the scale of the potential may differ."""
STARTED = ["woodworth2020", "even2023", "gunasekar2023"]
"""Whose claims name a start; the others say what is kept."""
SIZES = {"papazov2024": DELTA, "lyu2023": XI}


def potential_for(key: str, other: str) -> sympy.Expr:
    """The potential of one convention in the letters of another network's start."""
    size = SIZES.get(other, ALPHA**2)
    convention = CONVENTIONS[key]
    return hyperentropy(THETA, convention.start.subs(ALPHA, sympy.sqrt(size)), convention)


def with_potential(key: str, potential: sympy.Expr) -> Statement:
    says = REGISTRY.claims[NETWORKS[key]].candidate
    assert isinstance(says, Statement)
    return says.changed(potential=Value(potential))


@pytest.mark.parametrize("other", STARTED)
@pytest.mark.parametrize("key", NETWORKS)
def test_the_potential_of_another_convention_fails_by_a_factor_of_two(key, other):
    """At equal alpha another minimizer comes out, unless the networks are alike."""
    wrong = with_potential(other, potential_for(key, other))
    alike = key == other or {key, other} in ALIKE
    assert stationary("alpha").judge(wrong, FAST).passed is alike


@pytest.mark.parametrize("key", ["even2023", "papazov2024", "lyu2023"])
@pytest.mark.parametrize("factor", [2, sympy.Rational(1, 2), 4])
def test_a_factor_in_front_or_inside_is_seen_on_the_flow(key, factor):
    check = mirror_flow(SIZES.get(key, ALPHA).name)
    right = potential_for(key, key)
    assert check.judge(with_potential(key, right), FAST).passed is True
    assert check.judge(with_potential(key, factor * right), FAST).passed is False
    inside = right.replace(sympy.asinh, lambda e: sympy.asinh(factor * e))
    assert check.judge(with_potential(key, inside), FAST).passed is False


a = ALPHA


def test_the_printed_second_part_of_the_momentum_linear_term_is_harmless():
    """With the sign in front put right it stands: it lies in the row space up to O(alpha^2)."""
    inner = 4 * a * SLOPE / (1 - MU) * sympy.sqrt(1 + THETA**2 / (4 * XI**2))
    claim = REGISTRY.claims["lyu2023.momentum-linear-term"]
    assert claim.says
    for sign in (1, -1):
        kept = -sympy.asinh(THETA / (2 * XI) + sign * inner) / 4
        right, wrong = (claim.says.changed(linear=Value(e, "limit")) for e in (kept, -kept))
        assert claim.checks[-1].judge(right, FAST).passed is True
        assert claim.checks[-1].judge(wrong, FAST).passed is False
