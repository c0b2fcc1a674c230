"""Drift along minimizers at finite step size and momentum, and what label noise then favours.

h is the step size; noise n in the gradient has covariance S; T is the third derivative of the loss,
P_L the projector on the tangent space of the minimizers, the kernel of the Hessian.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy
from flint import arb, fmpq

from derive import ema_momentum, heavy_ball
from derive.language.formula import BETA, H, Z
from derive.valleys.zero_loss_manifold import (
    CURVATURES,
    effective_step,
    kernel,
    label_noise_regularizer,
    label_noise_slope,
    matched_exponent,
)
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded, tends
from verify.claims.checks.valley_runs import label_noise_seen, mixed_seen, transverse_seen
from verify.claims.checks.valleys import (
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    effective,
    identical_slopes,
    label_noise_exactly,
    leading,
    leading_symbol,
    mixed_exactly,
    mixed_kernel,
    on_valleys,
    pair_sum,
)
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Order, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import ModeAt, ema_mode, heavy_ball_mode
from verify.running.numbers import evaluate, precision

Q = 1 - BETA
Z1, Z2 = sympy.symbols("z1 z2")
STABLE = Domain(
    (sympy.Gt(BETA, -1), sympy.Lt(BETA, 1), sympy.Gt(Z, 0), sympy.Lt(Z, 2 * (1 + BETA)))
)
"""Where a mode settles, z being h lambda."""
PAIR = Domain(
    (
        *FADING.bounds,
        *(bound for z in (Z1, Z2) for bound in (sympy.Gt(z, 0), sympy.Lt(z, 2 * (1 + BETA)))),
    )
)
SPREAD = (
    Q**2 * ((1 + BETA) * (LAMBDA1 + LAMBDA2) - H * LAMBDA1 * LAMBDA2)
    + BETA * H * (LAMBDA1 - LAMBDA2) ** 2
)
WHERE = "equation (6), at finite learning rate and momentum"


def transverse_exactly(h: fmpq, beta: fmpq, first: fmpq, second: fmpq) -> fmpq:
    e = effective(heavy_ball_mode, h, beta)
    return -e / 2 * pair_sum(heavy_ball_mode, h, beta, first, second)


def after_a_kick(
    holds: Callable[[Statement, fmpq, fmpq, list[fmpq]], bool], mode: ModeAt = heavy_ball_mode
) -> Check:
    """What the statement says of these curvatures holds where the modes settle, and only there."""

    def judged(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta = fmpq(random.Random(settings.seed).randint(2, 9), 7), point["beta"]
        curvatures = [z / h for name, z in point.items() if name[0] == "z"]
        settles = all(mode(h, beta, curvature).settles for curvature in curvatures)
        return settles and holds(says, h, beta, curvatures)

    return bounded("sum over the steps after a kick", judged, kind=Kind.ENUMERATION)


@claim("undertow.valley-mixed-drift", catalogue="B17", where=WHERE, printed=OURS)
def mixed_drift() -> Claim:
    r"""After a kick a flat mode stands at $-h(1-\beta^k)/(1-\beta)$ and a curved one at $-hg_k$,
    with $g_1+g_2z+\dots=1/(1-(1+\beta-h\lambda)z+\beta z^2)$. Each step feels the gradient
    $\frac12T[y,y]$, whose tangent part moves the limit by $-h/(1-\beta)$ of it. The sum over $k$ of
    the products is a value of the generating function at $z=1$ minus one at $z=\beta$:
    $\frac{h^2}{1-\beta}\left(\frac1{h\lambda}-\frac\beta{(1-\beta)^2(1+\beta)+\beta
    h\lambda}\right)$.
    """

    def holds(says: Statement, h: fmpq, beta: fmpq, curvatures: list[fmpq]) -> bool:
        stated = says.number("factor", h=h, beta=beta, **{"lambda": curvatures[0]})
        return bool(stated == mixed_exactly(h, beta, fmpq(0), curvatures[0]))

    expr = -(H**2) * (1 + BETA) / (LAMBDA * (Q**2 * (1 + BETA) + BETA * H * LAMBDA))
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In a step, noise of covariance $S$ that couples a curved mode $\lambda$ with the "
            r"valley moves the limit of heavy ball along the valley by "
            r"${factor}\,P_L\nabla^3L[S_{TL}]$ in the mean, for {domain}, $z:=h\lambda$.",
            {"factor": Value(expr), "domain": STABLE},
        ),
        checks=(
            on("factor", identical("series of the declared step", mixed_kernel)),
            after_a_kick(holds),
            on("factor", on_valleys("limits of the iteration, differenced twice", mixed_seen)),
        ),
    )


@claim("undertow.valley-transverse-drift", catalogue="B17", where=WHERE, printed=OURS)
def transverse_drift() -> Claim:
    r"""As for the mixed term: $-h/(1-\beta)$ times half the sum over the steps of the product of
    two curved modes after one kick. That sum times the covariance of the kicks is the stationary
    covariance of the position.
    """

    def derived() -> sympy.Expr:
        chosen = dict(zip(CURVATURES, (LAMBDA1, LAMBDA2), strict=True))
        return (-effective_step(heavy_ball) * kernel(heavy_ball) / 2).subs(chosen)

    def holds(says: Statement, h: fmpq, beta: fmpq, curvatures: list[fmpq]) -> bool:
        named = dict(zip(("lambda1", "lambda2"), curvatures, strict=True))
        stated = says.number("factor", h=h, beta=beta, **named)
        return bool(stated == transverse_exactly(h, beta, *curvatures))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In a step, noise of covariance $S$ between the curved modes $\lambda_1$ and "
            r"$\lambda_2$ moves the limit of heavy ball along the valley by "
            r"${factor}\,P_L\nabla^3L[S_{TT}]$ in the mean, for {domain}, $z_i:=h\lambda_i$.",
            {"factor": Value(-(H**2) * (1 + BETA) / (2 * SPREAD)), "domain": PAIR},
        ),
        checks=(
            on("factor", identical("series of the declared step", derived)),
            after_a_kick(holds),
            on("factor", on_valleys("limits of the iteration, differenced twice", transverse_seen)),
        ),
    )


@claim(
    "undertow.label-noise-regularizer",
    catalogue="B22 E24",
    where="equation (7), exactly",
    printed=OURS,
)
def regularizer() -> Claim:
    r"""On a mode the stationary covariance under $S=cH$ is
    $ch(1+\beta)/((1-\beta)(2(1+\beta)-h\lambda))$: the drift is $-\frac
    c2(h/(1-\beta))^2P_LT[r'(H)]$ with $r'=(1+\beta)/(2(1+\beta)-h\lambda)$, and
    $T[r'(H)]=\nabla\mathrm{tr}\,r(H)$. $\beta=0$ gives the regularizer of label noise SGD; for
    $h\to0$, $r=\lambda/2$.
    """

    def holds(says: Statement, h: fmpq, beta: fmpq, curvatures: list[fmpq]) -> bool:
        slope = sympy.diff(says.expr("part"), LAMBDA)
        if slope.has(sympy.log):
            return False
        pull = evaluate(slope, {"h": h, "beta": beta, "lambda": curvatures[0]})
        drift = says.number("speed", h=h, beta=beta) * pull
        return bool(drift == label_noise_exactly(heavy_ball_mode, h, beta, curvatures[0]))

    logarithm = sympy.log(1 - H * LAMBDA / (2 * (1 + BETA)))
    expr = sympy.Mul(-1, 1 + BETA, logarithm, 1 / H, evaluate=False)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Under label noise of covariance $cH$ the limit of heavy ball moves in a step by "
            r"${speed}\,c\,P_L\nabla R$ in the mean, $R$ being the sum over the curvatures of "
            r"{part}, for {domain}, $z:=h\lambda$.",
            {"speed": Value(-((H / Q) ** 2) / 2), "part": Value(expr), "domain": STABLE},
        ),
        checks=(
            on("part", identical_slopes(lambda: label_noise_regularizer(heavy_ball))),
            after_a_kick(holds),
            on(
                "part",
                on_valleys("limits of the iteration, kicks of covariance H", label_noise_seen),
            ),
        ),
    )


D, A, B, C = sympy.symbols("d a b c")


def crossing(h: fmpq, fast: tuple[int, int], slow: tuple[int, int]) -> arb:
    """log(1-beta)/log h where h^a (1-beta)^b is the same for both, by halving intervals."""
    logs = arb(h).log()
    low, high = arb(0), arb(20)
    for _ in range(60):
        middle = (low + high) / 2
        rest = (middle * logs).exp()
        first, second = (arb(h) ** a * rest**b for a, b in (fast, slow))
        low, high = (middle, high) if first < second else (low, middle)
    return (low + high) / 2


@claim("undertow.matching-exponent", catalogue="B20", where="any two timescales", printed=OURS)
def general_matching_exponent() -> Claim:
    r"""$a+b\gamma=c+d\gamma$. For heavy ball near minimizers $(a,b)=(0,-1)$ and $(c,d)=(-2,2)$."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        with precision(30):
            for _ in range(8):
                c, b = -draw.randint(3, 5), -draw.randint(1, 3)
                a, d = c + draw.randint(1, 5), draw.randint(-1, 3) if b < -1 else draw.randint(0, 3)
                point = {"a": fmpq(a), "b": fmpq(b), "c": fmpq(c), "d": fmpq(d)}
                said = arb(says.number("exponent", **point))
                if not abs(crossing(fmpq(1, 1000), (a, b), (c, d)) - said) < arb("1e-12"):
                    return False, f"wrong at {point}"
        return True, "where the times cross, by bisection, at 8 random powers"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The times $h^a\mu^b$ and $h^c\mu^d$, $\mu:=1-\beta$, are the same along "
            r"$\mu:=h^\gamma$ with $\gamma={exponent}$.",
            {"exponent": Value((A - C) / (D - B))},
        ),
        checks=(
            on("exponent", identical("solved for gamma", lambda: matched_exponent((A, B), (C, D)))),
            exact("times compared by bisection", Kind.ENUMERATION, holds),
        ),
    )


@claim(
    "undertow.label-noise-drift-ema",
    catalogue="E22",
    where="label noise at fixed h/(1-beta)",
    printed=OURS,
)
def label_noise_drift_of_averages() -> Claim:
    r"""An average of gradients with step $h$ is heavy ball with step $(1-\beta)h$, whose effective
    step is $h$: the drift $h^2/4$ does not depend on $\beta$ to leading order. Momentum speeds the
    motion along the valley up at fixed learning rate of heavy ball, not at fixed effective step.
    """

    def exactly(h: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
        return label_noise_exactly(ema_mode, h, beta, curvature)

    def differences(says: Statement, settings: Settings) -> list[float]:
        draw = random.Random(settings.seed)
        beta, curvature = fmpq(draw.randint(1, 9), 10), fmpq(draw.randint(1, 9), 4)
        found = []
        for j in range(6, 12):
            h = fmpq(1, 2**j)
            gap = exactly(h, beta, curvature) - says.number("limit", h=h, beta=beta)
            found.append(int(gap.p) / int(gap.q))
        return found

    def fixed(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta, curvature = fmpq(1, 2**160), point["beta"], fmpq(3, 4)
        settles = ema_mode(h, beta, curvature).settles
        ratio = says.number("limit", h=h, beta=beta) / exactly(h, beta, curvature)
        return settles and abs(ratio - 1) < fmpq(1, 2**80)

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With momentum as an exponential average of gradients, label noise of covariance $cH$ "
            r"moves the limit in a step by ${limit}\,c\,P_L\nabla\mathrm{Tr}H$ and {error} in the "
            r"mean, as $h$ falls, for fixed {domain}; also where $\beta$ tends to one with a power "
            r"of $h$, the first term is the leading one.",
            {"limit": Value(-(H**2) / 4, "limit"), "error": Order(3), "domain": FADING},
        ),
        checks=(
            on(
                "limit",
                leading_symbol(
                    lambda: (
                        -(effective_step(ema_momentum) ** 2) / 2 * label_noise_slope(ema_momentum)
                    )
                ),
            ),
            on("limit", leading(lambda h, beta, _, c: exactly(h, beta, c), gammas=(0, 1, 2, 3))),
            tends("what is left", differences),
            bounded("tiny steps", fixed, kind=Kind.ENUMERATION),
        ),
    )
