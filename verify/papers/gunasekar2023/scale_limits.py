"""What the potential becomes for a large and a small start, on Gunasekar's slides (2023)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import sympy
from flint import arb, fmpq

from derive.networks.potentials import ALPHA, THETA, kernel_expansion, rich_expansion
from verify.claims.checks.gain_bounds import sign
from verify.claims.checks.mirror_maps import ball, drawn_ball, structurally
from verify.claims.checks.potentials import FROM_EQUAL, WOODWORTH, reached
from verify.claims.checks.stated import compared, measured, tends
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Choice, Instance, Number, Order, Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision

SIZE, WEIGHT = sympy.Abs(THETA), sympy.Symbol("h_i", real=True)
DIGITS = 160
"""For the exact potential beside its expansion: they differ by far less than either."""


class ScaleLimit(Choice):
    """In which direction the scale of the start goes."""

    GROWS = r"as $\alpha$ grows"
    FALLS = r"as $\alpha$ falls"

    def scale(self, power: int) -> arb:
        """10^power in this direction."""
        return arb(10) ** (power if self is ScaleLimit.GROWS else -power)


def exactly(says: Statement, theta: arb, alpha: arb) -> tuple[arb, arb]:
    """theta, as the network reaches it, and the potential there."""
    there, potential = reached(says, theta, alpha)
    return there, potential * says.number("rate")


def the_limit(name: str, power: int, distance: sympy.Expr) -> Check:
    """At alpha = 10^power or its inverse, scale times Q is off the limit by less than this."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(DIGITS):
            alpha = says["regime"].scale(power)
            for _ in range(3):
                drawn = drawn_ball(draw, 4, 40) * draw.choice([-1, 1])
                theta, potential = exactly(says, drawn, alpha)
                values = {"theta": theta, "alpha": alpha}
                gap = potential * ball(says.expr("scale"), values) - ball(
                    says.expr("limit"), values
                )
                if not abs(gap) < ball(distance, values):
                    return Evidence(False, f"off by {gap.str(3, radius=False)}")
        return Evidence(True, f"alpha = 10^{power} or its inverse, 3 points of either sign")

    return Check(name, Kind.BALL, judge, refutes=True)


def gap_and_bound(says: Statement, draw: random.Random, power: int) -> tuple[arb, arb]:
    """|Q - expansion| and its bound at alpha = 10^power in the stated direction."""
    alpha = says["regime"].scale(power)
    theta, potential = exactly(says, drawn_ball(draw, 4, 40) * draw.choice([-1, 1]), alpha)
    values = {"theta": theta, "alpha": alpha}
    return abs(potential - ball(says.expr("expansion"), values)), ball(says.expr("bound"), values)


def bound_sides(says: Statement, draw: random.Random) -> tuple[int, int]:
    """How both compare, at a random one of twenty decades."""
    with precision(DIGITS):
        gap, bound = gap_and_bound(says, draw, draw.randint(-10, 10))
        return sign(gap - bound), 0


def sharp(says: Statement, settings: Settings) -> Evidence:
    """The bound is met to 1e-9 in the stated direction."""
    draw = random.Random(settings.seed)
    with precision(DIGITS):
        for power in (8, 9, 10):
            gap, bound = gap_and_bound(says, draw, power)
            if not abs(gap / bound - 1) < arb("1e-9"):
                return Evidence(False, f"{(gap / bound).str(12, radius=False)} of the bound")
    return Evidence(True, "within 1e-9 of the bound, 3 decades")


def size(says: Statement, settings: Settings) -> arb:
    """Q in the example."""
    with precision(DIGITS):
        at = says["example"]
        return exactly(says, arb(at[r"\theta"]), arb(at[r"\alpha"]))[1]


OF_THE_POTENTIAL = (
    r"{regime}, ${scale}\,Q$ tends to ${limit}$ per coordinate $\theta$, for the potential $Q$ "
    rf"with the gradient $-{{rate}}\int\nabla L$ of gradient flow on {FROM_EQUAL} "
    r"which vanishes at the origin."
)
BOUNDED = r" $\lvert Q-({expansion})\rvert{relation}{bound}$, and no multiple below this does."
CHECKS = (
    compared("twenty decades of alpha", bound_sides, kind=Kind.BALL),
    Check("sharpness of the bound", Kind.BALL, sharp),
    measured("potential in the example", size, number="size"),
)


@claim(
    "gunasekar2023.kernel-limit",
    catalogue="C07",
    where="changing scale of initialization",
    printed=read(r"\|w\|_2^2 & \text{as } \alpha \rightarrow \infty \text{ \#kernel regime}"),
)
def kernel_limit() -> Claim:
    r"""$q(z)=z^2/4-z^4/192+\dots$ with $z=\theta/\alpha^2$, each partial sum on the other side of
    $q$. So $4\alpha^2Q\to\theta^2$ as $\alpha\to\infty$, and $Q$ itself tends to 0.
    """
    return Claim(
        says=Statement(
            Type.LIMIT,
            OF_THE_POTENTIAL,
            {
                "regime": ScaleLimit.GROWS,
                "scale": Value(4 * ALPHA**2, "scale"),
                "limit": Value(THETA**2, "limit"),
                "rate": Value(sympy.Integer(4), "rate"),
                **WOODWORTH,
                "expansion": Value(THETA**2 / (4 * ALPHA**2)),
                "relation": Relation.BELOW,
                "bound": Value(THETA**4 / (192 * ALPHA**6), "bound"),
                "example": Instance(None, {r"\theta": 1, r"\alpha": 10}),
                "size": Number("0.0025"),
            },
        ),
        misprint={"scale": Value(sympy.Integer(1), "scale")},
        because=r"$Q$ itself vanishes in the limit:" + BOUNDED,
        counterexample=r"{example}: $Q={size}$.",
        checks=(
            on(
                "expansion",
                structurally(
                    "series of the potential",
                    lambda: ALPHA**2 * kernel_expansion(THETA / ALPHA**2, 1),
                ),
            ),
            the_limit("limit at a huge alpha", 10, THETA**2 / 10**9),
            *CHECKS,
        ),
    )


@claim(
    "gunasekar2023.rich-limit",
    catalogue="C07",
    where="changing scale of initialization",
    printed=read(r"\|w\|_1 & \text{as } \alpha \rightarrow 0 \text{ \#sparse recovery}"),
)
def rich_limit() -> Claim:
    r"""$q(z)=z\log z-z+2-1/z+\dots$ for $z>0$, each partial sum on the other side of $q$. So $Q$ is
    $|\theta|(\log(1/\alpha^2)+\log|\theta|-1)+2\alpha^2$ up to $\alpha^4/|\theta|$, and $Q$ over
    $\log(1/\alpha^2)$ tends to $|\theta|$ like $1/\log(1/\alpha)$: at $\alpha=10^{-10}$,
    $\theta=1$ it is still 2 % off.
    """

    def by_series() -> sympy.Expr:
        return (ALPHA**2 * rich_expansion(SIZE / ALPHA**2, 0)).replace(
            sympy.log, lambda e: sympy.log(SIZE) - 2 * sympy.log(ALPHA)
        )

    return Claim(
        says=Statement(
            Type.LIMIT,
            OF_THE_POTENTIAL,
            {
                "regime": ScaleLimit.FALLS,
                "scale": Value(-1 / (2 * sympy.log(ALPHA)), "scale"),
                "limit": Value(SIZE, "limit"),
                "rate": Value(sympy.Integer(4), "rate"),
                **WOODWORTH,
                "expansion": Value(
                    SIZE * (sympy.log(SIZE) - 2 * sympy.log(ALPHA) - 1) + 2 * ALPHA**2
                ),
                "relation": Relation.BELOW,
                "bound": Value(ALPHA**4 / SIZE, "bound"),
                "example": Instance(None, {r"\theta": 1, r"\alpha": "1/10000000000"}),
                "size": Number("45.05"),
            },
        ),
        misprint={"scale": Value(sympy.Integer(1), "scale")},
        because=r"$Q$ itself grows without bound:" + BOUNDED,
        counterexample=r"{example}: $Q={size}$.",
        checks=(
            on("expansion", structurally("series of the potential", by_series)),
            the_limit("limit at a tiny alpha", 10**7, -SIZE * (2 + SIZE) / sympy.log(ALPHA)),
            *CHECKS,
        ),
    )


@claim(
    "gunasekar2023.nonuniform-start",
    catalogue="C18",
    where="sparse recovery, problem 2",
    printed=read(
        r"\text{if } \vec{\alpha} = \bar{\alpha} \exp(-h), \text{ then } Q_{\vec{\alpha}}(w) "
        r"\xrightarrow{\bar{\alpha} \rightarrow 0} \propto \sum_i h_i |w_i|"
    ),
)
def nonuniform_start() -> Claim:
    r"""$\alpha_i=\bar\alpha e^{-h_i}$ in the limit of the potential:
    $|\theta_i|(2\log(1/\bar\alpha)+2h_i+\log|\theta_i|-1)$. The $h_i$ stay while
    $\log(1/\bar\alpha)$ grows, so that over $\log(1/\bar\alpha^2)$ all weights tend to 1: $h$
    decides only between several $\ell_1$ minimizers.
    """

    def slope(says: Statement, h: arb, scale: arb, theta: arb) -> tuple[arb, arb]:
        """The potential over |theta| from scale e^-h, and theta."""
        there, potential = exactly(says, theta, scale * (-h).exp())
        return potential / abs(there), there

    def differences(says: Statement, settings: Settings) -> Sequence[arb]:
        draw = random.Random(settings.seed)
        h, theta = drawn_ball(draw, 1, 8), drawn_ball(draw, 4, 40)
        found = []
        with precision(DIGITS):
            for j in range(8, 16):
                scale = arb(fmpq(1, 2**j))
                value, there = slope(says, h, scale, theta)
                told = {"theta": there, "alpha": scale, "h_i": h}
                found.append(value - ball(says.expr("slope"), told))
        return found

    def weights(says: Statement, settings: Settings) -> Evidence:
        """Over log(1/alpha^2) they are as stated, at alpha = 10^-(10^7) and for two h."""
        draw = random.Random(settings.seed)
        with precision(DIGITS):
            scale = arb(10) ** -(10**7)
            for _ in range(2):
                h = drawn_ball(draw, 1, 8)
                value, _ = slope(says, h, scale, drawn_ball(draw, 4, 40))
                told = {"alpha": scale, "h_i": h}
                gap = value * ball(says.expr("scale"), told) - ball(says.expr("weight"), told)
                if not abs(gap) < arb("5e-7"):
                    return Evidence(False, f"off by {gap.str(3, radius=False)}")
        return Evidence(True, "within 5e-7 at alpha = 10^-(10^7), two h")

    def chosen(says: Statement, settings: Settings) -> Evidence:
        """Which of two coordinates carries the interpolator, by bisection on the pull."""
        at = says["example"]
        x, hs = (arb(1), arb(at["x"])), (arb(at["h_1"]), arb(at["h_2"]))
        with precision(settings.digits):
            own = [arb(10) ** -600 * (-h).exp() for h in hs]

            def limit(nu: arb) -> list[arb]:
                return [2 * a**2 * (nu * c).sinh() for a, c in zip(own, x, strict=True)]

            low, high = arb(0), arb(9000)
            for _ in range(120):
                middle = ((low + high) / 2).mid()
                below = sum(c * t for c, t in zip(x, limit(middle), strict=True)) < 1
                low, high = (middle, high) if below else (low, middle)
            first, second = limit(low)
            costs = [ball(says.expr("weight"), {"h_i": h}) / c for h, c in zip(hs, x, strict=True)]
        if not (costs[0] < costs[1] or costs[0] > costs[1]):
            return Evidence(None, "the weights do not choose")
        figure = f"the interpolator is ({float(first):.3f}, {float(second):.1e})"
        return Evidence(bool(costs[0] < costs[1]) == bool(first > second), figure)

    def by_series() -> sympy.Expr:
        expanded = rich_expansion(THETA, 0)  # at alpha = 1: the logarithm of theta/alpha^2 is added
        alone = sympy.expand((expanded - 2) / THETA).subs(THETA, SIZE)
        return alone - 2 * sympy.log(ALPHA) + 2 * WEIGHT

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"For $\alpha_i:=\alpha e^{-h_i}$ with fixed $h_i$, ${scale}\,Q$ tends to "
            r"$\sum_i{weight}\cdot\lvert\theta_i\rvert$ as $\alpha$ falls, for the potential "
            r"$Q$ with "
            rf"the gradient $-{{rate}}\int\nabla L$ of gradient flow on {FROM_EQUAL} "
            r"which vanishes at the origin.",
            {
                "scale": Value(-1 / (2 * sympy.log(ALPHA)), "scale"),
                "weight": Value(sympy.Integer(1), "limit"),
                "rate": Value(sympy.Integer(4), "rate"),
                **WOODWORTH,
                "slope": Value(2 * WEIGHT - 2 * sympy.log(ALPHA) + sympy.log(SIZE) - 1),
                "error": Order(2, "alpha"),
                "example": Instance(None, {"x": "1/2", "h_1": 3, "h_2": 1}),
                "there": Number("3"),
                "less": Number("2"),
            },
        ),
        misprint={"weight": Value(WEIGHT, "limit")},
        because=r"$h_i$ is added to a logarithm, beside which it vanishes: $Q$ weighs "
        r"$\lvert\theta_i\rvert$ with ${slope}$ and {error}.",
        counterexample=r"one row with the entries one and $x$, and label one, {example}: the "
        r"interpolator tends to the first coordinate alone, where the printed sum is {there}; it "
        r"is {less} on the second coordinate alone.",
        checks=(
            on("slope", structurally("series of the potential", by_series)),
            tends("weights at alpha, alpha/2, ...", differences),
            Check("weights at a tiny alpha", Kind.BALL, weights, refutes=True),
            Check("the interpolator of two coordinates", Kind.ENUMERATION, chosen, refutes=True),
            measured(
                "printed sum on the first coordinate",
                lambda says, settings: says["example"]["h_1"],
                number="there",
            ),
            measured(
                "printed sum on the second coordinate",
                lambda says, settings: says["example"]["h_2"] / says["example"]["x"],
                number="less",
            ),
        ),
    )
