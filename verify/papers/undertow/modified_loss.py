"""Which losses Nesterov's and the quasi-hyperbolic step minimize.

beta is the momentum, h the step size, E the loss, nu the weight of the average in the
quasi-hyperbolic step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_poly

from derive import gradient_descent, initial_shift, modified_loss, quasi_hyperbolic
from derive.language.formula import BETA, H, K
from derive.language.trees import LEAF
from verify.claims.checks.first_steps import FADING, Parameters, fades, first_steps
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, RESIDUAL_BETAS, loss_weights
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import DESCENT, NESTEROV, Point, Rule, layer_fades
from verify.claims.checks.stated import observed, remembered
from verify.claims.claim import OURS, Claim, claim, on
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.running.losses import Loss
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import Weights
from verify.running.trajectories import vector

Number = Any
NU = sympy.Symbol("nu")


def recall_average(loss: Loss, point: Point, length: int) -> Any:
    """The average m behind x - before = -h ((1-nu) grad E(before) + nu m), a division by h nu."""
    grad = loss.gradient_function(power_series(length))

    def memory(here: Any, before: Any, h: PowerSeries) -> list[np.ndarray]:
        pull = before - here - grad(before) * (h * (1 - point["nu"]))
        over_h = [fmpq_poly(entry.polynomial.coeffs()[1:]) for entry in pull]
        return [vector([PowerSeries(p, length) / point["nu"] for p in over_h])]

    return memory


def any_weight(point: Point) -> Mapping[str, fmpq]:
    """A point with a weight of the average, not only below 1."""
    return {**point, "nu": 1 + 2 * point["beta"] / 3}


QUASI_HYPERBOLIC = Rule(
    quasi_hyperbolic,
    tuple({"beta": beta, "nu": fmpq(n, 5)} for beta in RESIDUAL_BETAS for n in (1, 2, 4, 5)),
    ({"beta": fmpq(1, 2), "nu": fmpq(7, 10)}, {"beta": fmpq(1, 2), "nu": fmpq(1, 4)}),
    recall_average,
    lambda _: 1,
)


LOSS_FLOW = r"$\dot x=-{force}\nabla\hat E$ of $\hat E:=E{+weight}\lVert\nabla E\rVert^2$"


def loss_claim(
    who: str, rule: Rule, slots: Mapping[str, sympy.Expr], parameters: Parameters = dict
) -> Claim:
    """The flow of a modified loss, with the place where it starts after a start at rest."""
    followed = Followed(rule, parameters=parameters)
    errors = remembered(followed.errors(halvings=range(5, 10)))
    values: dict[str, Slot] = {name: Value(expr) for name, expr in slots.items()}

    def weight() -> sympy.Expr:
        return H * modified_loss(rule.optimizer, order=2).terms[PAIR].as_expr()

    def shift() -> sympy.Expr:
        return -H * initial_shift(rule.optimizer, order=1)[LEAF].as_expr()

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{who} from a cold start is {{order}}-close, {{when}} and {{early}}-close "
            rf"{{over}}, to the flow {LOSS_FLOW} from $x_0{{+shift}}\nabla E(x_0)$, for {{losses}} "
            r"and {domain}.",
            {"order": Order(2), "when": When.AFTER_START_UP, "early": Order(1), **values}
            | {"over": When.EVERY_STEP}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("weight", identical("modified loss by B-series", weight)),
            on("shift", identical("start by B-series", shift)),
            on("shift", layer_fades(rule, lambda c, _: c / 2)),
            observed("observed order", errors),
            observed("observed order over all steps", errors, order="early", when="over"),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


def start_claim(who: str, rule: Rule, term: sympy.Expr, parameters: Parameters = dict) -> Claim:
    """What the first steps lack of those of gradient flow, at the order h."""
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"With $\bar x$ the gradient flow $\dot x=-{{force}}\nabla E$ from $x_0$, {who} from "
            r"a cold start has $x_k-\bar x(kh)={term}\nabla E(x_0)$ and {error}, at a fixed step "
            r"$k$ as $h$ falls; for {domain} the first term tends to ${limit}\nabla E(x_0)$ as $k$ "
            r"grows.",
            {
                "force": Value(1 / ONE_MINUS if rule is NESTEROV else sympy.Integer(1)),
                "term": Value(term * (1 - BETA**K)),
                "error": Order(2),
                "domain": FADING,
                "limit": Value(term, "limit"),
            },
        ),
        checks=(first_steps(rule), fades(parameters)),
    )


NESTEROV_LOSS = H * (1 - BETA + 2 * BETA**2) / (4 * ONE_MINUS**2)
AVERAGE_LOSS = H * (1 + 2 * NU * BETA / ONE_MINUS) / 4
NESTEROV_SHIFT = H * BETA / ONE_MINUS**2
AVERAGE_SHIFT = H * NU * BETA / ONE_MINUS


@claim(
    "undertow.nesterov-loss",
    catalogue="E05",
    where="Nesterov's method, constant momentum",
    printed=OURS,
)
def nesterov_loss() -> Claim:
    r"""The gradient at $x+\beta v$ is $\nabla E+\beta\nabla^2E\,v+O(h^2)$, and
    $v=-h\nabla E/(1-\beta)+O(h^2)$ on the slow manifold. So it is the gradient of
    $E-\frac{h\beta}{2(1-\beta)}\lVert\nabla E\rVert^2$. Heavy ball on that loss carries
    $\frac{h(1+\beta)}{4(1-\beta)^2}-\frac{h\beta}{2(1-\beta)}
    =\frac{h(1+\beta-2\beta(1-\beta))}{4(1-\beta)^2}$ beside $\lVert\nabla E\rVert^2$.
    """
    slots = {"force": 1 / ONE_MINUS, "weight": NESTEROV_LOSS, "shift": NESTEROV_SHIFT}
    return loss_claim("Nesterov's method", NESTEROV, slots)


@claim(
    "undertow.nesterov-shift",
    catalogue="E05",
    where="Nesterov's method, constant momentum",
    printed=OURS,
)
def nesterov_shift() -> Claim:
    r"""To first order the first steps are those of heavy ball,
    $-h(1-\beta^{j+1})/(1-\beta)\,\nabla E$: the look-ahead changes a gradient by $O(h)$. The
    deficits $h\beta^{j+1}/(1-\beta)\,\nabla E$ of the steps before $k$ add up.
    """
    return start_claim("Nesterov's method", NESTEROV, NESTEROV_SHIFT)


@claim(
    "undertow.nesterov-amplification",
    catalogue="E05",
    where="against gradient descent",
    printed=OURS,
)
def nesterov_amplification() -> Claim:
    r"""At the effective learning rate $h/(1-\beta)$ gradient descent carries $h/(4(1-\beta))$
    beside $\lVert\nabla E\rVert^2$, Nesterov's method $h(1-\beta+2\beta^2)/(4(1-\beta)^2)$. Their
    ratio is $1+2\beta^2/(1-\beta)\ge1$.
    """

    def descent(says: Statement, h: Number, values: Mapping[str, Number]) -> Weights:
        return loss_weights(says.number("plain", h=h), h * 0 + 1)

    def weights(says: Statement, h: Number, values: Mapping[str, Number]) -> Weights:
        force = 1 / (1 - values["beta"])
        plain = says.number("plain", h=h * force)
        return loss_weights(plain * says.number("factor", **values), force)

    def ratio() -> sympy.Expr:
        plain = modified_loss(gradient_descent, order=2).terms[PAIR].as_expr() / ONE_MINUS
        return modified_loss(NESTEROV.optimizer, order=2).terms[PAIR].as_expr() / plain

    of_nesterov = Followed(NESTEROV, field=weights)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"For {losses} gradient descent has the modified loss "
            r"$E{+plain}\lVert\nabla E\rVert^2$, up to order $h$; at equal effective "
            r"learning rate the second term of Nesterov's method is that times {factor}, for "
            r"{domain}.",
            {
                "losses": Losses.EVERY,
                "plain": Value(H / 4, "regularizer"),
                "factor": Value((1 - BETA + 2 * BETA**2) / ONE_MINUS),
                "domain": FADING,
            },
        ),
        checks=(
            on("factor", identical("ratio of the two modified losses", ratio)),
            of_nesterov.on_losses(),
            of_nesterov.in_domain(),
            Followed(DESCENT, field=descent).on_losses(),
        ),
    )


@claim(
    "undertow.quasi-hyperbolic-loss",
    catalogue="E06",
    where="quasi-hyperbolic momentum of Ma and Yarats (2019)",
    printed=OURS,
)
def quasi_hyperbolic_loss() -> Claim:
    r"""The average is $(1-\beta)\sum\beta^j\nabla E(x_{k-j})
    =\nabla E+\frac{h\beta}{1-\beta}\nabla^2E\,\nabla E+O(h^2)$: $x_{k-j}=x_k+jh\nabla E+O(h^2)$,
    and $(1-\beta)\sum j\beta^j=\beta/(1-\beta)$. So a step is
    $-h\nabla E-\frac{h^2\nu\beta}{1-\beta}\nabla^2E\,\nabla E$, and its flow, which adds
    $\frac h2\nabla^2E\,\nabla E$, is the gradient of
    $E+(\frac h4+\frac{h\nu\beta}{2(1-\beta)})\lVert\nabla E\rVert^2$.
    """
    slots = {"force": sympy.Integer(1), "weight": AVERAGE_LOSS, "shift": AVERAGE_SHIFT}
    return loss_claim("Quasi-hyperbolic momentum", QUASI_HYPERBOLIC, slots, any_weight)


@claim(
    "undertow.quasi-hyperbolic-shift",
    catalogue="E06",
    where="quasi-hyperbolic momentum of Ma and Yarats (2019)",
    printed=OURS,
)
def quasi_hyperbolic_shift() -> Claim:
    r"""From $m=0$ the average is $(1-\beta^{j+1})\nabla E+O(h)$, so step $j$ lacks
    $h\nu\beta^{j+1}\nabla E$: in sum $h\nu\beta/(1-\beta)\,(1-\beta^k)\,\nabla E$.
    """
    return start_claim("quasi-hyperbolic momentum", QUASI_HYPERBOLIC, AVERAGE_SHIFT, any_weight)
