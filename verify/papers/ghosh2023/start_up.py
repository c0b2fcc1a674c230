"""The start-up of heavy ball: Ghosh, Lyu, Zhang and Wang (2023), Theorem 4.1."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
from flint import arb, fmpq

from derive import heavy_ball
from derive.engine.expansion import gamma
from derive.language.formula import BETA, H, K
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import slot_field, slot_path, slot_rest
from verify.claims.checks.heavy_ball import HEAVY_BALL, ONE_MINUS, QUARTIC, RESIDUAL_BETAS, settled
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.start_up import start_up
from verify.claims.checks.stated import beside, bounded, for_losses, halved, measured, observed
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Instance, Losses, Number, Order, Point, Value, When
from verify.claims.statement import Statement, Type
from verify.papers.ghosh2023.flows import (
    CHANGING_FLOW,
    FOLLOWED,
    LASTING,
    LASTING_FLOW,
    changing,
    converges,
    first_velocity,
    meets_changing,
)
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.enclosures import enclosed_flow
from verify.running.families import starting_point
from verify.running.flows import Field
from verify.running.losses import Loss
from verify.running.numbers import BALL, MPFR, precision
from verify.running.orders import observed_order
from verify.running.trajectories import iterates

HALF = fmpq(1, 2)
FACTOR = 1 - BETA ** (2 * K + 2) - (K + 1) * BETA ** (K + 1) * ONE_MINUS * 4 / (1 + BETA)
CHANGING = {
    "force": Value((1 - BETA ** (K + 1)) / ONE_MINUS),
    "pull": Value(H * (1 + BETA) / (2 * ONE_MINUS**3)),
}
EXAMPLE = Instance(
    QUARTIC,
    {"x_0": 1, r"\beta": "1/2", "h": "1/1024"},
)
ERRORS = FOLLOWED.errors(halvings=HEAVY_BALL.halvings)


def follow_changing(says: Statement, flow: Flow) -> list[np.ndarray]:
    """The flow of equation (4)."""
    beta = flow.values["beta"]
    return flow.changing(lambda k: changing(says, flow.h, beta, k), settled(beta, flow.digits))


def errors_of_changing(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
    """Heavy ball with the first step that is stated, beside equation (4)."""
    beta = MPFR.convert(HALF)
    start = lambda x, g, h: [g * first_velocity(says, h, beta)]  # noqa: E731
    return beside(replace(HEAVY_BALL, memory=start), follow_changing)(says, settings)


@claim(
    "ghosh2023.gamma",
    catalogue="A03 A04 A05",
    where="Theorem 4.1, equation (4)",
    printed=read(r"are  $O(h^2)$  close to the flow of the continuous trajectory of the piecewise"),
)
def transient_factor() -> Claim:
    r"""Write the velocity as a function of the position, $v_k=W_k(x_k)$. The recurrence for its
    $h^2$ part is linear with forcing a polynomial in $k$ and $\beta^k$; its solution with $W_0=0$
    gives the field on $[t_k,t_{k+1}]$ in closed form. The theorem lets the recurrence run from
    $k=1$ and does not say what $x_1$ is. On the first interval the force is $-\nabla E$, which
    $x_1=x_0-c\nabla E(x_0)$ meets for $c=h$ only.
    """

    def summed(candidate: Statement, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            for k in range(31):
                sums = [(1 - beta ** (r + 1)) / (1 - beta) for r in range(k + 1)]
                history = sum((beta ** (k - r) * sums[r] ** 2 for r in range(k)), fmpq(0))
                value = (sums[k] ** 2 + 2 * history) * (1 - beta) ** 3 / (1 + beta)
                if candidate.number("factor", k=k, beta=beta) != value:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 30 and 9 beta"

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball with the first step $x_1=x_0-{first}\nabla E(x_0)$ is {order}-close, "
            rf"{{when}}, to the flow of {CHANGING_FLOW} on every $[t_k,t_{{k+1}}]$, $t_k:=kh$, "
            r"from $x_0$, for {losses} and {domain}.",
            {"first": Value(H), "order": Order(2), "when": When.EVERY_STEP}
            | CHANGING
            | {"factor": Value(FACTOR), "losses": Losses.EVERY, "domain": FADING},
        ),
        misprint={"first": Value(sympy.Integer(0))},
        premise="first",
        because=r"the recurrence is stated from $x_0$ and $x_1$ on, and $x_1$ is not given.",
        checks=(
            on("factor", identical("closed form derived by hand", gamma)),
            exact("sum over the history", Kind.ENUMERATION, summed),
            for_losses(
                "exact residual",
                lambda says, loss, draw: all(
                    meets_changing(says, loss, draw, beta) for beta in RESIDUAL_BETAS[::2]
                ),
                refutes=True,
            ),
            bounded("residual and fading memory", converges),
            observed("observed order", errors_of_changing, refutes=True),
        ),
    )


EXACTLY = transient_factor.candidate


@claim("ghosh2023.gamma-not-needed", catalogue="A06", where="Theorem 4.1", printed=OURS)
def gamma_not_needed() -> Claim:
    r"""Each interval adds $h^2(1-\gamma_k)(1+\beta)/(2(1-\beta)^3)\,\nabla^2E\,\nabla E$ to the
    path, and the sum of $1-\gamma_k$ over all $k$ is finite: with
    $\sum\beta^{2k+2}=\beta^2/(1-\beta^2)$ and $\sum(k+1)\beta^{k+1}=\beta/(1-\beta)^2$, it is
    $\beta^2/(1-\beta^2)+4\beta/((1-\beta)(1+\beta))$. So the paths differ by $O(h^2)$, and an
    observed order cannot see $\gamma_k$.
    """

    def close_on(says: Statement, loss: Loss, draw: random.Random) -> bool:
        run = ConvergenceStudy(
            heavy_ball, loss, starting_point(draw, loss.dimension), HEAVY_BALL.parameters
        )
        errors = halved(
            lambda steps: beside(replace(run, halvings=steps), follow_changing)(says, Settings(20)),
            5,
            (9, 10, 11, 12),
        )
        return observed_order([most for most, _ in errors]).reaches(2) is True

    def finite(says: Statement, point: Point, settings: Settings) -> bool:
        exactly = says.changed(factor=EXACTLY.slots["factor"])
        last = says.number("factor", k=400, **point) - EXACTLY.number("factor", k=400, **point)
        return abs(last) < fmpq(1, 10**6) and converges(exactly, point, settings)

    def total(candidate: Statement, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            limit, partial = (beta**2 + 4 * beta) / (1 - beta**2), fmpq(0)
            for k in range(30):
                here = {"k": k, "beta": beta}
                partial += candidate.number("factor", **here) - EXACTLY.number("factor", **here)
                tail = 4 * (k + 2) * beta ** (k + 1) / (1 - beta) ** 2
                if not 0 <= limit - partial <= tail:
                    return False, f"the sum leaves its bounds at k = {k}, beta = {beta}"
        return True, "30 partial sums within 4(k+2) beta^(k+1)/(1-beta)^2 of the limit, 9 beta"

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Heavy ball from a cold start is {{order}}-close, {{when}}, to the flow of "
            rf"{CHANGING_FLOW} on every $[t_k,t_{{k+1}}]$, $t_k:=kh$, from $x_0$, for {{losses}} "
            r"and {domain}.",
            {
                "order": Order(2),
                "when": When.EVERY_STEP,
                **CHANGING,
                "factor": Value(sympy.Integer(1)),
            }
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            exact("sum of 1 - gamma over all steps", Kind.ENUMERATION, total),
            observed("observed order", beside(HEAVY_BALL, follow_changing)),
            for_losses("observed order on other losses", close_on, kind=Kind.ORDER),
            bounded("finite sum, residual, fading memory", finite),
        ),
    )


def certified_errors(says: Statement, settings: Settings) -> Evidence:
    """Balls around the errors at the final time for h = 2^-8 and 2^-10.

    An error of order h falls by about 4 between them, one of order h^2 by about 16.
    """
    errors = []
    with precision(settings.digits):
        beta = BALL.convert(HALF)
        for h in (fmpq(1, 2**8), fmpq(1, 2**10)):
            path = iterates(
                heavy_ball,
                QUARTIC,
                [arb(1)],
                h=arb(h),
                steps=int(2 / h),
                parameters={"beta": beta},
                arithmetic=BALL,
            )
            start, slope = arb(1), QUARTIC.gradient_function(BALL)(path[0])[0]
            if "shift" in says.slots:
                start += slope * says.number("shift", h=h, beta=HALF)
            field = Field(QUARTIC, slot_field(says, arb(h), {"beta": beta}))
            end = enclosed_flow(field, [start], arb(2), digits=settings.digits)
            errors.append(abs(path[-1] - end)[0])
    power, ratio = says["order"].power, errors[0] / errors[1]
    low, high = fmpq(2) ** (2 * power - 1), fmpq(2) ** (2 * power + 1)
    passed = True if low < ratio < high else (False if ratio < low or ratio > high else None)
    return Evidence(passed, f"{errors[1].str(8)} at h = 2^-10, {ratio.str(5)} times less than 2^-8")


def largest_error(says: Statement, settings: Settings) -> float:
    """The largest error over all steps of the example: it is reached before the time 2."""
    at = says["example"]
    halvings = int(at["h"].q).bit_length() - 1
    run = ConvergenceStudy(
        heavy_ball,
        at.loss,
        [at["x_0"]],
        {"beta": at[r"\beta"]},
        2,
        range(halvings, halvings + 1),
    )
    ((largest, _),) = run.distances(lambda f: slot_path(says, f), digits=settings.digits)
    return largest


@claim(
    "ghosh2023.reduced-flow-order",
    catalogue="A08",
    where="Theorem 4.1, equations (5) and (6)",
    printed=read(r"for a fixed time  $T$ , there exists a constant  $C$ , such that for any"),
)
def reduced_flow_order() -> Claim:
    r"""The force of the first steps is $(1-\beta^{k+1})/(1-\beta)$, not $1/(1-\beta)$. The deficit
    adds up to $h\sum\beta^{k+1}/(1-\beta)=h\beta/(1-\beta)^2$ times $\nabla E(x_0)$: dropping the
    transient moves the start by that much, an error of the order that the regularizer was meant
    to remove.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when}, to the flow "
            rf"{LASTING_FLOW} from $x_0$, for {{losses}} and {{domain}}.",
            {"order": Order(1), "when": When.EVERY_STEP, **LASTING}
            | {"losses": Losses.EVERY, "domain": FADING}
            | {"example": EXAMPLE, "error": Number("0.00380601256")},
        ),
        misprint={"order": Order(2)},
        because=r"the force of the first steps is smaller, which moves the path by order $h$.",
        counterexample=r"{example}: the largest error is {error}.",
        checks=(
            observed("observed order", ERRORS, refutes=True),
            measured("size of the error", largest_error, number="error"),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
            Check("certified errors at the final time", Kind.BALL, certified_errors, refutes=True),
        ),
    )


@claim(
    "ghosh2023.shifted-start",
    catalogue="A09",
    where="repair of Theorem 4.1, equation (6)",
    printed=OURS,
)
def shifted_start() -> Claim:
    r"""From the shifted start the $h$ term of $x_k-x(kh)$ is
    $-\beta^{k+1}/(1-\beta)^2\,\nabla E(x_0)$: it fades like $\beta^k$ and is below $h^2$ once
    $k\ge\log(1/h)/\log(1/\beta)$. For small $k$ it stays of order $h\beta^k$, so that no
    autonomous flow is $O(h^2)$-close uniformly over $k\ge1$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when} and {early}-close {over}, to "
            rf"the flow {LASTING_FLOW} from $x_0{{+shift}}\nabla E(x_0)$, for {{losses}} "
            r"and {domain}.",
            {"order": Order(2), "when": When.AFTER_START_UP, "early": Order(1), **LASTING}
            | {"over": When.EVERY_STEP}
            | {"shift": Value(H * BETA / ONE_MINUS**2)}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            start_up("decay of the h term", slot_rest, lambda beta: [[beta]]),
            observed("observed order", ERRORS),
            observed("observed order over all steps", ERRORS, order="early", when="over"),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
        ),
    )
