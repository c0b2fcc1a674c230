"""Curvature and label noise of solvable networks: Cowsik, Can and Glorioso (2022), section 3.4 and
appendix D.

h is the paper's eta. The losses are s/(2P) times a sum of P squares, with labels off by epsilon
times unit noise in every step; s = 1 and s = 2 are the two usual normalizations, and the paper's
own was lost, with its equations, from the text that is at hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import sympy
from flint import arb, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.valleys.zero_loss_manifold import CURVATURE, effective_step, label_noise_slope
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.valleys import effective, pair_sum
from verify.claims.claim import LOST, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Choice, Value
from verify.claims.statement import Statement, Type
from verify.models.linear_networks import (
    Fitted,
    TwoLayers,
    exactly,
    squared,
    times,
    trace,
)
from verify.models.modes import heavy_ball_mode
from verify.running.numbers import BALL, evaluate, precision

EPSILON, MU, N, P, S = sympy.symbols("epsilon mu n P s")
D, A, T, U = sympy.symbols("d a t u")
UV_LOSS = r"the UV model with the loss $L:=\frac s{2P}\sum_a\lVert UVx_a/\sqrt n-y_a\rVert^2$"


class Where(Choice):
    """At which weights something holds."""

    VALLEY = "where every label is met"
    ANYWHERE = "at all weights"


def on_and_off(
    name: str,
    drawn: Callable[[random.Random], Fitted],
    equal: Callable[[Statement, Fitted, fmpq_mat], bool],
) -> Check:
    """The Hessian is as stated where it is stated: at minimizers, and away from them or not there.

    Args:
        equal: whether this Hessian of this network is what the statement says.
    """

    @lru_cache(maxsize=4)
    def networks(seed: int) -> list[tuple[Fitted, fmpq_mat]]:
        """Random ones with their Hessians away from a minimizer."""
        draw, found = random.Random(seed), list[tuple[Fitted, fmpq_mat]]()
        for _ in range(6):
            model = drawn(draw)
            noise = [fmpq(draw.randint(1, 9), 4) for _ in model.labels]
            found.append((model, model.hessian_off(noise)))
        return found

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        away = list[bool]()
        for model, off in networks(settings.seed):
            if not equal(says, model, model.hessian):
                return False, f"wrong at a minimizer for {model.samples} samples"
            away.append(equal(says, model, off))
        right = all(away) if says["where"] is Where.ANYWHERE else not all(away)
        return right, f"6 random networks; away from minimizers in {sum(away)} of them"

    return exact(name, Kind.ENUMERATION, holds)


def with_symbols(
    name: str,
    drawn: Callable[[random.Random], Fitted],
    difference: Callable[[Statement, Fitted, Symbolic], fmpq_mpoly],
) -> Check:
    """What is said minus what differentiation gives is 0 for all weights, and labels where it is
    said to hold for all."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(2):
            model = drawn(draw)
            written = Symbolic.of(model)
            left = difference(says, model, written)
            if says["where"] is Where.VALLEY:
                left = left.compose(*written.weights, *written.predicted)
            if left != 0:
                return False, f"another value for {model.samples} samples"
        return True, "two random networks with symbols for the weights"

    return exact(name, Kind.SYMBOLIC, holds)


@dataclass(frozen=True)
class Symbolic:
    """A network with symbols for its weights and labels, and its loss."""

    weights: list[fmpq_mpoly]
    labels: list[fmpq_mpoly]
    predicted: list[fmpq_mpoly]
    loss: fmpq_mpoly

    @classmethod
    def of(cls, model: Fitted) -> Symbolic:
        size, count = len(model.weights), len(model.labels)
        symbols = fmpq_mpoly_ctx.get([("w", size), ("y", count)]).gens()
        weights, labels = list(symbols[:size]), list(symbols[size:])
        predicted = model.predictions(weights)
        errors = [f - y for f, y in zip(predicted, labels, strict=True)]
        squares = sum((error**2 for error in errors), symbols[0] * 0)
        return cls(weights, labels, predicted, squares * fmpq(model.scale, 2 * model.samples))

    @property
    def trace(self) -> fmpq_mpoly:
        places = range(len(self.weights))
        return sum((self.loss.derivative(i).derivative(i) for i in places), self.loss * 0)

    @property
    def slopes(self) -> list[fmpq_mpoly]:
        """The derivatives of the loss by a weight and a label."""
        size, count = len(self.weights), len(self.labels)
        return [
            self.loss.derivative(i).derivative(size + a) for i in range(size) for a in range(count)
        ]


def covariance_with_symbols(says: Statement, model: Fitted, written: Symbolic) -> fmpq_mpoly:
    """The sum over the labels of the squared derivatives of the gradient, minus what is said."""
    told = says.number("factor", s=fmpq(model.scale), P=fmpq(model.samples))
    return sum((slope**2 for slope in written.slopes), -told * written.trace)


def covariance_is(says: Statement, model: Fitted, hessian: fmpq_mat) -> bool:
    """Whether the covariance over all labels of +-1 is the Hessian times what is said."""
    factor = says.number("factor", s=fmpq(model.scale), P=fmpq(model.samples))
    return model.noise_covariance == hessian * factor


@claim(
    "cowsik2022.label-noise-covariance",
    catalogue="B23",
    where="Definition 3.6",
    printed=LOST,
)
def label_noise_covariance() -> Claim:
    r"""The noise in the gradient is $-\frac{s\epsilon}P\sum_a\xi_a\nabla f_a$, of covariance
    $(\frac{s\epsilon}P)^2\sum_a\nabla f_a\nabla f_a^T$. Where the residuals vanish
    $H=\frac sP\sum_a\nabla f_a\nabla f_a^T$; elsewhere $H$ has another term.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"In {UV_LOSS} label noise of size $\epsilon$ gives the gradient, {{where}}, the "
            r"covariance $\sigma\sigma^T={factor}\,\epsilon^2H$.",
            {"factor": Value(S / P), "where": Where.VALLEY},
        ),
        checks=(
            on_and_off("all labels of +-1", TwoLayers.random, covariance_is),
            with_symbols("differentiated loss", TwoLayers.random, covariance_with_symbols),
        ),
    )


@claim(
    "cowsik2022.hessian-trace",
    catalogue="B24",
    where="Appendix D, equation (123)",
    printed=LOST,
)
def hessian_trace() -> Claim:
    r"""$f_a=UVx_a/\sqrt n$: the derivatives by $U$ give $\lVert Vx_a\rVert^2/n$ for each of the
    $d$ outputs, those by $V$ give $\lVert U\rVert_F^2\lVert x_a\rVert^2/n$; average over $a$,
    times $s$. The residuals enter through mixed derivatives by $U$ and $V$ only, which are not on
    the diagonal, so that the formula is not bound to the valley.
    """

    def equal(says: Statement, model: Fitted, hessian: fmpq_mat) -> bool:
        if not isinstance(model, TwoLayers):
            raise TypeError(type(model).__name__)
        with precision(30):
            values = {"s": arb(model.scale), **model.quantities()}
            left = evaluate(says.expr("value"), values, BALL) - arb(trace(hessian))
            return bool(left.contains(0))

    def difference(says: Statement, model: Fitted, written: Symbolic) -> fmpq_mpoly:
        if not isinstance(model, TwoLayers):
            raise TypeError(type(model).__name__)
        u, v = model.layers(written.weights)
        images = times(v, [list(column) for column in zip(*model.data, strict=True)])
        squares = {U: sympy.sqrt(U), MU: sympy.sqrt(MU)}
        values = {"s": fmpq(model.scale), "d": fmpq(model.shape.outputs)}
        values |= {"n": fmpq(model.shape.width), "t": squared(images) / model.samples}
        values |= {"u": squared(u), "mu": squared(model.data) / model.samples}
        return evaluate(says.expr("value").xreplace(squares), values) - written.trace

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"In {UV_LOSS}, with $d$ outputs, $t:=\mathrm{{Tr}}(V\Sigma_XV^T)$, "
            r"$u:=\lVert U\rVert_F$ and $\mu^2:=\mathrm{Tr}\,\Sigma_X$, {where} "
            r"$\mathrm{Tr}\,H={value}$.",
            {"value": Value(S * (D * T + MU**2 * U**2) / N), "where": Where.ANYWHERE},
        ),
        checks=(
            on_and_off("Hessian of random networks", TwoLayers.random, equal),
            with_symbols("differentiated loss", TwoLayers.random, difference),
        ),
    )


def drift_of(model: TwoLayers, h: fmpq, beta: fmpq) -> list[fmpq]:
    """The mean motion in a step under unit label noise, at a minimizer with one curvature L: it is
    along the valley, on which the Hessian over L projects to 0.

    -(h/(1-beta)) (pair sum)/2 times the curvature's gradient times Cov/H, from the network alone:
    the step matrix is solved, the trace of the Hessian is differenced, which is exact for what is
    quadratic in the weights.
    """
    curvature = trace(model.hessian)
    noise = trace(model.noise_covariance) / curvature
    both = pair_sum(heavy_ball_mode, h, beta, curvature, curvature)
    push = effective(heavy_ball_mode, h, beta) / 2 * both * curvature * noise

    def moved(i: int, by: int) -> fmpq:
        weights = [w + (by if i == j else 0) for j, w in enumerate(model.weights)]
        return trace(TwoLayers(weights, model.data, model.scale, model.shape).hessian)

    slope = fmpq_mat([[(moved(i, 1) - moved(i, -1)) / 2] for i in range(len(model.weights))])
    along = slope - model.hessian * slope * (1 / curvature)
    return [-push * entry for entry in along.entries()]


class ValleyCoordinate(Choice):
    """What is followed along the valley."""

    WEIGHTS = "$w$"
    NORM = r"$\lVert w\rVert^2$"


@claim("cowsik2022.prefactor", catalogue="B26", where="equation (10)", printed=LOST)
def prefactor() -> Claim:
    r"""The memory takes $a/(Ch^\gamma)$ steps ($a=1$; $a=2$ for the envelope of oscillations), $w$
    takes $2nP/(s^2\epsilon^2\mu^2)\,(Ch^\gamma/h)^2$ and its squared norm half as many: for
    $w$ they are equal at $\gamma=\frac23$ and $C^3=as^2\epsilon^2\mu^2/(2nP)$. Which of the two
    and which $a$ the paper takes cannot be told from the text that is at hand.
    """

    def derived() -> sympy.Expr:
        """a (1-beta)^2/h^2 times the derived rate of w, for small steps."""
        curvature = S * MU**2 / N
        slope = label_noise_slope(heavy_ball).subs(CURVATURE, 0)
        rate = S * EPSILON**2 / (2 * P) * effective_step(heavy_ball) ** 2 * slope * 2 * curvature
        return A * rate * (1 - BETA) ** 2 / H**2

    def equal_times(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, small = random.Random(settings.seed), fmpq(1, 2**40)
        for _ in range(5):
            model = TwoLayers.random(draw, vector=True)
            size, a = fmpq(draw.randint(1, 9), 8), fmpq(draw.randint(1, 2))
            variance = sum((x * x for row in model.data for x in row), fmpq(0)) / model.samples
            if not variance or not any(model.weights):
                continue
            ((power, root, noise),) = exactly([[a, variance, size]])
            values = {S: model.scale, N: model.shape.width, P: model.samples, A: power}
            roots = {MU: sympy.sqrt(root), EPSILON: noise}
            said = says.expr("cubed").subs(values | roots)
            if not said.is_Rational:
                return False, f"C^3 = {said}"
            cubed = fmpq(int(said.p), int(said.q))
            # h and 1 - beta = C h^(2/3), both rational
            h, rest = cubed * small**3, cubed * small**2
            drift = drift_of(model, h, 1 - rest)
            rates = [-(size**2) * d / w for d, w in zip(drift, model.weights, strict=True) if w]
            if says["followed"] is ValleyCoordinate.NORM:
                rates = [2 * rate for rate in rates]
            if not all(abs(rate * a / rest - 1) < small for rate in rates):
                return False, f"the times differ for {values}"
        return True, "the times are equal within 2^-40 at h = C^3 2^-120, 5 random networks"

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"In the vector UV model with the loss $L:=\frac s{2P}\sum_a(u\cdot v\,x_a/\sqrt n)^2$ "
            r"and label noise of size $\epsilon$ the memory's time $\tau:=a/(1-\beta)$ and the "
            r"time in which {followed} moves along the valley are equal, to leading order as $h$ "
            r"falls, for $\beta:=1-Ch^{2/3}$ with $C^3={cubed}$.",
            {
                "cubed": Value(A * (S * EPSILON * MU) ** 2 / (2 * N * P), "limit"),
                "followed": ValleyCoordinate.WEIGHTS,
            },
        ),
        checks=(
            exact("times of random networks", Kind.ENUMERATION, equal_times),
            on("cubed", identical("derived drift", derived)),
        ),
    )
