"""How large the effective step may be: Ghosh, Lyu, Zhang and Wang (2023), section 4 and slides."""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.quadratics.stability import stability_limit
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stability import growth, radius_at_limit, symbolic
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim


@claim("ghosh2023.largest-effective-step", catalogue="A28", where="section 6 and footnote 3")
def largest_effective_step() -> Claim:
    """The effective step size is h/(1-β), and hL < 2(1+β). For β = 0 it is 2/L; it grows without
    bound as β -> 1. At hL = 2(1+β) a multiplier is -1: the edge of stability is 2(1+β)/h.
    """
    curvature = sympy.Symbol("lambda")

    def as_limit(judge: Callable[[sympy.Expr, Settings], Evidence], name: str, kind: Kind) -> Check:
        def judged(candidate: sympy.Expr, settings: Settings) -> Evidence:
            some = sympy.Rational(random.Random(settings.seed).randint(8, 30), 7)
            limit = (candidate * curvature * (1 - BETA)).subs(curvature, some)
            return judge(sympy.sympify(limit), settings)

        return Check(name, kind, judged)

    return Claim(
        statement=(
            r"On a loss of smoothness $\lambda$ heavy ball is stable for effective step sizes "
            r"below {formula}."
        ),
        printed=Formula(
            "largestEffectiveStep",
            2 * (1 + BETA) / (curvature * (1 - BETA)),
            given=(*MOMENTUM, sympy.Gt(curvature, 0)),
        ),
        checks=(
            symbolic(
                "Jury's conditions",
                lambda: stability_limit(heavy_ball) / (curvature * (1 - BETA)),
            ),
            as_limit(radius_at_limit, "spectral radius in ball arithmetic", Kind.BALL),
            as_limit(
                exact("", Kind.SIMULATION, growth).judge, "growth of matrix powers", Kind.SIMULATION
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


CURVATURE = sympy.Symbol("L")
GIVEN = (*MOMENTUM, *STEP)


@claim("ghosh2023.largest-effective-rate", catalogue="A28", where="section 6, first paragraph")
def largest_effective_rate() -> Claim:
    """Heavy ball is stable on a mode of curvature λ exactly for hλ < 2(1+β) (Jury's conditions),
    and h/(1-β) is the effective learning rate.
    """

    def mode(candidate: sympy.Expr) -> sympy.Expr:
        return sympy.sympify(candidate.subs(CURVATURE, sympy.Rational(7, 3))) * ONE_MINUS * 7 / 3

    return Claim(
        statement=(
            r"On least squares whose largest curvature is $L$ heavy ball is stable exactly for "
            r"effective learning rates $h/(1-\beta)$ below {formula}."
        ),
        printed=Formula(
            "largestEffectiveRate",
            2 * (1 + BETA) / (CURVATURE * ONE_MINUS),
            given=(*MOMENTUM, sympy.Gt(CURVATURE, 0)),
        ),
        checks=(
            identical(
                "Jury's conditions", lambda: stability_limit(heavy_ball) / (CURVATURE * ONE_MINUS)
            ),
            Check(
                "spectral radius in ball arithmetic",
                Kind.BALL,
                lambda candidate, settings: radius_at_limit(mode(candidate), settings),
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("ghosh2023.edge-of-stability", catalogue="A28", where="section 6, footnote 3")
def edge_of_stability() -> Claim:
    """The same limit, read for the curvature."""

    def mode(candidate: sympy.Expr) -> sympy.Expr:
        return sympy.sympify(candidate.subs(H, sympy.Rational(7, 3))) * 7 / 3

    return Claim(
        statement="The curvature at which heavy ball becomes unstable is {formula}.",
        printed=Formula("edgeOfStability", 2 * (1 + BETA) / H, given=GIVEN),
        checks=(
            identical("Jury's conditions", lambda: stability_limit(heavy_ball) / H),
            Check(
                "spectral radius in ball arithmetic",
                Kind.BALL,
                lambda candidate, settings: radius_at_limit(mode(candidate), settings),
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition="The loss is quadratic; that training hovers there is an observation.",
    )
