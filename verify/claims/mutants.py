"""Wrong versions of a right formula, and which check rejects which of them.

A verifier is worth what it rejects: a claim one of whose mutants passes every check that shares no
code with the derivation is not confirmed by them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import _lru_cache_wrapper
from types import FrameType
from typing import Any

import sympy
from flint import acb, fmpq
from flint.utils.flint_exceptions import DomainError

from verify.claims.claim import Check, Claim, ClaimResult, Evidence, Settings
from verify.claims.equality import difference
from verify.claims.slips import slips
from verify.running.numbers import BALL, evaluate, precision

VOCABULARY = {"language", "optimizers"}
"""The folders of `derive` that name things and declare rules; the others derive."""


@dataclass(frozen=True)
class Mutant:
    """A formula one slip of the pen away from the right one."""

    slip: str
    expr: sympy.Expr


@dataclass(frozen=True)
class CheckRejections:
    """What one check said of every mutant: True where it took the wrong formula for right."""

    name: str
    kind: str
    independent: bool
    passed: tuple[bool | None, ...]

    @property
    def killed(self) -> int:
        return sum(verdict is False for verdict in self.passed)


@dataclass(frozen=True)
class MutantResult:
    """All mutants of a claim before all of its checks."""

    id: str
    slips: tuple[str, ...]
    checks: tuple[CheckRejections, ...]

    @property
    def survivors(self) -> list[str]:
        """The slips that no check rejects which shares no code with the derivation."""
        judges = [check for check in self.checks if check.independent]
        return [
            slip
            for i, slip in enumerate(self.slips)
            if not any(check.passed[i] is False for check in judges)
        ]

    @property
    def idle(self) -> list[str]:
        """The checks that reject nothing."""
        return [check.name for check in self.checks if not check.killed]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "tried": len(self.slips),
            "killed": len(self.slips) - len(self.survivors),
            "checks": [
                {"name": check.name, "tried": len(self.slips), "killed": check.killed}
                for check in self.checks
            ],
        }


def mutants(expr: sympy.Expr) -> list[Mutant]:
    """The formulas one slip away that are not this one and not one another, decided exactly."""
    points = _points(expr)
    seen = [(expr, _values(expr, points))]
    found: list[Mutant] = []
    for slip, wrong in slips(expr):
        values = _values(wrong, points)
        if not any(_overlap(values, old) and _equal(wrong, other) for other, old in seen):
            found.append(Mutant(slip, wrong))
            seen.append((wrong, values))
    return found


def _equal(left: sympy.Expr, right: sympy.Expr) -> bool:
    try:
        return left == right or not difference(left, right)
    except ValueError:
        return sympy.expand(left - right) == 0


def _overlap(left: list[acb | None], right: list[acb | None]) -> bool:
    """The formulas may be equal: nowhere do their balls lie apart, nor has one alone a value."""
    return all(
        a is b if a is None or b is None else bool(a.overlaps(b))
        for a, b in zip(left, right, strict=True)
    )


def _points(expr: sympy.Expr) -> list[dict[sympy.Basic, sympy.Rational]]:
    """Three rational points, whole numbers where the formula counts."""
    draw, counts = random.Random(0), _counts(expr)
    symbols = sorted(expr.free_symbols, key=str)
    return [
        {
            symbol: sympy.Rational(draw.randint(1, 99), 100)
            if symbol not in counts
            else sympy.Integer(draw.randint(2, 9))
            for symbol in symbols
        }
        for _ in range(3)
    ]


def _values(expr: sympy.Expr, points: list[dict[sympy.Basic, sympy.Rational]]) -> list[acb | None]:
    """Balls that hold the values at the points, None where there is none."""
    found: list[acb | None] = []
    for point in points:
        whole = {s: v for s, v in point.items() if v.is_Integer}
        rest = {str(s): acb(fmpq(int(v.p), int(v.q))) for s, v in point.items()}
        try:
            with precision(30):
                ball = acb(evaluate(sympy.sympify(expr.xreplace(whole).doit()), rest, BALL))
        except (ValueError, ArithmeticError):
            ball = None
        found.append(ball if ball is not None and ball.is_finite() else None)
    return found


def _counts(expr: sympy.Expr) -> set[sympy.Basic]:
    """The symbols that stand for whole numbers: in exponents, binomials and bounds of sums."""
    places = [power.exp for power in expr.atoms(sympy.Pow)]
    places += [part for binomial in expr.atoms(sympy.binomial) for part in binomial.args]
    places += [bound for total in expr.atoms(sympy.Sum) for bound in total.limits[0][1:]]
    return set[sympy.Basic]().union(*(place.free_symbols for place in places)) & expr.free_symbols


def with_survivors(result: ClaimResult, settings: Settings) -> ClaimResult:
    """The result with the slips that no check rejects, where all checks passed."""
    if not all(check.passed for check in result.checks):
        return result
    seconds = {check.name: check.seconds for check in result.checks}
    quickest_first = sorted(result.claim.checks, key=lambda check: seconds[check.name])
    return replace(result, survivors=survivors(result.claim, settings, quickest_first))


def survivors(claim: Claim, settings: Settings, checks: Sequence[Check]) -> tuple[str, ...]:
    """The slips that none of these checks rejects; the first that rejects is the last one asked."""
    return tuple(
        mutant.slip
        for mutant in mutants(claim.formula.expr)
        if not any(verdict(check, mutant.expr, settings).passed is False for check in checks)
    )


def put_to_the_test(claim: Claim, settings: Settings) -> MutantResult:
    """Every check of a claim against every mutant of its formula."""
    wrong = mutants(claim.formula.expr)
    return MutantResult(
        claim.id,
        tuple(mutant.slip for mutant in wrong),
        tuple(
            CheckRejections(
                check.name,
                str(check.kind),
                shares_nothing(check, claim.formula.expr, settings),
                tuple(verdict(check, mutant.expr, settings).passed for mutant in wrong),
            )
            for check in claim.checks
        ),
    )


def verdict(check: Check, candidate: sympy.Expr, settings: Settings) -> Evidence:
    """What a check says of a candidate; one without a value where it is tried is rejected.

    A right formula is never judged here, so that no error of ours passes for a rejection of it.
    """
    try:
        return check.judge(candidate, settings)
    except (ValueError, ZeroDivisionError, DomainError, TypeError, AttributeError) as error:
        return Evidence(False, f"the formula has no value where it is tried: {error}")
    except ArithmeticError as error:
        return Evidence(None, str(error))


def shares_nothing(check: Check, expr: sympy.Expr, settings: Settings) -> bool:
    """Whether a check decides without a call to what derives: watched while it runs."""
    _forget()
    entered: set[str] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered.add(frame.f_globals.get("__name__", ""))

    sys.setprofile(watch)
    try:
        check.judge(expr, settings)
    finally:
        sys.setprofile(None)
    return not any(_derives(module) for module in entered)


def _derives(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "derive" and bool(rest) and rest.partition(".")[0] not in VOCABULARY


def _forget() -> None:
    """Empty the caches, so that what was derived earlier is derived before our eyes."""
    for name, module in tuple(sys.modules.items()):
        if _derives(name):
            for thing in vars(module).values():
                if isinstance(thing, _lru_cache_wrapper):
                    thing.cache_clear()
