"""AdamW and Lion: Cattaneo and Shigida (2025), "How memory in optimization algorithms implicitly
modifies the loss", section 4.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import sympy
from flint import fmpq

from derive.engine.order_h import coefficient
from derive.optimizers import NONLINEAR
from verify.claims.checks.averaged_past import (
    ADAM_INSIDE,
    BETA,
    BETA1,
    BETA2,
    EPSILON,
    MOMENTS,
    STEP,
    Average,
    Defaults,
    MomentRule,
    R,
)
from verify.claims.checks.identities import exact, marked, noted
from verify.claims.checks.stated import measured
from verify.claims.claim import Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Number, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision
from verify.running.reals import REAL

ADAM = replace(ADAM_INSIDE, tied=True)
LION = MomentRule(NONLINEAR["lion-smooth"], {"m": Average("beta2")}, {"eps": "e"}, tied=True)
SIGNS = MomentRule(NONLINEAR["library-adam"].at(eps=0, eps_root=0), MOMENTS)
AGE, DECAY, H = sympy.symbols("c lambda h")


@claim(
    "cattaneo2025memory.adamw-loss",
    catalogue="E19",
    where="AdamW with a vanishing epsilon",
    printed=second_hand(
        r"c=\frac{\beta_2}{1-\beta_2}-\frac{\beta_1}{1-\beta_1}$ ($=990$ at (.9,.999))",
        "the catalogue, E19",
    ),
)
def adamw_loss() -> Claim:
    r"""With $d=H\dot x$, $\dot x=-(\operatorname{sign}g+\lambda x)$, the averages are $g-ha_1d$ and
    $g^2-2ha_2gd$, $a_i=\beta_i/(1-\beta_i)$, and their quotient is
    $\operatorname{sign}g+h(a_2-a_1)d/\lvert g\rvert$. The gradient of the loss divided by
    $\lvert g\rvert$ is the same: what it has of $\lambda g$ cancels.
    """

    def one_step(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, worst = random.Random(settings.seed), 0.0
        with precision(70):
            for _ in range(4):
                values = SIGNS.drawn(draw)
                size, slope, x, lam = (fmpq(draw.randint(5, 300), 100) for _ in range(4))
                h, g = map(REAL.convert, (STEP, size))
                drift = -slope * (1 + lam * x)
                first = SIGNS.step(values, g, g * 0, h)
                change = (SIGNS.step(values, g, h * REAL.convert(drift), h) - first) / h
                given = {"c": says.number("age", **values), "lambda": lam, "h": fmpq(1, 3)}
                scale, other = (says.number(name, **given) for name in ("scale", "other"))
                # the gradient of (scale - 1) E - other (|g| + lam g x), over h |g|
                part = 3 * float(scale - 1 - other * (slope * (1 + lam * x) / size + lam))
                worst = max(worst, abs(float(change) + part) / (1 + abs(part)))
        return worst < 1e-9, f"{worst:.0e} off"

    def by_engine(says: Statement, settings: Settings) -> tuple[bool, str]:
        c = coefficient(SIGNS.rule)
        names = {s: sympy.Symbol(str(s)) for s in c.free_symbols}
        found = -H * c.subs(names)
        left = sympy.cancel(says.expr("other").subs(AGE, says.expr("age")) - found)
        age = marked(says).expr("age")
        return noted(says.expr("other").subs(AGE, age), found, left == 0), f"difference {left}"

    def at_defaults(says: Statement, settings: Settings) -> Any:
        return says.number("age", **says["betas"].numbers)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"AdamW with a vanishing $\varepsilon$ takes the steps "
            r"$x_{k+1}:=x_k-h(\lambda x_k+\nabla\tilde E/\lvert\nabla E\rvert)$ through the next "
            r"order in $h$, with $\tilde E=({scale})E-{other}(\lVert\nabla E\rVert_1+\lambda "
            r"x^\top\nabla E)$, $c={age}$, which is ${number}$ at {betas}.",
            {"scale": Value(1 + DECAY * AGE * H), "other": Value(AGE * H)}
            | {"age": Value(BETA2 / (1 - BETA2) - BETA1 / (1 - BETA1))}
            | {"number": Number("990"), "betas": Defaults.USUAL},
        ),
        checks=(
            exact("one step from averages of the past", Kind.SIMULATION, one_step),
            exact("flow of the engine without decay", Kind.SYMBOLIC, by_engine),
            measured("at the usual momenta", at_defaults, number="number"),
        ),
    )


@claim(
    "cattaneo2025memory.lion-beside-adam",
    catalogue="F02",
    where="section 4",
    printed=second_hand(
        "the correction terms are exactly the same for Adam with", "claims-next, F02"
    ),
)
def lion_beside_adam() -> Claim:
    r"""With one momentum both averages of Adam have the same mean age, and its bracket is
    $\frac{1+\beta}{1-\beta}(1-\frac{r^2}{r^2+\varepsilon})$. Lion has
    $\frac12\frac{1+\beta}{1-\beta}$ times the derivative
    $\varepsilon/(r^2+\varepsilon)^{3/2}$ of $u$. The term is small where $r$ is large beside
    $\sqrt\varepsilon$; at $r=0$ it does not depend on $\varepsilon$.
    """

    def numbers(says: Statement, at: dict[str, Any]) -> float:
        epsilon = at["epsilon"] if "epsilon" in at else at["e"] ** 2
        root = float(at["r"] ** 2 + epsilon) ** 0.5
        return -float(says.number("term", beta=at["beta"], epsilon=epsilon, r=at["r"])) / root

    def formula(says: Statement) -> sympy.Expr:
        return -says.expr("term") / sympy.sqrt(R**2 + EPSILON)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"For Adam with $\varepsilon$ inside the root and both momenta $\beta$, as well as for "
            r"Lion on $\lVert v\rVert_{1,\varepsilon}:=\sum_i\sqrt{v_i^2+\varepsilon}$ with both "
            r"momenta $\beta$, the term in $h$ of the modified flow is $-{term}Hu/"
            r"\sqrt{r^2+\varepsilon}$ in each component, $u:=\nabla\lVert\nabla E\rVert_"
            r"{1,\varepsilon}$ by $\nabla E$, $r:=\lvert\partial_jE\rvert$.",
            {"term": Value((1 + BETA) * EPSILON / (2 * (1 - BETA) * (R**2 + EPSILON)))},
        ),
        checks=(
            ADAM.by_running(numbers),
            replace(LION.by_running(numbers), name="the same of Lion"),
            ADAM.by_engine(formula),
            replace(
                LION.by_engine(lambda says: formula(says).subs(EPSILON, sympy.Symbol("e") ** 2)),
                name="flow of the engine for Lion",
            ),
        ),
    )
