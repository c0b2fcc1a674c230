"""SGD with momentum on fixed batches: Ghosh, Lyu, Zhang and Wang (2023), section 5."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import gradient_descent, heavy_ball
from derive.batches.history_sums import history_flow
from derive.batches.minibatch_flow import leading_parts, minibatch_loss
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K, R
from derive.language.trees import tree
from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.batch_fields import (
    BETAS,
    LAG,
    WHERE_R,
    at,
    exact_residual,
    in_rationals,
    published,
    regularized,
    run_of,
    same_in_lag,
    sequences,
    strong_order,
    sums_of,
)
from verify.claims.checks.identities import identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.numbers import MPFR, RATIONAL, PowerSeries, evaluate

Number = Any
SQUARED = r"\lVert\nabla G_r\rVert^{2}"
HOLDS_TO_A_TIME = (
    r"$G_r = \sum_{j\le r}\beta^{r-j}E_j$; the constant depends on the time: $k \le T/h$, "
    "$C = C_T$."
)


def runs(settings: Settings, dimension: int = 2) -> list[tuple[BatchRun, fmpq]]:
    """Heavy ball on random losses, for three sequences and three beta."""
    draw = random.Random(settings.seed)
    return [
        (run_of(heavy_ball_two_step, draw, dimension, batch, beta), beta)
        for _, batch in sequences(draw)
        for beta in BETAS
    ]


def leading_weight() -> sympy.Expr:
    """The weight of E_0 in the force of step n, for every n from those of the first five."""
    weights = [force[0] for _, force in leading_parts(heavy_ball, 5)]
    ratio = (weights[1] / weights[0]).as_expr()
    if any(b != a * weights[1] for a, b in pairwise(weights)):
        raise ArithmeticError("the weights of the first five steps are not geometric")
    return ratio**K


def _second_order_weight(gaps: tuple[int, ...], t: str) -> sympy.Expr:
    """The weight of |grad G_r|^2 in the loss behind a term of the field: half of it, times h."""
    terms = history_flow(heavy_ball, order=2).orders[1].terms
    coefficient = -terms[gaps, tree(t)].as_expr() / 2
    return H * coefficient * BETA ** ((K - 1) * len(gaps))


@claim("ghosh2023.batch-recursion", catalogue="A18", where="equation (8)")
def batch_recursion() -> Claim:
    """With x^(-1) = x^0 the first line of (8) at k = 0 is its second line, so that this line need
    not be said. Summed up, x^(k+1) - x^k = -h Σ_(r<=k) β^(k-r) ∇E_r(x^r). Nothing depends on the
    place x^0 = 0: the recursion holds from any start.
    """

    def unrolled(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        h = fmpq(1, 16)
        for run, beta in runs(settings):
            path = run.iterates(h, 4, RATIONAL)
            grads = [loss.gradient_function(RATIONAL) for loss in run.losses]
            for k in range(4):
                push = path[0] * 0
                for r in range(k + 1):
                    push = push - grads[run.batch(r)](path[r]) * (at(candidate, k, r, h, beta) * h)
                if any(path[k + 1] - path[k] != push):
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 3 in 9 rational runs from random starts"

    return Claim(
        statement=(
            r"The recursion (8) is $x^{k+1} = x^k - h\sum_{r\le k} w\,\nabla E_r(x^r)$ from any "
            r"start with $x^{-1} = x^0$; $w$ is {formula}."
        ),
        printed=Formula("batchRecursionWeight", LAG, given=(*MOMENTUM, sympy.Ge(R, 0))),
        checks=(
            in_rationals("rational iterates", Kind.ENUMERATION, unrolled),
            same_in_lag("leading part of the memory", leading_weight),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The value $0$ of $x^0$ plays no part.",
    )


@claim("ghosh2023.batch-history", catalogue="A19", where="Theorem 5.1, equation (10)")
def batch_history() -> Claim:
    """One step before r the path was x_r = x_k + h Σ_(r<=j<k) ∇G_j + O(h²). So the displacement
    -h Σ β^(k-r) ∇E_r(x_r) is -h ∇G_k - h² Σ_(j<k) β^(k-j) ∇²G_j ∇G_j + O(h³), because the batches
    up to j add up to Σ_(r<=j) β^(k-r) ∇²E_r = β^(k-j) ∇²G_j.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        own = published(k, h, beta)
        return regularized(
            sums_of(run, k, beta), h, lambda r: own(r) if r == k else at(c, k, r, h, beta)
        )

    return Claim(
        statement=(
            r"For any fixed sequence of batches, SGD with momentum is $O(h^2)$-close to the flow "
            r"of $\hat E_k$ of equation (10), where an earlier step $r < k$ has the term {formula}."
        ),
        printed=Formula("batchHistory", H * LAG / 2, beside=SQUARED, given=(*WHERE_R, *STEP)),
        checks=(
            exact_residual("exact residual", heavy_ball, build, 2),
            strong_order("observed order", heavy_ball, build, 2),
            same_in_lag("sums over the history", lambda: _second_order_weight((0,), "3[3[]]")),
        ),
        expected=Verdict.CONFIRMED,
        condition=HOLDS_TO_A_TIME,
    )


@claim("ghosh2023.batch-regularizer", catalogue="A19", where="Theorem 5.1 and remark 5.1")
def batch_regularizer() -> Claim:
    """The flow itself adds h²/2 ∇²G_k ∇G_k in one step, which the displacement has not: the field
    must hold -h/2 ∇²G_k ∇G_k, the gradient of -h/4 |∇G_k|².
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        past = published(k, h, beta)
        return regularized(
            sums_of(run, k, beta), h, lambda r: at(c, k, r, h, beta) if r == k else past(r)
        )

    return Claim(
        statement=(
            r"The force on $[t_k, t_{k+1})$ is $-\nabla G_k$, and in its regularizer "
            r"$\mathrm{IGRM}_s$ the step at hand has the term {formula}."
        ),
        printed=Formula(
            "batchRegularizer", H / 4, beside=r"\lVert\nabla G_k\rVert^{2}", given=STEP
        ),
        checks=(
            exact_residual("exact residual", heavy_ball, build, 2),
            strong_order("observed order", heavy_ball, build, 2),
            identical("sums over the history", lambda: _second_order_weight((), "1[1[]]")),
        ),
        expected=Verdict.CONFIRMED,
        condition=HOLDS_TO_A_TIME,
    )


@claim("ghosh2023.batch-time-range", catalogue="A19", where="Theorem 5.1, range of k")
def batch_time_range() -> Claim:
    """Without momentum, with E_k = -x²/2 for every k, x^k = (1+h)^k x^0 and the modified flow has
    the rate 1 - h/2. The logarithm of their ratio at kh = T is (T/h)(log(1+h) - h + h²/2), which is
    T h²/3 + O(h³): no constant serves every k.
    """

    def series(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        length, logarithm, power = 6, [fmpq(0)], fmpq(1)
        for n in range(1, length):
            logarithm.append(power / n)
            power = -power
        logarithm[1] -= 1
        logarithm[2] += fmpq(1, 2)
        wanted = [logarithm[n + 1] for n in range(3)]  # over h, through h^2
        for time in (fmpq(1), fmpq(2), fmpq(7, 3)):
            arithmetic = {"h": PowerSeries.step(3), "T": time}
            found = PowerSeries.step(3) * 0 + evaluate(candidate, arithmetic)
            if [found[n] for n in range(3)] != [w * time for w in wanted]:
                return False, f"wrong at T = {time}"
        return True, "log(x^k/x(kh)) agrees through h^2 for 3 times, exactly"

    def iterated(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        """Bounds by rationals: the ratio (1+h)/exp(h-h^2/2) is below and above its series."""
        h = fmpq(1, 1024)
        low, high = h**3 / 3 - h**4 / 4, h**3 / 3
        for time in (1, 4):
            guess = evaluate(candidate, {"h": h, "T": fmpq(time)})
            steps = time / h
            if not low * steps * fmpq(99, 100) <= guess <= high * steps * fmpq(101, 100):
                return False, f"{guess} at T = {time}, h = {h}"
        return True, "between the bounds of the alternating series at T = 1 and 4, h = 1/1024"

    return Claim(
        statement=(
            r"On $E_k = -x^2/2$ without momentum, $\log(x^k/\tilde x(t_k))$ at $t_k = T$ is, to "
            r"$O(h^3)$, {formula}."
        ),
        printed=Formula("batchTimeRangePrinted", sympy.Integer(0), given=()),
        right=Formula("batchTimeRange", sympy.Symbol("T") * H**2 / 3, given=STEP),
        checks=(
            in_rationals("series of the logarithm", Kind.SERIES, series, refutes=True),
            in_rationals("alternating bounds", Kind.ENUMERATION, iterated, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The bound $Ch^2$ holds for $k \le T/h$ with $C = C_T$.",
        because=(
            r"the range $k = 1, \dots, n$ lets $k$ grow at a fixed $h$, and with $kh$ every "
            "constant is passed."
        ),
        counterexample=(
            r"$E_k = -x^2/2$, $\beta = 0$, $x^0 = 1$: the error is at least $Th^2/4$ times "
            r"$\tilde x(T)$ for $h \le 1/4$, and $T$ is as large as one likes."
        ),
    )


@claim("ghosh2023.batches-without-momentum", catalogue="A20", where="Remark 5.2, equation (11)")
def batches_without_momentum() -> Claim:
    """At β = 0 every history sum is its last term, G_k = E_k, and the sum over r < k is gone. It is
    the modified loss of gradient descent, one batch after another.
    """

    def build(c: sympy.Expr, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        own = np.array([fmpq(int(run.batch(k) == i)) for i in range(2)], dtype=object)
        if not isinstance(h, PowerSeries):
            own = np.array([MPFR.convert(w) for w in own], dtype=object)
        return regularized([own], h, lambda _: at(c, k, 0, h, beta))

    def by_engine() -> sympy.Expr:
        loss = minibatch_loss(heavy_ball.at(beta=0), order=2, k=2)
        alone = tree("2[2[]]")
        if any(c != 0 for t, c in loss.terms.items() if t.order == 2 and t != alone):
            raise ArithmeticError("a second batch is left in the loss")
        return H * loss.terms[alone].as_expr()

    return Claim(
        statement=r"Without momentum, SGD follows on $[t_k, t_{k+1}]$ the loss {formula}.",
        printed=Formula(
            "batchWithoutMomentum",
            H / 4,
            beside=r"\lVert\nabla E_k\rVert^{2}",
            lead="E_k+",
            given=STEP,
        ),
        checks=(
            exact_residual("exact residual", gradient_descent, build, 2, betas=BETAS[:1]),
            strong_order("observed order", gradient_descent, build, 2),
            identical("trees at beta = 0", by_engine),
        ),
        expected=Verdict.CONFIRMED,
    )
