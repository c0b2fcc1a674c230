"""How small a start finds the l1 minimizer, at depth 2 and beyond: Gunasekar's slides (2023)."""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy
from flint import arb

from derive.language.formula import Formula
from derive.networks.potentials import (
    ALPHA,
    DEPTH,
    THETA,
    deep_kernel_limit,
    deep_rich_limit,
    sufficient_start,
)
from verify.claims.checks.mirror_maps import ball, drawn_ball, structurally
from verify.claims.checks.potentials import DEPTHS, at_depth
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import precision

POSITIVE = (sympy.Gt(ALPHA, 0, evaluate=False),)
DEEP = (sympy.Ge(DEPTH, 3), *POSITIVE)


def position(s: arb, depth: int) -> arb:
    """theta/alpha^D at the dual position s: the weights are alpha (1 -+ s)^(-1/(D-2))."""
    root = arb(1) / (depth - 2)
    return (1 - s) ** (-depth * root) - (1 + s) ** (-depth * root)


def potential(s: arb, depth: int) -> arb:
    """q_D there: s times the position minus the integral of the position."""
    power = -2 * (arb(1) / (depth - 2))
    integral = ((1 - s) ** power + (1 + s) ** power - 2) * (depth - 2) / 2
    return s * position(s, depth) - integral


def over_ten_decades(
    name: str,
    powers: range,
    near: Callable[[arb, arb, int], arb],
    bound: Callable[[arb, arb, int], arb],
) -> Check:
    """|Q - candidate| is at most the bound, at alpha near 10^p for p in `powers`, D = 3, 4, 5.

    The point is chosen by s and theta, and alpha computed from them, so that nothing is inverted.

    Args:
        near: a dual position s from theta, 10^p and D.
        bound: from theta, alpha and D.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw, closest = random.Random(settings.seed), arb(0)
        with precision(max(settings.digits, 50) + 260):
            for depth in DEPTHS[:3]:
                for power in powers:
                    theta = drawn_ball(draw, 4, 40)
                    s = near(theta, arb(10) ** power, depth)
                    alpha = (theta / position(s, depth)) ** (arb(1) / depth)
                    found = ball(at_depth(candidate, depth), {"theta": theta, "alpha": alpha})
                    gap = abs(alpha**depth * potential(s, depth) - found)
                    limit = bound(theta, alpha, depth)
                    if gap > limit or not gap.is_finite():
                        at = f"alpha = {float(alpha):.1e}, D = {depth}"
                        return Evidence(False, f"error {gap.str(3, radius=False)} at {at}")
                    if not gap <= limit:
                        return Evidence(None, f"undecided at 10^{power}, D = {depth}")
                    closest = max(closest, gap / limit, key=float)
        return Evidence(True, f"at most {float(closest):.4f} of the bound, ten decades, 3 depths")

    return Check(name, Kind.BALL, judge)


@claim("gunasekar2023.deep-rich-limit", catalogue="C22", where="sparse recovery, higher depth")
def rich_limit_of_depth() -> Claim:
    """z = h(s) for s near 1: s = 1 - z^(-(D-2)/D) + ..., integrated from 0 with the constant of the
    closed form. h(s) ≤ (1-s)^(-D/(D-2)) and s < 1 give z - (D/2)z^(2/D) ≤ q_D(z) ≤ z for all z ≥ 0.
    No factor stands before |θ|, unlike the log(1/α²) of depth 2.
    """
    constant = (DEPTH - 2) * (1 - 2 ** (-DEPTH / (DEPTH - 2)))
    expr = THETA - DEPTH / 2 * ALPHA ** (DEPTH - 2) * THETA ** (2 / DEPTH) + constant * ALPHA**DEPTH

    def near(theta: arb, alpha: arb, depth: int) -> arb:
        return 1 - (alpha / theta ** (arb(1) / depth)) ** (depth - 2)

    def bound(theta: arb, alpha: arb, depth: int) -> arb:
        return alpha ** (2 * depth - 2) * theta ** (arb(2) / depth - 1)

    def by_limit() -> sympy.Expr:
        z = sympy.Symbol("z", positive=True)
        first, *others = sympy.Add.make_args(deep_rich_limit(z))
        terms = (term.as_independent(z) for term in (first, *others))
        return sympy.Add(
            *(
                c * ALPHA ** sympy.expand(DEPTH - DEPTH * e) * THETA**e
                for c, e in ((c, _power_of(rest, z)) for c, rest in terms)
            )
        )

    return Claim(
        statement=(
            r"As $\alpha\to0$ the potential of $w_+^D-w_-^D$, $D \ge 3$, is, per coordinate with "
            r"$\theta > 0$ and up to $\alpha^{2D-2}\theta^{2/D-1}$, {formula}."
        ),
        printed=Formula("deepRichLimit", expr, given=(*DEEP, sympy.Gt(THETA, 0))),
        checks=(
            structurally("expansion in the large", by_limit),
            over_ten_decades("ten decades of alpha", range(-10, 0), near, bound),
        ),
        expected=Verdict.CONFIRMED,
    )


def _power_of(expr: sympy.Expr, z: sympy.Symbol) -> sympy.Expr:
    return sympy.Integer(0) if expr == 1 else expr.as_base_exp()[1]


@claim("gunasekar2023.deep-kernel-limit", catalogue="C22", where="sparse recovery, higher depth")
def kernel_limit_of_depth() -> Claim:
    """h(s) = 2ps + p(p+1)(p+2)s³/3 + ... with p = D/(D-2), so q_D(z) = z²/(4p) up to a multiple of
    z⁴, which is (p+1)(p+2)/(192p³) to lowest order.
    """

    def near(theta: arb, alpha: arb, depth: int) -> arb:
        return theta * (depth - 2) / (2 * depth * alpha**depth)

    def bound(theta: arb, alpha: arb, depth: int) -> arb:
        p = arb(depth) / (depth - 2)
        return (p + 1) * (p + 2) / (192 * p**3) * theta**4 / alpha ** (3 * depth)

    return Claim(
        statement=(
            r"As $\alpha\to\infty$ the potential of $w_+^D-w_-^D$, $D \ge 3$, is, per coordinate "
            r"and up to $O(\theta^4/\alpha^{3D})$, {formula}."
        ),
        printed=Formula(
            "deepKernelLimit", (DEPTH - 2) * THETA**2 / (4 * DEPTH * ALPHA**DEPTH), given=DEEP
        ),
        checks=(
            structurally(
                "expansion in the small",
                lambda: ALPHA**DEPTH * deep_kernel_limit(THETA / ALPHA**DEPTH),
            ),
            over_ten_decades("ten decades of alpha", range(1, 11), near, bound),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$4D\alpha^DQ/(D-2)$ tends to $\lVert\theta\rVert_2^2$; at depth 2 the factor is "
            r"$4\alpha^2$."
        ),
    )


def nearly_tied(delta: arb, depth: int) -> tuple[arb, arb]:
    """alpha and the relative excess of the l1 norm on X = (1, 1 - delta), y = 1.

    The smallest l1 norm is 1, at (1, 0). The dual position of the first coordinate is 1 - delta at
    depth D >= 3, and the pull 1/delta at depth 2.
    """
    ratio = 1 - delta
    if depth == 2:
        first, second = (2 * (x / delta).sinh() for x in (arb(1), ratio))
    else:
        first, second = (position(s, depth) for s in (1 - delta, ratio * (1 - delta)))
    unit = 1 / (first + ratio * second)
    return unit ** (arb(1) / depth), delta * second * unit


def excess_slope(depth: int, candidate: sympy.Expr) -> Evidence:
    """log of the excess against log alpha (depth 2: log log 1/alpha) between two tiny deltas."""
    wanted = ball(at_depth(candidate, depth), {})
    ends = [nearly_tied(arb(10) ** -power, depth) for power in (5, 7)]
    if depth == 2:
        sizes = [(-alpha.log()).log() for alpha, _ in ends]
        slope = (sizes[1] - sizes[0]) / (ends[1][1].log() - ends[0][1].log())
    else:
        sizes = [alpha.log() for alpha, _ in ends]
        slope = (ends[1][1].log() - ends[0][1].log()) / (sizes[1] - sizes[0])
    figure = f"slope {float(slope):.4f} at depth {depth}"
    return Evidence(bool(abs(slope - wanted) < arb(1) / 100), figure)


def slope_at(depths: tuple[int, ...], *, refutes: bool = False) -> Check:
    """The excess on the nearly tied instances has the claimed exponent."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits + 40):
            found = [excess_slope(depth, candidate) for depth in depths]
        failed = [evidence for evidence in found if not evidence.passed]
        return (failed or found)[0]

    return Check("excess on two nearly tied coordinates", Kind.ORDER, judge, refutes)


def random_excess(draw: random.Random, alpha: arb, depth: int, dimension: int) -> arb:
    """The relative excess over the smallest l1 norm on a random row, y = 1, from this alpha.

    On a row of positive entries with largest entry x_1 the smallest l1 norm is 1/x_1. The dual
    variable solves a monotone equation, by bisection on 1 - s in powers of 2.
    """
    row = sorted((drawn_ball(draw, 1, 8) for _ in range(dimension)), key=float, reverse=True)
    row = [x / row[0] for x in row]
    unit = alpha**depth

    def weights(level: arb) -> list[arb]:
        if depth == 2:
            return [2 * unit * (x * level).sinh() for x in row]
        s = 1 - (-level).exp()
        return [unit * position(s * x, depth) for x in row]

    low, high = arb(0), arb(10) ** 6
    for _ in range(200):
        middle = ((low + high) / 2).mid()
        total = sum((x * w for x, w in zip(row, weights(middle), strict=True)), arb(0))
        low, high = (middle, high) if total < 1 else (low, middle)
    return sum(weights(low), arb(0)) - 1


def sufficient(depths: tuple[int, ...], alpha: Callable[[arb, sympy.Expr, int, int], arb]) -> Check:
    """From alpha(epsilon, candidate, d, D) the excess is at most epsilon, on random rows."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw, closest = random.Random(settings.seed), arb(0)
        with precision(settings.digits + 80):
            for depth in depths:
                for epsilon in (arb(1) / 2, arb(1) / 20, arb(1) / 300):
                    for dimension in (2, 5):
                        start = alpha(epsilon, at_depth(candidate, depth), dimension, depth)
                        excess = random_excess(draw, start, depth, dimension)
                        if not excess <= epsilon:
                            at = f"epsilon = {float(epsilon):.4f}, D = {depth}"
                            return Evidence(False, f"excess {excess.str(4)} at {at}")
                        closest = max(closest, excess / epsilon, key=float)
        return Evidence(True, f"excess at most {float(closest):.3f} epsilon")

    return Check("excess on random rows", Kind.BALL, judge)


@claim("gunasekar2023.small-start", catalogue="C09", where="sparse recovery, problem 1")
def small_start() -> Claim:
    """Let M be the smallest l1 norm, N the interpolator's, A = α². q is convex with q(0) = 0, so
    d A q(N/(dA)) ≤ ΣA q(|θ_i|/A) ≤ A q(M/A). With z log z - z ≤ q(z) ≤ z log z this gives
    N ≤ (1+ε)M for α ≤ √(M/d) (ed)^(-1/(2ε)): exp(-O(1/ε)) is enough. It is needed: on X = (1, 1-δ),
    y = 1 with δ = 1/log(1/α²) the interpolator has N - M near 1/(e log(1/α²)).
    """

    def alpha(epsilon: arb, exponent: sympy.Expr, dimension: int, depth: int) -> arb:
        rate = (arb(dimension).log() + 1) / 2 * epsilon ** ball(exponent, {})
        return (-rate).exp() / arb(dimension).sqrt()

    def derived() -> sympy.Expr:
        """The power of epsilon in -log of the start that is enough."""
        epsilon = sympy.Symbol("epsilon", positive=True)
        start = sufficient_start(epsilon, sympy.Integer(1), sympy.Integer(2), depth=2)
        rate = sympy.expand_log(-sympy.log(start), force=True)
        return sympy.limit(epsilon * sympy.diff(rate, epsilon) / rate, epsilon, 0)

    return Claim(
        statement=(
            r"At depth 2 a start $\alpha$ for which $\lVert\theta\rVert_1$ is at most $1+\epsilon$ "
            r"times the smallest on every data set has $\log(1/\alpha)$ of the order "
            r"$\epsilon^p$, with $p$ equal to {formula}."
        ),
        printed=Formula("smallStartPrinted", sympy.Integer(1), given=()),
        right=Formula("smallStart", sympy.Integer(-1), given=()),
        checks=(
            structurally("exponent of the sufficient start", derived, refutes=True),
            slope_at((2,), refutes=True),
            sufficient((2,), alpha),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"Enough is $\alpha \le \sqrt{M/d}\,(ed)^{-1/(2\epsilon)}$, $M$ the smallest $\ell_1$ "
            "norm, for every data set with $d$ coordinates and every common start."
        ),
        because=(
            r"$\exp(-\tilde O(\epsilon))$ tends to 1 with $\epsilon$; it must be "
            r"$\exp(-\tilde O(1/\epsilon))$."
        ),
        counterexample=(
            r"$y = 1$: on $X = (1, 1/2)$ from $\alpha = e^{-1/300}$ the norm is $1.197$ times the "
            r"smallest, on $X = (1, 0.99)$ it is still $1.0027$ times from $\alpha = e^{-50}$."
        ),
    )


@claim("gunasekar2023.deep-small-start", catalogue="C22", where="sparse recovery, higher depth")
def deep_small_start() -> Claim:
    """With A = α^D, d A q_D(N/(dA)) ≤ A q_D(M/A) as at depth 2, and z - (D/2)z^(2/D) ≤ q_D(z) ≤ z:
    N(1 - (D/2)(dA/M)^((D-2)/D)) ≤ M. So N ≤ (1+ε)M for α ≤ (M/d)^(1/D) (2ε/(D(1+ε)))^(1/(D-2)), a
    power of ε. On X = (1, 1-δ), y = 1 with δ of the order α^(D-2) the excess has that order: the
    exponent is sharp.
    """

    def alpha(epsilon: arb, exponent: sympy.Expr, dimension: int, depth: int) -> arb:
        share = 2 * epsilon / (depth * (1 + epsilon))
        return share ** (1 / ball(exponent, {})) * arb(dimension) ** (-arb(1) / depth)

    def derived() -> sympy.Expr:
        """The power of the start in epsilon, read off two depths."""
        epsilon = sympy.Symbol("epsilon", positive=True)
        powers = []
        for depth in (3, 4):
            start = sufficient_start(epsilon, sympy.Integer(1), sympy.Integer(2), depth=depth)
            slope = epsilon * sympy.diff(sympy.log(start), epsilon)
            powers.append(1 / sympy.limit(slope, epsilon, 0))
        return sympy.expand(powers[0] + (powers[1] - powers[0]) * (DEPTH - 3))

    return Claim(
        statement=(
            r"At depth $D \ge 3$ the largest excess of $\lVert\theta\rVert_1$ over its minimum, "
            r"over data sets, is of the order $\alpha^p$ with $p$ equal to {formula}."
        ),
        printed=Formula("deepSmallStart", DEPTH - 2, given=(sympy.Ge(DEPTH, 3),)),
        checks=(
            structurally("exponent of the sufficient start", derived),
            slope_at((3, 4, 5)),
            sufficient((3, 4, 5), alpha),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"'Better dependence on $\alpha$' is $\epsilon^{1/(D-2)}$ against "
            r"$e^{-\Theta(1/\epsilon)}$ at depth 2, for the worst data set; enough is $\alpha \le "
            r"(M/d)^{1/D}(2\epsilon/(D(1+\epsilon)))^{1/(D-2)}$."
        ),
    )
