"""The flows of the slides: Ghosh, Lyu, Zhang and Wang (2023), their equations (1) and (2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from flint import fmpq

from derive.engine.expansion import steady_flow
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import (
    HALF,
    HEAVY_BALL,
    ONE_MINUS,
    QUARTIC,
    RESIDUAL_BETAS,
    distances,
    value,
)
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.start_up import start_up
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.written_fields import follow_written
from verify.papers.ghosh2023.repairs import force
from verify.running.experiments import Flow
from verify.running.flows import evaluate_taylor
from verify.running.numbers import MPFR, PowerSeries, evaluate, power_series
from verify.running.tape import Node, Program, record


@claim("ghosh2023.rescaled-gradient-flow", catalogue="A13", where="slides, equation (1)")
def rescaled_gradient_flow() -> Claim:
    """The sum of the first k forces is Σ (1-β^j)/(1-β) = k/(1-β) - β(1-β^k)/(1-β)². So the h term
    of x_k - x(kh) is β(1-β^k)/(1-β)² ∇E(x₀): it stays bounded exactly for the force 1/(1-β), and
    over a fixed time errors of order h² a step add up to order h.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        return distances(
            HEAVY_BALL,
            lambda run: run.steady({LEAF: value(candidate, beta=run.values["beta"])}),
            settings,
        )

    return Claim(
        statement=(
            r"Over all $k \ge 1$ heavy ball is $O(h)$-close, and no closer, to the gradient flow "
            r"from $x_0$ whose force $-\nabla E$ carries the factor {formula}."
        ),
        printed=Formula("forceFactor", 1 / ONE_MINUS),
        checks=(
            identical("B-series engine", force),
            start_up(
                "the h term stays bounded",
                lambda candidate, case, k: (
                    case.path[k] - case.flow({LEAF: value(candidate, beta=case.beta)}, case.h * k)
                ),
                lambda beta: [[fmpq(1), beta]],
            ),
            order_of("observed order over all steps", errors, 1),
        ),
        expected=Verdict.CONFIRMED,
    )


E1, E2 = sympy.symbols("E1 E2")


def on_a_line(term: sympy.Expr, beta: fmpq) -> Program:
    """(x, h) -> -E'/(1-beta) + term on the quartic, the term in E1 = E', E2 = E'' and h."""

    def compute(nodes: list[Node]) -> list[Node]:
        x, h = nodes
        (slope,) = QUARTIC.derivative(0).replay([x])
        (curvature,) = QUARTIC.derivative(1).replay([x, x * 0 + 1])
        known = {"E1": slope, "E2": curvature, "h": h, "beta": beta}
        return [slope * (-1 / (1 - beta)) + evaluate(term, known)]

    return record(2, compute)


@claim("ghosh2023.slides-modified-flow", catalogue="A14", where="slides, equation (2)")
def slides_modified_flow() -> Claim:
    """The bracket closes before the regularizer, so that a number is added to a vector. In one
    dimension that can be read: + h(1+β)/(4(1-β)²) E'² stands where the bracket of equation (5)
    gives its derivative times -1/(1-β), -h(1+β)/(2(1-β)³) E'E''. Measure x in another unit, x = y/s
    and h = k/s²: the iterates keep their form, and so must x'. E'E''h does; E'²h does not.
    """

    def same_in_every_unit(candidate: sympy.Expr, settings: Settings) -> Evidence:
        s = sympy.Symbol("s")
        scaled = candidate.subs({E1: E1 / s, E2: E2 / s**2, H: H * s**2}, simultaneous=True)
        left = sympy.cancel(scaled * s - candidate)
        return Evidence(left == 0, f"difference {left}")

    def residual(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic, h = power_series(4), PowerSeries.step(4)
        for beta in RESIDUAL_BETAS:
            program = on_a_line(candidate, beta)
            for start in (fmpq(1), fmpq(-2, 3), fmpq(3, 5)):
                x = arithmetic.convert(start)
                (row,) = program.taylor([x], [h], 4, arithmetic)
                after, before = (evaluate_taylor([row], time)[0] for time in (h, -h))
                pull = h * (x**3 + x)
                left = after - x * (1 + beta) + before * beta + pull
                power = next((n for n in range(4) if left[n] != 0), 4)
                if power < 3:
                    return False, f"h^{power} is left at beta = {beta}, x = {start}"
        return True, f"begins at h^3 on E = {QUARTIC.text} for 9 beta, 3 points"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        beta = HALF["beta"]
        program = on_a_line(candidate, beta)

        def follow(run: Flow) -> list[np.ndarray]:
            shift = run.gradient() * (run.h * MPFR.convert(beta / (1 - beta) ** 2))
            return follow_written(run, program, (run.h,), list(run.x0 + shift))

        return distances(HEAVY_BALL, follow, settings, at_end=True)

    return Claim(
        statement=(
            r"In one dimension, with $E_1 = E'$ and $E_2 = E''$, the modified flow of heavy ball "
            r"is $-E_1/(1-\beta)$ plus {formula}."
        ),
        printed=Formula(
            "slidesTermPrinted",
            H * (1 + BETA) * E1**2 / (4 * ONE_MINUS**2),
            given=(*MOMENTUM, *STEP),
        ),
        right=Formula(
            "slidesTerm", -H * (1 + BETA) * E1 * E2 / (2 * ONE_MINUS**3), given=(*MOMENTUM, *STEP)
        ),
        checks=(
            identical("expansion by hand", lambda: H * steady_flow(2)[1], refutes=True),
            Check("the same in every unit", Kind.SYMBOLIC, same_in_every_unit, refutes=True),
            exact("exact residual", Kind.SERIES, residual, refutes=True),
            order_of("observed order, shifted start", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"The regularizer stands inside the gradient; the flow starts at "
            r"$x_0 + h\beta/(1-\beta)^2\,\nabla E(x_0)$, and the transient is over."
        ),
        because="a misplaced bracket adds the regularizer, a number, to the vector field.",
        counterexample=(
            r"$E = x^2/2$: the iterates from $-x_0$ mirror those from $x_0$, but $E_1^2$ pushes "
            "both to the right."
        ),
    )
