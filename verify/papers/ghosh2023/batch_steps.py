"""The interval equation and the strength of the regularizer on batches: Ghosh, Lyu, Zhang and Wang
(2023), equation (9) and remark 5.3.
"""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import BETA, H, K, R
from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.averaging import (
    FULL_BATCH,
    NOTATION,
    AtSteps,
    as_drawn,
    history_moments,
    modified_loss_terms,
    settles_at,
)
from verify.claims.checks.batch_fields import (
    BETAS,
    HALVINGS,
    MORE,
    STEPS,
    at,
    run_of,
    same_in_lag,
    sequences,
    sums_of,
)
from verify.claims.checks.batch_followed import gentler, two_batches
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.identities import exact
from verify.claims.checks.stated import for_losses, halved, measured, observed
from verify.claims.claim import Claim, Kind, Settings, claim, on, read
from verify.claims.slots import (
    Batches,
    Instance,
    Losses,
    Number,
    Order,
    Point,
    Slot,
    Value,
    When,
)
from verify.claims.statement import Statement, Type
from verify.models.batch_runs import BatchRun
from verify.papers.ghosh2023.batches import leading_weight, runs
from verify.running.families import starting_point
from verify.running.losses import Loss
from verify.running.numbers import MPFR, PowerSeries, power_series, precision
from verify.running.residuals import lowest_power
from verify.running.tape import Program, record
from verify.running.trajectories import vector

NOISE = sympy.Symbol("F")


def _between_steps(run: BatchRun) -> list[Program]:
    """For each batch (x, v, h) -> -h grad E(x) + v: equation (9) in the time over h."""
    size = run.losses[0].dimension

    def program(loss: Any) -> Program:
        def compute(nodes: list[Any]) -> list[Any]:
            x, v, h = nodes[:size], nodes[size : 2 * size], nodes[-1]
            return [c - h * g for c, g in zip(v, loss.gradient.replay(x), strict=True)]

        return record(2 * size + 1, compute)

    return [program(loss) for loss in run.losses]


def _interval(
    program: Program, x: np.ndarray, v: np.ndarray, h: Any, terms: int, arithmetic: Any
) -> np.ndarray:
    """The solution of equation (9) one interval later, v = beta (x(t_k) - x(t_(k-1)))."""
    rows = program.taylor(list(x), [*v, h], terms, arithmetic)
    return vector([sum(row[1:], row[0]) for row in rows])


def interval_distances(says: Statement, settings: Settings) -> list[tuple[float, float]]:
    """The largest distance of equation (9) from the iterates up to the time 1, and the last."""
    draw, beta = random.Random(settings.seed), fmpq(1, 2)
    run = gentler(run_of(heavy_ball_two_step, draw, 2, lambda k: k % 2, beta))
    programs = _between_steps(run)

    def distances(halvings: range) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for j in halvings:
            h, steps = MPFR.convert(fmpq(1, 2**j)), 2**j
            path = run.iterates(h, steps, MPFR)
            x = last = path[0]
            apart = []
            pull = says.number("pull", h=h, beta=MPFR.convert(beta))
            for k in range(steps):
                v = (x - last) * pull
                x, last = _interval(programs[run.batch(k)], x, v, h, 12, MPFR), x
                apart.append(float(max(abs(c) for c in path[k + 1] - x)))
            found.append((max(apart), apart[-1]))
        return found

    with precision(settings.digits):
        return halved(distances, HALVINGS.start, MORE)


def defect_is(says: Statement, run: BatchRun, beta: fmpq) -> bool:
    """What an interval of (9) from two iterates is ahead of the next one is the slot `defect` times
    grad^2 E_k grad G_k, and what is left begins at the power of h in the slot `error`."""
    power = says["error"].power
    arithmetic, h = power_series(power + 1), PowerSeries.step(power + 1)
    path, programs = run.iterates(h, STEPS, arithmetic), _between_steps(run)
    grads = [loss.gradient_function(arithmetic) for loss in run.losses]
    pull, found = says.number("pull", h=h, beta=beta), list[int]()
    for k in range(STEPS):
        v = (path[k] - path[max(k - 1, 0)]) * pull
        end = _interval(programs[run.batch(k)], path[k], v, h, power + 1, arithmetic)
        g = sums_of(run, k, beta)[k]
        force = grads[0](path[k]) * g[0] + grads[1](path[k]) * g[1]
        second = run.losses[run.batch(k)].derivative(1)
        bend = vector(second.at([*path[k], *force], arithmetic))
        rest = end - path[k + 1] - bend * at(says.expr("defect"), k, 0, h, beta)
        found.append(lowest_power(rest))
    return min(found) == power


@claim(
    "ghosh2023.batch-interval",
    catalogue="A21",
    where="equation (9)",
    printed=read(r"Its continuous approximation is"),
)
def batch_interval() -> Claim:
    r"""On its interval (9) starts with $\dot x=-\nabla G_k+O(h)$, the discrete step divided by $h$;
    then $\ddot x=-\nabla^2E_k\dot x=\nabla^2E_k\nabla G_k$ adds $h^2/2\,\nabla^2E_k\nabla G_k$ to
    the step. So (9) is a continuous picture of order 1, whose derivative jumps at $t_k$; it is not
    the $O(h^2)$-close flow of Theorem 5.1. The word approximation has no order in the source.
    """

    def holds(says: Statement, loss: Loss, draw: random.Random) -> bool:
        """On batch losses of this class, for three sequences and three momenta."""
        return all(
            defect_is(
                says,
                BatchRun(
                    heavy_ball_two_step,
                    two_batches(loss),
                    batch,
                    starting_point(draw, loss.dimension),
                    {"beta": beta},
                ),
                beta,
            )
            for _, batch in sequences(draw)
            for beta in BETAS
        )

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"On any fixed sequence of batches heavy ball from a cold start is {order}-close, "
            r"{when}, to the solution of $h\dot x=-h\nabla E_k(x){+pull}(x(t_k)-x(t_{k-1}))$ on "
            r"every $[t_k,t_{k+1})$, $t_k:=kh$; over one interval from the iterates it is ahead by "
            r"${defect}\,\nabla^2E_k\nabla G_k$ and {error}, with "
            r"$G_k:=\sum_{r\le k}\beta^{k-r}E_r$, for {losses}.",
            {
                "pull": Value(BETA),
                "defect": Value(H**2 / 2),
                "error": Order(3),
                "order": Order(1),
                "when": When.EVERY_STEP,
                "losses": Losses.EVERY,
            },
        ),
        checks=(
            for_losses("exact defect", holds),
            observed("observed order", interval_distances),
        ),
    )


@claim(
    "ghosh2023.batch-kink",
    catalogue="A21",
    where="after equation (9)",
    printed=read(r"left and right-side derivatives are not equal at a transit point"),
)
def batch_kink() -> Claim:
    r"""To the leading order $\dot x(t_k^+)-\dot x(t_k^-)=-(\nabla G_k-\nabla G_{k-1})$ with the
    sums of equation (10): $-\nabla E_k$, and $(\beta^{k-1-r}-\beta^{k-r})\nabla E_r$ from every
    earlier step. It is $0$ only by accident.
    """

    def jump(says: Statement, settings: Settings) -> tuple[bool, str]:
        power, weight = says["error"].power + 1, says.expr("weight")  # of h x'
        arithmetic, h = power_series(power + 1), PowerSeries.step(power + 1)
        for run, beta in runs(settings):
            path = run.iterates(h, STEPS, arithmetic)
            grads = [loss.gradient_function(arithmetic) for loss in run.losses]
            pull = says.number("pull", h=h, beta=beta)
            for k in range(1, STEPS):
                # h x' at both sides of t_k, from equation (9)
                after = (path[k] - path[k - 1]) * pull - grads[run.batch(k)](path[k]) * h
                before = (path[k - 1] - path[max(k - 2, 0)]) * pull
                before = before - grads[run.batch(k - 1)](path[k]) * h
                guess = grads[run.batch(k)](path[k]) * -1
                for r in range(k):
                    guess = guess + grads[run.batch(r)](path[k]) * at(weight, k, r, h, beta)
                # at k = 1 there is no earlier step that the path could have left
                if k > 1 and lowest_power(after - before - guess * h) != power:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, f"equal to the leading order for k = 2 ... {STEPS - 1} in 9 runs"

    def difference() -> sympy.Expr:
        weight = leading_weight()
        return sympy.powsimp(weight.subs(K, K - 1) - weight)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The solution of $h\dot x=-h\nabla E_k(x){+pull}(x(t_k)-x(t_{k-1}))$ on every "
            r"$[t_k,t_{k+1})$, $t_k:=kh$, from iterates of heavy ball has at $t_k$ a derivative "
            r"that jumps by $-\nabla E_k+\sum_{r<k}{weight}\nabla E_r$ and {error}.",
            {
                "weight": Value((1 - BETA) * BETA ** (K - R - 1)),
                "pull": Value(BETA),
                "error": Order(1),
            },
        ),
        checks=(
            exact("both sides of equation (9)", Kind.SERIES, jump),
            on("weight", same_in_lag("difference of two forces", difference)),
        ),
    )


def every_sequence(part: int, beta: fmpq, draw: random.Random) -> fmpq:
    """The part of SGD with momentum over that of SGD, from all sequences of 7 draws of two batches;
    short of the limit by less than 100 beta^7."""
    mean, spread = (fmpq(draw.randint(1, 9), 4), fmpq(0)) if part == 0 else (fmpq(0), fmpq(1))
    total, steps = fmpq(0), 7
    for sequence in product((mean - spread, mean + spread), repeat=steps):
        force, past = fmpq(0), fmpq(0)
        for g in sequence:
            past = beta * (past + force**2)
            force = beta * force + g
        total += (force**2 + 2 * past) / 4
    return total / 2**steps / (mean**2 + spread**2) * 4 * (1 - beta) ** 2


def strength(part: int, limit: int | sympy.Expr, factor: str, batches: dict[str, Slot]) -> Claim:
    """One part of the mean of IGRM_s beside that of SGD."""

    def enumerated(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for beta in (fmpq(1, 20), fmpq(1, 10)):
            ratio = every_sequence(part, beta, draw)
            if abs(ratio - says.number("limit", beta=beta)) > 100 * beta**7:
                return False, f"{float(ratio):.6g} at beta = {beta}"
        return True, "within 100 beta^7 over all 2^7 sequences, 2 beta"

    def over_sgd(says: Statement, point: Point) -> dict[int, fmpq]:
        return {part: says.number("limit", **point) / (4 * (1 - point["beta"]) ** 2)}

    def at_the_example(says: Statement, settings: Settings) -> fmpq:
        beta = says["example"][r"\beta"]
        return history_moments(beta)[part] * 4 * (1 - beta) ** 2

    def printed_at(says: Statement, settings: Settings) -> fmpq:
        return 1 / (1 - says["example"][r"\beta"])

    drawn = "With batches {batches}, at" if batches else "At"
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"{drawn} equal effective learning rate and for the losses scaled to equal mean "
            rf"force, the part of ${'SF'[part]}$ in the mean of $IGRM_s$ tends to {{limit}} times "
            rf"that of SGD as $k$ grows, for {{domain}}, {NOTATION}.",
            {
                "limit": Value(sympy.sympify(limit), "limit"),
                **batches,
                "domain": FADING,
                "example": Instance(None, {r"\beta": "9/10"}),
                "size": Number(factor),
                "stated": Number("10"),
            },
        ),
        misprint={"limit": Value(1 / (1 - BETA), "limit")},
        because="the two parts grow differently, and neither as printed.",
        counterexample=r"{example}: the factor of this part is {size}, and {stated} is printed.",
        checks=(
            exact("all batch sequences", Kind.SERIES, enumerated, refutes=True),
            settles_at(over_sgd, refutes=True),
            *(
                as_drawn("means over sequences", with_noise, modified_loss_terms, AtSteps.LASTING)
                for _ in batches
            ),
            measured("factor of this part", at_the_example, number="size"),
            measured(
                "printed factor", lambda s, _: 1 / (1 - s["example"][r"\beta"]), number="stated"
            ),
        ),
    )


def with_noise(says: Statement) -> sympy.Expr:
    """The mean of IGRM_s with what is said of its part of F."""
    return FULL_BATCH + says.expr("limit") * H / (4 * (1 - BETA) ** 2) * NOISE


@claim(
    "ghosh2023.batch-strength-mean",
    catalogue="A23",
    where="Remark 5.3, last sentence",
    printed=read(r"the IGR in (SGD+M) is still about  $1/(1-\beta)$  times stronger than SGD"),
)
def batch_strength_mean() -> Claim:
    r"""The mean of $IGRM_s$ has $h(1+\beta)/(4(1-\beta)^3)\lVert\nabla E\rVert^2$, over the force
    $1/(1-\beta)$ it is $h(1+\beta)/(4(1-\beta)^2)$; SGD at the step $h/(1-\beta)$ has
    $h/(4(1-\beta))$.
    """
    return strength(0, (1 + BETA) / (1 - BETA), "19", {})


@claim(
    "ghosh2023.batch-strength-noise",
    catalogue="A23",
    where="Remark 5.3, last sentence",
    printed=read(r"the IGR in (SGD+M) is still about  $1/(1-\beta)$  times stronger than SGD"),
)
def batch_strength_noise() -> Claim:
    r"""The mean of $IGRM_s$ has $h/(4(1-\beta)^2)F$ with $F=\mathbb E\lVert\nabla E_n-\nabla E
    \rVert^2$; over the force $1/(1-\beta)$ it is $h/(4(1-\beta))F$, which is what SGD has at the
    step $h/(1-\beta)$.
    """
    return strength(1, 1, "1", {"batches": Batches.INDEPENDENT})
