"""How the start-up is repaired: Ghosh, Lyu, Zhang and Wang (2023), section 4.

The flow (5) misses the start of heavy ball by a term of order h. A delay, a warm start and a
corrected reading of the iterates each put it right; a shift does so to the next order as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball, modified_flow
from derive.engine.backward_error import slow_manifold
from derive.engine.start_up import initial_shift
from derive.language.formula import BETA, H
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed, slot_field, slot_path, slot_rest
from verify.claims.checks.heavy_ball import HALF, HALVINGS, ONE_MINUS, PAIR, RESIDUAL_BETAS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import CHAIN, FORK, HEAVY_BALL, NESTEROV, Rule
from verify.claims.checks.start_up import StartUpCase, cold_component, start_up
from verify.claims.checks.stated import observed
from verify.claims.checks.three_orders import FIRST_TERM, H2_TERMS
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.papers.ghosh2023.flows import FOLLOWED, LASTING, LASTING_FLOW
from verify.running.convergence import Flow
from verify.running.flows import Field, flow
from verify.running.numbers import MPFR
from verify.running.trajectories import iterates

Number = Any

FOR_LOSSES = r"for {losses} and {domain}."


def to_second_order(when: When) -> dict[str, Slot]:
    """The slots of closeness to the flow (5) to the order h^2."""
    return {"order": Order(2), "when": when, **LASTING, "losses": Losses.EVERY, "domain": FADING}


def force() -> sympy.Expr:
    """The factor of -grad E in the lasting flow of heavy ball."""
    return modified_flow(heavy_ball, order=1)[LEAF].as_expr()


def shift() -> sympy.Expr:
    """The factor of h grad E(x_0) by which the lasting flow's start is off x_0."""
    return -initial_shift(heavy_ball, order=1)[LEAF].as_expr()


def steady_velocity() -> sympy.Expr:
    """The factor of -h grad E in the velocity that lasts."""
    return slow_manifold(heavy_ball, order=1)["v"][LEAF].as_expr()


@claim(
    "ghosh2023.delay", catalogue="A10", where="repair of Theorem 4.1, equation (6)", printed=OURS
)
def delay() -> Claim:
    r"""To first order the shift $h\beta/(1-\beta)^2\,\nabla E(x_0)$ of the start is a step back
    along the flow $\dot x=-\nabla E/(1-\beta)$, by the time $h\beta/(1-\beta)$. So the flow need
    not be moved in space: it is late by $\beta/(1-\beta)$ steps, the mean age $\sum r(1-\beta)
    \beta^r$ of the gradients that the velocity holds. At order $h^2$ no delay does: it moves the
    start by $\beta(1+2\beta)/(2(1-\beta)^4)\,h^2\nabla^2E\,\nabla E$, the start-up by
    $\beta(2+\beta)/(1-\beta)^4$.
    """

    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        weights = slot_field(says, run.h, run.values)
        time = -says.number("delay", h=run.h, **run.values)
        ahead = {t: w if time >= 0 else -w for t, w in weights.items()}
        field = Field(run.loss, ahead)
        (start,) = flow(field, list(run.x0), [abs(time)], digits=run.digits, arithmetic=MPFR)
        return run.steady(weights, start)

    def late(says: Statement, case: StartUpCase, k: int) -> np.ndarray:
        time = case.h * k - says.number("delay", h=case.h, beta=case.beta)
        return case.path[k] - case.flow(slot_field(says, case.h, {"beta": case.beta}), time)

    def age() -> sympy.Expr:
        return H * ONE_MINUS * BETA * sympy.diff(1 / ONE_MINUS, BETA)

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is, at step $k$ and {when} {order}-close to the flow "
            rf"{LASTING_FLOW} from $x_0$ at the time $kh-{{delay}}$, {FOR_LOSSES}",
            {"delay": Value(H * BETA / ONE_MINUS), **to_second_order(When.AFTER_START_UP)},
        ),
        checks=(
            on("delay", identical("shift over force", lambda: H * shift() / force())),
            on("delay", identical("mean age of a gradient", age)),
            start_up("decay of the h term", late, lambda beta: [[beta]]),
            observed("observed order", FOLLOWED.errors(follow)),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
        ),
    )


@claim(
    "ghosh2023.warm-start",
    catalogue="A10",
    where="repair of Theorem 4.1, equation (6)",
    printed=OURS,
)
def warm_start() -> Claim:
    r"""On the slow manifold $v=-h\nabla E/(1-\beta)+O(h^2)$: the fixed point of $v=\beta v-
    h\nabla E$. Started there, the deficit of the first forces is gone, and $x_1=x_0-h\nabla E(x_0)
    /(1-\beta)$. What is left of the transient is of order $h^2$. Theorem 4.1 does not fix $x_1$:
    equation (4) needs $x_1=x_0-h\nabla E(x_0)$, and equation (6) for (5) needs this start.
    """

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        beta = MPFR.convert(HALF["beta"])
        start = lambda x, g, h: [g * says.number("first", h=h, beta=beta)]  # noqa: E731
        return FOLLOWED.errors(memory=start)(says, settings)

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from $x_0$ with the first displacement $x_0-x_{-1}={first}\nabla E(x_0)$ "
            rf"is {{order}}-close, {{when}}, to the flow {LASTING_FLOW} from $x_0$, {FOR_LOSSES}",
            {"first": Value(-H / ONE_MINUS), **to_second_order(When.EVERY_STEP)},
        ),
        checks=(
            on("first", identical("slow manifold", lambda: -H * steady_velocity())),
            start_up(
                "no h term at any step",
                slot_rest,
                lambda beta: [[]],
                velocity=lambda says, beta, h: says.number("first", h=h, beta=beta),
            ),
            observed("observed order", errors),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
        ),
    )


@claim(
    "ghosh2023.corrected-iterate",
    catalogue="A10",
    where="repair of Theorem 4.1, equation (6)",
    printed=OURS,
)
def corrected_iterate() -> Claim:
    r"""Let $z_k=x_k+\tau(x_k-x_{k-1})$. Then $z_{k+1}-z_k=((1+\tau)\beta-\tau)v_k-(1+\tau)
    h\nabla E(x_k)$, where the velocity drops out for $\tau=\beta/(1-\beta)$: $z$ makes full steps
    $h/(1-\beta)$ from $z_0=x_0$ on, and has no start-up. On the flow $z(t)=x(t+\tau h)+O(h^2)$,
    which solves (5) as $x$ does.
    """

    def ahead(says: Statement, path: list[np.ndarray], k: int, beta: Number) -> np.ndarray:
        return (path[k] - path[k - 1]) * says.number("lead", beta=beta)

    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        path = iterates(
            heavy_ball,
            run.loss,
            list(run.x0),
            h=run.h,
            steps=run.steps,
            parameters=run.values,
            arithmetic=MPFR,
        )
        there, beta = slot_path(says, run), run.values["beta"]
        return path[:1] + [there[k] - ahead(says, path, k, beta) for k in range(1, len(path))]

    def without_velocity() -> sympy.Expr:
        lead = sympy.Symbol("tau")
        (found,) = sympy.solve((1 + lead) * BETA - lead, lead)
        return sympy.factor(found)

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"From a cold start of heavy ball $x_k+{lead}(x_k-x_{k-1})$ is {order}-close, {when}, "
            rf"to the flow {LASTING_FLOW} from $x_0$, {FOR_LOSSES}",
            {"lead": Value(BETA / ONE_MINUS), **to_second_order(When.EVERY_STEP)},
        ),
        checks=(
            on("lead", identical("the velocity drops out", without_velocity)),
            on("lead", identical("shift over slow manifold", lambda: shift() / steady_velocity())),
            start_up(
                "no h term at any step",
                lambda says, case, k: (
                    slot_rest(says, case, k) + ahead(says, case.path, k, case.beta)
                ),
                lambda beta: [[]],
            ),
            observed("observed order", FOLLOWED.errors(follow, halvings=HALVINGS)),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
        ),
    )


def second_shift(
    name: str, rule: Rule, flow_through_h2: dict[str, sympy.Expr], bend: sympy.Expr
) -> Claim:
    """The flow through h^2 and where it starts."""
    optimizer = rule.optimizer
    followed = Followed(rule, begins=4)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{name} from a cold start is {{order}}-close, {{when}}, to the flow "
            r"$\dot x=-{force}\nabla E{+pull}\nabla^2E\nabla E{+chain}\nabla^2E\nabla^2E\nabla E"
            r"{+fork}\nabla^3E[\nabla E,\nabla E]$ from $x_0{+shift}\nabla E(x_0)"
            rf"{{+bend}}\nabla^2E\nabla E(x_0)$, {FOR_LOSSES}",
            {"bend": Value(H**2 * bend / ONE_MINUS**4), "shift": Value(H * BETA / ONE_MINUS**2)}
            | {"order": Order(3), "when": When.AFTER_START_UP, "force": Value(1 / ONE_MINUS)}
            | {name: Value(expr) for name, expr in flow_through_h2.items()}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("bend", identical("B-series engine", lambda: shift_by_engine(optimizer))),
            on("chain", identical("flow by B-series", lambda: flow_by_engine(optimizer, CHAIN))),
            on("fork", identical("fork by B-series", lambda: flow_by_engine(optimizer, FORK))),
            slow_part(optimizer),
            start_up(
                "decay of the h and h^2 terms",
                slot_rest,
                lambda beta: [[beta], [beta, beta]],
                optimizer=optimizer,
            ),
            observed("observed order", followed.errors(halvings=HALVINGS)),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


def shift_by_engine(optimizer: Optimizer) -> sympy.Expr:
    """The h^2 term of the shift, as the B-series engine gives it."""
    return H**2 * initial_shift(optimizer, order=2)[PAIR].as_expr()


def flow_by_engine(optimizer: Optimizer, tree: Tree) -> sympy.Expr:
    """The factor of a tree of three nodes in the flow, as the B-series engine gives it."""
    return -(H**2) * modified_flow(optimizer, order=3)[tree].as_expr() / tree.symmetry


def slow_part(optimizer: Optimizer) -> Check:
    """The start is the slow part of the cold start on a quadratic mode."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            part, h = cold_component(optimizer, beta, 3), fmpq(1, 3)
            stated = (says.number("shift", h=h, beta=beta), says.number("bend", h=h, beta=beta))
            if stated != (part[1] / 3, part[2] / 9):
                return False, f"on a mode it is {part[1]} z + {part[2]} z^2 at beta = {beta}"
        return True, "the z and z^2 terms of the slow part of the cold start, 9 beta"

    return exact("slow part of a quadratic mode", Kind.SERIES, holds)


@claim(
    "ghosh2023.second-shift",
    catalogue="A12 E14",
    where="repair of Theorem 4.1, equation (6)",
    printed=OURS,
)
def second_shift_of_heavy_ball() -> Claim:
    r"""On a mode $x_k=A\kappa_+^k+B\kappa_-^k$: the slow part of the cold start is $A=
    (1-z-\kappa_-)/(\kappa_+-\kappa_-)$, and its expansion $1+\beta z/(1-\beta)^2+\beta(2+\beta)
    z^2/(1-\beta)^4+\dots$ gives the coefficients of the shift at the trees without branching.
    Order $h^2$ has no other tree.

    $x(t+h)-(1+\beta)x+\beta x(t-h)=-hg$ is, divided by $(1-\beta)h$, with $w=1/(1-\beta)$ and up to
    $O(h^3)$, $\dot x=-wg-\frac{1+\beta}2wh\ddot x-\frac{h^2}6\dddot x$. At $h$ the second
    derivative has $(1+\beta)w^4(HHg+\frac12T[g,g])$, and the third is $-w^3(HHg+T[g,g])+O(h)$.
    """
    terms = {"pull": FIRST_TERM, "chain": H2_TERMS[CHAIN], "fork": H2_TERMS[FORK]}
    return second_shift("Heavy ball", HEAVY_BALL, terms, BETA * (2 + BETA))


@claim(
    "ghosh2023.second-shift-nesterov",
    catalogue="A12",
    where="the repair carried over to Nesterov's method",
    printed=OURS,
)
def second_shift_of_nesterov() -> Claim:
    r"""As for heavy ball, with the trace $(1+\beta)(1-z)$ and the determinant $\beta(1-z)$ of
    Nesterov's step: $A=1+\beta z/(1-\beta)^2+\beta(1+\beta+\beta^2)z^2/(1-\beta)^4+\dots$ The term
    of order $h$ is the same.
    """
    three = 3 * ONE_MINUS**5
    terms = {
        "pull": -H * (1 - BETA + 2 * BETA**2) / (2 * ONE_MINUS**3),
        "chain": -(H**2) * (1 - 2 * BETA + 7 * BETA**2 - 3 * BETA**3 + 3 * BETA**4) / three,
        "fork": -(H**2) * (1 + 4 * BETA + 7 * BETA**2 - 6 * BETA**3 + 6 * BETA**4) / (4 * three),
    }
    return second_shift("Nesterov's method", NESTEROV, terms, BETA * (1 + BETA + BETA**2))
