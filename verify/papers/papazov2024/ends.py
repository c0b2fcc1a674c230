"""Where momentum ends on diagonal networks: Papazov, Pesme and Flammarion (2024).

Letters as in `verify.papers.papazov2024.networks`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import sympy
from flint import arb, fmpq

from derive.language.formula import BETA
from derive.networks.diagonal_networks import (
    LAMBDA,
    RHO,
    SUMS,
    R,
    flow_loss_rate,
    momentum_step_loss,
)
from verify.claims.checks.diagonal_runs import (
    CLOSE,
    FLOW_CLOSE,
    ExactRun,
    FlowEnd,
    at,
    flow,
    integrate_flow,
    long_run,
    minimizer_distance,
    on_arrays,
    over_exact_runs,
    random_problem,
    random_start,
)
from verify.claims.checks.identities import enclosed, identical
from verify.claims.checks.stated import tends
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Order, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_regression import Array
from verify.papers.papazov2024.networks import (
    MOMENTUM_FLOW,
    G,
    P,
    Q,
    Start,
    leaves_nothing,
    on_series,
)
from verify.running.numbers import PowerSeries

CALM = 0.05
"""An inertia at which no weight of the drawn problems crosses zero."""


@claim("papazov2024.no-crossing", catalogue="D10", where="Theorem 1", printed=LOST)
def no_crossing() -> Claim:
    r"""$\lambda(\dot p+p^2)+p=-g$ integrates to $\ln|w_+|+\int g+\lambda\int p^2=$ const, as $p$
    starts and ends at 0. So every weight loses $\lambda\int p^2$ beyond the gradients; the
    gradients stay in the row space. The loss of both is $\ln(\Delta_0/\Delta_\infty)$, that of one
    is half of what moves $\tilde\theta_0$. A crossing is a pole $1/(t-t_0)$ of $p$, where the
    integral diverges.
    """

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found = flow(settings.seed % 5, SUMS, CALM)
        function = on_arrays(candidate, "lambda", "rho")
        # The integrals of rho^2 enter as one square.
        loss = function(CALM, np.sqrt(found.speeds))
        start, problem = random_start(settings.seed % 5), random_problem(settings.seed % 5)
        gap = minimizer_distance(problem, SUMS, start, loss, found.theta)
        return Evidence(bool(gap < FLOW_CLOSE), f"distance {gap:.1e} from the end of the flow")

    def left(says: Statement, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
        """ln|w_+| over its start, with both integrals and lambda p, which vanishes at the end."""
        p = world["p"]
        loss = on_series(says.expr("loss"), inertia, {**world, "rho": p})
        whole = (p + world["g"] + loss).polynomial.integral()
        return PowerSeries(whole, p.length - 1) + p * inertia

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"If no weight vanishes, {MOMENTUM_FLOW} {{start}} ends, where it ends at an "
            r"interpolator, at the minimizer of the divergence of $\psi_{\Delta_\infty}$ among all "
            r"interpolators, from where $\log\lvert w_\pm\rvert$ has fallen by $\int{loss}\,dt$, "
            r"$\rho:=\rho_\pm$.",
            {"loss": Value(LAMBDA * RHO**2), "start": Start.REST},
        ),
        checks=(
            leaves_nothing("exact series in time", left),
            on("loss", Check("end of the flow", Kind.SIMULATION, ends)),
            on("loss", identical("limit of the ratios", flow_loss_rate)),
        ),
    )


@claim("papazov2024.small-inertia", catalogue="D11", where="after Theorem 1", printed=LOST)
def small_inertia() -> Claim:
    r"""$p=-g+O(\lambda)$ and $m=g+O(\lambda)$ after a layer of width $\lambda$, so
    $\lambda(p^2+m^2)=2\lambda g^2(1+O(\lambda))$ in the integral.
    """

    @cache
    def ended(seed: int, inertia: float, first: Start) -> tuple[Array, FlowEnd]:
        # A step resolves the layer of width lambda.
        start, step = random_start(seed), min(0.02, inertia / 4)
        speed = start / 2 if first is Start.ANY else None
        problem = random_problem(seed)
        return start, integrate_flow(problem, start, SUMS, inertia, 10.0, step, speed)

    def errors(says: Statement, settings: Settings) -> Sequence[float]:
        function, found = on_arrays(says.expr("rate"), "lambda", "g"), []
        for j in range(4):
            inertia = 0.16 / 2**j
            start, end = ended(settings.seed % 3, inertia, says["start"])
            change = np.log(np.abs(end.w[0] * end.w[1] / (start[0] * start[1])))
            told = function(inertia, np.sqrt(end.square))
            found.append(float(np.max(np.abs(change + told))))
        return found

    def layer() -> sympy.Expr:
        """lambda (p^2 + m^2) at the leading order of p and m."""
        return LAMBDA * (P**2 + Q**2).subs({P: -G, Q: G})

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"If no weight vanishes, {MOMENTUM_FLOW} {{start}} has "
            r"$\log(\Delta_\infty/\Delta_0)=-\int{rate}\,dt$ with $g:=\nabla L$, up to {error} as "
            r"$\lambda$ falls.",
            {
                "rate": Value(2 * LAMBDA * G**2, "limit"),
                "start": Start.REST,
                "error": Order(2, "lambda"),
            },
        ),
        checks=(
            tends("observed order in lambda", errors),
            on("rate", identical("leading order", layer)),
        ),
    )


@claim(
    "papazov2024.momentum-loss",
    catalogue="D13 D15",
    where="momentum gradient descent",
    printed=LOST,
)
def momentum_loss() -> Claim:
    r"""$(1-\beta)\ln|r|=r-1+\beta(1/r-1)-[f(r)+\beta f(1/r)]$ with $f(r)=r-1-\ln|r|$, and
    $r_k-1=\mp x_k+\beta(1-1/r_{k-1})$: the $\beta$-terms telescope to $\beta(1/r_{K-1}-1)$, which
    vanishes in the limit. Nothing is asked of the signs of $r$, and of the batches only that $x_k$
    lies in the row space. $\log(\Delta_0/\Delta_\infty)$ is the sum over both signs and all steps.
    """

    def differences(says: Statement, path: ExactRun) -> Iterator[arb]:
        share = arb(says.number("share", beta=path.beta))
        for row, sign in ((0, 1), (1, -1)):
            for i in range(3):
                ratios = [step.ratios[row, i] for step in path.steps]
                lost = (at(says.expr("loss"), r=r, beta=path.beta) for r in ratios)
                pull = sign * sum((step.x[i] for step in path.steps), fmpq(0))
                rest = path.beta * (1 / ratios[-1] - 1) / (1 - path.beta)
                kept = arb(abs(path.steps[-1].w[row, i] / path.start[row, i])).log()
                yield sum(lost, arb(0)) + kept + share * arb(pull) - arb(rest)

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function, worst, crossed = on_arrays(candidate, "r", "beta"), 0.0, 0
        for beta, first in ((0.5, 1.7), (0.9, 0.02)):
            path = long_run(settings.seed % 5, SUMS, beta, first)
            with np.errstate(all="ignore"):
                loss = function(path.ratios, beta).sum(axis=0)
            gap = minimizer_distance(path.problem, SUMS, path.start, loss, path.found)
            worst = gap if not gap <= worst else worst
            crossed += int(np.sum(path.ratios < 0))
        return Evidence(bool(worst < CLOSE), f"distance {worst:.1e}, {crossed} crossings")

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {
            "r": fmpq(draw.randint(-300, 300), 100) + fmpq(1, 997),
            "beta": fmpq(draw.randint(1, 99), 100),
        }

    loss = (R - 1 - sympy.log(sympy.Abs(R)) + BETA * (1 / R - 1 + sympy.log(sympy.Abs(R)))) / (
        1 - BETA
    )
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Heavy ball from a cold start on $\theta:=u\odot v$, $w_\pm:=u\pm v$, with any "
            r"batches and across zero, ends, where it ends at an interpolator, at the minimizer of "
            r"the divergence of $\psi_{\Delta_\infty}$ among all interpolators; all in all a step "
            r"of ratio $r$ takes from $\log\lvert w_\pm\rvert$, beside $\pm{share}\,\gamma\nabla "
            r"L_B$, which is along the rows, {loss}, as much as the divergence starts lower.",
            {"loss": Value(loss), "share": Value(1 / (1 - BETA), "share")},
        ),
        checks=(
            on("loss", enclosed("one step", momentum_step_loss, points)),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(SUMS, momentum=True, differences=differences),
            ),
            on("loss", Check("the limit of stochastic momentum", Kind.SIMULATION, ends)),
        ),
    )
