"""The memoryless iteration: Cattaneo and Shigida (2025), "How memory in optimization algorithms
implicitly modifies the loss".

Their theorem replaces all past positions by the present one, which gives F_k, and corrects for it
by M_k. beta is the momentum, h the step size, E the loss; g and H are its derivatives.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import sympy
from flint import fmpq

from derive import discrete_modified_loss, gradient_descent, heavy_ball, modified_loss, transient
from derive.engine.bseries import BSeries, exp, log
from derive.language.coefficients import Ring
from derive.language.formula import BETA, H, K
from derive.language.trees import LEAF
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import HEAVY_BALL as HEAVY_BALL_RUN
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, RESIDUAL_BETAS, loss_weights
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import DESCENT, HEAVY_BALL, Number, Point, written
from verify.claims.checks.one_step_maps import MEMORY_LOSS, StatedMap, displacement, map_path
from verify.claims.checks.stated import beside, observed
from verify.claims.claim import LOST, Check, Claim, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.convergence import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import Weights, advance, lowest_power
from verify.running.trajectories import iterates, vector

FORCE = (1 - BETA ** (K + 1)) / ONE_MINUS


def lasting(says: Statement, h: Number, point: Point) -> Weights:
    """The map of the lasting force and memory: the slots `scale` and `memory`."""
    scale = h * says.number("scale", h=h, **point)
    return {LEAF: scale, PAIR: scale * says.number("memory", h=h, **point) * -2}


@claim(
    "cattaneo2025memory.memoryless-iteration",
    catalogue="E16",
    where="Theorem 3.2, Corollary 3.3 and the example of heavy ball",
    printed=second_hand(
        r"$\max_{n\le T/h}\|\theta-\tilde\theta\|\le C_2h^2$", "the catalogue, E16"
    ),
)
def memoryless_iteration() -> Claim:
    r"""$F_k=-(1-\beta^{k+1})/(1-\beta)\,g$. As $x_{k-j}=x_k+\frac{hj}{1-\beta}g+O(h^2)$ after the
    start-up, past gradients add $-\sum_j\beta^j\frac{hj}{1-\beta}Hg=-\frac{h\beta}{(1-\beta)^3}Hg$,
    which is $-1/(1-\beta)$ times the gradient of $\frac{h\beta}{2(1-\beta)^2}\lVert g\rVert^2$.
    With the limit of this correction instead of its value at $k$ the path moves by $O(h^2)$, since
    their differences have a finite sum. With the limit of $F_k$ it moves by $O(h)$: see the claim
    on the start of the limiting map.
    """

    def by_engine() -> sympy.Expr:
        return H * discrete_modified_loss(heavy_ball, order=2).terms[PAIR].as_expr()

    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        pull = lasting(says, run.h, run.values)[PAIR]

        def weights(k: int) -> Weights:
            return {LEAF: run.h * says.number("force", k=k, h=run.h, **run.values), PAIR: pull}

        return map_path(run, weights, run.x0)

    def forces(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The h term of the steps, by running the rule on a loss with the gradient 1."""
        for beta in RESIDUAL_BETAS:
            velocity = fmpq(0)
            for k in range(8):
                velocity = beta * velocity + 1
                if says.number("force", k=k, beta=beta) != velocity:
                    return False, f"another force in step {k}, beta = {beta}"
        return True, "the first 8 forces, 9 beta"

    run = replace(HEAVY_BALL_RUN, time=1, halvings=range(5, 10))
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when}, to "
            r"$x_{k+1}:=x_k+h(F_k(x_k)+M(x_k))$ from the same start, with "
            r"$F_k:=-{force}\nabla E$ and $M:=-{scale}\nabla({memory}\lVert\nabla E\rVert^2)$, for "
            "{losses} and {domain}.",
            {"order": Order(2), "when": When.EVERY_STEP, "force": Value(FORCE)}
            | {"scale": Value(1 / ONE_MINUS), "memory": Value(MEMORY_LOSS)}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("memory", identical("B-series of the map", by_engine)),
            exact("forces of the first steps", Kind.ENUMERATION, forces),
            observed("observed order", beside(run, follow)),
            *StatedMap(lasting, 2).residuals(),
        ),
    )


@claim(
    "cattaneo2025memory.memory-term",
    catalogue="E16",
    where="Theorem 3.2, its correction for heavy ball, derived here",
    printed=LOST,
)
def memory_term() -> Claim:
    r"""Let $S_s=(1-\beta^{s+1})/(1-\beta)$. To first order $x_{k-j}=x_k+h\sum S_sg$ over
    $s=k-j,\dots,k-1$. So $-\sum\beta^jg(x_{k-j})=-S_kg-h\sum_j\beta^j\sum_sS_s\,Hg+O(h^2)$, and the
    double sum is $(\beta-\beta^{2k+2}-(2k+1)(1-\beta)\beta^{k+1})/(1-\beta)^3$; it vanishes at
    $k=0$, where there is no past.
    """

    def by_engine() -> sympy.Expr:
        return -H * exp(transient(heavy_ball, order=2))[PAIR].as_expr() / 2

    def past(says: Statement, settings: Settings) -> tuple[bool, str]:
        h = fmpq(1, 3)
        for beta in RESIDUAL_BETAS:
            for k in range(21):
                forces = [(1 - beta ** (s + 1)) / (1 - beta) for s in range(k)]
                total = sum((beta**j * sum(forces[k - j :]) for j in range(1, k + 1)), fmpq(0))
                if says.number("memory", k=k, h=h, beta=beta) != total * h / 2:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 20 and 9 beta"

    def one_step_errors(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), says["error"].power + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            start = [arithmetic.convert(x) for x in starting_point(draw, dimension)]
            for point in HEAVY_BALL.grid:
                path = iterates(
                    heavy_ball, loss, start, h=h, steps=6, parameters=point, arithmetic=arithmetic
                )
                powers = []
                for k in range(6):
                    force, memory = (says.number(n, k=k, h=h, **point) for n in ("force", "memory"))
                    weights = {LEAF: h * force, PAIR: h * memory * -2}
                    moved = displacement(loss, weights, path[k], arithmetic)
                    powers.append(lowest_power(path[k + 1] - path[k] - moved))
                if min(powers) != length - 1:
                    return False, f"h^{min(powers)} is left at {written(point)}"
        return True, f"the first 6 steps, each from the iterate, begin at h^{length - 1} for 9 beta"

    double_sum = BETA - BETA ** (2 * K + 2) - (2 * K + 1) * ONE_MINUS * BETA ** (K + 1)
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"From a cold start heavy ball has $x_{k+1}=x_k-h\nabla({force}E{+memory}\lVert\nabla "
            r"E\rVert^2)$ and {error}, as $h$ falls and $k$ is fixed.",
            {
                "force": Value(FORCE, "limit"),
                "memory": Value(H * double_sum / (2 * ONE_MINUS**3)),
                "error": Order(3),
            },
        ),
        checks=(
            on("memory", identical("B-series of the transient", by_engine)),
            exact("double sum over the past", Kind.ENUMERATION, past),
            exact("exact residual of single steps", Kind.SERIES, one_step_errors),
        ),
    )


@claim(
    "cattaneo2025memory.discretization",
    catalogue="E17",
    where="the differential equation of the memoryless iteration",
    printed=second_hand(r"discretisation adds $-\frac h2\nabla G_1G_1$", "the catalogue, E17"),
)
def discretization() -> Claim:
    r"""The flow of $F_0+hF_1$ over $h$ is $x+hF_0+h^2(F_1+\frac12F_0'F_0)+O(h^3)$. It is
    $x+hG_1+h^2G_2$ for $F_0=G_1$ and $F_1=G_2-\frac12G_1'G_1$. In the flow's own expansion the term
    is $+\frac{h^2}2G_1'G_1$.
    """

    def by_engine() -> sympy.Expr:
        ring = Ring(("m",))
        step = BSeries(2, ring.number(1), {LEAF: ring.number(1), PAIR: ring.parameter("m")})
        return (log(step)[PAIR] - ring.parameter("m")).as_expr()

    def residual(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), says["error"].power + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            start = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            for m in (fmpq(-2), fmpq(0), fmpq(1, 3), fmpq(5)):
                flow = {LEAF: h * 0 + 1, PAIR: h * (m + says.number("factor"))}
                after = advance(loss, flow, start, h, arithmetic)
                step = displacement(loss, {LEAF: h, PAIR: h * h * m}, start, arithmetic)
                power = lowest_power(start + step - after)
                if power != length - 1:
                    return False, f"h^{power} is left at G2 = {m} G1'G1 on E = {loss.text}"
        return True, f"begins at h^{length - 1} on 3 losses, for 4 multiples G2 of G1'G1"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"A step of $x_{k+1}:=x_k+hG_1(x_k)+h^2G_2(x_k)$ is that of the flow "
            r"$\dot x:=G_1+h(G_2{+factor}G_1'G_1)$ and {error}.",
            {"factor": Value(-sympy.Rational(1, 2)), "error": Order(3)},
        ),
        checks=(
            on("factor", identical("logarithm of a B-series", by_engine)),
            exact("exact residual", Kind.SERIES, residual),
        ),
    )


def on_losses(name: str, meets: Callable[[Statement, Loss, random.Random, Point], bool]) -> Check:
    """It is met on random losses for every momentum of the grid."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            for point in HEAVY_BALL.grid:
                if not meets(says, loss, draw, point):
                    return False, f"not met at {written(point)} on E = {loss.text}"
        return True, f"met on 2 losses, at {len(HEAVY_BALL.grid)} momenta each"

    return exact(name, Kind.SERIES, holds)


@claim(
    "cattaneo2025memory.decomposition",
    catalogue="E17",
    where="memory and discretization in the modified loss of heavy ball",
    printed=second_hand(
        r"$\frac\beta{2(1-\beta)^2}+\frac1{4(1-\beta)}=\frac{1+\beta}{4(1-\beta)^2}$",
        "the catalogue, E17",
    ),
)
def decomposition() -> Claim:
    r"""With $G_1=-g/(1-\beta)$, $-\frac h2G_1'G_1=-\frac h{2(1-\beta)^2}Hg$ is $-1/(1-\beta)$ times
    the gradient of $\frac h{4(1-\beta)}\lVert g\rVert^2$, gradient descent's at the step
    $h/(1-\beta)$. With the memory's $\frac{h\beta}{2(1-\beta)^2}$ it is
    $\frac{h(2\beta+1-\beta)}{4(1-\beta)^2}$, the flow's.
    """

    def difference() -> sympy.Expr:
        flow, step = (f(heavy_ball, order=2) for f in (modified_loss, discrete_modified_loss))
        return H * (flow.terms[PAIR] - step.terms[PAIR]).as_expr()

    def rescaled_descent() -> sympy.Expr:
        return modified_loss(gradient_descent, order=2).terms[PAIR].as_expr() * H / ONE_MINUS

    def flow(says: Statement, h: Number, point: Point) -> Weights:
        return loss_weights(says.number("total", h=h, **point), 1 / (1 - point["beta"]))

    def step(says: Statement, h: Number, point: Point) -> Weights:
        scale = h / (1 - point["beta"])
        return {LEAF: scale, PAIR: scale * says.number("memory", h=h, **point) * -2}

    def descends(says: Statement, loss: Loss, draw: random.Random, point: Point) -> bool:
        def field(says: Statement, h: Number, _: Point) -> Weights:
            slowed = h * (1 - point["beta"])
            return loss_weights(says.number("rest", h=slowed, **point), h * 0 + 1)

        return Followed(DESCENT, field=field).meets(says, loss, draw, {})

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In the loss $E{+total}\lVert\nabla E\rVert^2$ of heavy ball's flow, memory, that is "
            r"the loss of the memoryless iteration, accounts for {memory} and discretization, that "
            r"is the loss of gradient descent at equal effective learning rate, for {rest}.",
            {
                "total": Value(H * (1 + BETA) / (4 * ONE_MINUS**2)),
                "memory": Value(MEMORY_LOSS),
                "rest": Value(H / ONE_MINUS / 4),
            },
        ),
        checks=(
            on("rest", identical("flow's loss minus map's loss", difference)),
            on("rest", identical("gradient descent at the effective step", rescaled_descent)),
            on_losses("exact residual of the flow", Followed(HEAVY_BALL, field=flow).meets),
            on_losses("exact residual of the map", StatedMap(step, 2).meets),
            on_losses("exact residual of gradient descent", descends),
        ),
    )
