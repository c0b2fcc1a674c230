"""The weak sense: the stochastic modified equations of SGD, Li, Tai and E (2019)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any

import sympy
from flint import arb, arb_mat, fmpq

from derive import gradient_descent, modified_loss
from derive.batches.averages import WITH_REPLACEMENT, autocovariance
from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import PAIR
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import for_losses, observed, tends
from verify.claims.checks.weak_steps import WeakStep, left_in_one_step, lowest
from verify.claims.claim import RECALLED, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.models.noisy_quadratic import draw_quadratic, equation_matrix, iterate_moments
from verify.running.families import bounded_polynomial
from verify.running.losses import Loss
from verify.running.numbers import PowerSeries, precision

Number = Any
LENGTH = 4
LAMBDA, TIME = sympy.symbols("lambda t")
NOISE = r"\sqrt{{{diffusion}}}\,\Sigma^{1/2}dW"


def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
    """The distance of the first two moments on a noisy quadratic at quarters of the time 1, the
    largest and the last, for h = 2^-5, 2^-6, ..."""
    draw = random.Random(settings.seed)
    world, start = draw_quadratic(draw), fmpq(draw.randint(2, 9), 4)
    found = []
    with precision(settings.digits):
        pull = arb(world.curvature)
        for j in range(5, 10):
            h = arb(1) / 2**j
            weight = says.number("weight", h=h) if "weight" in says.slots else h * 0
            drift = (weight * pull * 2 + 1) * pull
            matrix = equation_matrix(world, drift, says.number("diffusion", h=h))
            moments = iterate_moments(world, arb(start), h=h, beta=h * 0, weight=h * 0)
            every = islice(moments, 2 ** (j - 2), 2**j + 1, 2 ** (j - 2))
            flowed = (_flowed(matrix, arb(i) / 4, start) for i in range(1, 5))
            apart = [
                float(max(abs(a - b) for a, b in zip(left, right, strict=True)))
                for left, right in zip(every, flowed, strict=True)
            ]
            found.append((max(apart), apart[-1]))
    return found


def _flowed(matrix: list[list[Number]], time: arb, start: fmpq) -> list[arb]:
    """The first two moments of the equation from a point."""
    reached = (arb_mat(matrix) * time).exp() * arb_mat([[1], [start], [start**2]])
    return [reached[1, 0], reached[2, 0]]


def with_noise(says: Statement, power: int) -> Statement:
    """The statement with a diffusion of this power of h."""
    diffusion = Value(sympy.Rational(5, 7) * H**power)
    return Statement(says.type, says.text, {**says.slots, "diffusion": diffusion})


def weak_order() -> tuple[Check, ...]:
    """The equation of the slots is of the stated weak order, in one step and up to a time."""
    return (
        for_losses(
            "means after one step",
            lambda says, loss, draw: left_in_one_step(says, loss, draw) == says["order"].power + 1,
        ),
        observed("observed weak order", errors),
    )


@claim(
    "li2019.drift",
    catalogue="E20",
    where="second-order equation",
    printed=RECALLED,
)
def sgd_drift() -> Claim:
    r"""One step has the mean $x-h\nabla f$ and the second moment of its noise $h^2\Sigma$. Over the
    time $h$ the equation has the mean $x-h\nabla f-\frac{h^2}2\nabla^2f\,\nabla f+\frac{h^2}2
    \nabla^2f\,\nabla f$ and the variance $h^2\Sigma$, both up to $O(h^3)$; third moments are
    $O(h^3)$ on both sides. The term $F$ of the mean of $IGRM_s$ has no place here: $dW$ is taken
    before the step.
    """

    def by_engine() -> sympy.Expr:
        return H * modified_loss(gradient_descent, order=2).terms[PAIR].as_expr()

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"SGD on $f$ with independent batches, whose gradients have the covariance $\Sigma$, "
            r"is in the weak sense {order}-close, {when}, to $dX=-\nabla(f{+weight}\lVert\nabla f"
            rf"\rVert^2)\,dt+{NOISE}$, for {{losses}}.",
            {
                "weight": Value(H / 4),
                "diffusion": Value(H),
                "order": Order(2),
                "when": When.EVERY_STEP,
                "losses": Losses.EVERY,
            },
        ),
        checks=(on("weight", identical("B-series engine", by_engine)), *weak_order()),
    )


@claim("li2019.diffusion", catalogue="E20", where="second-order equation", printed=RECALLED)
def sgd_diffusion() -> Claim:
    r"""The variance of one step is $h^2\Sigma$, that of the equation over the time $h$ is $h$ times
    its diffusion, up to the change of $\Sigma$ and of the slope on the way: $h\Sigma$.
    """

    def single() -> sympy.Expr:
        return H**2 * autocovariance(WITH_REPLACEMENT, sympy.Integer(0)).subs(BETA, 0)

    def in_one_step(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2):
            step = WeakStep(says, bounded_polynomial(draw, dimension), draw)
            powers = set[int]()
            for i in range(dimension):
                for j in range(i + 1):
                    of_step = step.covariance(step.mean_of_step, i, j)
                    spread = step.noise[i] * step.noise[j]
                    if of_step != spread * says.number("single", h=step.h):
                        return False, "the step has another covariance"
                    powers.add(lowest(of_step - step.covariance(step.mean_of_equation, i, j)))
            if min(powers) != says["order"].power:
                return False, f"h^{min(powers)} is left"
        return True, "on random batches in one and two variables"

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"One step of SGD with independent batches, whose gradients have the covariance "
            r"$\Sigma$, has the covariance ${single}\,\Sigma$, and that of $dX=-\nabla f\,dt+"
            rf"{NOISE}$ over the time $h$ is the same to {{order}}.",
            {"diffusion": Value(H, "limit"), "single": Value(H**2), "order": Order(3)},
        ),
        checks=(
            on("single", identical("autocovariance without momentum", single)),
            exact("covariances after one step", Kind.SERIES, in_one_step),
        ),
    )


@claim("li2019.first-order", catalogue="E20", where="first-order equation", printed=RECALLED)
def first_order() -> Claim:
    r"""Without the regularizer the mean decays by $e^{-\lambda h}$ a step instead of $1-\lambda h$:
    after the time $t$ the iterates' mean is $1-h\lambda^2t/2+O(h^2)$ times the equation's. So the
    weak order is 1 and no better. At that order the noise itself does not show: it adds $h$ to the
    variance, as much as is neglected, and the gradient flow alone is of weak order 1 as well.
    """

    def any_noise(says: Statement, loss: Loss, draw: random.Random) -> bool:
        """A diffusion of the stated power of h does, and none of one power less."""
        wanted, power = says["order"].power + 1, says["scale"].power
        enough, too_much = (with_noise(says, p) for p in (power, power - 1))
        within = left_in_one_step(enough, loss, draw) == wanted
        return within and left_in_one_step(too_much, loss, draw) < wanted

    def in_powers(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, h = random.Random(settings.seed), PowerSeries.step(LENGTH)
        for k in range(1, 8):
            rate = draw_quadratic(draw).curvature
            decay = h * rate * k
            flowed = 1 - decay + decay * decay / 2 - decay * decay * decay / 6
            left = (1 - h * rate) ** k / flowed - 1
            found, given = left[2], {"t": fmpq(k), "lambda": rate}
            left = left - says.number("term", h=h, **given | {"t": h * k})
            equal = says.equals("term", found, h=fmpq(1), **given)
            if not equal or any(left[n] != 0 for n in range(3)):
                return False, f"wrong at h^2 after {k} steps"
        return True, "equal at the leading order after 1 ... 7 steps"

    def differences(says: Statement, settings: Settings) -> list[float]:
        found = []
        with precision(settings.digits):
            for j in range(5, 10):
                h, rate = arb(1) / 2**j, arb(9) / 8
                relative = (1 - h * rate) ** (2**j) / (-rate).exp() - 1
                term = says.number("term", h=h, t=arb(1), **{"lambda": rate})
                found.append(float(abs(relative - term)))
        return found

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"SGD on $f$ with independent batches, whose gradients have the covariance $\Sigma$, "
            r"is in the weak sense {order}-close, {when}, to $dX:=-\nabla f\,dt+\sqrt c\,"
            r"\Sigma^{1/2}dW$, for {losses} and for every diffusion $c$ that is {scale}; on a mode "
            r"of curvature $\lambda$ the mean is off after the time $t$ by the "
            r"fraction {term} and {error}.",
            {
                "term": Value(-H * LAMBDA**2 * TIME / 2),
                "scale": Order(1),
                "order": Order(1),
                "when": When.EVERY_STEP,
                "losses": Losses.EVERY,
                "error": Order(2),
            },
        ),
        checks=(
            exact("mean in powers of h", Kind.SERIES, in_powers),
            tends("order of what is left", differences),
            for_losses("means after one step, any noise", any_noise),
            observed(
                "observed weak order",
                lambda says, settings: errors(with_noise(says, says["scale"].power), settings),
            ),
        ),
    )
