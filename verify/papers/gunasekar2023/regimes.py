"""What a small and a large start select, and when the gain is positive, on the slides of Gunasekar
(2023).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.potentials import ALPHA
from verify.claims.checks.diagonal_runs import random_problem
from verify.claims.checks.mirror_maps import (
    Weights,
    ball,
    drawn_ball,
    moved,
    started,
    theta_of,
)
from verify.claims.checks.potentials import FROM_EQUAL, WOODWORTH
from verify.claims.checks.stated import compared
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, read
from verify.claims.slots import Choice, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.interpolators import Regression, constrained_minimum, least_l2
from verify.papers.gunasekar2023.scale_limits import DIGITS, exactly
from verify.running.numbers import precision

POWER = sympy.Symbol("p", positive=True)


def interpolator(
    row: Sequence[arb], network: Weights, starts: Sequence[Sequence[arb]]
) -> list[arb]:
    """The limit on one row of positive entries and label 1, by bisection on the pull."""

    def at(nu: arb) -> list[arb]:
        return [
            theta_of(network, moved(network, start, nu * x))
            for x, start in zip(row, starts, strict=True)
        ]

    low, high = arb(0), arb(2) ** 12
    for _ in range(300):
        middle = ((low + high) / 2).mid()
        below = sum((x * t for x, t in zip(row, at(middle), strict=True)), arb(0)) < 1
        low, high = (middle, high) if below else (low, middle)
    return at(low)


@claim(
    "gunasekar2023.weighted-limit",
    catalogue="C07 C18",
    where="sparse recovery, problem 2",
    printed=read(r"if and only **if $\vec{\alpha} \rightarrow 0$ uniformly on all coordinates**"),
)
def weighted_limit() -> Claim:
    r"""$Q$ weighs $|\theta_i|$ with $2\log(1/\alpha_i)$ and what stays. So over $\log(1/\alpha^2)$
    the weights tend to $p$: the $\ell_1$ norm is the limit where all
    $\log\alpha_i/\log\alpha_j$ tend to 1, to which starts need not be equal (constant factors
    $e^{-h_i}$ do no harm), and for which it is not enough that all vanish, even uniformly.
    """

    def weights(says: Statement, settings: Settings) -> Evidence:
        """Over log(1/alpha^2), at alpha = 10^-(10^7) and for three p."""
        draw = random.Random(settings.seed)
        with precision(DIGITS):
            scale = arb(10) ** -(10**7)
            for p in (arb(1), arb(drawn_ball(draw, 9, 24)), arb(drawn_ball(draw, 9, 24))):
                asked = drawn_ball(draw, 4, 40)
                theta, found = exactly(says, asked, scale**p)
                if not theta.overlaps(asked):
                    return Evidence(False, "the pull of this network leads elsewhere")
                told = {"alpha": scale, "p": p}
                gap = found / theta * ball(says.expr("scale"), told)
                gap = gap - ball(says.expr("weight"), told)
                if not abs(gap) < arb("5e-7"):
                    return Evidence(False, f"off by {gap.str(3, radius=False)}")
        return Evidence(True, "within 5e-7 at alpha = 10^-(10^7), three p")

    def chosen(says: Statement, settings: Settings) -> Evidence:
        """Which of two coordinates carries the interpolator: the lighter one over its entry."""
        draw = random.Random(settings.seed)
        with precision(200):
            for _ in range(2):
                row, powers = [arb(1), arb(draw.randint(4, 9)) / 10], [arb(3), arb(1)]
                starts = [started(says, arb(10) ** (-100 * p)) for p in powers]
                first, second = interpolator(row, says["network"], starts)
                costs = [
                    ball(says.expr("weight"), {"p": p}) / x
                    for p, x in zip(powers, row, strict=True)
                ]
                if bool(costs[0] < costs[1]) != bool(first > second):
                    return Evidence(False, f"it is ({float(first):.3f}, {float(second):.3f})")
        return Evidence(True, "the second coordinate, which the smallest l1 norm is not on")

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"For $\alpha_i:=\alpha^p$ with a $p$ of each coordinate, ${scale}\,Q$ tends to "
            r"$\sum_i{weight}\cdot\lvert\theta_i\rvert$ as $\alpha$ falls, for the potential $Q$ "
            rf"with the gradient $-{{rate}}\int\nabla L$ of gradient flow on {FROM_EQUAL} which "
            r"vanishes at the origin.",
            {
                "weight": Value(POWER, "limit"),
                "scale": Value(-1 / (2 * sympy.log(ALPHA)), "scale"),
                "rate": Value(sympy.Integer(4), "rate"),
                **WOODWORTH,
            },
        ),
        misprint={"weight": Value(sympy.Integer(1), "limit")},
        because=r"all $\alpha_i$ vanish, and uniformly, but their logarithms do not become alike, "
        r"which is what the $\ell_1$ norm needs; equal $\alpha_i$ it does not need.",
        counterexample=r"one row whose first entry is the largest, and a larger power on it "
        r"than on "
        r"the others: the interpolator tends to another coordinate.",
        checks=(
            Check("weights at a tiny alpha", Kind.BALL, weights, refutes=True),
            Check("the interpolator of two coordinates", Kind.ENUMERATION, chosen, refutes=True),
        ),
    )


class Limit(Choice):
    """Which of the interpolators."""

    SUM = r"$\ell_1$"
    SQUARES = r"$\ell_2$"
    LARGEST = r"$\ell_\infty$"

    def of(self, row: Sequence[arb]) -> list[arb]:
        """The interpolator of the least such norm, on one row of positive entries and label 1."""
        if self is Limit.SUM:
            largest = max(row, key=float)
            return [1 / x if x is largest else arb(0) for x in row]
        if self is Limit.SQUARES:
            return [x / sum((y * y for y in row), arb(0)) for x in row]
        return [1 / sum(row, arb(0)) for _ in row]


@claim(
    "gunasekar2023.limits-of-the-minimizer",
    catalogue="C02 C07",
    where="some early results",
    printed=read(
        r"\lim_{\alpha \rightarrow 0} w_\alpha(t) \rightarrow \operatorname{argmin}_{Xw=y} \|w\|_1"
    ),
)
def limits_of_the_minimizer() -> Claim:
    r"""$4\alpha^2Q_\alpha$ tends to the squared $\ell_2$ norm and $Q_\alpha/\log(1/\alpha^2)$ to
    the $\ell_1$ norm, uniformly on bounded sets: their minimizers on $X\theta=y$ tend to the
    minimizer of the limit where that is one point, as it is for $\ell_2$ always.
    """

    def on_one_row(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(260):
            row = [drawn_ball(draw, 4, 8), drawn_ball(draw, 9, 12), drawn_ball(draw, 13, 20)]
            for name, size in (("small", arb(10) ** -100), ("large", arb(10) ** 20)):
                found = interpolator(row, says["network"], [[size, arb(0)]] * 3)
                told = says[name].of(row)
                gap = max((abs(a - b) for a, b in zip(found, told, strict=True)), key=float)
                if not gap < arb("1e-12"):
                    return Evidence(False, f"{name}: {gap.str(3, radius=False)} away")
        return Evidence(True, "within 1e-12, alpha = 1e-100 and 1e20")

    def solved(says: Statement, settings: Settings) -> Evidence:
        """Both norms of the limit on two rows, beside the least ones."""
        problem = random_problem(settings.seed)
        for name, size in (("small", 1e-30), ("large", 1e6)):
            weights = np.full((2, problem.x.shape[1]), size)
            theta = constrained_minimum(problem, weights, digits=30).astype(float)
            least = {Limit.SUM: _least_sum(problem), Limit.SQUARES: least_l2(problem)}
            norm = {Limit.SUM: np.sum(np.abs(theta)), Limit.SQUARES: np.linalg.norm(theta)}
            wanted = least.get(says[name])
            if wanted is None or not abs(norm[says[name]] - wanted) < 0.05 * wanted:
                return Evidence(False, f"{name}: {norm} where the least are {least}")
        return Evidence(True, "the least norms within 5 % on two rows")

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"Where gradient flow on {network} from $u_{0,i}:=\alpha$, $v_{0,i}:=0$ ends at an "
            r"interpolator, this tends to the one of the least {small} norm as $\alpha$ falls, if "
            r"that is a single one, and to the one of the least {large} norm as $\alpha$ grows.",
            {
                "small": Limit.SUM,
                "large": Limit.SQUARES,
                "network": Weights.PRODUCT,
            },
        ),
        checks=(
            Check("one row, in balls", Kind.BALL, on_one_row),
            Check("two rows", Kind.SIMULATION, solved),
        ),
    )


def _least_sum(problem: Regression) -> float:
    """The smallest l1 norm over X theta = y: it is taken where as many coordinates as there are
    rows stand alone."""
    x, y = problem.x.astype(float), problem.y.astype(float)
    rows, columns = x.shape
    alone = combinations(range(columns), rows)
    return min(float(np.abs(np.linalg.solve(x[:, list(c)], y)).sum()) for c in alone)


class Steps(Choice):
    """How large the steps x are, in every coordinate."""

    WITHIN = r"with $|x|\le\sqrt2$"
    ANY = "of any size"


@claim(
    "gunasekar2023.gain-not-negative",
    catalogue="C12 C13",
    where="gain from (stochastic) gradient descent",
    printed=read(r"\log\left(\frac{\alpha^2}{\alpha_{\infty}^2}\right) \geq 0"),
)
def gain_not_negative() -> Claim:
    r"""The gain is $-\sum_k\log|1-x_k^2|$, and $|1-x^2|\le1$ for $|x|\le\sqrt2$. A single larger
    step makes it negative if the others are small.
    """

    def product(says: Statement, draw: random.Random) -> tuple[fmpq, int]:
        """|w_+ w_-| at the end over its start, after random steps of the stated size."""
        largest = 1414 if says["steps"] is Steps.WITHIN else 2500
        found = fmpq(1)
        for _ in range(draw.randint(1, 6)):
            found *= abs(1 - fmpq(draw.randint(-largest, largest), 1000) ** 2)
        return found, 1

    def descends(says: Statement, settings: Settings) -> Evidence:
        """The same on floats, for many runs of thirty steps up to the largest."""
        rng = np.random.default_rng(settings.seed)
        reach = np.sqrt(2) if says["steps"] is Steps.WITHIN else 2.5
        gains = -np.log(np.abs(1 - rng.uniform(-reach, reach, (30, 200)) ** 2)).sum(axis=0)
        lowest = float(np.min(np.minimum(gains, -np.log(abs(1 - reach**2)) + 1e-12)))
        return Evidence(lowest >= 0, f"the lowest gain is {lowest:.3f}")

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"After SGD on $\theta:=u\odot v$ with steps $x_k:=\gamma\nabla L_{B_k}$ {steps}, "
            r"$\alpha_\infty^2{relation}\alpha^2$ in every coordinate, so that "
            r"$\mathrm{Gain}_\gamma:=\log(\alpha^2/\alpha_\infty^2)$ is not negative.",
            {"relation": Relation.AT_MOST, "steps": Steps.WITHIN},
        ),
        misprint={"steps": Steps.ANY},
        premise="steps",
        because=r"a larger step raises $\lvert w_+w_-\rvert$.",
        checks=(
            compared("products of steps", product, attained=lambda says: (1, 1), refutes=True),
            Check("many runs", Kind.SIMULATION, descends, refutes=True),
        ),
    )
