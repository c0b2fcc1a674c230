"""Beyond the published orders: batches at h^2, other optimizers on batches."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball, nesterov, quasi_hyperbolic
from derive.batches.history_sums import history_flow
from derive.language.formula import BETA, H, K
from derive.language.trees import tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.batch_fields import (
    LAG,
    at,
    new_weight,
    of_order_two,
    published,
    regularized,
    same_in_lag,
    sequences,
    summed,
    sums_of,
)
from verify.claims.checks.batch_followed import BatchFollowed, two_batches
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import loss_weights
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import (
    HEAVY_BALL,
    Point,
)
from verify.claims.checks.stated import for_losses
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.losses import Loss
from verify.running.residuals import Weights

Number = Any
NU = sympy.Symbol("nu")
HALF = (fmpq(1, 2),)
"""The momentum of the longest checks; the others are those of the domain."""
SUMS = r"$G_k:=\sum_{r\le k}\beta^{k-r}E_r$"
REGULARIZED = (
    r"$\hat E_k:=G_k+hI_k$, $I_r:=\frac14\lVert\nabla G_r\rVert^2"
    r"+\frac12\sum_{s<r}\beta^{r-s}\lVert\nabla G_s\rVert^2$"
)
BENT = r"(\nabla^3G_k[\nabla G_k,\nabla G_k]+\nabla^2G_k\,\nabla^2G_k\,\nabla G_k)"
ON_BATCHES = "on any fixed sequence of batches $E_k$, from a cold start,"
INTERVALS = r"on every $[t_k,t_{k+1}]$, $t_k:=kh$"


def term(rule: Optimizer, order: int, gaps: tuple[int, ...], t: str) -> sympy.Expr:
    """The weight of a differential in the flow of `rule`, one gap being k = n steps."""
    coefficient = history_flow(rule, order=order).orders[order - 1].terms[gaps, tree(t)]
    return H ** (order - 1) * coefficient.as_expr() * BETA ** ((K - 1) * len(gaps))


def close(order: int, slots: dict[str, Slot]) -> dict[str, Slot]:
    """The slots of a closeness over all steps."""
    when = {"order": Order(order), "when": When.EVERY_STEP}
    return {**when, **slots, "losses": Losses.EVERY, "domain": FADING}


def bend_by_engine() -> sympy.Expr:
    # the gradient of <grad G, grad^2 G grad G> has twice as much of the chain as of the fork
    chain = term(heavy_ball, 3, (), "1[1[1[]]]")
    return chain - 2 * term(heavy_ball, 3, (), "1[1[],1[]]")


@claim(
    "undertow.batch-history-h2",
    catalogue="A19",
    where="the next order of Theorem 5.1",
    printed=OURS,
)
def batch_history_h2() -> Claim:
    r"""One step is $x+D_k$ with $D_k=hf_k+\beta(1-e^{-X_{k-1}})x$ and $D_k=(e^{X_k}-1)x$, $X_k$ the
    Lie derivative along $h$ times the field. At $h^3$ the cubes of $X$ telescope: only the one of
    the step at hand is left, and every earlier step adds $-\beta^{k-r}$ times the symmetric product
    of its force and its regularizer, which is $-\nabla\langle\nabla G_r,\nabla I_r\rangle$.
    """

    def field(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        def weight(r: int) -> Number:
            return at(says.expr("own" if r == k else "past"), k, r, h, beta)

        bend = at(says.expr("bend"), k, k, h, beta)
        return of_order_two(sums_of(run, k, beta), h, beta, weight, bend)

    followed = BatchFollowed(heavy_ball, field, begins=4, betas=HALF)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Heavy ball {ON_BATCHES} is {{order}}-close, {{when}}, to the flow of "
            r"$-\nabla(\hat E_k{+own}\langle\nabla G_k,\nabla I_k\rangle+\sum_{r<k}{past}\langle"
            rf"\nabla G_r,\nabla I_r\rangle){{+bend}}{BENT}$ {INTERVALS}, for {{losses}} and "
            rf"{{domain}}, with {SUMS} and {REGULARIZED}.",
            close(
                3,
                {
                    "own": Value(H**2 / 2),
                    "past": Value(H**2 * LAG),
                    "bend": Value(H**2 / 6),
                },
            ),
        ),
        checks=(
            followed.on_losses(),
            followed.in_domain(),
            followed.order(),
            # the fork of <grad G_r, grad I_r> in G_r alone carries a half
            on(
                "past",
                same_in_lag(
                    "sums over the history", lambda: 2 * term(heavy_ball, 3, (0,), "3[3[],3[]]")
                ),
            ),
        ),
    )


@claim(
    "undertow.batch-obstruction-h2",
    catalogue="A19",
    where="the next order of Theorem 5.1",
    printed=OURS,
)
def batch_obstruction_h2() -> Claim:
    r"""The cube of the Lie derivative, a sixth of $P''[P,P]+P'P'P$ with $P=-\nabla G_k$, is the
    only part of the $h^2$ field that is no gradient: all history is one, and so is the symmetric
    product.
    """

    def field(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        bend = at(says.expr("bend"), k, k, h, beta)
        return of_order_two(sums_of(run, k, beta), h, beta, new_weight(k, h, beta), bend)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"At order $h^2$ the flow of heavy ball on any fixed sequence of batches is that of a "
            rf"gradient but for ${{bend}}{BENT}$ in $\dot x$, with {SUMS}, for {{losses}}.",
            {"bend": Value(H**2 / 6), "losses": Losses.EVERY},
        ),
        checks=(
            BatchFollowed(heavy_ball, field, begins=4, betas=HALF).on_losses(),
            on("bend", identical("sums over the history", bend_by_engine)),
        ),
    )


@claim(
    "undertow.batch-force-alone",
    catalogue="A19",
    where="Theorem 5.1, which weights it needs",
    printed=OURS,
)
def batch_force_alone() -> Claim:
    r"""Over the whole path $\nabla^2G_r\nabla G_r$ is taken $h(\frac12+\sum_{k>r}\beta^{k-r})
    =h(1+\beta)/(2(1-\beta))$ times. To take it all in its own interval moves it by $(k-r)h$ in
    time: the sum of $(k-r)\beta^{k-r}$ is finite, so that the path changes by $O(h^2)$. Each single
    step is wrong at $h^2$, and the path is not.
    """

    def field(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        weight = at(says.expr("weight"), k, k, h, beta)
        return regularized(sums_of(run, k, beta), h, lambda r: weight if r == k else h * 0)

    def one_batch(says: Statement, h: Number, point: Point) -> Weights:
        """The same batch in every step: G_k tends to E/(1-beta)."""
        force = 1 / (1 - point["beta"])
        return loss_weights(says.number("weight", h=h, **point) * force, force)

    def total(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for beta in (fmpq(-1, 3), fmpq(1, 2), fmpq(draw.randint(55, 80), 100)):
            h = fmpq(1, draw.randint(8, 64))
            weights = sum((published(k, h, beta)(0) for k in range(400)), fmpq(0))
            if abs(says.number("weight", h=h, beta=beta) - weights) > fmpq(1, 10**20):
                return False, f"the sum over all steps is {float(weights):.4g} at beta = {beta}"
        return True, "the sum of the weights over 400 steps within 10^-20, 3 beta"

    steady = Followed(HEAVY_BALL, field=one_batch)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Heavy ball {ON_BATCHES} is {{order}}-close, {{when}}, to the flow of "
            rf"$-\nabla(G_k{{+weight}}\lVert\nabla G_k\rVert^2)$ {INTERVALS}, for {{losses}} and "
            rf"{{domain}}, with {SUMS}.",
            close(2, {"weight": Value(H * (1 + BETA) / (4 * (1 - BETA)))}),
        ),
        checks=(
            exact("sum over all later steps", Kind.SERIES, total),
            steady.on_losses(),
            steady.in_domain(),
            BatchFollowed(heavy_ball, field).order(),
        ),
    )


@claim(
    "undertow.nesterov-batches",
    catalogue="A19",
    where="Theorem 5.1 for Nesterov's method",
    printed=OURS,
)
def nesterov_batches() -> Claim:
    r"""The gradient of step $r$ is taken $\beta v_r$ ahead,
    $-h\beta\nabla G_{r-1}=-h(\nabla G_r-\nabla E_r)$: a further
    $h^2\beta^{k-r}\nabla^2E_r(\nabla G_r-\nabla E_r)$ in the displacement. For different batches it
    is no gradient; for equal ones it is.
    """

    def field(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        sums = sums_of(run, k, beta)
        found = regularized(sums, h, published(k, h, beta))
        own = [_only(run.batch(r), g) for r, g in enumerate(sums)]
        before = [g - e for g, e in zip(sums, own, strict=True)]
        ahead = [at(says.expr("ahead"), k, r, h, beta) for r in range(k + 1)]
        return found.add("second", summed(ahead, own, before), h * 0 + 1)

    followed = BatchFollowed(nesterov, field)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Nesterov's method {ON_BATCHES} is {{order}}-close, {{when}}, to the flow of "
            r"$-\nabla\hat E_k+\sum_{r\le k}{ahead}\nabla^2E_r(\nabla G_r-\nabla E_r)$ "
            rf"{INTERVALS}, for {{losses}} and {{domain}}, with {SUMS} and {REGULARIZED}.",
            close(2, {"ahead": Value(H * LAG)}),
        ),
        checks=(
            followed.on_losses(),
            followed.in_domain(),
            followed.order(),
            on(
                "ahead",
                same_in_lag("sums over the history", lambda: term(nesterov, 2, (0,), "2[3[]]")),
            ),
        ),
    )


def _only(batch: int, like: np.ndarray) -> np.ndarray:
    """The weights of one batch alone."""
    own = like * 0
    own[batch] = own[batch] + 1
    return own


@claim(
    "undertow.quasi-hyperbolic-batches",
    catalogue="A19",
    where="Theorem 5.1 for QHM",
    printed=OURS,
)
def quasi_hyperbolic_batches() -> Claim:
    r"""The memory holds $M_r=\nu(1-\beta)\sum\beta^{r-j}E_j$ only, the force is
    $G_r=M_r+(1-\nu)E_r$. What a step $r$ has left in the memory is taken along the whole path
    since: $-h\beta^{k-r}\nabla^2M_r\nabla G_r$.
    """

    def with_weight(nu: fmpq) -> BatchFollowed:
        def field(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
            share = beta * 0 + 1
            share = share * int(nu.p) / int(nu.q)
            memory = sums_of(run, k, beta)
            own = [_only(run.batch(r), m) for r, m in enumerate(memory)]
            sums = [
                m * (share * (1 - beta)) + e * (1 - share) for m, e in zip(memory, own, strict=True)
            ]
            found = regularized(sums, h, published(k, h, beta))
            past = [at(says.expr("past"), k, r, h, beta, nu=share) for r in range(k)]
            return found.add("second", summed([*past, h * 0], own, sums), h * 0 + 1)

        return BatchFollowed(quasi_hyperbolic.at(nu=str(nu)), field)

    def on_losses() -> Check:
        def holds(says: Statement, loss: Loss, draw: random.Random) -> bool:
            for _, batch in sequences(draw):
                nu, beta = fmpq(draw.randint(1, 8), 9), fmpq(draw.randint(-9, 9), 10)
                if not with_weight(nu).meets(says, two_batches(loss), draw, batch, beta):
                    return False
            return True

        return for_losses("exact residual on batches", holds)

    third = with_weight(fmpq(1, 3))
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Quasi-hyperbolic momentum {ON_BATCHES} is {{order}}-close, {{when}}, to the flow of "
            rf"$-\nabla\hat E_k+\sum_{{r<k}}{{past}}\nabla^2E_r\nabla G_r$ {INTERVALS}, for "
            r"{losses} and {domain}, with $G_r:=(1-\nu)E_r+\nu(1-\beta)\sum_{j\le r}\beta^{r-j}E_j$"
            rf" and {REGULARIZED}.",
            close(2, {"past": Value(H * (1 - NU) * LAG)}),
        ),
        checks=(
            on_losses(),
            third.in_domain(),
            third.order(),
            on(
                "past",
                same_in_lag(
                    "sums over the history", lambda: term(quasi_hyperbolic, 2, (0,), "2[3[]]")
                ),
            ),
        ),
    )
