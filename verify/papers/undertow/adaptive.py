"""Adaptive rules through the step size: what stands beside what others print."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive import modified_loss, optimizer
from derive.engine.order_h import coefficient
from derive.language.trees import tree
from derive.language.update_rule import Optimizer
from derive.optimizers import NONLINEAR, ema_momentum
from verify.claims.checks.averaged_past import (
    ADAM_OUTSIDE,
    BETA1,
    BETA2,
    EPSILON,
    R,
    age,
)
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type

PAIR = tree("[[]]")


@claim("undertow.adam-outside", catalogue="F03", where="Adam as PyTorch has it", printed=OURS)
def adam_outside() -> Claim:
    r"""As with $\varepsilon$ inside the root, but the derivative of $\sqrt v+\varepsilon$ by $g$ is
    the sign of $g$. $u$ is the gradient of $r-\varepsilon\log(1+r/\varepsilon)$ by $g$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The term in $h$ of the modified flow of Adam with $x_{k+1}:=x_k-hm_{k+1}/"
            r"(\sqrt{v_{k+1}}+\varepsilon)$ is, in component $j$, "
            r"$-{bracket}(Hu)_j/(r+\varepsilon)$ with $r:=\lvert\partial_jE\rvert$, "
            r"$u:=\nabla N$ by the gradient, $N:=\sum_j(r_j-\varepsilon\log(1+r_j/\varepsilon))$.",
            {"bracket": Value((age(BETA1) - age(BETA2) * R / (R + EPSILON)) / 2)},
        ),
        checks=(
            ADAM_OUTSIDE.by_running(
                lambda says, at: -says.number("bracket", **at) / (at["r"] + at["epsilon"])
            ),
            ADAM_OUTSIDE.by_engine(lambda says: -says.expr("bracket") / (R + EPSILON)),
        ),
    )


@claim(
    "undertow.frozen-preconditioner",
    catalogue="F08",
    where="Adam while its second moment stands",
    printed=OURS,
)
def frozen_preconditioner() -> Claim:
    r"""With $P$ fixed the rule is an average of gradients in other coordinates. Once the second
    moment follows $g^2$ the bracket of Adam loses $\frac{1+\beta_2}{1-\beta_2}$ for large
    gradients, and the loss is another one.
    """

    def one_step(says: Statement, settings: Settings) -> tuple[bool, str]:
        """On E = x^2/2 + x^3/3 at 1, against the slope of the stated loss."""
        draw = random.Random(settings.seed)
        for _ in range(3):
            beta, p = fmpq(draw.randint(1, 9), 10), fmpq(draw.randint(1, 9), 4)
            x, slope, h = fmpq(2), fmpq(3), fmpq(1, 7)
            past = x + h * slope * x / p / (1 - beta)  # the gradient at the mean age of the average
            step, _ = ema_momentum.step(fmpq(0), (past / p,), lambda _: x / p, h, {"beta": beta})  # noqa: B023
            flow = -h / p * x - h * h * says.number("weight", beta1=beta) * 2 * slope * x / p**2
            if step != flow + h * h / 2 * slope * x / p**2:
                return False, f"another step at beta = {beta}, P = {p}"
        return True, "three steps of frozen preconditioners"

    def by_engine() -> sympy.Expr:
        c = coefficient(NONLINEAR["amsgrad"].at(eps_root=0))
        return c.subs({s: sympy.Symbol(s.name) for s in c.free_symbols}) / 2

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"While its second moment stands, Adam follows through the term in $h$ the flow of "
            r"$-P^{-1}\nabla(E+{weight}h\lVert\nabla E\rVert^2_{P^{-1}})$, with "
            r"$P:=\sqrt v+\varepsilon$.",
            {"weight": Value(age(BETA1) / 4)},
        ),
        checks=(
            exact("one step from an average of the past", Kind.SIMULATION, one_step),
            on("weight", identical("flow of the engine", by_engine)),
        ),
    )


@optimizer(state=("m", "slow"), parameters=("beta1", "beta3", "alpha"))
def mixed_averages(
    x: Any, m: Any, slow: Any, grad: Any, h: Any, *, beta1: Any, beta3: Any, alpha: Any
) -> Any:
    """AdEMAMix (Pagliardini, Ablin and Grangier 2024) without a second moment."""
    g = grad(x)
    m, slow = beta1 * m + (1 - beta1) * g, beta3 * slow + (1 - beta3) * g
    return x - h * (m + alpha * slow), m, slow


@claim(
    "undertow.mixed-age", catalogue="L01", where="AdEMAMix without a second moment", printed=OURS
)
def mixed_age() -> Claim:
    r"""The weight of the gradient of age $j$ is
    $(1-\beta_1)\beta_1^j+\alpha(1-\beta_3)\beta_3^j$: the mean ages are averaged with the weights
    $1$ and $\alpha$.
    """
    beta1, beta3, alpha = sympy.symbols("beta1 beta3 alpha")
    own = beta1 / (1 - beta1) + alpha * beta3 / (1 - beta3)

    def by_engine() -> sympy.Expr:
        """The loss E + h w (1 + 2 age)/4 |g|^2 of a rule with the force w says the age."""
        rule: Optimizer = mixed_averages
        loss = modified_loss(rule, order=2)
        return (4 * loss.terms[PAIR].as_expr() / (1 + alpha) - 1) / 2

    def summed(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The rule run on a gradient that grows by one in every step falls behind by the age."""
        b1, b3, a = fmpq(1, 3), fmpq(3, 5), fmpq(7, 2)
        memory, h = (fmpq(0), fmpq(0)), fmpq(1)
        gap = fmpq(0)
        for k in range(120):
            x, memory = mixed_averages.step(
                fmpq(0), memory, lambda _, k=k: fmpq(k), h, {"beta1": b1, "beta3": b3, "alpha": a}
            )
            gap = k + x / (1 + a)
        found = says.number("age", beta1=b1, beta3=b3, alpha=a)
        return abs(gap - found) < fmpq(1, 10**20), f"{float(gap):.12g} behind"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The mean age of the gradients in $m+\alpha s$, averages with $\beta_1$ and "
            r"$\beta_3$, is ${age}$.",
            {"age": Value(own / (1 + alpha))},
        ),
        checks=(
            exact("on a gradient that grows", Kind.ENUMERATION, summed),
            on("age", identical("modified loss", by_engine)),
        ),
    )
