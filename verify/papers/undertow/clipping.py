"""A map of the gradients before they are averaged, such as clipping, and after."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive import optimizer
from derive.engine.invariant_manifold import general_flow
from derive.language.formula import BETA
from derive.optimizers import NONLINEAR
from verify.claims.checks.averaged_past import BETA1, BETA2
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, noted
from verify.claims.claim import OURS, Claim, Kind, Settings, claim
from verify.claims.equality import same
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.papers.undertow.any_map import curved, taken_out
from verify.running.numbers import precision
from verify.running.reals import REAL, reals

AFTER = NONLINEAR["lion-k"]
"""Its map is of the average, which is the usual one where both of its momenta are equal."""
BENT = ("E[kappa]", "E[kappa]")
SHORT = fmpq(1, 10**12)


@optimizer(state=("m",), parameters=("beta",), fields=("E", "kappa"), maps=("kappa",))
def mapped_first(x: Any, m: Any, grad: Any, h: Any, *, beta: Any) -> Any:
    """An average of gradients that went through a map."""
    gradient, kappa = grad
    m = beta * m + (1 - beta) * kappa(gradient(x))
    return x - h * m, m


@claim(
    "undertow.map-before-momentum",
    catalogue="L03",
    where="clipping before or after momentum",
    printed=OURS,
)
def map_before_momentum() -> Claim:
    r"""The gradients of age $j$ are $g+jhHv$. To first order both averages see the mean of $j$
    through $K''$. Then the mean of $\nabla K(g+jhHv)$ has half the variance of $j$, which is
    $\beta/(1-\beta)^2$, times $h^2D\kappa[Hv,Hv]$ beyond $\nabla K$ of the mean. Clipping by
    components has no $D\kappa$ where no component is at the threshold; clipping of the norm has.
    """

    def one_step(says: Statement, settings: Settings) -> tuple[bool, str]:
        """One declared step of each from gradients that fell by one h in each step before."""
        draw, worst = random.Random(settings.seed), 0.0
        with precision(90):
            h, zero = REAL.convert(SHORT), REAL.convert(fmpq(0))
            for _ in range(3):
                kept, size = fmpq(draw.randint(10, 60), 100), fmpq(draw.randint(5, 30), 10)
                beta, g = REAL.convert(kept), REAL.convert(size)
                past = [g + h * j for j in range(1, 500)]
                weights = [(1 - beta) * beta**j for j in range(499)]
                pairs = list(zip(weights, past, strict=True))
                mean = sum((w * p for w, p in pairs), zero)
                mapped = sum((w * curved(p) for w, p in pairs), zero)

                def at(x: Any, g: Any = g) -> Any:
                    return reals([g])

                x, fields = reals([zero]), (at, curved)
                both = {"beta1": beta, "beta2": beta}
                after, _ = AFTER.step(x, [reals([mean])], fields, h, both)
                first, _ = mapped_first.step(x, [reals([mapped])], fields, h, {"beta": beta})
                ahead = float((first[0] - after[0]) / h**3)
                told = float(says.number("more", beta=kept)) * 2 / 5
                worst = max(worst, abs(ahead - told) / abs(told))
                # through h: a step is the flow over h, which has half a step of its own
                moved = float((-first[0] / h - curved(g)) / h)
                speed = float(1 + 2 * g / 5)
                shown = moved / speed + 0.5
                worst = max(worst, abs(shown - float(says.number("weight", beta=kept))) / shown)
        return worst < 1e-9, f"{worst:.0e} off"

    def by_engine(says: Statement, settings: Settings) -> tuple[bool, str]:
        equal = {BETA1: BETA, BETA2: BETA}
        flows = (general_flow(rule, order=3) for rule in (mapped_first, AFTER))
        terms = [[f.algebra.unnamed(f.flow["x"][n]) for n in (1, 2)] for f in flows]
        for near, _ in terms:
            found, left = taken_out(near, ("E[kappa]",))
            zero = not left and same(-found.subs(equal), says.expr("weight"))
            if not noted(says.expr("weight"), -found.subs(equal), zero):
                return False, f"{found} in h"
        told = {BENT: says.expr("more"), ("E[kappa, kappa]",): 0, ("E[kappa[E[kappa]]]",): 0}
        (_, first), (_, second) = terms
        for shape, more in told.items():
            one, first = taken_out(first, shape)
            other, second = taken_out(second, shape)
            if not same(one, other.subs(equal) + more):
                return False, f"{one} and {other} in h^2"
        return not (first or second), "the terms of the engine, for any K"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Through the term in $h$, $x_{k+1}:=x_k-hm_{k+1}$ with $m$ the average with $\beta$ "
            r"of $\nabla K(\nabla E)$, and $x_{k+1}:=x_k-h\nabla K(m_{k+1})$ with $m$ that of "
            r"$\nabla E$, follow one flow, $-\nabla K(\nabla\tilde E)$ with "
            r"$\tilde E={weight}hK(\nabla E)+E$. The term in $h^2$ of the first is that of the "
            r"second${+more}D\kappa[Hv,Hv]$, $v:=\nabla K(g)$, $D\kappa:=\nabla^3K(g)$, $g,H$ the "
            r"derivatives of $E$.",
            {
                "weight": Value(BETA / ONE_MINUS + sympy.Rational(1, 2)),
                "more": Value(-BETA / (2 * ONE_MINUS**2)),
            },
        ),
        checks=(
            exact("one step of each from averages of the past", Kind.SIMULATION, one_step),
            exact("flows of the engine", Kind.SYMBOLIC, by_engine),
        ),
    )
