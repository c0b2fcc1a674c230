"""The modified losses of gradient descent and of heavy ball: Ghosh, Lyu, Zhang and Wang (2023),
sections 3 and 4.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import sympy
from flint import fmpq

from derive import gradient_descent, heavy_ball
from derive.engine.expansion import steady_flow
from derive.language.formula import BETA, H
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed, slot_field
from verify.claims.checks.heavy_ball import (
    HALF,
    ONE_MINUS,
    QUARTIC,
    by_engine,
    loss_weights,
    memory_fades,
)
from verify.claims.checks.identities import enclosed, identical, momentum_points
from verify.claims.checks.memory_rules import DESCENT
from verify.claims.checks.stated import bounded, observed
from verify.claims.claim import Check, Claim, Settings, claim, on, read
from verify.claims.slots import Losses, Order, Point, Value, When
from verify.claims.statement import Statement, Type
from verify.papers.ghosh2023.flows import FOLLOWED, LASTING, LASTING_FLOW
from verify.running.families import bounded_polynomial
from verify.running.flows import Field, flow
from verify.running.numbers import MPFR


def by_hand() -> sympy.Expr:
    """The same from the expansion in h without trees: half the ratio of the two first fields."""
    field = steady_flow(2)
    e1, e2 = sympy.symbols("E1 E2")
    force = sympy.sympify(field[0]).subs(e1, 1)
    pull = sympy.sympify(field[1]).subs({e1: 1, e2: 1})
    return H * pull / force / 2


def of_descent(begins: int) -> tuple[Check, ...]:
    """Gradient descent beside the flow of the slots: one step, and all of them."""
    followed = Followed(DESCENT, begins)
    return followed.on_losses(), observed("observed order", followed.errors())


@claim(
    "ghosh2023.gradient-flow",
    catalogue="A01",
    where="section 3, equation (2)",
    printed=read(r"is  $O(h^2)$  close to the original gradient flow (2)"),
)
def gradient_flow() -> Claim:
    r"""One step is $x-h\nabla E$, the flow over the time $h$ is $x-h\nabla E+\frac{h^2}{2}\nabla^2E
    \,\nabla E+O(h^3)$. Over a fixed time errors of order $h^2$ a step add up to order $h$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Gradient descent is {order}-close, {when}, to the gradient flow from $x_0$, and "
            r"{single}-close after one step, for {losses}.",
            {"order": Order(1), "when": When.EVERY_STEP, "single": Order(2)}
            | {"losses": Losses.EVERY},
        ),
        checks=of_descent(2),
    )


@claim(
    "ghosh2023.gradient-descent",
    catalogue="A01",
    where="section 3, equation (3)",
    printed=read(r"but is  $O(h^3)$  close to the modified flow (3) evaluated at"),
)
def gradient_descent_loss() -> Claim:
    r"""Expand one step in $h$: $x-h\nabla E$ against the flow of $-\nabla E-2c\,\nabla^2E\,
    \nabla E$ over the time $h$, which is $x-h\nabla E+(h^2/2-2hc)\,\nabla^2E\,\nabla E+O(h^3)$
    for $c$ of order $h$. They agree to $O(h^3)$ for $c=h/4$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Gradient descent is {order}-close, {when}, to the gradient flow of "
            r"$\hat E:=E{+weight}\lVert\nabla E\rVert^2$ from $x_0$, and {single}-close after one "
            r"step, for {losses}.",
            {
                "order": Order(2),
                "when": When.EVERY_STEP,
                "weight": Value(H / 4),
                "single": Order(3),
                "losses": Losses.EVERY,
            },
        ),
        checks=(
            on("weight", identical("B-series engine", lambda: by_engine(gradient_descent))),
            *of_descent(3),
        ),
    )


def errors_on_the_flow(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
    """Heavy ball from two points of the flow, beside the flow."""

    def last(x: np.ndarray, g: np.ndarray, h: object) -> list[np.ndarray]:
        point = {"beta": MPFR.convert(HALF["beta"])}
        back = {tree: -weight for tree, weight in slot_field(says, h, point).items()}
        field = Field(QUARTIC, back)
        (before,) = flow(field, list(x), [h], digits=settings.digits, arithmetic=MPFR)
        return [x - before]

    return FOLLOWED.errors(memory=last)(says, settings)


@claim(
    "ghosh2023.modified-loss",
    catalogue="A07",
    where="section 4, equation (5)",
    printed=read(r"for a sufficiently large iteration  $k$ , equation 4 reduces to"),
)
def heavy_ball_loss() -> Claim:
    r"""On its slow manifold heavy ball satisfies $x(t+h)-(1+\beta)x(t)+\beta x(t-h)=
    -h\nabla E(x(t))$. Expanding, $(1-\beta)h\dot x+(1+\beta)h^2\ddot x/2+O(h^3)=-h\nabla E$. At
    leading order $\dot x=-\nabla E/(1-\beta)$, so $\ddot x=\nabla^2E\,\nabla E/(1-\beta)^2$, and
    $\dot x=-(\nabla E+\frac{h(1+\beta)}{2(1-\beta)^2}\nabla^2E\,\nabla E)/(1-\beta)+O(h^2)$, which
    is $-1/(1-\beta)$ times the gradient of the modified loss.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"From two points of the flow {LASTING_FLOW}, a time $h$ apart, heavy ball is "
            r"{order}-close, {when}, to that flow, for {losses} and {domain}.",
            {**dict(reversed(LASTING.items())), "order": Order(2), "when": When.EVERY_STEP}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("weight", identical("B-series engine", lambda: by_engine(heavy_ball))),
            on("weight", identical("expansion by hand", by_hand)),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
            observed("observed order", errors_on_the_flow),
        ),
    )


@claim(
    "ghosh2023.amplification",
    catalogue="A15",
    where="Remarks 4.1 and 4.2",
    printed=read(r"is still  $\frac{1+\beta}{1-\beta}$  times stronger"),
)
def amplification() -> Claim:
    r"""At the step size $h/(1-\beta)$ gradient descent has $\frac{h}{4(1-\beta)}\lVert\nabla E
    \rVert^2$ beside $E$; heavy ball has $\frac{h(1+\beta)}{4(1-\beta)^2}\lVert\nabla E\rVert^2$.
    Their ratio does not depend on $h$.
    """

    def ratio() -> sympy.Expr:
        plain = by_engine(gradient_descent).subs(H, H / ONE_MINUS)
        return by_engine(heavy_ball) / plain

    def by_multiplier() -> sympy.Expr:
        """On a quadratic kappa = exp(-c z - r z^2 - ...): r/c^2, twice what it is at beta = 0."""
        z, second = sympy.symbols("z d")
        force = 1 / ONE_MINUS
        kappa = 1 - force * z + second * z**2
        quadratic = sympy.expand(kappa**2 - (1 + BETA - z) * kappa + BETA).coeff(z, 2)
        (found,) = sympy.solve(quadratic, second)
        return (force**2 / 2 - found) / force**2 * 2

    def amplified(says: Statement, point: Point, settings: Settings) -> bool:
        beta, draw = point["beta"], random.Random(settings.seed)
        loss = bounded_polynomial(draw, 1)

        def lasts(name: str, rate: fmpq) -> bool:
            """Gradient descent of the step size rate h has the weight rate h/4."""
            followed = Followed(
                FOLLOWED.rule,
                field=lambda says, h, point: loss_weights(
                    h * (rate / 4 * says.number(name, beta=beta)), says.number("force", beta=beta)
                ),
            )
            return followed.meets(says, loss, draw, point)

        both = lasts("same", fmpq(1)) and lasts("ratio", 1 / (1 - beta))
        return both and memory_fades(heavy_ball, point)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"At equal effective learning rate, $h_{GD}:=h/(1-\beta)$, the implicit regularizer "
            r"$c\lVert\nabla E\rVert^2$ beside $E$ of heavy ball is that of gradient descent times "
            r"{ratio}; at equal step size it is that times {same}, and the force is that times "
            r"{force}, for {domain}.",
            {
                "ratio": Value((1 + BETA) / ONE_MINUS),
                "same": Value((1 + BETA) / ONE_MINUS**2),
                "force": Value(1 / ONE_MINUS),
                "domain": FADING,
            },
        ),
        checks=(
            on("ratio", identical("ratio of the two modified losses", ratio)),
            on(
                "ratio", enclosed("multipliers of a quadratic mode", by_multiplier, momentum_points)
            ),
            bounded("residual and fading memory", amplified),
        ),
    )
