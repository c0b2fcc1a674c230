"""Slow time, matched momentum and the vector UV model: Cowsik, Can and Glorioso (2022), section 3.

Units: h is the paper's eta. The losses are s/(2P) times a sum of P squares, with labels off by
epsilon times unit noise in every step; s = 1 and s = 2 are the two usual normalizations, and the
paper's own was lost from the text that is at hand.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

import sympy
from flint import arb, fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.valleys.zero_loss_manifold import (
    CURVATURE,
    effective_step,
    label_noise_slope,
    matched_exponent,
    powers,
)
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.scaling import ScalingPoint, along, to_leading_order
from verify.claims.checks.valleys import label_noise_exactly
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Domain, Value
from verify.claims.statement import Statement, Type
from verify.models.linear_networks import TwoLayers, trace
from verify.models.modes import heavy_ball_mode
from verify.papers.cowsik2022.networks import drift_of
from verify.running.numbers import evaluate, precision
from verify.simulations.label_noise import NoisyLayers, drift_rate, sweep

C, EPSILON, GAMMA, MU, N, P, S, W = sympy.symbols("C epsilon gamma mu n P s W")
Q = 1 - BETA
TRACE = S * MU**2 * W**2 / N
RATE = (S * EPSILON * MU) ** 2 / (2 * N * P) * (H / Q) ** 2


@claim("cowsik2022.drift-time", catalogue="B19", where="section 3.3", printed=LOST)
def drift_time() -> Claim:
    r"""The drift in one step is the noise times $(h/(1-\beta))^2/4$ to leading order, and
    $1-\beta=Ch^\gamma$: the motion takes of the order of $\epsilon^{-2}C^2h^{2\gamma-2}$ steps.
    """

    def added_up(says: Statement, place: ScalingPoint) -> arb:
        small = fmpq(1, 7)
        mean = small**2 * label_noise_exactly(heavy_ball_mode, place.h, place.beta, place.first)
        steps = place.stated(says, "limit", epsilon=small)
        return steps * arb(mean) / place.stated(says, "share")

    def derived() -> sympy.Expr:
        of_step, of_rest = powers(effective_step(heavy_ball) ** -2)
        return H ** (of_step + GAMMA * of_rest) * C**of_rest / EPSILON**2

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"Along $\beta:=1-Ch^\gamma$ for {domain}, as $h$ falls, the mean motion along the "
            r"valley under label noise of covariance $\epsilon^2H$ adds up to "
            r"${share}\,P_L\nabla\mathrm{Tr}H$ in ${limit}$ steps to leading order; relative to "
            r"it, what is left falls like $h^p$ with $p={rate}$.",
            {
                "limit": Value(C**2 * H ** (2 * GAMMA - 2) / EPSILON**2, "limit"),
                "share": Value(-sympy.Rational(1, 4)),
                "domain": Domain((sympy.Ge(GAMMA, 0),)),
                "rate": Value(sympy.Integer(1), "rate"),
            },
        ),
        checks=(
            on("limit", identical("powers of the squared effective step", derived)),
            to_leading_order("sum over the steps after a kick", added_up, rate="rate"),
        ),
    )


@claim(
    "cowsik2022.matching-exponent",
    catalogue="B20",
    where="abstract, section 3.3 and section 4.1",
    printed=second_hand(
        r"abstract R: $1-\beta\propto\eta^{2/3}$ optimal", "cowsik2022, abstract, as quoted to us"
    ),
)
def matching_exponent() -> Claim:
    r"""The memory fades in $1/(1-\beta)\sim h^{-\gamma}$ steps, the drift takes $h^{2\gamma-2}$:
    equal at $\gamma=\frac23$. The third time, $(1-\beta)/(h\lambda)\sim h^{\gamma-1}$ across the
    valley for $\gamma<\frac12$, is shorter than the drift's for every $\gamma<1$, so that the
    largest of the three is least there. Best means best at settling: the time of first passage
    does not grow again for smaller $1-\beta$, where the weights pass the flattest minimizer and
    come back.
    """

    def slope(quarters: int, *, drift: bool) -> arb:
        """The power of 1/h with which a time grows, from two tiny steps."""
        logs = []
        for halvings in (1000, 1004):
            place = along(fmpq(quarters, 4), halvings, random.Random(0))
            e = label_noise_exactly(heavy_ball_mode, place.h, place.beta, place.first)
            time = 1 / abs(e) if drift else 1 / (1 - place.beta)
            logs.append(arb(time).log() / arb(2).log())
        return (logs[1] - logs[0]) / 4

    def least(says: Statement, settings: Settings) -> Evidence:
        """Both times are powers of h; where the falling one meets the rising one, the longer one
        has the least power."""
        with precision(700):
            rows = [[slope(q, drift=d) for q in range(1, 4)] for d in (True, False)]
            turns = [[4 * (b - a) for a, b in pairwise(row)] for row in rows]
            small = arb(10) ** -60
            straight = all(abs(a - b) < small for a, b in turns)
            told = [
                abs(row[q - 1] - arb(says.number(slot, gamma=fmpq(q, 4)))) < small
                for slot, row in zip(("before", "after"), rows, strict=True)
                for q in range(1, 4)
            ]
            if not (straight and all(told) and turns[0][0] < 0 < turns[1][0]):
                return Evidence(False, "the times have other powers")
            met = arb(1) / 4 + (rows[0][0] - rows[1][0]) / (turns[1][0] - turns[0][0])
            gap = met - arb(says.number("exponent"))
            return Evidence(bool(abs(gap) < small), f"they meet at {met.str(12, radius=False)}")

    def swept(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found = sweep((0.1, 0.01), replicas=400, seed=settings.seed).exponent
        inside = found.contains(float(candidate))
        return Evidence(inside, f"best 1-beta ~ h^({found}) in training with label noise")

    def derived() -> sympy.Expr:
        return matched_exponent(powers(1 / Q), powers(effective_step(heavy_ball) ** -2))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Along $\beta:=1-Ch^\gamma$, as $h$ falls, the longer one of the memory's time and of "
            r"the time in which label noise moves the limit along the valley grows like $h^{-p}$ "
            r"and slowest for $\gamma={exponent}$, with $p={before}$ up to there and $p={after}$ "
            r"from there on.",
            {
                "exponent": Value(sympy.Rational(2, 3)),
                "before": Value(2 - 2 * GAMMA),
                "after": Value(GAMMA),
            },
        ),
        checks=(
            on("exponent", identical("exponent at which the derived times meet", derived)),
            Check("exact times at tiny steps", Kind.BALL, least),
            on("exponent", Check("sweep of momenta in training", Kind.SIMULATION, swept)),
        ),
    )


@claim("cowsik2022.uv-drift", catalogue="B25", where="equations (9) and (126)", printed=LOST)
def uv_drift() -> Claim:
    r"""$H$ has the one curvature $\lambda=\mathrm{Tr}H=s\mu^2|w|^2/n$, whose gradient
    $2s\mu^2w/n$ is tangent to $u\cdot v=0$. With covariance $(s/P)\epsilon^2H$ the drift is
    $-(s\epsilon^2/(2P))(h/(1-\beta))^2r'(\lambda)$ times that,
    $r'=(1+\beta)/(2(1+\beta)-h\lambda)$. As $h\to0$ the last denominator is 1.
    """

    def derived() -> sympy.Expr:
        slope = label_noise_slope(heavy_ball).subs(CURVATURE, TRACE)
        force = slope * 2 * S * MU**2 / N
        return S * EPSILON**2 / (2 * P) * effective_step(heavy_ball) ** 2 * force

    @cache
    def networks(seed: int) -> list[tuple[dict[str, fmpq], TwoLayers, list[fmpq]]]:
        """Numbers, a network at a minimizer and its mean motion under unit label noise."""
        draw, made = random.Random(seed), list[tuple[dict[str, fmpq], TwoLayers, list[fmpq]]]()
        while len(made) < 6:
            model = TwoLayers.random(draw, vector=True)
            inputs = sum((x * x for row in model.data for x in row), fmpq(0))
            size = sum((w * w for w in model.weights), fmpq(0))
            beta, epsilon = fmpq(draw.randint(1, 9), 10), fmpq(draw.randint(1, 9), 8)
            if not (inputs and size):
                continue
            h = fmpq(draw.randint(1, 9), 10) / trace(model.hessian)
            values = {"h": h, "beta": beta, "epsilon": epsilon, "s": fmpq(model.scale)}
            values |= {"n": fmpq(model.shape.width), "P": fmpq(model.samples)}
            squares = {"mu**2": inputs / model.samples, "W**2": size}
            made.append((values | squares, model, drift_of(model, h, beta)))
        return made

    def moved(says: Statement, settings: Settings) -> tuple[bool, str]:
        rate = says.expr("rate").xreplace({r**2: sympy.Symbol(str(r**2)) for r in (MU, W)})
        for values, model, drift in networks(settings.seed):
            told = evaluate(rate, values) / values["epsilon"] ** 2
            if any(d != -told * w for d, w in zip(drift, model.weights, strict=True)):
                return False, f"another rate at beta = {values['beta']}, n = {values['n']}"
        return True, "6 random networks at minimizers, exactly"

    def trained(candidate: sympy.Expr, settings: Settings) -> Evidence:
        inputs, shown = (1.0, 0.5, 2.0), []
        for s, h, beta in ((1, 0.5, 0.5), (2, 0.1, 0.8)):
            network = NoisyLayers(4, inputs, scale=s, epsilon=0.01)
            measured = drift_rate(
                network, h=h, beta=beta, steps=200, replicas=1500, seed=settings.seed
            )
            values = {"s": s, "h": h, "beta": beta, "n": 4, "P": 3, "epsilon": 0.01}
            values |= {"mu": network.variance**0.5, "W": 8**0.5}
            said = float(candidate.subs(values))
            shown.append(f"{measured} against {said:.5g}")
            if not measured.contains(said, slack=0.01):
                return Evidence(False, shown[-1])
        return Evidence(True, "; ".join(shown))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In the vector UV model with the loss $L:=\frac s{2P}\sum_a(u\cdot v\,x_a/\sqrt n)^2$ "
            r"and label noise of size $\epsilon$, $x_a$ of mean square $\mu^2$, a step of momentum "
            r"SGD moves the limit along the valley by $\Delta w=-{rate}\,w$ in the mean, where "
            r"$w:=(u,v)$ and $W:=\lVert w\rVert$.",
            {"rate": Value(RATE / (1 - H * TRACE / (2 * (1 + BETA))))},
        ),
        checks=(
            on("rate", identical("derived slope at the trace", derived)),
            exact("sum over the steps after a kick", Kind.ENUMERATION, moved),
            on("rate", Check("training with label noise", Kind.SIMULATION, trained)),
        ),
    )
