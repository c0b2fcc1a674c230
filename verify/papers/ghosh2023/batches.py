"""SGD with momentum on fixed batches: Ghosh, Lyu, Zhang and Wang (2023), section 5."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import gradient_descent, heavy_ball
from derive.batches.history_sums import history_flow
from derive.batches.minibatch_flow import leading_parts, minibatch_loss
from derive.language.formula import BETA, H, K
from derive.language.trees import tree
from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.batch_fields import (
    BETAS,
    LAG,
    at,
    regularized,
    run_of,
    same_in_lag,
    sequences,
    sums_of,
)
from verify.claims.checks.batch_followed import BatchFollowed
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Choice, Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.numbers import MPFR, RATIONAL, PowerSeries

Number = Any
SUMS = r"$G_k:=\sum_{r\le k}\beta^{k-r}E_r$"
REGULARIZER = r"${own}\lVert\nabla G_k\rVert^2+\sum_{r<k}{past}\lVert\nabla G_r\rVert^2$"
PUBLISHED = {"own": Value(H / 4), "past": Value(H * LAG / 2)}


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


def second_order_weight(gaps: tuple[int, ...], t: str) -> sympy.Expr:
    """The weight of |grad G_r|^2 in the loss behind a term of the field: half of it, times h."""
    terms = history_flow(heavy_ball, order=2).orders[1].terms
    coefficient = -terms[gaps, tree(t)].as_expr() / 2
    return H * coefficient * BETA ** ((K - 1) * len(gaps))


def stated(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
    """The field of equation (10) with what stands in the slots."""
    own = at(says.expr("own"), k, k, h, beta)
    return regularized(
        sums_of(run, k, beta),
        h,
        lambda r: own if r == k else at(says.expr("past"), k, r, h, beta),
    )


def force_alone(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
    """The field of equation (10) without its regularizer."""
    return regularized(sums_of(run, k, beta), h, lambda r: h * 0)


FOLLOWED = BatchFollowed(heavy_ball, stated)


@claim(
    "ghosh2023.batch-recursion",
    catalogue="A18",
    where="equation (8)",
    printed=read(r"\mathbf{x}^1 = \mathbf{x}^0 - h \nabla E_0(\mathbf{x}^0)"),
)
def batch_recursion() -> Claim:
    r"""With $x^{-1}=x^0$ the first line of (8) at $k=0$ is its second line, so that this line need
    not be said. Summed up, $x^{k+1}-x^k=-h\sum_{r\le k}\beta^{k-r}\nabla E_r(x^r)$. Nothing depends
    on the place $x^0=0$: the recursion holds from any start.
    """

    def unrolled(says: Statement, settings: Settings) -> tuple[bool, str]:
        h, weight = fmpq(1, 16), says.expr("weight")
        for run, beta in runs(settings):
            path = run.iterates(h, 4, RATIONAL)
            grads = [loss.gradient_function(RATIONAL) for loss in run.losses]
            for k in range(4):
                push = path[0] * 0
                for r in range(k + 1):
                    push = push - grads[run.batch(r)](path[r]) * (at(weight, k, r, h, beta) * h)
                if any(path[k + 1] - path[k] != push):
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 3 in 9 rational runs from random starts"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"From any start with $x^{-1}:=x^0$ the recursion of heavy ball on the batch losses "
            r"$E_k$ is $x^{k+1}=x^k-h\sum_{r\le k}{weight}\nabla E_r(x^r)$.",
            {"weight": Value(LAG)},
        ),
        checks=(
            exact("rational iterates", Kind.ENUMERATION, unrolled),
            on("weight", same_in_lag("leading part of the memory", leading_weight)),
        ),
    )


@claim(
    "ghosh2023.batch-history",
    catalogue="A19",
    where="Theorem 5.1, equation (10)",
    printed=read(r"close to the trajectory of the gradient flow with the modified loss"),
)
def batch_history() -> Claim:
    r"""One step before $r$ the path was $x_r=x_k+h\sum_{r\le j<k}\nabla G_j+O(h^2)$. So the
    displacement $-h\sum\beta^{k-r}\nabla E_r(x_r)$ is $-h\nabla G_k-h^2\sum_{j<k}\beta^{k-j}
    \nabla^2G_j\nabla G_j+O(h^3)$, because the batches up to $j$ add up to $\sum_{r\le j}\beta^{k-r}
    \nabla^2E_r=\beta^{k-j}\nabla^2G_j$. The flow itself adds $h^2/2\,\nabla^2G_k\nabla G_k$ in one
    step, which the displacement has not: the field must hold $-h/2\,\nabla^2G_k\nabla G_k$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"On any fixed sequence of batches heavy ball from a cold start is {order}-close, "
            r"{when}, to the flow of $-\nabla\hat E_k$ on $[t_k,t_{k+1})$, $t_k:=kh$, from $x_0$, "
            rf"where $\hat E_k$ is $G_k$ plus {REGULARIZER}, {SUMS}, for {{losses}} and "
            r"{domain}.",
            {"past": PUBLISHED["past"], "own": PUBLISHED["own"], "order": Order(2)}
            | {"when": When.EVERY_STEP, "losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("past", same_in_lag("history sums", lambda: second_order_weight((0,), "3[3[]]"))),
            on("own", identical("step at hand", lambda: second_order_weight((), "1[1[]]"))),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
            FOLLOWED.order(),
        ),
    )


@claim(
    "ghosh2023.batch-regularizer",
    catalogue="A19",
    where="Remark 5.1",
    printed=read(r"governed by the driving-force  $-\nabla G_k(\mathbf{x}(t))$"),
)
def batch_regularizer() -> Claim:
    r"""The force alone leaves $h^2/2\,\nabla^2G_k\nabla G_k$ and the history's part in every step,
    which add up to order $h$ over a fixed time; the negative gradient of $IGRM_s$ removes them.
    """
    rough = BatchFollowed(heavy_ball, force_alone, begins=2)

    def needed(says: Statement, settings: Settings) -> tuple[bool, str]:
        """What the force leaves in the first step of each kind is minus the regularizer's pull."""
        for run, beta in runs(settings):
            left = [
                run.residual(
                    lambda k, h, f=field, run=run, b=beta: f(says, run, k, h, b),
                    length=4,
                    steps=3,
                )
                for field in (force_alone, stated)
            ]
            if left[0] != says["rough"].power + 1 or left[1] < says["order"].power + 1:
                return False, f"h^{left[0]} and h^{left[1]} are left at beta = {beta}"
        return True, "h^2 is left of the force alone, h^3 with the regularizer, 9 runs"

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"On any fixed sequence of batches heavy ball from a cold start is {rough}-close, "
            r"{when}, to the flow of the force $-\nabla G_k$ on $[t_k,t_{k+1})$, $t_k:=kh$, and "
            rf"{{order}}-close to that of $-\nabla(G_k+IGRM_s)$, where $IGRM_s$ is {REGULARIZER}, "
            rf"{SUMS}, for {{losses}} and {{domain}}.",
            {**PUBLISHED, "order": Order(2), "rough": Order(1), "when": When.EVERY_STEP}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("own", identical("step at hand", lambda: second_order_weight((), "1[1[]]"))),
            exact("what the force leaves", Kind.SERIES, needed),
            rough.order("observed order of the force", "rough"),
            FOLLOWED.on_losses(),
            FOLLOWED.in_domain(),
            FOLLOWED.order(),
        ),
    )


class Range(Choice):
    """For which steps one constant serves."""

    UP_TO_A_TIME = r"for all $k\le T/h$, with a constant that depends on $T$"
    EVERY_STEP = r"for all $k$, with one constant"


@claim(
    "ghosh2023.batch-time-range",
    catalogue="A19",
    where="Theorem 5.1, range of k",
    printed=read(r"\leq Ch^2, \quad k=1,2,\dots,n"),
)
def batch_time_range() -> Claim:
    r"""Without momentum, with $E_k=-x^2/2$ for every $k$, $x^k=(1+h)^kx^0$ and the modified flow
    has the rate $1-h/2$. The logarithm of their ratio at $kh=T$ is $(T/h)(\log(1+h)-h+h^2/2)$,
    which is $Th^2/3+O(h^3)$: no constant serves every $k$.
    """

    def series(says: Statement, settings: Settings) -> tuple[bool, str]:
        length, logarithm, power = 6, [fmpq(0)], fmpq(1)
        for n in range(1, length):
            logarithm.append(power / n)
            power = -power
        logarithm[1] -= 1
        logarithm[2] += fmpq(1, 2)
        wanted = [logarithm[n + 1] for n in range(length - 1)]  # over h
        h = PowerSeries.step(4)
        for time in (fmpq(1), fmpq(2), fmpq(7, 3)):
            term = h * 0 + says.number("growth", h=h, T=time)
            lowest = next((n for n in range(4) if wanted[n] * time != term[n]), 4)
            if lowest != says["error"].power:
                return False, f"h^{lowest} is left at T = {time}"
        return True, "log(x^k/x(kh)) for 3 times, exactly"

    def in_time(says: Statement, settings: Settings) -> tuple[bool, str]:
        """|x^k/x(kh) - 1|/h^power by floats: bounded in h for a time, and in the time or not."""

        def apart(h: float, time: float) -> float:
            steps = time / h
            return float(np.expm1(steps * (np.log1p(h) - h + h * h / 2)))

        power, h = says["order"].power, 2.0**-10
        if not 0.9 < apart(h / 2, 1) * 2**power / apart(h, 1) < 1.1:
            return False, f"it is not of the order h^{power}"
        grows = apart(0.25, 400) > 100 * apart(0.25, 4)
        return grows == (says["range"] is Range.UP_TO_A_TIME), "it grows without bound in the time"

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            r"The distance of the iterates from the flow of the modified loss is {order}, {range}: "
            r"without momentum and with $E_k:=-x^2/2$ the logarithm of $x^k/\tilde x(t_k)$ at "
            r"$t_k:=T$ is {growth} and {error}.",
            {
                "growth": Value(sympy.Symbol("T") * H**2 / 3),
                "order": Order(2),
                "range": Range.UP_TO_A_TIME,
                "error": Order(3),
            },
        ),
        misprint={"range": Range.EVERY_STEP},
        because=r"the range $k:=1,\dots,n$ lets $k$ grow at a fixed $h$, and with $kh$ every "
        "constant is passed.",
        counterexample=r"Without momentum, on $E_k:=-x^2/2$, the logarithm of the ratio grows like "
        r"{growth}, and $T$ is as large as one likes.",
        checks=(
            exact("series of the logarithm", Kind.SERIES, series),
            exact("growth in time", Kind.ENUMERATION, in_time, refutes=True),
        ),
    )


@claim(
    "ghosh2023.batches-without-momentum",
    catalogue="A20",
    where="Remark 5.2, equation (11)",
    printed=read(r"which is the modified loss for SGD"),
)
def batches_without_momentum() -> Claim:
    r"""At $\beta=0$ every history sum is its last term, $G_k=E_k$, and the sum over $r<k$ is gone.
    It is the modified loss of gradient descent, one batch after another.
    """

    def alone(says: Statement, run: BatchRun, k: int, h: Number, beta: Number) -> BatchField:
        own = np.array([fmpq(int(run.batch(k) == i)) for i in range(2)], dtype=object)
        if not isinstance(h, PowerSeries):
            own = np.array([MPFR.convert(w) for w in own], dtype=object)
        return regularized([own], h, lambda _: at(says.expr("weight"), k, 0, h, beta))

    def by_engine() -> sympy.Expr:
        loss = minibatch_loss(heavy_ball.at(beta=0), order=2, k=2)
        single = tree("2[2[]]")
        if any(c != 0 for t, c in loss.terms.items() if t.order == 2 and t != single):
            raise ArithmeticError("a second batch is left in the loss")
        return H * loss.terms[single].as_expr()

    followed = replace(FOLLOWED, rule=gradient_descent, field=alone, betas=BETAS[:1])
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"On any fixed sequence of batches gradient descent is {order}-close, {when}, to the "
            r"gradient flow of $E_k{+weight}\lVert\nabla E_k\rVert^2$ on $[t_k,t_{k+1})$, "
            r"$t_k:=kh$, from $x_0$, for {losses}.",
            {"weight": Value(H / 4), "order": Order(2), "when": When.EVERY_STEP}
            | {"losses": Losses.EVERY},
        ),
        checks=(
            on("weight", identical("trees at beta = 0", by_engine)),
            followed.on_losses(),
            followed.order(),
        ),
    )
