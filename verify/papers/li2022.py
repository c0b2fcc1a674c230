"""Drift along minimizers without momentum: Li, Wang and Arora (2022), as recalled.

Noise n in the gradient has covariance S; T is the third derivative of the loss, P_L the projector
on the tangent space of the minimizers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import sympy
from flint import fmpq

from derive import gradient_descent
from derive.language.formula import H
from derive.valleys.zero_loss_manifold import CURVATURE, CURVATURES, effective_step, kernel
from verify.claims.checks.identities import identical
from verify.claims.checks.stated import bounded, tends
from verify.claims.checks.valley_runs import bend_seen, kick_moves, mixed_seen, of_the_limit
from verify.claims.checks.valleys import (
    DESCENDS,
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    leading_symbol,
    on_valleys,
    pair_sum,
)
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.slots import Order, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import descent_mode

NONE = fmpq(0)
WHERE = "limiting diffusion, as recalled"


@claim("li2022.diffusion", catalogue="E23", where=f"{WHERE}, the first term", printed=RECALLED)
def diffusion_of_descent() -> Claim:
    r"""A kick $n$ of the gradient moves a flat mode by $h$ times its part there, at once and for
    good, and every curved one dies out: the covariance of the motion is $h^2P_LSP_L$ in a step.
    """
    return of_the_limit(
        r"At a minimizer, noise $n$ in the gradient of one step moves the limit $\Phi$ of gradient "
        r"descent by $\partial\Phi[-n]={factor}\,P_Ln$.",
        H,
        lambda: effective_step(gradient_descent),
        kick_moves,
        gradient_descent,
    )


@claim("li2022.valley-bend", catalogue="E23", where=f"{WHERE}, the second term", printed=RECALLED)
def bend_of_descent() -> Claim:
    r"""The limit lies on the valley. Moved along it by $t$ it is $w+t-H^\dagger T[t,t]/2+\dots$,
    and $t=-hP_Ln$, averaged over $n$.
    """
    return of_the_limit(
        r"In a step of gradient descent, noise of covariance $S$ moves the limit, normal to the "
        r"valley and because of the part of $S$ along it, by "
        r"${factor}\,H^{\dagger}\nabla^3L[S_{LL}]$ in the mean.",
        -(H**2) / 2,
        lambda: -(effective_step(gradient_descent) ** 2) / 2,
        bend_seen,
        gradient_descent,
    )


@claim("li2022.mixed-drift", catalogue="E23", where=f"{WHERE}, the mixed term", printed=RECALLED)
def mixed_drift_of_descent() -> Claim:
    r"""After a kick gradient descent stands at $-h$ on a flat mode and at $-h(1-h\lambda)^k$ on a
    curved one: the products sum to $h/\lambda$, for every stable $h$.
    """
    flat = {CURVATURES[0]: 0, CURVATURES[1]: CURVATURE}

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h = fmpq(random.Random(settings.seed).randint(1, 9), 11)
        curvature = point["z"] / h
        if not descent_mode(h, NONE, curvature).settles:
            return False
        told = says.number("factor", h=h, **{"lambda": curvature})
        return bool(told == -h * pair_sum(descent_mode, h, NONE, NONE, curvature))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In a step of gradient descent, noise that couples a mode of curvature $\lambda$ with "
            r"the valley moves the limit along it by ${factor}\,P_L\nabla^3L[S_{TL}]$ in the mean, "
            r"for {domain}, $z:=h\lambda$.",
            {"factor": Value(-(H**2) / LAMBDA), "domain": DESCENDS},
        ),
        checks=(
            on(
                "factor",
                identical(
                    "series of the declared step", lambda: -H * kernel(gradient_descent).subs(flat)
                ),
            ),
            bounded("sum over the steps after a kick, solved", holds, kind=Kind.ENUMERATION),
            on(
                "factor",
                on_valleys("limits of the iteration", mixed_seen, optimizer=gradient_descent),
            ),
        ),
    )


@claim(
    "li2022.transverse-drift", catalogue="E23", where=f"{WHERE}, the last term", printed=RECALLED
)
def transverse_drift_of_descent() -> Claim:
    r"""The products of two curved modes sum to $h/(\lambda_1+\lambda_2-h\lambda_1\lambda_2)$; as
    $h\to0$ this is $h$ times the inverse of $S\mapsto HS+SH$.
    """

    def differences(says: Statement, settings: Settings) -> Sequence[fmpq]:
        draw, found = random.Random(settings.seed), []
        one, two = (fmpq(draw.randint(5, 20), 10) for _ in range(2))
        for n in range(24, 31):
            h = fmpq(1, 2**n)
            exact = -h / 2 * pair_sum(descent_mode, h, NONE, one, two)
            found.append(says.number("limit", h=h, lambda1=one, lambda2=two) / exact - 1)
        return found

    def derived() -> sympy.Expr:
        modes = dict(zip(CURVATURES, (LAMBDA1, LAMBDA2), strict=True))
        return (-H / 2 * kernel(gradient_descent)).subs(modes)

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"In a step of gradient descent, noise between modes of curvatures $\lambda_1$ and "
            r"$\lambda_2$ moves the limit along the valley, in the mean, by "
            r"${limit}\,P_L\nabla^3L[S_{TT}]$ to within a relative {error}, as $h$ falls.",
            {
                "limit": Value(-(H**2) / (2 * (LAMBDA1 + LAMBDA2)), "limit"),
                "error": Order(1),
            },
        ),
        checks=(
            on("limit", leading_symbol(derived)),
            tends("sum over the steps after a kick, solved", differences),
        ),
    )
