"""Beyond the published orders: batches at h^2, other optimizers on batches, decoupled decay."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball, nesterov, quasi_hyperbolic
from derive.batches.history_sums import history_flow
from derive.engine.backward_error import modified_flow
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K, R
from derive.language.trees import tree
from derive.language.update_rule import Optimizer
from derive.optimizers.weight_decay import decoupled
from verify.claims.checks.batch_fields import (
    BETAS,
    LAG,
    WHERE_R,
    at,
    exact_residual,
    in_rationals,
    new_weight,
    of_order_two,
    outer,
    published,
    regularized,
    same_in_lag,
    strong_order,
    sums_of,
)
from verify.claims.checks.identities import identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.families import bounded_polynomial, starting_point

Number = Any
NU = sympy.Symbol("nu")
WHERE_NU = (*WHERE_R, sympy.Ge(NU, 0), sympy.Le(NU, 1))
IN_SUMS = (
    r"$I_r = \frac14\lVert\nabla G_r\rVert^2 + \frac12\sum_{s<r}\beta^{r-s}\lVert\nabla "
    r"G_s\rVert^2$, any fixed sequence of batches."
)


def term(rule: Optimizer, order: int, gaps: tuple[int, ...], t: str) -> sympy.Expr:
    """The weight of a differential in the flow of `rule`, one gap being k = n steps."""
    coefficient = history_flow(rule, order=order).orders[order - 1].terms[gaps, tree(t)]
    return H ** (order - 1) * coefficient.as_expr() * BETA ** ((K - 1) * len(gaps))


@claim("undertow.batch-history-h2", catalogue="A19", where="the next order of Theorem 5.1")
def batch_history_h2() -> Claim:
    """One step is x + D_k with D_k = h f_k + β (1 - exp(-X_(k-1))) x and D_k = (exp(X_k) - 1) x,
    X_k the Lie derivative along h times the field. At h³ the cubes of X telescope: only the one of
    the step at hand is left, and every earlier step adds -β^(k-r) times the symmetric product of
    its force and its regularizer, which is -∇⟨∇G_r, ∇I_r⟩.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        own = new_weight(k, h, beta)
        return of_order_two(
            sums_of(run, k, beta),
            h,
            beta,
            lambda r: own(r) if r == k else at(c, k, r, h, beta),
            h**2 / 6,
        )

    return Claim(
        statement=(
            r"Heavy ball on batches is $O(h^3)$-close to the flow of $G_k + hI_k + "
            r"\frac{h^2}{2}\langle\nabla G_k,\nabla I_k\rangle$ and, for every earlier step "
            r"$r < k$, {formula}, with $\frac{h^2}{6}(\nabla^3G_k[\nabla G_k,\nabla G_k] + "
            r"\nabla^2G_k\nabla^2G_k\nabla G_k)$ added to $x'$."
        ),
        printed=Formula(
            "batchHistorySecond",
            H**2 * LAG,
            beside=r"\langle\nabla G_r,\nabla I_r\rangle",
            given=(*WHERE_R, *STEP),
        ),
        checks=(
            exact_residual("exact residual", heavy_ball, build, 3),
            strong_order("observed order", heavy_ball, build, 3),
            same_in_lag(
                # the fork of <grad G_r, grad I_r> in G_r alone carries a half
                "sums over the history",
                lambda: 2 * term(heavy_ball, 3, (0,), "3[3[],3[]]"),
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=IN_SUMS,
    )


@claim("undertow.batch-obstruction-h2", catalogue="A19", where="the next order of Theorem 5.1")
def batch_obstruction_h2() -> Claim:
    """The cube of the Lie derivative, a sixth of P''[P, P] + P'P'P with P = -∇G_k, is the only part
    of the h² field that is no gradient: all history is one, and so is the symmetric product.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        return of_order_two(
            sums_of(run, k, beta), h, beta, new_weight(k, h, beta), at(c, k, 0, h, beta)
        )

    def by_engine() -> sympy.Expr:
        # the gradient of <grad G, grad^2 G grad G> has twice as much of the chain as of the fork
        chain = term(heavy_ball, 3, (), "1[1[1[]]]")
        return chain - 2 * term(heavy_ball, 3, (), "1[1[],1[]]")

    return Claim(
        statement=(
            r"At $h^2$ the flow of heavy ball on batches is a gradient but for one term of the "
            r"step at hand: $x'$ holds {formula}."
        ),
        printed=Formula(
            "batchObstruction",
            H**2 / 6,
            beside=r"(\nabla^3G_k[\nabla G_k,\nabla G_k]+\nabla^2G_k\nabla^2G_k\nabla G_k)",
            given=STEP,
        ),
        checks=(
            exact_residual("exact residual", heavy_ball, build, 3),
            strong_order("observed order", heavy_ball, build, 3),
            identical("sums over the history", by_engine),
        ),
        expected=Verdict.CONFIRMED,
        condition=IN_SUMS,
    )


@claim("undertow.batch-force-alone", catalogue="A19", where="Theorem 5.1, which weights it needs")
def batch_force_alone() -> Claim:
    """Over the whole path ∇²G_r ∇G_r is taken h(1/2 + Σ_(k>r) β^(k-r)) = h(1+β)/(2(1-β)) times. To
    take it all in its own interval moves it by (k-r)h in time: the sum of (k-r)β^(k-r) is finite,
    so that the path changes by O(h²). Each single step is wrong at h², and the path is not.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        weight = at(c, k, k, h, beta)
        return regularized(sums_of(run, k, beta), h, lambda r: weight if r == k else h * 0)

    def total(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for beta in (fmpq(1, 3), fmpq(1, 2), fmpq(draw.randint(55, 80), 100)):
            h = fmpq(1, draw.randint(8, 64))
            weights = sum((published(k, h, beta)(0) for k in range(400)), fmpq(0))
            if abs(at(candidate, 0, 0, h, beta) - weights) > fmpq(1, 10**20):
                return False, f"the sum over all steps is {float(weights):.4g} at beta = {beta}"
        return True, "the sum of the weights over 400 steps within 10^-20, 3 beta"

    return Claim(
        statement=(
            r"Heavy ball on batches stays $O(h^2)$-close at a fixed time when the regularizer of "
            r"equation (10) is replaced by one without history, {formula}."
        ),
        printed=Formula(
            "batchForceAlone",
            H * (1 + BETA) / (4 * (1 - BETA)),
            beside=r"\lVert\nabla G_k\rVert^{2}",
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            in_rationals("sum over all later steps", Kind.SERIES, total),
            strong_order("observed order", heavy_ball, build, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$G_k$ is the history sum of the batches; its gradient is the force.",
    )


@claim("undertow.nesterov-batches", catalogue="A19", where="Theorem 5.1 for Nesterov's method")
def nesterov_batches() -> Claim:
    """The gradient of step r is taken β v_r ahead, -hβ∇G_(r-1) = -h(∇G_r - ∇E_r): a further
    h² β^(k-r) ∇²E_r (∇G_r - ∇E_r) in the displacement. For different batches it is no gradient; for
    equal ones it is.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        sums = sums_of(run, k, beta)
        field = regularized(sums, h, published(k, h, beta))
        for r, g in enumerate(sums):
            own = _only(run.batch(r), g)
            field.add("second", outer(own, g - own), at(c, k, r, h, beta))
        return field

    return Claim(
        statement=(
            r"Nesterov's method on batches is $O(h^2)$-close to $x' = -\nabla\hat E_k$ of equation "
            r"(10) plus, for every $r \le k$, {formula}: a field that is no gradient."
        ),
        printed=Formula(
            "nesterovBatches",
            H * LAG,
            beside=r"\nabla^2E_r(\nabla G_r-\nabla E_r)",
            given=(*MOMENTUM, sympy.Ge(R, 0), sympy.Le(R, K), *STEP),
        ),
        checks=(
            exact_residual("exact residual", nesterov, build, 2),
            strong_order("observed order", nesterov, build, 2),
            same_in_lag("sums over the history", lambda: term(nesterov, 2, (0,), "2[3[]]")),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$G_r = \sum_{j\le r}\beta^{r-j}E_j$, any fixed sequence of batches.",
    )


def _only(batch: int, like: np.ndarray) -> np.ndarray:
    """The weights of one batch alone."""
    own = like * 0
    own[batch] = own[batch] + 1
    return own


@claim("undertow.quasi-hyperbolic-batches", catalogue="A19", where="Theorem 5.1 for QHM")
def quasi_hyperbolic_batches() -> Claim:
    """The memory holds M_r = ν(1-β) Σ β^(r-j) E_j only, the force is G_r = M_r + (1-ν)E_r. What a
    step r has left in the memory is taken along the whole path since: -h β^(k-r) ∇²M_r ∇G_r.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        nu = (beta * 0 + 1) / 3
        sums = [
            m * (nu * (1 - beta)) + _only(run.batch(r), m) * (1 - nu)
            for r, m in enumerate(sums_of(run, k, beta))
        ]
        field = regularized(sums, h, published(k, h, beta))
        for r, g in enumerate(sums[:-1]):
            own = _only(run.batch(r), g)
            field.add("second", outer(own, g), at(c, k, r, h, beta, nu=nu))
        return field

    return Claim(
        statement=(
            r"Quasi-hyperbolic momentum on batches is $O(h^2)$-close to $x' = -\nabla\hat E_k$ of "
            r"equation (10), with its own force $G_r$, plus, for every $r < k$, {formula}: a field "
            "that is no gradient."
        ),
        printed=Formula(
            "quasiHyperbolicBatches",
            H * (1 - NU) * LAG,
            beside=r"\nabla^2E_r\nabla G_r",
            given=(*WHERE_NU, *STEP),
        ),
        checks=(
            exact_residual("exact residual", quasi_hyperbolic, build, 2),
            strong_order("observed order", quasi_hyperbolic, build, 2),
            same_in_lag("sums over the history", lambda: term(quasi_hyperbolic, 2, (0,), "2[3[]]")),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$G_r = (1-\nu)E_r + \nu(1-\beta)\sum_{j\le r}\beta^{r-j}E_j$, any fixed sequence of "
            "batches."
        ),
    )


def _decayed(c: sympy.Expr, h: Number, beta: fmpq, of_loss: bool) -> BatchField:
    """The flow of heavy ball with decoupled decay, losses E and W; one weight a candidate."""
    field = BatchField(2, h * 0).add("first", np.array([1 / (1 - beta), fmpq(1)]), h * 0 - 1)
    crossed = {True: h * ((1 + beta) / (2 * (1 - beta) ** 2)), False: h * (1 / (2 * (1 - beta)))}
    crossed[of_loss] = at(c, 0, 0, h, beta)
    own = np.array([[(1 + beta) / (2 * (1 - beta) ** 3), 0], [0, fmpq(1, 2)]], dtype=object)
    field.add("second", own, h * -1)
    field.add("second", np.array([[0, 1], [0, 0]]), crossed[True] * -1)
    return field.add("second", np.array([[0, 0], [1, 0]]), crossed[False] * -1)


def _decay_residual(of_loss: bool) -> Callable[[sympy.Expr, Settings], tuple[bool, str]]:
    """One step of the rule on its slow manifold against the flow, on random E and W."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2):
            losses = tuple(bounded_polynomial(draw, dimension) for _ in range(2))
            start = starting_point(draw, dimension)
            for beta in (*BETAS, fmpq(2, 3), fmpq(3, 10)):
                run = BatchRun(
                    decoupled(heavy_ball), losses, lambda k: 0, start, {"beta": beta}, fixed=1
                )
                power = run.steady_residual(
                    lambda h, b=beta: _decayed(candidate, h, b, of_loss),
                    # v = x - (x before) + h grad W there
                    lambda here, before, h, grads: [here - before + grads[1](before) * h],
                    length=4,
                )
                if power <= 2:
                    return False, f"h^{power} is left at beta = {beta}"
        return True, "begins at h^3 for 5 beta, 2 pairs of random losses"

    return holds


def _decay_claim(name: str, beside: str, formula: sympy.Expr, of_loss: bool, t: str) -> Claim:
    return Claim(
        statement=(
            r"Heavy ball with decoupled decay $W$ follows $x' = -\nabla E/(1-\beta) - \nabla W - "
            r"\dots$, at order $h$ less {formula}."
        ),
        printed=Formula(name, formula, beside=beside, given=(*MOMENTUM, *STEP)),
        checks=(
            in_rationals("exact residual", Kind.SERIES, _decay_residual(of_loss)),
            identical(
                "two-colour trees",
                lambda: -H * modified_flow(decoupled(heavy_ball), order=2)[tree(t)].as_expr(),
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition="The decay is subtracted at the place before the step, past the momentum.",
    )


@claim("undertow.decoupled-decay-on-loss", catalogue="", where="decoupled weight decay")
def decay_on_loss() -> Claim:
    """Decay acts once, at the step, while the loss is remembered: what the decay moves between a
    gradient and its use is hβ/(1-β)² ∇²E ∇W, and the flow's own half step adds h/(2(1-β)).
    Coupled decay has (1+β)/(2(1-β)³) here, as for the loss alone.
    """
    return _decay_claim(
        "decayOnLoss", r"\nabla^2E\nabla W", H * (1 + BETA) / (2 * (1 - BETA) ** 2), True, "[1[]]"
    )


@claim("undertow.decoupled-decay-of-loss", catalogue="", where="decoupled weight decay")
def decay_of_loss() -> Claim:
    """The decay has no memory: only the flow's own half step is left. So ∇²E ∇W and ∇²W ∇E carry
    different weights, and for a general W no loss stands behind the flow at order h. For
    W = λ|x|²/2 one does, because ∇²E x is the gradient of x·∇E - E.
    """
    return _decay_claim("decayOfLoss", r"\nabla^2W\nabla E", H / (2 * (1 - BETA)), False, "1[[]]")
