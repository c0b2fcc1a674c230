"""How small a start finds the l1 minimizer, at depth 2 and beyond: Gunasekar's slides (2023)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import sympy
from flint import arb

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
from verify.claims.checks.stated import measured
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Domain, Instance, Number, Order, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision


def position(s: arb, depth: int) -> arb:
    """theta/alpha^D at the dual position s: the weights are alpha (1 -+ s)^(-1/(D-2))."""
    root = arb(1) / (depth - 2)
    return (1 - s) ** (-depth * root) - (1 + s) ** (-depth * root)


def potential(s: arb, depth: int) -> arb:
    """q_D there: s times the position minus the integral of the position."""
    power = -2 * (arb(1) / (depth - 2))
    integral = ((1 - s) ** power + (1 + s) ** power - 2) * (depth - 2) / 2
    return s * position(s, depth) - integral


def reads_off(near: Callable[[arb, arb, int], arb], grows: bool) -> Check:
    """How the potential minus the slot `limit` falls between two far scales, at D = 3, 4, 5, is the
    slot `error`, and nothing holds at depth 2; the domain is what it says.

    The point is chosen by s and theta, and alpha computed from them, so that nothing is inverted.

    Args:
        near: a dual position s from theta, 10^p and D.
        grows: whether alpha grows or falls.
    """

    def differ(says: Statement, theta: arb, power: int, depth: int) -> tuple[arb, arb]:
        """ln alpha and ln of the difference."""
        s = near(theta, arb(10) ** (power if grows else -power), depth)
        alpha = (theta / position(s, depth)) ** (arb(1) / depth)
        told = ball(at_depth(says.expr("limit"), depth), {"theta": theta, "alpha": alpha})
        return alpha.log(), abs(alpha**depth * potential(s, depth) - told).log()

    def holds(says: Statement, theta: arb, depth: int) -> bool:
        if depth < 3:
            return False  # the network has another potential, with a logarithm
        (a, first), (b, second) = (differ(says, theta, p, depth) for p in (8, 10))
        slope, told = (second - first) / (b - a), at_depth(says["error"].power, depth)
        return bool(abs(slope - arb(str(told))) < arb("1e-4"))

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw, bounds = random.Random(settings.seed), says["domain"].bounds
        with precision(max(settings.digits, 50) + 260):
            for depth in (2, *DEPTHS[:3]):
                within = all(bool(bound.subs(DEPTH, depth)) for bound in bounds)
                if holds(says, drawn_ball(draw, 4, 40), depth) != within:
                    return Evidence(False, f"{'fails' if within else 'holds'} at D = {depth}")
        return Evidence(True, "order read off two decades to 1e-4, D = 3, 4, 5")

    return Check("order between two decades", Kind.BALL, judge)


DEEP = r"the potential of gradient flow on $\theta:=w_+^D-w_-^D$ from $w_\pm:=\alpha$, "
DEPTHS_STATED = Domain((sympy.Ge(DEPTH, 3),))


@claim(
    "gunasekar2023.deep-rich-limit",
    catalogue="C22",
    where="sparse recovery, higher depth",
    printed=OURS,
)
def rich_limit_of_depth() -> Claim:
    r"""$z=h(s)$ for $s$ near 1: $s=1-z^{-(D-2)/D}+\dots$, integrated from 0 with the constant of
    the closed form. $h(s)\le(1-s)^{-D/(D-2)}$ and $s<1$ give $z-\frac D2z^{2/D}\le q_D(z)\le z$ for
    all $z\ge0$. No factor stands before $|\theta|$, unlike the $\log(1/\alpha^2)$ of depth 2.
    """
    constant = (DEPTH - 2) * (1 - 2 ** (-DEPTH / (DEPTH - 2)))
    expr = THETA - DEPTH / 2 * ALPHA ** (DEPTH - 2) * THETA ** (2 / DEPTH) + constant * ALPHA**DEPTH

    def near(theta: arb, alpha: arb, depth: int) -> arb:
        return 1 - (alpha / theta ** (arb(1) / depth)) ** (depth - 2)

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
        says=Statement(
            Type.LIMIT,
            rf"As $\alpha$ falls, {DEEP} per coordinate in its positive part, is {{limit}} and "
            r"{error} for the integers {domain}.",
            {
                "limit": Value(expr, "limit"),
                "error": Order(2 * DEPTH - 2, "alpha"),
                "domain": DEPTHS_STATED,
            },
        ),
        checks=(
            on("limit", structurally("expansion in the large", by_limit)),
            reads_off(near, grows=False),
        ),
    )


def _power_of(expr: sympy.Expr, z: sympy.Symbol) -> sympy.Expr:
    return sympy.Integer(0) if expr == 1 else expr.as_base_exp()[1]


@claim(
    "gunasekar2023.deep-kernel-limit",
    catalogue="C22",
    where="sparse recovery, higher depth",
    printed=OURS,
)
def kernel_limit_of_depth() -> Claim:
    r"""$h(s)=2ps+p(p+1)(p+2)s^3/3+\dots$ with $p=D/(D-2)$, so $q_D(z)=z^2/(4p)$ up to a multiple of
    $z^4$, which is $(p+1)(p+2)/(192p^3)$ to lowest order. So $4D\alpha^DQ/(D-2)$ tends to
    $\lVert\theta\rVert_2^2$; at depth 2 the factor is $4\alpha^2$.
    """

    def near(theta: arb, alpha: arb, depth: int) -> arb:
        return theta * (depth - 2) / (2 * depth * alpha**depth)

    expr = (DEPTH - 2) * THETA**2 / (4 * DEPTH * ALPHA**DEPTH)
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"As $\alpha$ grows, {DEEP} per coordinate, is {{limit}} and {{error}} for the "
            r"integers {domain}.",
            {
                "limit": Value(expr, "limit"),
                "error": Order(-3 * DEPTH, "alpha"),
                "domain": DEPTHS_STATED,
            },
        ),
        checks=(
            on(
                "limit",
                structurally(
                    "expansion in the small",
                    lambda: ALPHA**DEPTH * deep_kernel_limit(THETA / ALPHA**DEPTH),
                ),
            ),
            reads_off(near, grows=True),
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


def slope_at(depths: tuple[int, ...], *, refutes: bool = False) -> Check:
    """log of the excess on the nearly tied instances against log alpha (depth 2: log log 1/alpha),
    between two tiny deltas, is the slot `order`, to a hundredth; at depth 2 it is its inverse."""

    def slope(depth: int) -> arb:
        (one, first), (two, second) = (nearly_tied(arb(10) ** -power, depth) for power in (5, 7))
        if depth == 2:
            return ((-two.log()).log() - (-one.log()).log()) / (second.log() - first.log())
        return (second.log() - first.log()) / (two.log() - one.log())

    def judge(says: Statement, settings: Settings) -> Evidence:
        told, figures = says["order"].power, []
        with precision(settings.digits + 40):
            for depth in depths:
                found = slope(depth)
                wanted = sympy.sympify(told).subs(DEPTH, depth)
                figures.append(f"{float(found):.4f} at depth {depth}")
                if not abs(found - int(wanted)) < arb(1) / 100:
                    return Evidence(False, f"slope {figures[-1]}")
        return Evidence(True, f"slope {', '.join(figures)}")

    return Check("excess on two nearly tied coordinates", Kind.BALL, judge, refutes)


def excess_on(row: Sequence[arb], alpha: arb, depth: int) -> arb:
    """The relative excess over the smallest l1 norm on a row with largest entry 1, y = 1.

    The dual variable solves a monotone equation, by bisection on 1 - s in powers of 2.
    """
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


def random_excess(draw: random.Random, alpha: arb, depth: int, dimension: int) -> arb:
    """The same on a random row of positive entries."""
    row = sorted((drawn_ball(draw, 1, 8) for _ in range(dimension)), key=float, reverse=True)
    return excess_on([x / row[0] for x in row], alpha, depth)


def at_its_depths(says: Statement, settings: Settings) -> Evidence:
    """The excess on two nearly tied coordinates is such a power at D = 3, 4, 5 and not at 2."""
    bounds, power = says["domain"].bounds, sympy.sympify(says["order"].power)
    with precision(settings.digits + 40):
        for depth in (2, 3, 4, 5):
            (one, first), (two, second) = (nearly_tied(arb(10) ** -p, depth) for p in (5, 7))
            slope = (second.log() - first.log()) / (two.log() - one.log())
            told = int(power.subs(DEPTH, depth))
            holds = told > 0 and bool(abs(slope - told) < arb(1) / 100)
            if holds != all(bool(bound.subs(DEPTH, depth)) for bound in bounds):
                return Evidence(False, f"{'holds' if holds else 'fails'} at D = {depth}")
    return Evidence(True, "a power at D = 3, 4, 5, none at D = 2")


def sufficient(depths: tuple[int, ...], alpha: Callable[[arb, Any, int, int], arb]) -> Check:
    """From alpha(epsilon, order, d, D) the excess is at most epsilon, on random rows."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw, closest, power = random.Random(settings.seed), arb(0), says["order"].power
        with precision(settings.digits + 80):
            for depth in depths:
                for epsilon in (arb(1) / 2, arb(1) / 20, arb(1) / 300):
                    for dimension in (2, 5):
                        order = int(sympy.sympify(power).subs(DEPTH, depth))
                        start = alpha(epsilon, order, dimension, depth)
                        excess = random_excess(draw, start, depth, dimension)
                        if not excess <= epsilon:
                            at = f"epsilon = {float(epsilon):.4f}, D = {depth}"
                            return Evidence(False, f"excess {excess.str(4)} at {at}")
                        closest = max(closest, excess / epsilon, key=float)
        return Evidence(True, f"excess at most {float(closest):.3f} epsilon")

    return Check("excess on random rows", Kind.SIMULATION, judge)


def derived_order(power: Callable[[sympy.Expr], sympy.Expr], depths: Sequence[int]) -> sympy.Expr:
    """A line in D through the powers of the sufficient starts at one or two depths."""
    epsilon = sympy.Symbol("epsilon", positive=True)
    found = []
    for depth in depths:
        start = sufficient_start(epsilon, sympy.Integer(1), sympy.Integer(2), depth=depth)
        found.append(power(epsilon * sympy.diff(sympy.log(start), epsilon)))
    if len(found) == 1:
        return found[0]
    return sympy.expand(found[0] + (found[1] - found[0]) * (DEPTH - depths[0]))


def matches(derived: Callable[[], sympy.Expr], *, refutes: bool = False) -> Check:
    """The slot `order` is the power that is derived."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        told, wanted = sympy.sympify(says["order"].power), derived()
        return Evidence(sympy.expand(told - wanted) == 0, f"{wanted} is derived")

    return Check("exponent of the sufficient start", Kind.SYMBOLIC, judge, refutes)


@claim(
    "gunasekar2023.small-start",
    catalogue="C09",
    where="sparse recovery, problem 1",
    printed=read(r"\underbrace{\text{if } \alpha \leq \exp(-\tilde{O}(\epsilon))}_{\text{BAD!!}}"),
)
def small_start() -> Claim:
    r"""Let $M$ be the smallest $\ell_1$ norm, $N$ the interpolator's, $A=\alpha^2$. $q$ is convex
    with $q(0)=0$, so $dAq(N/(dA))\le\sum Aq(|\theta_i|/A)\le Aq(M/A)$. With $z\log z-z\le q(z)\le
    z\log z$ this gives $N\le(1+\epsilon)M$ for $\alpha\le\sqrt{M/d}\,(ed)^{-1/(2\epsilon)}$:
    $\exp(-O(1/\epsilon))$ is enough. It is needed: on $X=(1,1-\delta)$, $y=1$ with
    $\delta=1/\log(1/\alpha^2)$ the interpolator has $N-M$ near $1/(e\log(1/\alpha^2))$.
    """

    def alpha(epsilon: arb, power: int, dimension: int, depth: int) -> arb:
        rate = (arb(dimension).log() + 1) / 2 * epsilon**power
        return (-rate).exp() / arb(dimension).sqrt()

    def derived() -> sympy.Expr:
        """Of epsilon in -log of the start that is enough."""
        epsilon = sympy.Symbol("epsilon", positive=True)
        start = sufficient_start(epsilon, sympy.Integer(1), sympy.Integer(2), depth=2)
        rate = sympy.expand_log(-sympy.log(start), force=True)
        return sympy.limit(epsilon * sympy.diff(rate, epsilon) / rate, epsilon, 0)

    def norm(says: Statement, settings: Settings) -> arb:
        example = says["example"]
        row, start = [arb(1), arb(example["s"])], (-arb(example[r"\Lambda"])).exp()
        with precision(40):
            return 1 + excess_on(row, start, 2)

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"At depth two the least $-\log\alpha$ for which $\lVert\theta\rVert_1$ is within a "
            r"relative $\epsilon$ of the smallest on every data set is, as $\epsilon$ falls, "
            r"{order} and no smaller order.",
            {
                "order": Order(-1, "epsilon", kind="limit"),
                "example": Instance(None, {"s": "1/2", r"\Lambda": "1/300"}),
                "norm": Number("1.19693"),
            },
        ),
        misprint={"order": Order(1, "epsilon", kind="limit")},
        because=r"$\epsilon$ stands in the exponent where its inverse belongs: as it falls, "
        r"the printed "
        r"start is not small at all.",
        counterexample=r"one row with the entries one and $s$, label one, $\alpha:=e^{-\Lambda}$, "
        r"{example}: the norm is {norm} times the smallest, although $\Lambda$ is what is printed "
        r"for a relative excess of $\Lambda$.",
        checks=(
            matches(derived, refutes=True),
            slope_at((2,), refutes=True),
            sufficient((2,), alpha),
            measured("norm of the example", norm, number="norm"),
        ),
    )


@claim(
    "gunasekar2023.deep-small-start",
    catalogue="C22",
    where="sparse recovery, higher depth",
    printed=read("that has better dependence on α for approximating minimum"),
)
def deep_small_start() -> Claim:
    r"""With $A=\alpha^D$, $dAq_D(N/(dA))\le Aq_D(M/A)$ as at depth 2, and $z-\frac D2z^{2/D}\le
    q_D(z)\le z$: $N(1-\frac D2(dA/M)^{(D-2)/D})\le M$. So $N\le(1+\epsilon)M$ for
    $\alpha\le(M/d)^{1/D}(2\epsilon/(D(1+\epsilon)))^{1/(D-2)}$, a power of $\epsilon$ where depth 2
    has $e^{-\Theta(1/\epsilon)}$. On $X=(1,1-\delta)$, $y=1$ with $\delta$ of the order
    $\alpha^{D-2}$ the excess has that order: the exponent is sharp.
    """

    def alpha(epsilon: arb, power: int, dimension: int, depth: int) -> arb:
        share = 2 * epsilon / (depth * (1 + epsilon))
        return share ** (arb(1) / power) * arb(dimension) ** (-arb(1) / depth)

    def derived() -> sympy.Expr:
        epsilon = sympy.Symbol("epsilon", positive=True)
        return derived_order(lambda slope: 1 / sympy.limit(slope, epsilon, 0), (3, 4))

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"At depth $D$ the largest relative excess of $\lVert\theta\rVert_1$ over the "
            r"smallest, over all data sets, is {order} as $\alpha$ falls and no smaller order, for "
            r"the integers {domain}: a power, where depth two has the inverse of a logarithm.",
            {"order": Order(DEPTH - 2, "alpha", kind="limit"), "domain": DEPTHS_STATED},
        ),
        checks=(
            matches(derived),
            slope_at((3, 4, 5)),
            sufficient((3, 4, 5), alpha),
            Check("depths of the domain", Kind.BALL, at_its_depths),
        ),
    )
