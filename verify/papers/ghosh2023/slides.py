"""The flows of the slides: Ghosh, Lyu, Zhang and Wang (2023), their equations (1) and (2)."""

from __future__ import annotations

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed, slot_rest, slot_start
from verify.claims.checks.heavy_ball import HALF, ONE_MINUS, QUARTIC, RESIDUAL_BETAS, by_engine
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import HEAVY_BALL
from verify.claims.checks.start_up import start_up
from verify.claims.checks.stated import observed
from verify.claims.claim import Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Choice, Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.models.written_fields import follow_written
from verify.papers.ghosh2023.flows import FOLLOWED, LASTING
from verify.papers.ghosh2023.repairs import force
from verify.running.convergence import Flow
from verify.running.flows import evaluate_taylor
from verify.running.numbers import MPFR, RATIONAL, PowerSeries, power_series
from verify.running.tape import Node, Program, record

FIRST = Followed(HEAVY_BALL, begins=2)


@claim(
    "ghosh2023.rescaled-gradient-flow",
    catalogue="A13",
    where="slides, equation (1)",
    printed=read(r"is globally $O(h)$ close to the ODE"),
)
def rescaled_gradient_flow() -> Claim:
    r"""The sum of the first $k$ forces is $\sum(1-\beta^j)/(1-\beta)=k/(1-\beta)-\beta(1-\beta^k)/
    (1-\beta)^2$. So the $h$ term of $x_k-x(kh)$ is $\beta(1-\beta^k)/(1-\beta)^2\,\nabla E(x_0)$:
    it stays bounded exactly for the force $1/(1-\beta)$, and over a fixed time errors of order
    $h^2$ a step add up to order $h$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when}, to the flow "
            r"$\dot x=-{force}\nabla E$ from $x_0$, for {losses} and {domain}.",
            {"order": Order(1), "when": When.EVERY_STEP, "force": Value(1 / ONE_MINUS)}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("force", identical("B-series engine", force)),
            start_up("the h term stays bounded", slot_rest, lambda beta: [[fmpq(1), beta]]),
            observed("observed order", FIRST.errors()),
            FIRST.on_losses(),
            FIRST.in_domain(),
        ),
    )


class Bracket(Choice):
    """What the gradient of the modified flow is taken of."""

    ROUND_BOTH = r"$\dot x=-f\,\nabla(E+c\lVert\nabla E\rVert^2)$"
    CLOSED_EARLY = r"$\dot x=-f\,\nabla(E)+c\lVert\nabla E\rVert^2$"


def on_a_line(says: Statement, beta: fmpq) -> Program:
    """(x, h) -> x' on the quartic."""

    def compute(nodes: list[Node]) -> list[Node]:
        x, h = nodes
        (slope,) = QUARTIC.derivative(0).replay([x])
        (curvature,) = QUARTIC.derivative(1).replay([x, x * 0 + 1])
        force, weight = (says.number(name, h=h, beta=beta) for name in ("force", "weight"))
        if says["bracket"] is Bracket.CLOSED_EARLY:
            return [slope * -force + slope * slope * weight]
        return [-(slope + slope * curvature * (weight * 2)) * force]

    return record(2, compute)


def two_step(says: Statement, settings: Settings) -> tuple[bool, str]:
    """The two-step rule on the flow, as a power series in h, at three points for nine beta."""
    arithmetic, h = power_series(4), PowerSeries.step(4)
    for beta in RESIDUAL_BETAS:
        program = on_a_line(says, beta)
        for start in (fmpq(1), fmpq(-2, 3), fmpq(3, 5)):
            x = arithmetic.convert(start)
            (row,) = program.taylor([x], [h], 4, arithmetic)
            after, before = (evaluate_taylor([row], time)[0] for time in (h, -h))
            left = after - x * (1 + beta) + before * beta + h * (x**3 + x)
            power = next((n for n in range(4) if left[n] != 0), 4)
            if power < 3:
                return False, f"h^{power} is left at beta = {beta}, x = {start}"
    return True, f"begins at h^3 on E = {QUARTIC.text} for 9 beta, 3 points"


def mirrored(says: Statement, settings: Settings) -> tuple[bool, str]:
    """The quartic is even: the iterates from -x mirror those from x, and so must the field."""
    program, h = on_a_line(says, HALF["beta"]), fmpq(1, 8)
    for x in (fmpq(1), fmpq(2, 3)):
        here, there = (program.at([point, h], RATIONAL)[0] for point in (x, -x))
        if here != -there:
            return False, f"{here} at {x}, {there} at {-x}"
    return True, "the field is odd where the loss is even"


@claim(
    "ghosh2023.slides-modified-flow",
    catalogue="A14",
    where="slides, equation (2)",
    printed=read(r"\nabla(E(\tilde{\mathbf{x}}(t))) + \underbrace{\frac{(1+\beta)h}{4(1-\beta)^2}"),
)
def slides_modified_flow() -> Claim:
    r"""The bracket closes before the regularizer, so that a number is added to a vector. In one
    dimension that can be read: $+\frac{h(1+\beta)}{4(1-\beta)^2}E'^2$ stands where the bracket of
    equation (5) gives its derivative times $-1/(1-\beta)$. Measure $x$ in another unit, $x=y/s$ and
    $h=k/s^2$: the iterates keep their form, and so must $\dot x$. $hE'E''$ does; $hE'^2$ does not.
    """

    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        program = on_a_line(says, HALF["beta"])
        start = slot_start(says, run.loss, run.x0, run.h, run.values, MPFR)
        return follow_written(run, program, (run.h,), list(start))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when}, to the flow {bracket} from "
            r"$x_0{+shift}\nabla E(x_0)$, with $f={force}$ and $c={weight}$, for {losses} and "
            r"{domain}.",
            {
                "bracket": Bracket.ROUND_BOTH,
                "shift": Value(H * BETA / ONE_MINUS**2),
                "order": Order(2),
                "when": When.AFTER_START_UP,
                **LASTING,
                "losses": Losses.EVERY,
                "domain": FADING,
            },
        ),
        misprint={
            "bracket": Bracket.CLOSED_EARLY,
            "shift": Value(sympy.Integer(0)),
            "when": When.EVERY_STEP,
        },
        because=r"a misplaced bracket adds the regularizer, a number, to the vector field; and the "
        r"start-up is left out.",
        counterexample=r"On an even loss of one variable the iterates from $-x_0$ mirror those "
        r"from $x_0$, but $+c\lVert\nabla E\rVert^2$ pushes both to the right.",
        checks=(
            on("weight", identical("B-series engine", lambda: by_engine(HEAVY_BALL.optimizer))),
            exact("two-step rule on the flow", Kind.SERIES, two_step, refutes=True),
            exact("mirror images", Kind.ENUMERATION, mirrored, refutes=True),
            start_up("decay of the h term", slot_rest, lambda beta: [[beta]]),
            observed("observed order", FOLLOWED.errors(follow), refutes=True),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
        ),
    )
