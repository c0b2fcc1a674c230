"""Which flow and which loss momentum follows: Kovachki and Stuart (2021).

In our letters: beta is the momentum (their lambda), h the step size, E the loss (Phi); a is how far
the gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import initial_shift, lessard, modified_flow, modified_loss
from derive.language.formula import BETA, H
from derive.language.trees import LEAF, Tree
from verify.claims.checks.damped import EQUATION, equation, slow_solutions, solution
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed, slot_field
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, QUARTIC, memory_fades
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import FAMILY, PROBE, A, layer_fades, member
from verify.claims.checks.stated import Errors, bounded, observed
from verify.claims.checks.three_orders import SPEED
from verify.claims.claim import (
    OURS,
    RECALLED,
    Check,
    Claim,
    Evidence,
    Settings,
    claim,
    on,
    second_hand,
)
from verify.claims.slots import Domain, Losses, Order, Point, Value, When
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial
from verify.running.flows import Field, flow
from verify.running.numbers import MPFR

Number = Any
INERTIA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - 2 * A * ONE_MINUS, evaluate=False)
MASS = {"mass": Value(H * INERTIA), "damping": Value(ONE_MINUS)}
ITERATION = r"$u_{k+1}:=u_k+\beta(u_k-u_{k-1})-h\nabla E(u_k+a(u_k-u_{k-1}))$"
DAMPED = Domain((*FADING.bounds, sympy.Lt(A, (1 + BETA) / (2 * ONE_MINUS))))
"""Where the memory fades and the mass is positive."""


def parameters(point: Point) -> Mapping[str, fmpq]:
    """The family's parameters; any look-ahead where the domain has none."""
    return member(point["beta"], point.get("a", fmpq(2, 7)))


def family_engine(t: Tree) -> sympy.Expr:
    """The family's coefficient b(t) of the modified flow."""
    flow = modified_flow(lessard.at(alpha=1), order=2)
    return flow[t].as_expr().subs(sympy.Symbol("gamma"), A)


def from_the_flow(followed: Followed) -> Errors:
    """The iteration from two points of the flow, a time h apart, beside the flow."""
    values = followed.rule.runs[1]

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        def last(x: np.ndarray, g: np.ndarray, h: Number) -> list[np.ndarray]:
            point = {name: MPFR.convert(value) for name, value in values.items()}
            back = {tree: -weight for tree, weight in followed.field(says, h, point).items()}
            field = Field(QUARTIC, back)
            return flow(field, list(x), [h], digits=settings.digits, arithmetic=MPFR)

        follow = followed.errors(
            lambda says, run: run.steady(followed.field(says, run.h, run.values)),
            memory=last,
            parameters=values,
            halvings=range(5, 10),
        )
        return follow(says, settings)

    return errors


@claim(
    "kovachki2021.rescaled-flow",
    catalogue="E01",
    where="first theorem",
    printed=second_hand(
        r"$f\in C_b^1$: $\sup_{0\le nh\le T}|u_n-u(nh)|\le C_Th$",
        "the catalogue of published statements, E01",
    ),
)
def rescaled_flow() -> Claim:
    r"""On a slow curve $u_k-u_{k-1}=h\dot u+O(h^2)$, so the update says $(1-\beta)h\dot u= -h\nabla
    E(u)+O(h^2)$: the look-ahead $a$ does not enter. The first steps lack $h\beta^{k+1}/(1-\beta)\,
    \nabla E$ each, in sum $O(h)$, and the method is stable where $\nabla E$ has a bounded
    derivative along the path: $O(h)$ at every step up to a fixed time.
    """
    followed = Followed(FAMILY, begins=2, parameters=parameters)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iteration {ITERATION} with any $a$, from rest at $u_0$, is {{order}}-close, "
            r"{when}, to the flow $\dot u=-{force}\nabla E(u)$ from $u_0$, for {losses} and "
            r"{domain}.",
            {"order": Order(1), "when": When.EVERY_STEP, "force": Value(1 / ONE_MINUS)}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("force", identical("B-series engine", lambda: family_engine(LEAF))),
            observed("observed order", followed.errors(parameters=FAMILY.runs[1])),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


@claim(
    "kovachki2021.modified-equation",
    catalogue="E02",
    where="modified equation",
    printed=RECALLED,
)
def modified_equation() -> Claim:
    r"""For any smooth curve $u(t+h)-u-\beta(u-u(t-h))=(1-\beta)h\dot u+(1+\beta)h^2\ddot u/2+
    O(h^3)$, and $\nabla E(u+a(u-u(t-h)))=\nabla E(u)+ah\nabla^2E(u)\dot u+O(h^2)$. On a solution of
    $(1-\beta)\dot u+h\alpha\ddot u=-\nabla E(u)$ with a bounded second derivative $-\nabla^2E\,
    \dot u=(1-\beta)\ddot u+O(h)$, and the update is met to $O(h^3)$ for $\alpha=(1+\beta)/2-
    a(1-\beta)$. The paper's rate is $O(h)$, and holds for every bounded starting velocity.
    """
    followed = Followed(FAMILY, field=slow_solutions, parameters=parameters)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"From two points, a time $h$ apart, of a solution of {EQUATION} without a layer the "
            rf"iteration {ITERATION} with any $a$ is {{order}}-close, {{when}}, to that solution, "
            r"for {losses} and {domain}.",
            {"order": Order(2), "when": When.EVERY_STEP, **MASS}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on(
                "mass",
                identical("mass by B-series", lambda: -H * family_engine(PAIR) * ONE_MINUS**3),
            ),
            observed("observed order", from_the_flow(followed)),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


@claim(
    "kovachki2021.starting-velocity",
    catalogue="E02",
    where="modified equation, sharpened",
    printed=OURS,
)
def starting_velocity() -> Claim:
    r"""From $\dot u(0)=-c\nabla E$ the velocity relaxes to $-\nabla E/(1-\beta)$ at the rate
    $(1-\beta)/(h\alpha)$, $h\alpha$ being the mass; the slow solution starts at $u_0+
    (1/(1-\beta)-c)h\alpha/(1-\beta)\,\nabla E$. A cold-started iteration tends to the slow solution
    from $u_0+h\beta/(1-\beta)^2\,\nabla E$. Both agree for $c=(1-\beta/\alpha)/(1-\beta)$:
    $1/(1+\beta)$ for heavy ball, $(1-2\beta)/(1-\beta+2\beta^2)$ for Nesterov. During the first
    steps the two layers differ.
    """
    followed = Followed(FAMILY, field=slow_solutions, parameters=parameters)

    def by_engine() -> sympy.Expr:
        shift = initial_shift(lessard.at(alpha=1), order=1)[LEAF].as_expr()
        inertia = -family_engine(PAIR) * ONE_MINUS**3
        return 1 / ONE_MINUS + shift * ONE_MINUS / inertia

    def layer(says: Statement, settings: Settings) -> Evidence:
        """The slow solution's start, over h grad E, as the slots have it."""
        mass, damping, speed = (says.expr(name) for name in ("mass", "damping", "speed"))
        shift = sympy.sympify((1 / damping - speed) * mass / H / damping)
        check = layer_fades(FAMILY, lambda c, _: c)
        return check.judge(shift.subs(H, sympy.Rational(int(PROBE.p), int(PROBE.q))), settings)

    def lasts(says: Statement, point: Point, settings: Settings) -> bool:
        given = parameters(point)
        mass, damping = equation(says, fmpq(1), given)
        loss = bounded_polynomial(random.Random(settings.seed), 1)
        fades = damping / mass > 0 and memory_fades(lessard, given)
        return fades and followed.meets(says, loss, random.Random(settings.seed), given)

    fades = layer_fades(FAMILY, lambda c, _: c)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"From rest at $u_0$ the iteration {ITERATION} is {{order}}-close, {{when}} to the "
            rf"solution of {EQUATION} from $u_0$ at the velocity $-{{speed}}\nabla E(u_0)$, for "
            r"{losses} and {domain}.",
            {"speed": Value(SPEED), "order": Order(2), "when": When.AFTER_START_UP, **MASS}
            | {"losses": Losses.EVERY, "domain": DAMPED},
        ),
        checks=(
            on("speed", identical("initial shift by the engine", by_engine)),
            Check(fades.name, fades.kind, layer),
            observed(
                "observed order",
                followed.errors(solution, parameters=FAMILY.runs[2], halvings=range(5, 11)),
            ),
            followed.on_losses(),
            bounded("residual and fading memory", lasts),
        ),
    )


@claim(
    "kovachki2021.modified-loss",
    catalogue="E03",
    where="first-order flow on the manifold",
    printed=RECALLED,
)
def family_loss() -> Claim:
    r"""The slow solutions of the modified equation satisfy $\dot u=-\nabla E/(1-\beta)-h\alpha
    \nabla^2E\,\nabla E/(1-\beta)^3+O(h^2)$, and $\nabla^2E\,\nabla E=\nabla\lVert\nabla E\rVert^2
    /2$: this is $-1/(1-\beta)$ times the gradient of $E+h\alpha/(2(1-\beta)^2)\lVert\nabla E
    \rVert^2$.
    """
    followed = Followed(FAMILY, field=slot_field, parameters=parameters)

    def by_engine() -> sympy.Expr:
        loss = modified_loss(lessard.at(alpha=1), order=2)
        return H * loss.terms[PAIR].as_expr().subs(sympy.Symbol("gamma"), A)

    def shift() -> sympy.Expr:
        return -H * initial_shift(lessard.at(alpha=1), order=1)[LEAF].as_expr()

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"From rest at $u_0$ the iteration {ITERATION} with any $a$ is {{order}}-close, "
            r"{when} to the flow $\dot u=-{force}\nabla\hat E$ of "
            r"$\hat E:=E{+weight}\lVert\nabla E\rVert^2$ from $u_0{+shift}\nabla E(u_0)$, for "
            r"{losses} and {domain}.",
            {
                "weight": Value(H * (1 + BETA - 2 * A * ONE_MINUS) / (4 * ONE_MINUS**2)),
                "order": Order(2),
                "when": When.AFTER_START_UP,
                "force": Value(1 / ONE_MINUS),
                "shift": Value(H * BETA / ONE_MINUS**2),
                "losses": Losses.EVERY,
                "domain": FADING,
            },
        ),
        checks=(
            on("weight", identical("B-series engine", by_engine)),
            on("shift", identical("start by B-series", shift)),
            on("shift", layer_fades(FAMILY, lambda c, _: c / PROBE)),
            observed(
                "observed order",
                followed.errors(parameters=FAMILY.runs[1], halvings=range(5, 10)),
            ),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )
