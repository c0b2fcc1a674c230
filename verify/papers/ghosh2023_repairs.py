"""How the start-up is repaired: Ghosh, Lyu, Zhang and Wang (2023), section 4 and the slides.

The flow (5) misses the start of heavy ball by a term of order h. A delay, a warm start, a corrected
reading of the iterates and a shift each put it right; so does a start of the second-order ODE.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive import heavy_ball, modified_flow, nesterov
from derive.backward_error import slow_manifold
from derive.expansion import steady_flow
from derive.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.startup import initial_shift
from derive.trees import LEAF, Tree
from derive.update_rule import Optimizer
from verify.checks import exact, identical, order_of
from verify.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.closeness import Experiment, Flow
from verify.families import bounded_polynomial, starting_point
from verify.flows import Field, evaluate_taylor, flow, weights_of
from verify.losses import Loss, VectorField
from verify.numbers import (
    BALL,
    MPFR,
    Arithmetic,
    PowerSeries,
    evaluate,
    exp,
    power_series,
    precision,
)
from verify.papers.ghosh2023_examples import HALVINGS, distances, follow_written, second_order
from verify.papers.heavy_ball import (
    HALF,
    HEAVY_BALL,
    ONE_MINUS,
    PAIR,
    QUARTIC,
    RESIDUAL_BETAS,
    loss_weights,
    settled,
    value,
)
from verify.program import Node, Program, record
from verify.residuals import advance
from verify.trajectories import iterates, vector

Number = Any

START = (*MOMENTUM, *STEP)
STEPS = 6


@dataclass(frozen=True)
class Case:
    """An optimizer on one loss in power series in h: what a candidate may use."""

    loss: Loss
    x0: np.ndarray
    h: PowerSeries
    beta: fmpq
    arithmetic: Arithmetic
    path: list[np.ndarray]

    def flow(self, weights: Mapping[Tree, Number], time: PowerSeries) -> np.ndarray:
        return advance(self.loss, weights, self.x0, time, self.arithmetic)


def start_up(
    name: str,
    rest: Callable[[sympy.Expr, Case, int], np.ndarray],
    roots: Callable[[fmpq], list[list[fmpq]]],
    *,
    optimizer: Optimizer = heavy_ball,
    velocity: Callable[[sympy.Expr, fmpq, PowerSeries], Number] | None = None,
    refutes: bool = False,
) -> Check:
    """What is left at step k, exactly: its h^n term is a combination of the k-th powers of roots.

    Args:
        rest: an iterate minus what it is compared with, from the candidate and k.
        roots: for n = 1, 2, ... the roots, repeated for a factor k; of none, the term is 0.
        velocity: the first displacement v_0 is this multiple of grad E(x_0); default 0.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        length = len(roots(fmpq(0))) + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            x0 = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            for beta in RESIDUAL_BETAS:
                first = velocity(candidate, beta, h) if velocity else fmpq(0)
                path = iterates(
                    optimizer,
                    loss,
                    list(x0),
                    h=h,
                    steps=STEPS,
                    parameters={"beta": arithmetic.convert(beta)},
                    arithmetic=arithmetic,
                    memory=lambda x, g, h, first=first: [g * first],
                )
                case = Case(loss, x0, h, beta, arithmetic, path)
                left = [rest(candidate, case, k) for k in range(1, STEPS + 1)]
                for n, known in enumerate(roots(beta), 1):
                    terms = [vector([entry[n] for entry in difference]) for difference in left]
                    for root in known:
                        terms = [b - a * root for a, b in pairwise(terms)]
                    if any(entry for term in terms for entry in term):
                        return False, f"h^{n} is left at beta = {beta} on E = {loss.text}"
        return True, f"exact for k = 1 ... {STEPS}, {len(RESIDUAL_BETAS)} beta, 2 losses"

    return exact(name, Kind.SERIES, holds, refutes=refutes)


def reduced(beta: Number, h: Number) -> dict[Tree, Number]:
    """Equation (5)."""
    return loss_weights(h * ((1 + beta) / (4 * (1 - beta) ** 2)), 1 / (1 - beta))


def force() -> sympy.Expr:
    """The factor of -grad E in the lasting flow of heavy ball."""
    return modified_flow(heavy_ball, order=1)[LEAF].as_expr()


def shift() -> sympy.Expr:
    """The factor of h grad E(x_0) by which the lasting flow's start is off x_0."""
    return -initial_shift(heavy_ball, order=1)[LEAF].as_expr()


def steady_velocity() -> sympy.Expr:
    """The factor of -h grad E in the velocity that lasts."""
    return slow_manifold(heavy_ball, order=1)["v"][LEAF].as_expr()


@claim("ghosh2023.delay", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def delay() -> Claim:
    """To first order the shift hβ/(1-β)² ∇E(x₀) of the start is a step back along the flow
    x' = -∇E/(1-β), by the time hβ/(1-β). So the flow need not be moved in space: it is late by
    β/(1-β) steps, the mean age Σ r(1-β)β^r of the gradients that the velocity holds. At order h² no
    delay does: it moves the start by β(1+2β)/(2(1-β)⁴) h² ∇²E∇E, the start-up by β(2+β)/(1-β)⁴.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            weights = reduced(beta, run.h)
            time = -run.h * value(candidate, beta=beta)
            ahead = {t: w if time >= 0 else -w for t, w in weights.items()}
            field = Field(run.loss, ahead)
            (start,) = flow(field, list(run.x0), [abs(time)], digits=run.digits, arithmetic=MPFR)
            return run.steady(weights, start)

        return distances(HEAVY_BALL, follow, settings, at_end=True)

    def late(candidate: sympy.Expr, case: Case, k: int) -> np.ndarray:
        time = case.h * (k - value(candidate, beta=case.beta))
        return case.path[k] - case.flow(reduced(case.beta, case.h), time)

    return Claim(
        statement=(
            r"After the transient, heavy ball at step $k$ is $O(h^2)$-close to the flow (5) from "
            r"$x_0$ at the time $(k-\tau)h$ with $\tau$ equal to {formula}."
        ),
        printed=Formula("delayPrinted", sympy.Integer(0), given=()),
        right=Formula("delay", BETA / ONE_MINUS),
        checks=(
            identical(
                "shift over force",
                lambda: shift() / force(),
                refutes=True,
            ),
            identical(
                "mean age of a gradient",
                lambda: ONE_MINUS * BETA * sympy.diff(1 / ONE_MINUS, BETA),
                refutes=True,
            ),
            start_up("decay of the h term", late, lambda beta: [[beta]], refutes=True),
            order_of("observed order at the final time", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The start-up transient is over: $k \ge 2\log(1/h)/\log(1/\beta)$.",
        because=r"the force of the first steps is smaller; the path is late by $\beta/(1-\beta)$.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: without delay the observed "
            "order is 1."
        ),
    )


@claim("ghosh2023.warm-start", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def warm_start() -> Claim:
    """On the slow manifold v = -h∇E/(1-β) + O(h²): the fixed point of v = βv - h∇E. Started there,
    the deficit of the first forces is gone, and x₁ = x₀ - h∇E(x₀)/(1-β). What is left of the
    transient is of order h², so that (5) from x₀ is O(h²)-close over all k >= 1. Theorem 4.1 does
    not fix x₁: equation (4) needs x₁ = x₀ - h∇E(x₀), and equation (6) for (5) needs this start.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        beta = MPFR.convert(HALF["beta"])
        run = replace(HEAVY_BALL, memory=lambda x, g, h: [g * value(candidate, h=h, beta=beta)])
        return distances(run, lambda run: run.steady(reduced(run.values["beta"], run.h)), settings)

    return Claim(
        statement=(
            r"Over all $k \ge 1$, heavy ball is $O(h^2)$-close to the flow (5) from $x_0$ if its "
            r"first displacement $x_0 - x_{-1}$ is $\nabla E(x_0)$ times {formula}."
        ),
        printed=Formula("firstDisplacementPrinted", sympy.Integer(0), given=()),
        right=Formula("firstDisplacement", -H / ONE_MINUS, given=START),
        checks=(
            identical(
                "slow manifold",
                lambda: -H * steady_velocity(),
                refutes=True,
            ),
            start_up(
                "no h term at any step",
                lambda _, case, k: case.path[k] - case.flow(reduced(case.beta, case.h), case.h * k),
                lambda beta: [[]],
                velocity=lambda candidate, beta, h: value(candidate, h=h, beta=beta),
                refutes=True,
            ),
            order_of("observed order over all steps", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The iteration starts warm: $x_1 = x_0 - h\nabla E(x_0)/(1-\beta) + O(h^2)$.",
        because=r"from $x_{-1} = x_0$ the first forces are too small.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_{-1} = x_0 = 1$, $\beta = 1/2$, $T = 2$: the observed "
            "order is 1."
        ),
    )


@claim("ghosh2023.corrected-iterate", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def corrected_iterate() -> Claim:
    """Let z_k = x_k + τ(x_k - x_(k-1)). Then z_(k+1) - z_k = ((1+τ)β - τ) v_k - (1+τ) h ∇E(x_k),
    where the velocity drops out for τ = β/(1-β): z makes full steps h/(1-β) from z₀ = x₀ on, and
    has no start-up. On the flow z(t) = x(t + τh) + O(h²), which solves (5) as x does.
    """

    def read(candidate: sympy.Expr, path: list[np.ndarray], k: int, beta: Number) -> np.ndarray:
        return path[k] + (path[k] - path[k - 1]) * value(candidate, beta=beta)

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            path = iterates(
                heavy_ball,
                run.loss,
                list(run.x0),
                h=run.h,
                steps=run.steps,
                parameters=run.values,
                arithmetic=MPFR,
            )
            there = run.steady(reduced(beta, run.h))
            return path[:1] + [
                there[k] + path[k] - read(candidate, path, k, beta) for k in range(1, len(path))
            ]

        return distances(replace(HEAVY_BALL, halvings=HALVINGS), follow, settings)

    def without_velocity() -> sympy.Expr:
        ahead = sympy.Symbol("tau")
        (found,) = sympy.solve((1 + ahead) * BETA - ahead, ahead)
        return sympy.factor(found)

    return Claim(
        statement=(
            r"From a cold start, over all $k \ge 1$, the flow (5) from $x_0$ is $O(h^2)$-close to "
            r"$x_k + \tau(x_k - x_{k-1})$ with $\tau$ equal to {formula}."
        ),
        printed=Formula("iterateWeightPrinted", sympy.Integer(0), given=()),
        right=Formula("iterateWeight", BETA / ONE_MINUS),
        checks=(
            identical("the velocity drops out", without_velocity, refutes=True),
            identical(
                "shift over slow manifold",
                lambda: shift() / steady_velocity(),
                refutes=True,
            ),
            start_up(
                "no h term at any step",
                lambda candidate, case, k: (
                    read(candidate, case.path, k, case.beta)
                    - case.flow(reduced(case.beta, case.h), case.h * k)
                ),
                lambda beta: [[]],
                refutes=True,
            ),
            order_of("observed order over all steps", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The iterates are read as $x_k + \beta/(1-\beta)\,(x_k - x_{k-1})$.",
        because=r"the iterates themselves, $\tau = 0$, are late by $\beta/(1-\beta)$ steps.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: for $\tau = 0$ the observed "
            "order is 1."
        ),
    )


def cold_component(optimizer: Optimizer, beta: fmpq, length: int) -> PowerSeries:
    """The part of the cold start in the slow eigenvector of a mode, as a series in z.

    With trace T and determinant of the step written out, kappa solves k^2 - T k + det = 0 near 1
    and the part is (1 - z - kappa_-)/(kappa - kappa_-). Each pass fixes one more coefficient.
    """
    z = PowerSeries.step(length)
    trace, det = {
        "heavy-ball": (1 + beta - z, z * 0 + beta),
        "nesterov": ((1 - z) * (1 + beta), (1 - z) * beta),
    }[optimizer.name]
    kappa = part = z * 0 + 1
    for _ in range(length):
        kappa = kappa - (kappa * kappa - trace * kappa + det) / (1 - beta)
    for _ in range(length):
        part = part - (part * (kappa * 2 - trace) - (1 - z - trace + kappa)) / (1 - beta)
    return part


def second_shift(optimizer: Optimizer, beta: fmpq) -> tuple[Check, ...]:
    """The checks of the h^2 term of the shift; beta is that of the observed order."""

    def begin(
        loss: VectorField, x0: np.ndarray, leaf: Number, pair: Number, numbers: Arithmetic
    ) -> Any:
        """x_0 - leaf grad E + pair grad^2 E grad E."""
        return x0 + vector(loss.field(2).at([*x0, leaf, pair], numbers))

    def rest(candidate: sympy.Expr, case: Case, k: int) -> np.ndarray:
        field = modified_flow(optimizer.at(beta=case.beta), order=2)
        weights = {t: case.h ** (t.order - 1) * c.at({}) for t, c in field.items()}
        leaf = case.h * (-case.beta / (1 - case.beta) ** 2)
        pair = value(candidate, h=case.h, beta=case.beta)
        start = begin(case.loss, case.x0, leaf, pair, case.arithmetic)
        return case.path[k] - advance(case.loss, weights, start, case.h * k, case.arithmetic)

    def modes(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for b in RESIDUAL_BETAS:
            part = cold_component(optimizer, b, 3)[2]
            if value(candidate, h=fmpq(1), beta=b) != part:
                return False, f"on a mode the z^2 term is {part} at beta = {b}"
        return True, "the z^2 term of the slow part of the cold start, 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            b = run.values["beta"]
            field = modified_flow(optimizer.at(beta=beta), order=3)
            weights = {t: MPFR.convert(c.at({})) for t, c in field.items()}
            pair = value(candidate, h=run.h, beta=b)
            start = begin(run.loss, run.x0, -run.h * b / (1 - b) ** 2, pair, MPFR)
            return run.steady(weights_of(weights, run.h, MPFR), start)

        run = Experiment(optimizer, QUARTIC, [fmpq(1)], {"beta": beta}, halvings=HALVINGS)
        return distances(run, follow, settings, at_end=True)

    return (
        identical(
            "B-series engine",
            lambda: H**2 * initial_shift(optimizer, order=2)[PAIR].as_expr(),
        ),
        exact("slow part of a quadratic mode", Kind.SERIES, modes),
        start_up(
            "decay of the h and h^2 terms",
            rest,
            lambda beta: [[beta], [beta, beta]],
            optimizer=optimizer,
        ),
        order_of("observed order at the final time", errors, 3),
    )


@claim("ghosh2023.second-shift", catalogue="A12", where="repair of Theorem 4.1, equation (6)")
def second_shift_of_heavy_ball() -> Claim:
    """On a mode x_k = A κ₊^k + B κ₋^k: the slow part of the cold start is A = (1-z-κ₋)/(κ₊-κ₋), and
    its expansion 1 + βz/(1-β)² + β(2+β)z²/(1-β)⁴ + ... gives the coefficients of the shift at the
    trees without branching. Order h² has no other tree. With the flow through h² it is O(h³).
    """
    return Claim(
        statement=(
            r"After the transient heavy ball is $O(h^3)$-close to its flow through $h^2$ from "
            r"$x_0 + h\beta/(1-\beta)^2\,\nabla E$ plus {formula}."
        ),
        printed=Formula(
            "secondShift",
            H**2 * BETA * (2 + BETA) / ONE_MINUS**4,
            r"\nabla^{2}E\nabla E",
            given=START,
        ),
        checks=second_shift(heavy_ball, fmpq(1, 2)),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up transient is over: $k \ge 3\log(1/h)/\log(1/\beta)$.",
    )


@claim(
    "ghosh2023.second-shift-nesterov",
    catalogue="A12",
    where="the repair carried over to Nesterov's method",
)
def second_shift_of_nesterov() -> Claim:
    """As for heavy ball, with the trace (1+β)(1-z) and the determinant β(1-z) of Nesterov's step:
    A = 1 + βz/(1-β)² + β(1+β+β²)z²/(1-β)⁴ + ... The term of order h is the same.
    """
    return Claim(
        statement=(
            r"After the transient Nesterov's method is $O(h^3)$-close to its flow through $h^2$ "
            r"from $x_0 + h\beta/(1-\beta)^2\,\nabla E$ plus {formula}."
        ),
        printed=Formula(
            "secondShiftNesterov",
            H**2 * BETA * (1 + BETA + BETA**2) / ONE_MINUS**4,
            r"\nabla^{2}E\nabla E",
            given=START,
        ),
        checks=second_shift(nesterov, fmpq(1, 2)),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up transient is over: $k \ge 3\log(1/h)/\log(1/\beta)$.",
    )


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
            "slidesTermPrinted", H * (1 + BETA) * E1**2 / (4 * ONE_MINUS**2), given=START
        ),
        right=Formula("slidesTerm", -H * (1 + BETA) * E1 * E2 / (2 * ONE_MINUS**3), given=START),
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


def inertia(optimizer: Optimizer, beta: Number) -> Number:
    """The coefficient of h x'' beside (1-beta) x' in the second-order ODE."""
    return (1 + beta) / 2 if optimizer is heavy_ball else (1 - beta + 2 * beta * beta) / 2


def second_order_start(
    optimizer: Optimizer, at: fmpq, *, refutes: bool = False
) -> tuple[Check, ...]:
    """The checks of c in x'(0) = -c grad E(x_0); `at` is the beta of the observed orders."""

    def by_layer() -> sympy.Expr:
        """The layer moves the path by (c-w) h u w f, and must move it by the initial shift."""
        steady = modified_flow(optimizer, order=2)
        w = steady[LEAF].as_expr()
        mass = -steady[PAIR].as_expr() / w**3
        return w + initial_shift(optimizer, order=1)[LEAF].as_expr() / (mass * w)

    def modes(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        z = PowerSeries.step(3)
        for beta in RESIDUAL_BETAS:
            c, mass = value(candidate, beta=beta), inertia(optimizer, beta)
            rate, part = z * 0, z * 0 + 1
            for _ in range(3):  # mass r^2 + (1-beta) r + z = 0
                rate = rate - (rate * rate * mass + rate * (1 - beta) + z) / (1 - beta)
            gap = rate * 2 + (1 - beta) / mass
            for _ in range(3):  # x(0) = 1 and x'(0) = -c z leave this on the slow rate
                part = part - (part * gap - (gap - rate - z * c)) * (mass / (1 - beta))
            if part[1] != cold_component(optimizer, beta, 2)[1]:
                return False, f"the slow parts differ at z^1, beta = {beta}"
        return True, "the slow parts of a mode agree through z^1, 9 beta"

    def layers(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for exact_beta in RESIDUAL_BETAS:
                beta, last = arb(exact_beta), 2 * settled(exact_beta, settings.digits)
                c = evaluate(candidate, {"beta": beta}, BALL)
                decay = (1 - beta) / inertia(optimizer, beta)
                position = velocity = arb(0)
                left = []
                for k in range(1, last + 1):  # both on the constant gradient 1, with step 1
                    velocity = beta * velocity - 1
                    position = position + velocity
                    if k in (1, last):
                        fast = (c - 1 / (1 - beta)) * (1 - exp(-decay * k)) / decay
                        left.append(position + k / (1 - beta) + fast)
                if not left[1].contains(0):
                    return Evidence(False, f"{left[1].str(5)} of the h term stays at {exact_beta}")
                if left[0].contains(0) or not abs(left[1]) < bound:
                    return Evidence(None, f"undecided at beta = {exact_beta}")
        return Evidence(True, "the h term is not 0 at k = 1 and fades, 9 beta")

    def errors(candidate: sympy.Expr, settings: Settings, *, at_end: bool) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            c = value(candidate, beta=beta)
            return second_order(run, run.h * inertia(optimizer, beta), 1 - beta, c)

        run = Experiment(optimizer, QUARTIC, [fmpq(1)], {"beta": at}, halvings=HALVINGS)
        return distances(run, follow, settings, at_end=at_end)

    return (
        identical("shift against initial layer", by_layer, refutes=refutes),
        exact("slow part of a quadratic mode", Kind.SERIES, modes, refutes=refutes),
        Check("h term of the two layers", Kind.BALL, layers, refutes),
        order_of(
            "observed order at the final time", partial(errors, at_end=True), 2, refutes=refutes
        ),
        order_of("observed order over all steps", partial(errors, at_end=False), 1),
    )


@claim("ghosh2023.second-order-start", catalogue="A33", where="section 4, before Theorem 4.1")
def second_order_start_of_heavy_ball() -> Claim:
    """From x'(0) = -c∇E(x₀) the layer of (h/2)(1+β)x'' + (1-β)x' + ∇E = 0 fades like
    exp(-2(1-β)k/(1+β)) and moves the path by (1/(1-β) - c)(1+β)/(2(1-β)) h∇E(x₀). Heavy ball's
    start-up moves it by β/(1-β)² h∇E(x₀). They agree for c = 1/(1+β). The layers themselves differ,
    by β/(1-β)² (exp(-2(1-β)k/(1+β)) - β^k) h∇E(x₀), so that over all k no c gives more than O(h).
    """
    return Claim(
        statement=(
            r"After the initial layer, $(h/2)(1+\beta)x'' + (1-\beta)x' + \nabla E = 0$ from "
            r"$x'(0) = -c\nabla E(x_0)$ is $O(h^2)$-close to heavy ball, and over all $k \ge 1$ "
            r"$O(h)$-close, with $c$ equal to {formula}."
        ),
        printed=Formula("secondOrderStartPrinted", sympy.Integer(0), given=()),
        right=Formula("secondOrderStart", 1 / (1 + BETA)),
        checks=second_order_start(heavy_ball, fmpq(1, 2), refutes=True),
        expected=Verdict.CORRECTED,
        condition=(
            r"$\beta > 0$; the path is compared after its initial layer, $k \ge C\log(1/h)$."
        ),
        because=(
            r"'only $O(h)$' holds from rest, $c = 0$, and for $c = 1$ or $1/(1-\beta)$; the order "
            "is lost at the start and not by the equation."
        ),
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: at the final time the "
            r"observed order is 2 from $c = 2/3$, and 1 from $c = 0$, $1$, $2$."
        ),
    )


@claim(
    "ghosh2023.second-order-start-nesterov",
    catalogue="A33",
    where="section 4, carried over to Nesterov's method",
)
def second_order_start_of_nesterov() -> Claim:
    """As for heavy ball, with the mass h(1-β+2β²)/2: the layer moves the path by (1/(1-β) - c)
    (1-β+2β²)/(2(1-β)) h∇E(x₀), the start-up by β/(1-β)² h∇E(x₀). The layers fade like
    exp(-2(1-β)k/(1-β+2β²)) and β^k, alike for one β only, the root 0.1495... of
    log(1/β) - 2(1-β)/(1-β+2β²), which falls to one minimum and then rises to 0 at β = 1. There
    O(h²) holds over all k.
    """
    return Claim(
        statement=(
            r"After the initial layer, $(h/2)(1-\beta+2\beta^2)x'' + (1-\beta)x' + \nabla E = 0$ "
            r"from $x'(0) = -c\nabla E(x_0)$ is $O(h^2)$-close to Nesterov's method with $c$ equal "
            "to {formula}."
        ),
        printed=Formula("secondOrderStartNesterov", (1 - 2 * BETA) / (1 - BETA + 2 * BETA**2)),
        checks=second_order_start(nesterov, fmpq(1, 3)),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The path is compared after its initial layer, $k \ge C\log(1/h)$. Over all $k \ge 1$ "
            r"it is $O(h)$-close, but for the one $\beta = 0.1495\dots$ at which both layers fade "
            r"alike: there it is $O(h^2)$-close."
        ),
    )
